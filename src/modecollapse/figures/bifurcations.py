"""Supplementary figure: what can happen, and how long it lasts where it is not for ever."""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.colors import BoundaryNorm, ListedColormap
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from .style import (
    COLOURS,
    first,
    legend,
    limits,
    mesh,
    new_figure,
    panel,
    panel_letter,
    shades,
    shown,
)

__all__ = ["CLAIM", "caption", "draw"]

CLAIM = (
    "Collapse is born in a fold; with fixed weights it is then for ever, with trained weights it "
    "lasts exponentially long."
)
REGIONS = {
    "both modes only": COLOURS["both modes"],
    "both and collapse": "#cccccc",
    "collapse only": COLOURS["mean alignment"],
}
LINES = {"heavy": "-", "light": "--", "both": ":"}


def draw(tables: Mapping[str, pd.DataFrame]) -> Figure:
    """(a) the map of what can happen, (b) to (d) three ways out of collapse, each with its law."""
    figure, axes = new_figure(2, 2, 5.6)
    panel(axes[0, 0], draw_map, tables["region_map"], tables["fold_lines"], tables["regret_line"])
    panel(axes[0, 1], draw_delay, tables["fold_delay"])
    panel(axes[1, 0], draw_lifetime, tables["collapsed_lifetime"])
    panel(axes[1, 1], draw_lifetime, tables["dead_component_lifetime"])
    for one, letter in zip(axes.flat, "abcd", strict=True):
        panel_letter(one, letter)
    return figure


def draw_map(axes: Axes, regions: pd.DataFrame, folds: pd.DataFrame, regret: pd.DataFrame) -> None:
    """The regions as colours, the fold lines between them, the cusp in which they meet, and the
    line on which collapse and both modes fit equally well."""
    code = regions["region"].map({name: i for i, name in enumerate(REGIONS)})
    grid = regions.assign(code=code).pivot(
        index="separation", columns="target_weight", values="code"
    )
    colours = ListedColormap(list(REGIONS.values()))
    norm = BoundaryNorm([-0.5, 0.5, 1.5, 2.5], 3)
    mesh(axes, grid.columns, grid.index, grid.to_numpy(), cmap=colours, norm=norm)
    for line, style in LINES.items():
        rows = folds[folds["line"] == line].sort_values("separation")
        axes.plot(rows["target_weight"], rows["separation"], color="black", ls=style, lw=1)
    tip = folds.loc[folds["separation"].idxmin()]
    axes.plot(tip["target_weight"], tip["separation"], "o", color="black", ms=4)
    regret = regret.sort_values("separation")
    axes.plot(regret["target_weight"], regret["separation"], color=COLOURS["formula"], lw=1.4)
    limits(axes.set_xlim, grid.columns)
    limits(axes.set_ylim, grid.index)
    axes.set_xlabel(r"weight of the heavier mode, $\pi$")
    axes.set_ylabel(r"separation $r$")
    axes.legend(
        handles=[Patch(color=colour, label=name) for name, colour in REGIONS.items()]
        + [
            Line2D([], [], color="black", marker="o", ls="", ms=4, label="cusp"),
            Line2D([], [], color=COLOURS["formula"], lw=1.4, label="equal KL"),
        ],
        loc="upper left",
        frameon=True,
        framealpha=0.85,
    )


def draw_delay(axes: Axes, table: pd.DataFrame) -> None:
    """Time to recover below the fold, on logarithmic axes, with its law."""
    done = table[table["recovered"].astype(bool)]
    axes.plot(table["distance"], table["law"], color=COLOURS["formula"], ls="--", label="law")
    axes.plot(done["distance"], done["time"], "o", color=COLOURS["theory"], label="theory")
    axes.set_xscale("log")
    axes.set_yscale("log")
    axes.set_xlabel(r"distance below the fold, $r_c - r$")
    axes.set_ylabel("time to recover")
    legend(axes)


def draw_lifetime(axes: Axes, table: pd.DataFrame) -> None:
    """Time to recover with trained weights against r², one shade for each η; dashed: the law."""
    for shade, (eta, rows) in zip(
        shades(table["eta"].nunique()), table.groupby("eta"), strict=True
    ):
        squared = rows["separation"] ** 2
        done = rows["recovered"].astype(bool)
        axes.plot(squared, rows["law"], color=shade, ls="--", lw=0.9)
        axes.plot(
            squared[done], rows["time"][done], "o", color=shade, ms=3, label=rf"$\eta = {eta:g}$"
        )
    axes.set_yscale("log")
    top = float(table["time"].max())
    axes.set_ylim(top=3 * top)
    axes.set_xlabel(r"separation squared, $r^2$")
    axes.set_ylabel("time to recover")
    legend(axes, loc="upper left")


def caption(tables: Mapping[str, pd.DataFrame]) -> str:
    """What the panels show, with the cusp and the measured exponents."""
    folds, delay = tables["fold_lines"], tables["fold_delay"]
    tip = folds.nsmallest(1, "separation")
    near = delay.nsmallest(3, "distance")
    spread = near["distance"].nunique() > 1
    slope = math.nan
    if spread:
        slope = np.polyfit(np.log(near["distance"]), np.log(near["time"]), 1)[0]
    line = tables["regret_line"].nlargest(1, "separation")
    lasting = tables["collapsed_lifetime"]
    longest = lasting[lasting["recovered"].astype(bool)].nlargest(1, "time")
    dead = tables["dead_component_lifetime"]
    dead = dead[dead["recovered"].astype(bool)]
    worst = float((dead["time"] / dead["law"] - 1).abs().max())
    return (
        f"(a) What can happen with equal fixed weights; solid, dashed: where collapse on the "
        f"heavier and on the lighter mode is born, dotted: where the state on both modes is; they "
        f"meet in a cusp at π = {shown(first(tip, 'target_weight'), '.6f')}, "
        f"r = {shown(first(tip, 'separation'), '.6f')}. At the "
        f"lines the number of attractors changes; the colours say which modes they cover, by the "
        f"threshold of docs/theory.md, section 5, so that next to the cusp two attractors, or the "
        f"one below it, may all count as both modes. To the right of the line of equal KL (π = "
        f"{shown(first(line, 'target_weight'), '.4f')} at r = "
        f"{shown(first(line, 'separation'), 'g')}, 4/5 for modes far apart) the "
        f"collapsed state is the best fit, and no failure. (b) Time to recover at π = 1/2 a little "
        f"below the fold, exponent {shown(slope, '.3f')} (law: −1/2). (c) With trained weights, "
        f"from "
        f"the state that is collapsed at fixed weights: up to "
        f"{shown(first(longest, 'time'), '.2g')} at r = "
        f"{shown(first(longest, 'separation'), 'g')}, η = {shown(first(longest, 'eta'), 'g')}; "
        f"dashed: Eq. 8.4. (d) Where one "
        f"component has found its mode and the other dies on its way; dashed: Eq. 8.7, within "
        f"{shown(100 * worst, '.1f')} %. Theory is integrated to a time of 10⁹; what takes longer "
        f"is not "
        f"shown."
    )
