"""What a figure shows, as numbers at their places: for the values under the pointer."""

from __future__ import annotations

import base64
import io
import re
import unicodedata
from collections.abc import Iterator
from importlib import import_module
from typing import Any

import matplotlib
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.collections import PathCollection, QuadMesh
from matplotlib.container import BarContainer, ErrorbarContainer
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator

from modecollapse.figures.style import STYLE

DPI = 160  # of the picture that the pointer moves over


def figure_values(name: str, tables: dict[str, pd.DataFrame]) -> dict[str, Any]:
    """The figure that `modecollapse.figures.<name>` draws: its picture, and its panels.

    A panel has its place, (left, top, right, bottom) in parts of the picture, its title, the names
    of its axes, its `points` (label, and columns u, v, x, y, low, high) and its `maps` (u and v,
    edges of cells, and their values).  u and v are places in parts of the picture, from the upper
    left.
    """
    matplotlib.use("Agg")
    with matplotlib.rc_context():
        matplotlib.rcdefaults()
        matplotlib.rcParams.update(STYLE)
        figure = import_module(f"modecollapse.figures.{name}").draw(tables)
        figure.set_dpi(DPI)
        buffer = io.BytesIO()
        figure.savefig(buffer, format="png", dpi=DPI)
        panels = [panel(axes, figure) for axes in figure.axes if axes.get_visible()]
        matplotlib.pyplot.close(figure)
    picture = base64.b64encode(buffer.getvalue()).decode()
    return {"picture": f"data:image/png;base64,{picture}", "panels": panels}


def panel(axes: Axes, figure: Figure) -> dict[str, Any]:
    box = axes.get_window_extent().transformed(figure.transFigure.inverted())
    titles = [axes.get_title(loc) for loc in ("left", "center")]
    return {
        "box": [box.x0, 1 - box.y1, box.x1, 1 - box.y0],
        "title": plain(" ".join(title for title in titles if title)),
        "x": plain(_name(axes, "x", figure)),
        "y": plain(_name(axes, "y", figure)),
        "named": {"x": _named(axes.xaxis), "y": _named(axes.yaxis)},
        "points": [*_points(axes, figure)],
        "maps": [
            _map(mesh, axes, figure) for mesh in axes.collections if isinstance(mesh, QuadMesh)
        ],
    }


def _name(axes: Axes, which: str, figure: Figure) -> str:
    """The label of an axis, its own or that of one that it shares."""
    group = getattr(axes, f"get_shared_{which}_axes")().get_siblings(axes)
    own = [getattr(each, f"get_{which}label")() for each in (axes, *group)]
    whole = getattr(figure, f"get_sup{which}label")()
    return next((name for name in [*own, whole] if name), which)


def _named(axis: Axis) -> dict[str, str]:
    """What the places of an axis are called, where they have names."""
    if not isinstance(axis.get_major_locator(), FixedLocator):
        return {}
    labels = [plain(label.get_text()) for label in axis.get_ticklabels()]
    return {f"{at:g}": label for at, label in zip(axis.get_ticklocs(), labels, strict=False)}


def _points(axes: Axes, figure: Figure) -> Iterator[dict[str, Any]]:
    intervals = {
        id(container.lines[0]): container
        for container in axes.containers
        if isinstance(container, ErrorbarContainer)
    }
    for line in axes.lines:
        if line.get_transform() != axes.transData or len(line.get_xydata()) == 0:
            continue  # a rule across the panel
        container = intervals.get(id(line))
        label = str(container.get_label() if container else line.get_label())
        bars = _bars(container, len(line.get_xydata())) if container else None
        yield from _placed(line.get_xydata(), label, axes, figure, bars)
    for marks in axes.collections:
        if isinstance(marks, PathCollection) and marks.get_offset_transform() == axes.transData:
            yield from _placed(
                np.asarray(marks.get_offsets()), str(marks.get_label()), axes, figure
            )
    for container in axes.containers:
        if isinstance(container, BarContainer) and len(container.patches):
            yield from _bar_ends(container, axes, figure)


