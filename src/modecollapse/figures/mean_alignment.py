"""Figure 3: mean alignment; its fixed points, the starts that lead there, and how often they do."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.colors import BoundaryNorm, ListedColormap
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from .style import (
    COLOURS,
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

CLAIM = (
    "Mean alignment: both components move to the same mode, although a better fit is to be had; "
    "how often depends on where the means start."
)
OUTCOMES = ("both modes", "mean alignment")


def draw(tables: Mapping[str, pd.DataFrame]) -> Figure:
    """(a) phase portrait, (b) which starts collapse, (c) how often, (d) bifurcation diagram."""
    figure = plt.figure(figsize=(WIDTH, 8.4))
    top, middle, bottom = figure.subfigures(3, 1, height_ratios=[1.0, 1.45, 1.05])
    weights = tables["basins"]["target_weight"].nunique()
    portrait, *maps = top.subplots(1, 1 + max(weights, 1))
    draw_portrait(portrait, tables["phase_portrait"], tables["phase_fixed_points"])
    panel_letter(portrait, "a")
    draw_basin_panels(maps, tables["basins"])
    draw_probability_panels(middle, tables["collapse_probability"], tables["collapse_formula"])
    draw_bifurcation_panels(bottom, tables["bifurcation"])
    return figure


def draw_portrait(axes: Axes, field: pd.DataFrame, fixed: pd.DataFrame) -> None:
    """The flow of the two means' positions along μ*, its speed as grey, and its fixed points."""
    x, y = (np.sort(field[name].unique()) for name in ("position1", "position2"))
    if min(len(x), len(y)) < 2:
        return nothing(axes, "too few points")
    shaped = field.pivot(index="position2", columns="position1")
    u, v = shaped["velocity1"].to_numpy(), shaped["velocity2"].to_numpy()
    axes.streamplot(
        x, y, u, v, color="0.6", linewidth=0.5, density=0.9, arrowsize=0.6, broken_streamlines=True
    )
    for kind, face in (("stable", "black"), ("unstable", "white")):
        points = fixed[fixed["stability"] == kind]
        style = {"s": 18, "zorder": 3, "edgecolors": "black", "linewidths": 0.8, "clip_on": False}
        axes.scatter(points["position1"], points["position2"], facecolors=face, label=kind, **style)
    separation = float(field["separation"].iloc[0])
    for mode in (-separation, separation):
        axes.axvline(mode, color="0.85", linewidth=0.5, zorder=0)
        axes.axhline(mode, color="0.85", linewidth=0.5, zorder=0)
    axes.set_aspect("equal")
    axes.set_xlim(x[0], x[-1])
    axes.set_ylim(y[0], y[-1])
    axes.set_xlabel(r"position of mean 1, $\mu_1\cdot\mu^\star/r$")
    axes.set_ylabel(r"position of mean 2, $\mu_2\cdot\mu^\star/r$")
    axes.legend(loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=2, handletextpad=0.1)
    return None


def draw_basin_panels(panels: list[Axes], basins: pd.DataFrame) -> None:
    """One map of outcomes for each target weight."""
    if basins.empty:
        nothing(panels[0])
    for axes, (weight, table) in zip(panels, basins.groupby("target_weight"), strict=False):
        draw_basins(axes, table)
        axes.set_title(rf"$\pi = {weight:g}$")
    panels[0].set_ylabel(r"cosine of $\mu_2$ with $\mu^\star$")
    panels[-1].legend(
        handles=[Patch(color=COLOURS[name], label=name) for name in OUTCOMES],
        loc="upper center",
        bbox_to_anchor=(0.0, -0.2),
        ncols=2,
    )
    panel_letter(panels[0], "b")


def draw_basins(axes: Axes, table: pd.DataFrame) -> None:
    """The outcome of each start as a colour."""
    code = table["outcome"].map({name: i for i, name in enumerate(OUTCOMES)})
    grid = table.assign(code=code).pivot(index="cosine2", columns="cosine1", values="code")
    colours = ListedColormap([COLOURS[name] for name in OUTCOMES])
    norm = BoundaryNorm([-0.5, 0.5, 1.5], 2)
    mesh(axes, grid.columns, grid.index, grid.to_numpy(), cmap=colours, norm=norm)
    axes.set_aspect("equal")
    axes.set_xlabel(r"cosine of $\mu_1$ with $\mu^\star$")


