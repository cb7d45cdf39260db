"""Figure 1: q while it trains, in the plane of μ* and one direction orthogonal to it."""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.colors import LogNorm
from matplotlib.figure import Figure

from .style import COLOURS, UNKNOWN, new_figure, nothing, shown

__all__ = ["CLAIM", "caption", "draw"]

CLAIM = "q loses modes while it trains, although its family holds the target."


def draw(tables: Mapping[str, pd.DataFrame]) -> Figure:
    """A row for each case, a column for each time."""
    table = tables["snapshots"]
    cases = table.groupby("case", sort=False)
    columns = int(cases["time"].nunique().max()) if len(table) else 1
    height = 1.45 * max(len(cases), 1)
    figure, panels = new_figure(max(len(cases), 1), columns, height, sharex=True, sharey=True)
    for row, (case, rows) in zip(panels, cases, strict=False):
        for axes, (time, picture) in zip(row, rows.groupby("time"), strict=False):
            draw_density(axes, picture)
            unit = "step" if rows["source"].iloc[0] == "flow" else r"$t$ ="
            axes.set_title(f"{unit} {time:g}", fontsize=7, pad=2)
        row[0].set_ylabel(f"{case}:\n{rows['outcome'].iloc[0]}", fontsize=7)
    for axes in panels.flat:
        if not axes.has_data() and not axes.texts:
            nothing(axes, "not measured")
    figure.supxlabel(r"coordinate along $\mu^\star$", fontsize=8)
    figure.supylabel(r"coordinate along one direction orthogonal to $\mu^\star$", fontsize=8)
    return figure


def draw_density(axes: Axes, picture: pd.DataFrame) -> None:
    """The density as filled contours, the modes of the target as crosses."""
    grid = picture.pivot(index="across", columns="along", values="density")
    if min(grid.shape) < 2:
        return nothing(axes, "too few points")
    highest = 1 / (2 * np.pi)  # of one Gaussian of unit variance that holds all mass
    levels = highest * np.logspace(-3, 0, 7)  # a dying component stays in sight
    axes.contourf(
        grid.columns,
        grid.index,
        np.maximum(grid.to_numpy(), levels[0] / 3),
        levels=levels,
        norm=LogNorm(levels[0] / 3, levels[-1]),
        cmap="Blues",
        extend="max",
    )
    separation = picture["separation"].iloc[0]
    axes.plot(
        [-separation, separation], [0, 0], "x", color=COLOURS["mean alignment"], ms=5, mew=1.2
    )
    axes.set_aspect("equal")
    for spine in axes.spines.values():
        spine.set_visible(True)
    return None


def caption(tables: Mapping[str, pd.DataFrame]) -> str:
    """What the panels show and how each run ended."""
    table = tables["snapshots"]
    last = table[table["time"] == table.groupby("case")["time"].transform("max")]
    ends = []
    for case, rows in last.groupby("case", sort=False):
        whole = rows["density"].sum()
        plus = rows.loc[rows["along"] > 0, "density"].sum() / whole if whole else math.nan
        part = shown(100 * plus, ".0f")
        ends.append(f"{case}: {rows['outcome'].iloc[0]}, {part} % of q at x·μ* > 0")
    return (
        "Density of q during training (columns: time) in the plane of μ* and one orthogonal "
        "direction; contours are logarithmic, half a decade apart, from 1/1000 of a full mode's "
        "height; crosses: the modes of the target. Mixtures are simulated in full dimension and "
        "shown in the plane of μ* and the orthogonal part of μ_1; flows are shown by a "
        f"smoothed histogram of samples. At the end {'; '.join(ends) or UNKNOWN}."
    )
