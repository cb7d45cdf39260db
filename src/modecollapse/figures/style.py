"""One look for all figures: sizes, colours and marks, one colour and mark per source throughout."""

from __future__ import annotations

import io
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from types import MappingProxyType
from typing import Any

import matplotlib
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.collections import QuadMesh
from matplotlib.figure import Figure
from numpy.typing import ArrayLike

__all__ = [
    "COLOURS",
    "CYCLE",
    "DARK",
    "GEOMETRIES",
    "MARKERS",
    "STYLE",
    "UNKNOWN",
    "WIDTH",
    "applied",
    "first",
    "legend",
    "limits",
    "mesh",
    "most",
    "new_figure",
    "new_rows",
    "nothing",
    "panel",
    "panel_letter",
    "save",
    "shades",
    "shown",
]

UNKNOWN = "(not known)"  # in a caption, where the tables do not hold a number

WIDTH = 7.0  # inches: the text width of a two-column page
CYCLE = tuple(sns.color_palette("colorblind").as_hex())  # told apart without red or green
DARK = tuple(sns.color_palette("dark").as_hex())

# One colour and one mark per source, in every figure.
COLOURS: Mapping[str, str] = MappingProxyType(
    {
        "theory": "#000000",
        "simulation": CYCLE[0],
        "reduced simulation": CYCLE[9],
        "flow": CYCLE[1],
        "formula": CYCLE[4],
        "both modes": CYCLE[2],
        "mean alignment": CYCLE[3],
        "vanishing weight": CYCLE[8],
        "collapsed": CYCLE[3],
    }
)
MARKERS: Mapping[str, str] = MappingProxyType(
    {"theory": "", "simulation": "o", "reduced simulation": "D", "flow": "s", "formula": ""}
)

# A colour and a mark for each geometry, none of them a source's.
GEOMETRIES: Mapping[str, tuple[str, str]] = MappingProxyType(
    {
        "euclidean": (DARK[5], "o"),
        "wasserstein": (DARK[6], "^"),
        "natural": (DARK[9], "D"),
    }
)

STYLE: Mapping[Any, Any] = MappingProxyType(
    {
        "axes.grid": False,
        "axes.labelsize": 8,
        "axes.linewidth": 0.6,
        "axes.spines.right": False,
        "axes.spines.top": False,
        "axes.titlesize": 8,
        "axes.titley": 1.0,  # else its place is sought anew each time that an axes is drawn
        "figure.constrained_layout.use": True,
        "figure.dpi": 100,
        "font.family": "DejaVu Sans",
        "font.size": 8,
        "legend.fontsize": 7,
        "legend.frameon": False,
        "lines.linewidth": 1.2,
        "lines.markersize": 3.5,
        "mathtext.fontset": "dejavusans",
        "pdf.fonttype": 42,
        "savefig.dpi": 300,
        "svg.hashsalt": "modecollapse",
        "xtick.labelsize": 7,
        "ytick.labelsize": 7,
        "xtick.major.width": 0.6,
        "ytick.major.width": 0.6,
    }
)


def new_figure(rows: int, columns: int, height: float, **options: Any) -> tuple[Figure, Any]:
    """A figure of the page's width and `height` inches, and its axes as a 2-D array."""
    return plt.subplots(rows, columns, figsize=(WIDTH, height), squeeze=False, **options)


def new_rows(rows: Mapping[float, int]) -> tuple[Figure, list[Any]]:
    """A figure of the page's width, of rows of so many inches with so many panels each, and the
    subfigures of the rows."""
    figure = plt.figure(figsize=(WIDTH, sum(rows)))
    parts = figure.subfigures(len(rows), 1, height_ratios=list(rows))
    for part, columns in zip(parts, rows.values(), strict=True):
        part.subplots(1, columns)
    return figure, list(parts)


def panel_letter(axes: Axes, letter: str) -> None:
    """Put "(a)" at the upper left, outside the axes."""
    axes.set_title(f"({letter})", loc="left", fontweight="bold", fontsize=8)


