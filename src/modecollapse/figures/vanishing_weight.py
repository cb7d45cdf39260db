"""Figure 4: vanishing weight; a component loses its weight before it arrives."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib import pyplot as plt
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Normalize
from matplotlib.figure import Figure

from .style import (
    MARKERS,
    UNKNOWN,
    WIDTH,
    first,
    legend,
    mesh,
    most,
    nothing,
    panel,
    panel_letter,
    shown,
)

__all__ = ["CLAIM", "caption", "draw"]

CLAIM = "Vanishing weight: a component that is worse placed dies before it arrives at its mode."
OUTCOMES = {
    "both_modes": "both modes",
    "mean_alignment": "mean alignment",
    "vanishing_weight": "vanishing weight",
}


def draw(tables: Mapping[str, pd.DataFrame]) -> Figure:
    """(a) weights and means against time for several η, (b) outcomes over (η, separation)."""
    figure = plt.figure(figsize=(WIDTH, 4.6))
    top, bottom = figure.subfigures(2, 1, height_ratios=[1.0, 1.05])
    draw_trajectories(top.subplots(1, 2), tables["weight_trajectories"])
    draw_maps(bottom, tables["outcome_map"])
    return figure


def draw_trajectories(panels: np.ndarray, table: pd.DataFrame) -> None:
    """The lighter component's weight, and its mean's position, one line for each η."""
    weight, position = panels
    shades = sns.color_palette("viridis", table["eta"].nunique())
    for shade, (eta, rows) in zip(shades, table.groupby("eta"), strict=True):
        weight.plot(rows["time"], rows["weight"], color=shade, label=rf"$\eta = {eta:g}$")
        separation = rows["separation"].iloc[0]
        position.plot(rows["time"], rows["m1"] / separation, color=shade)
        position.plot(rows["time"], rows["m2"] / separation, color=shade, ls="--")
    if table.empty:
        nothing(weight)
        nothing(position)
    else:
        weight.set_yscale("log")
    weight.set_ylabel(r"weight of component 1, $w_1$")
    legend(weight, loc="center right", ncols=2)
    for mode in [sign * r for r in table["separation"].head(1) for sign in (-1, 1)]:
        position.axhline(mode, color="0.85", linewidth=0.6, zorder=0)
    position.set_ylabel(r"$\mu_i\cdot\mu^\star/r$ (1: solid, 2: dashed)")
    for axes in panels:
        axes.set_xlabel(r"time $t$")
    panel_letter(weight, "a")


def draw_maps(figure: Figure, table: pd.DataFrame) -> None:
    """A map of each outcome's frequency; simulated points as discs in the same colours."""
    panels = figure.subplots(1, len(OUTCOMES), sharex=True, sharey=True)
    for axes, (column, name) in zip(panels, OUTCOMES.items(), strict=True):
        panel(axes, draw_map, table, column=column)
        axes.set_title(name)
        axes.set_xlabel(r"separation $r$")
    panels[0].set_ylabel(r"learning-rate ratio $\eta$")
    bar = figure.colorbar(
        ScalarMappable(Normalize(0, 1), "cividis"), ax=list(panels), pad=0.01, aspect=25
    )
    bar.set_label("frequency")
    bar.outline.set_visible(False)
    panel_letter(panels[0], "b")
    panels[0].set_title(next(iter(OUTCOMES.values())))


def draw_map(axes: Axes, table: pd.DataFrame, column: str) -> None:
    """One outcome's frequency over (separation, η)."""
    theory = table[table["source"] == "theory"]
    grid = theory.pivot(index="eta", columns="separation", values=column)
    etas = np.sort(table["eta"].unique())
    rows = np.searchsorted(etas, grid.index)
    if len(grid):
        mesh(axes, grid.columns, rows, grid.to_numpy(), cmap="cividis", vmin=0, vmax=1)
    axes.set_yticks(np.arange(len(etas)), [f"{eta:g}" for eta in etas])
    trained = table[table["source"] == "simulation"]
    heights = np.searchsorted(etas, trained["eta"])
    axes.scatter(
        trained["separation"],
        heights,
        c=trained[column],
        cmap="cividis",
        vmin=0,
        vmax=1,
        marker=MARKERS["simulation"],
        edgecolors="white",
        linewidths=0.8,
        s=26,
    )


def caption(tables: Mapping[str, pd.DataFrame]) -> str:
    """What the panels show and the numbers that decide the claim."""
    runs, table = tables["weight_trajectories"], tables["outcome_map"]
    theory = table[table["source"] == "theory"]
    worst = theory.nlargest(1, "vanishing_weight")
    last = runs.groupby("eta").tail(1)
    ends = ", ".join(
        f"{row.weight:.2g} ({row.outcome}) at η = {row.eta:g}" for row in last.itertuples()
    )
    trained = table[table["source"] == "simulation"]
    joined = trained.merge(theory, on=["eta", "separation"], suffixes=("", "_theory"))
    gap = float((joined["vanishing_weight"] - joined["vanishing_weight_theory"]).abs().max())
    return (
        f"(a) One start at r = {shown(first(runs, 'separation'), 'g')} trained with several "
        f"learning-rate "
        f"ratios η of weights to means: weight of component 1, and both means. At the end w_1 = "
        f"{ends or UNKNOWN}. (b) Frequency of the three outcomes over random starts on the "
        f"sphere, d = "
        f"{shown(first(theory, 'dimension'))}, π = {shown(first(theory, 'target_weight'), 'g')}, "
        f"{shown(most(theory, 'n_runs'))} starts a point: theory as the map, simulation "
        f"({shown(most(trained, 'n_runs'))} runs a point) as discs in the same colours. Vanishing "
        f"weight "
        f"reaches {shown(first(worst, 'vanishing_weight'), '.2f')} at η = "
        f"{shown(first(worst, 'eta'), 'g')}, r = {shown(first(worst, 'separation'), 'g')}; "
        f"simulation and theory differ by at most {shown(gap, '.2f')}."
    )