def draw_probability_panels(figure: Figure, table: pd.DataFrame, formula: pd.DataFrame) -> None:
    """Collapse probability against d: a row for each target weight, a column for each start."""
    both = pd.concat([table, formula], ignore_index=True)
    both["start"] = [start_name(row) for row in both.itertuples()]
    weights, starts = np.sort(both["target_weight"].unique()), list(dict.fromkeys(both["start"]))
    shape = max(len(weights), 1), max(len(starts), 1)
    panels = figure.subplots(*shape, sharex=True, sharey=True, squeeze=False)
    if both.empty:
        nothing(panels[0, 0])
    for row, weight in zip(panels, weights, strict=False):
        for axes, start in zip(row, starts, strict=True):
            here = (both["target_weight"] == weight) & (both["start"] == start)
            panel(axes, draw_probability, both[here])
            axes.set_title(rf"$\pi = {weight:g}$, {start}", pad=3)
        row[0].set_ylabel("P(collapse)")
    for axes in panels[-1]:
        axes.set_xlabel(r"dimension $d$")
    legend(panels[0, 0], loc="best")
    panel_letter(panels[0, 0], "c")
    panels[0, 0].set_title(panels[0, 0].get_title(), pad=3)


def start_name(row: Any) -> str:
    """A start in a few characters, from its law, norm and d."""
    if row.start == "sphere":
        return rf"$\|\mu_i\| = {row.norm:g}$"
    deviation = row.norm / np.sqrt(row.dimension)
    return rf"$\mu_i \sim N(0, {'' if round(deviation, 6) == 1 else f'{deviation:.3g}^2 '}I)$"


def draw_probability(axes: Axes, table: pd.DataFrame) -> None:
    """One setting: theory with its band, simulations with their intervals, the formula."""
    for source, rows in table.sort_values("dimension").groupby("source", sort=False):
        colour, d, p = COLOURS[source], rows["dimension"].to_numpy(), rows["probability"].to_numpy()
        if source == "formula":
            axes.plot(d, p, color=colour, label=source, ls="--")
            continue
        low, high = rows["low"].to_numpy(), rows["high"].to_numpy()
        if source == "theory":
            axes.plot(d, p, color=colour, label=source)
            axes.fill_between(d, low, high, color=colour, alpha=0.15, linewidth=0)
            continue
        style = {"fmt": MARKERS[source], "color": colour, "label": source, "elinewidth": 0.8}
        axes.errorbar(d, p, np.abs([p - low, high - p]), **style)
    axes.set_xscale("log")
    axes.set_ylim(-0.04, 1.04)


def draw_bifurcation_panels(figure: Figure, table: pd.DataFrame) -> None:
    """Positions of the two means in each state against r: one panel for each target weight."""
    weights = np.sort(table["target_weight"].unique())
    panels = figure.subplots(1, max(len(weights), 1), sharey=True, squeeze=False)[0]
    if table.empty:
        nothing(panels[0])
    for axes, weight in zip(panels, weights, strict=False):
        draw_bifurcation(axes, table[table["target_weight"] == weight])
        axes.set_title(rf"$\pi = {weight:g}$")
    panels[0].set_ylabel(r"positions of the means, $\mu_i\cdot\mu^\star/r$")
    panels[-1].legend(
        handles=[
            Line2D([], [], color=COLOURS["theory"], label="stable"),
            Line2D([], [], color=COLOURS["theory"], ls=":", label="unstable"),
            Line2D(
                [], [], color=COLOURS["simulation"], marker="o", ls="", label="simulation", ms=3
            ),
            Line2D([], [], color=COLOURS["theory"], marker="x", ls="", label="fold", ms=5),
        ],
        loc="best",
    )
    panel_letter(panels[0], "d")


def draw_bifurcation(axes: Axes, table: pd.DataFrame) -> None:
    """Branches of fixed points as lines, folds as crosses, trained mixtures as marks."""
    theory = table[table["source"] == "theory"]
    for _, branch in theory[theory["kind"] != "fold"].groupby("branch"):
        for kind, rows in branch.groupby("kind"):
            style = {"color": COLOURS["theory"], "ls": "-" if kind == "stable" else ":", "lw": 1.0}
            axes.plot(rows["separation"], rows["position1"], **style)
            axes.plot(rows["separation"], rows["position2"], **style)
    fold = theory[theory["kind"] == "fold"]
    trained = table[table["source"] == "simulation"]
    for name in ("position1", "position2"):
        axes.plot(fold["separation"], fold[name], "x", color=COLOURS["theory"], ms=5, zorder=4)
        axes.plot(
            trained["separation"], trained[name], "o", color=COLOURS["simulation"], ms=2.5, zorder=3
        )
    axes.set_xlabel(r"separation $r = \|\mu^\star\|$")


