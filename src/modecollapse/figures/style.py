"""One look for all figures: sizes, colours and marks, one colour and mark per source throughout."""

from __future__ import annotations

import io
from collections.abc import Mapping
from datetime import datetime
from types import MappingProxyType
from typing import Any

import matplotlib.pyplot as plt
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.figure import Figure

__all__ = ["COLOURS", "MARKERS", "STYLE", "WIDTH", "new_figure", "panel_letter", "save"]

WIDTH = 7.0  # inches: the text width of a two-column page
_CYCLE = sns.color_palette("colorblind").as_hex()

# One colour and one mark per source, in every figure.
COLOURS: Mapping[str, str] = MappingProxyType(
    {
        "theory": "#000000",
        "simulation": _CYCLE[0],
        "reduced simulation": _CYCLE[9],
        "flow": _CYCLE[1],
        "formula": _CYCLE[4],
        "both modes": _CYCLE[2],
        "mean alignment": _CYCLE[3],
        "vanishing weight": _CYCLE[8],
        "collapsed": _CYCLE[3],
    }
)
MARKERS: Mapping[str, str] = MappingProxyType(
    {"theory": "", "simulation": "o", "reduced simulation": "D", "flow": "s", "formula": ""}
)

STYLE: Mapping[Any, Any] = MappingProxyType(
    {
        "axes.grid": False,
        "axes.labelsize": 8,
        "axes.linewidth": 0.6,
        "axes.spines.right": False,
        "axes.spines.top": False,
        "axes.titlesize": 8,
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


def panel_letter(axes: Axes, letter: str) -> None:
    """Put "(a)" at the upper left, outside the axes."""
    axes.set_title(f"({letter})", loc="left", fontweight="bold", fontsize=8)


def save(figure: Figure, kind: str, about: str) -> bytes:
    """The figure as the bytes of a PDF or PNG, its provenance in the metadata; then close it.

    No date is written, so that the same inputs give the same bytes.
    """
    metadata: dict[str, str | datetime | None]
    if kind == "pdf":
        metadata = {"Creator": "modecollapse", "Subject": about, "CreationDate": None}
    else:
        metadata = {"Software": "modecollapse", "Description": about}
    buffer = io.BytesIO()
    figure.savefig(buffer, format=kind, metadata=metadata)
    if kind == "png":
        plt.close(figure)
    return buffer.getvalue()