def panel(axes: Axes, drawing: Callable[..., Any], *tables: pd.DataFrame, **options: Any) -> Any:
    """Draw a panel from its tables, or say in words that one of them has no rows."""
    if any(table.empty for table in tables):
        return nothing(axes)
    return drawing(axes, *tables, **options)


def nothing(axes: Axes, words: str = "no rows to draw") -> None:
    """Say in an empty panel why it is empty."""
    axes.text(
        *(0.5, 0.5, words), transform=axes.transAxes, ha="center", va="center", color="0.4",
        fontsize=7, wrap=True,
    )  # fmt: skip


def legend(axes: Axes, **options: Any) -> None:
    """A legend, where something has a label."""
    if axes.get_legend_handles_labels()[0]:
        axes.legend(**options)


def limits(change: Callable[[float, float], Any], values: ArrayLike) -> None:
    """Set the limits of an axis to the least and the greatest of these values, if they differ."""
    low, high = np.min(values), np.max(values)
    if low < high:
        change(low, high)


def mesh(axes: Axes, x: ArrayLike, y: ArrayLike, values: ArrayLike, **options: Any) -> QuadMesh:
    """A map of values on a grid, a cell around each point, of width 1 where there is one point."""
    x, y = np.asarray(x, dtype=float), np.asarray(y, dtype=float)
    if len(x) > 1 and len(y) > 1:
        return axes.pcolormesh(x, y, values, rasterized=True, **options)
    return axes.pcolormesh(_edges(x), _edges(y), values, rasterized=True, **options)


def _edges(centres: np.ndarray) -> np.ndarray:
    """The edges of cells around points."""
    if len(centres) == 1:
        return centres[0] + np.array([-0.5, 0.5])
    middle = (centres[1:] + centres[:-1]) / 2
    return np.array([2 * centres[0] - middle[0], *middle, 2 * centres[-1] - middle[-1]])


def shown(value: Any, form: str = "") -> str:
    """A number of a caption, or words where there is none.

    >>> shown(0.256, ".2f"), shown(float("nan"), ".2f")
    ('0.26', '(not known)')
    """
    return f"{value:{form}}" if np.isfinite(value) else UNKNOWN


def first(table: pd.DataFrame, column: str) -> Any:
    """The first value of a column; NaN where there are no rows."""
    return table[column].iloc[0] if len(table) else math.nan


def most(table: pd.DataFrame, column: str) -> Any:
    """The largest value of a column; NaN where there are no rows."""
    return table[column].max() if len(table) else math.nan


def shades(count: int, name: str = "viridis") -> list[str]:
    """So many colours from within one of seaborn's palettes, evenly spaced, its ends left out.

    >>> shades(2)
    ['#31688e', '#35b779']
    """
    return list(sns.color_palette(name, count).as_hex())


@contextmanager
def applied() -> Iterator[None]:
    """matplotlib's defaults with :data:`STYLE` laid over them, and nothing of the user's settings,
    which are there again afterwards."""
    with plt.rc_context():
        matplotlib.rcdefaults()
        matplotlib.rcParams.update(STYLE)
        yield


def save(figure: Figure, about: str, kinds: Sequence[str] = ("pdf", "png")) -> dict[str, bytes]:
    """The figure as the bytes of a PDF and a PNG, its provenance in the metadata; then close it.

    It is laid out once, at the resolution of the PNG: matplotlib would do it for each file, which
    takes as long as drawing.  No date is written, so that the same inputs give the same bytes.
    """
    metadata: dict[str, dict[str, str | datetime | None]] = {
        "pdf": {"Creator": "modecollapse", "Subject": about, "CreationDate": None},
        "png": {"Software": "modecollapse", "Description": about},
    }
    saved = {}
    if engine := figure.get_layout_engine():
        figure.set_dpi(plt.rcParams["savefig.dpi"])
        engine.execute(figure)
    with plt.rc_context({"figure.constrained_layout.use": False}):
        figure.set_layout_engine(None)
        for kind in kinds:
            buffer = io.BytesIO()
            figure.savefig(buffer, format=kind, metadata=metadata[kind])
            saved[kind] = buffer.getvalue()
    plt.close(figure)
    return saved