def _gap(table: pd.DataFrame, formula: pd.DataFrame) -> float:
    """The largest difference between the formula and theory."""
    where = ["target_weight", "separation", "dimension", "start", "norm"]
    pairs = formula.merge(table[table["source"] == "theory"], on=where)
    return float((pairs["probability_x"] - pairs["probability_y"]).abs().max())


def caption(tables: Mapping[str, pd.DataFrame]) -> str:
    """What the panels show and the numbers that decide the claim."""
    field, table = tables["phase_portrait"], tables["collapse_probability"]
    fixed, basins = tables["phase_fixed_points"], tables["basins"]
    stable = int(
        ((fixed["stability"] == "stable") & (fixed["position1"] * fixed["position2"] > 0)).sum()
    )
    shares = basins.groupby("target_weight")["outcome"].apply(lambda o: (o != "both modes").mean())
    parts = ", ".join(f"{100 * part:.0f} % at π = {weight:g}" for weight, part in shares.items())
    return (
        f"(a) Flow of the two means along μ* with fixed equal weights at r = "
        f"{shown(first(field, 'separation'), 'g')}, π = "
        f"{shown(first(field, 'target_weight'), 'g')}, and its fixed "
        f"points (filled: stable to every perturbation); {stable} of the stable ones have both "
        f"means on one side: collapse is for ever there. (b) Outcome of starts on the sphere of "
        f"radius r = {shown(first(basins, 'separation'), 'g')}, otherwise orthogonal, by their "
        f"cosines with "
        f"μ*: collapsed in {parts or UNKNOWN}. "
        f"{_probability_caption(table, tables['collapse_formula'])} "
        f"{_small_caption(tables['small_start'])} (d) Positions of the two "
        f"means in every fixed point against r; the collapsed one is born in a fold (cross); marks "
        f"are means trained by simulation from a start near collapse."
    )


def _probability_caption(table: pd.DataFrame, formula: pd.DataFrame) -> str:
    theory, trained = table[table["source"] == "theory"], table[table["source"] != "theory"]
    regret = table[table["n_collapsed"] > 0]["collapsed_regret"]
    return (
        f"(c) Probability that a mode is lost by time {shown(first(theory, 'time'), 'g')} over "
        f"random starts, r = {shown(first(table, 'separation'), 'g')}, equal fixed weights: means "
        f"of norm ‖μ_i‖ on a sphere, and N(0, 1) in each coordinate. Theory: "
        f"{shown(most(theory, 'n_runs'))} starts a point, band: 95 % Wilson interval. Simulation "
        f"at time {shown(first(trained, 'time'), 'g')}: in the full space, and in the reduced one, "
        f"which has the same law; runs were added until the interval was narrow, "
        f"{shown(trained['n_runs'].min())} to {shown(most(trained, 'n_runs'))} a point; bars: 95 % "
        f"Clopper–Pearson intervals, valid under this stopping. Formula: the closed one, "
        f"within {shown(_gap(table, formula), '.2f')} of theory. The collapsed runs end "
        f"{shown(regret.min(), '.2f')} to {shown(regret.max(), '.2f')} nats (mean of a point) "
        f"above the best fit of this family, and {table['n_moving'].sum()} of all "
        f"{table['n_runs'].sum()} runs still moved at their end (KL changed by more than 0.01 "
        f"since half the time)."
    )


def _small_caption(table: pd.DataFrame) -> str:
    """What small batches make of a small start, with enough runs to tell."""
    flow, trained = (table[table["source"].eq("theory").eq(same)] for same in (True, False))
    parts = [
        f"{shown(first(rows, 'probability'), '.3f')} of {shown(first(rows, 'n_runs'))} {name}"
        for rows, name in ((trained, "simulated runs"), (flow, "runs of gradient flow"))
    ]
    return (
        f"Where a small start meets a high dimension the noise of the batches outweighs it: from "
        f"norm {shown(first(table, 'norm'), 'g')} at d = {shown(first(table, 'dimension'))}, π = "
        f"{shown(first(table, 'target_weight'), 'g')}, {' and '.join(parts)} are collapsed at time "
        f"{shown(first(trained, 'time'), 'g')} (results/small_start.csv)."
    )