def _bar_ends(container: BarContainer, axes: Axes, figure: Figure) -> Iterator[dict[str, Any]]:
    """The end of each bar, at which its length is told."""
    flat = container.orientation == "horizontal"
    boxes = [patch.get_bbox() for patch in container.patches]
    places = [(b.x1, (b.y0 + b.y1) / 2) if flat else ((b.x0 + b.x1) / 2, b.y1) for b in boxes]
    for found in _placed(np.array(places), str(container.get_label()), axes, figure):
        if len(found["x"]) == len(boxes):
            found["x" if flat else "y"] = rounded(
                np.array([b.width if flat else b.height for b in boxes])
            )
        yield found


def _bars(container: ErrorbarContainer, n: int) -> np.ndarray | None:
    """(n, 2), the ends of the error bars along y, where each point has one."""
    for each in container.lines[2]:
        ends = np.array(each.get_segments())
        if len(ends) == n and np.allclose(ends[:, 0, 0], ends[:, 1, 0]):
            return np.sort(ends[:, :, 1], axis=1)
    return None


def _placed(
    values: Any, label: str, axes: Axes, figure: Figure, bars: np.ndarray | None = None
) -> Iterator[dict[str, Any]]:
    values = np.ma.filled(np.ma.asarray(values, dtype=float), np.nan)
    places = figure.transFigure.inverted().transform(axes.transData.transform(values))
    low, high = np.array([axes.get_xlim(), axes.get_ylim()]).T
    low, high = np.minimum(low, high), np.maximum(low, high)
    seen = np.isfinite(places).all(1) & (values >= low).all(1) & (values <= high).all(1)
    if not seen.any():
        return
    columns = {"u": places[seen, 0], "v": 1 - places[seen, 1], "x": values[seen, 0]}
    columns |= {"y": values[seen, 1]}
    if bars is not None:
        columns |= {"low": bars[seen, 0], "high": bars[seen, 1]}
    yield {
        "label": "" if label.startswith("_") else plain(label),
        **{name: rounded(column) for name, column in columns.items()},
    }


def _map(mesh: QuadMesh, axes: Axes, figure: Figure) -> dict[str, Any]:
    """The cells of a map, whose edges are straight."""
    corners = mesh.get_coordinates()
    places = figure.transFigure.inverted().transform(
        axes.transData.transform(corners.reshape(-1, 2))
    )
    places = places.reshape(corners.shape)
    values = np.ma.filled(np.ma.asarray(mesh.get_array(), dtype=float), np.nan)
    centres = [(corners[:-1, :-1, k] + corners[1:, 1:, k]) / 2 for k in (0, 1)]
    return {
        "u": rounded(places[0, :, 0]),
        "v": rounded(1 - places[:, 0, 1]),
        "x": rounded(centres[0][0]),
        "y": rounded(centres[1][:, 0]),
        "values": [rounded(row) for row in values.reshape(centres[0].shape)],
    }


def rounded(values: np.ndarray) -> list[float | None]:
    """Six digits each: what a reader takes off a figure."""
    return [float(f"{value:.6g}") if np.isfinite(value) else None for value in np.ravel(values)]


def plain(label: str) -> str:
    """A label in mathematical type as text.

    >>> plain(r"separation $r$, $\\eta = 10^{-3}$, $\\mathrm{KL}(q\\|p)$")
    'separation r, η = 10^-3, KL(q‖p)'
    """

    def greek(match: re.Match[str]) -> str:
        size = "CAPITAL" if match[1][0].isupper() else "SMALL"
        try:
            return unicodedata.lookup(f"GREEK {size} LETTER {match[1].upper()}")
        except KeyError:
            return {"star": "*", "cdot": "·", "log": "log ", "times": "×"}.get(match[1], "")

    text = label.replace(r"\|", "‖").replace(r"\,", " ")
    text = re.sub(r"\\(?:mathrm|mathit|mathbf|text)\b", "", text)
    text = re.sub(r"\\([A-Za-z]+)", greek, text)
    return " ".join(re.sub(r"[${}]", "", text).split())
