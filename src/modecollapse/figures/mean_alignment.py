"""Figure 3: mean alignment; its fixed points, the starts that lead there, and how often they do."""

from __future__ import annotations

from collections.abc import Mapping

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
    "Mean alignment: both components move to the same mode, although the family holds the target."
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
    draw_probability_panels(middle, tables["collapse_probability"])
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


def draw_probability_panels(figure: Figure, table: pd.DataFrame) -> None:
    """Collapse probability against d: a row for each target weight, a column for each r."""
    weights = np.sort(table["target_weight"].unique())
    separations = np.sort(table["separation"].unique())
    shape = max(len(weights), 1), max(len(separations), 1)
    panels = figure.subplots(*shape, sharex=True, sharey=True, squeeze=False)
    if table.empty:
        nothing(panels[0, 0])
    for row, weight in zip(panels, weights, strict=False):
        for axes, separation in zip(row, separations, strict=True):
            here = (table["target_weight"] == weight) & (table["separation"] == separation)
            panel(axes, draw_probability, table[here])
            axes.set_title(rf"$\pi = {weight:g}$, $r = {separation:g}$", pad=3)
        row[0].set_ylabel("P(collapse)")
    for axes in panels[-1]:
        axes.set_xlabel(r"dimension $d$")
    legend(panels[0, 0], loc="best")
    panel_letter(panels[0, 0], "c")
    panels[0, 0].set_title(panels[0, 0].get_title(), pad=3)


def draw_probability(axes: Axes, table: pd.DataFrame) -> None:
    """One setting: theory with its 95 % band, simulation with 95 % intervals, the formula."""
    for source, rows in table.sort_values("dimension").groupby("source", sort=False):
        colour = COLOURS[source]
        d, p, low, high = (rows[n].to_numpy() for n in ("dimension", "probability", "low", "high"))
        if source == "simulation":
            errors = np.abs([p - low, high - p])
            axes.errorbar(
                d, p, errors, fmt=MARKERS[source], color=colour, label=source, elinewidth=0.8
            )
        else:
            axes.plot(d, p, color=colour, label=source, ls="--" if source == "formula" else "-")
        if source == "theory":
            axes.fill_between(d, low, high, color=colour, alpha=0.15, linewidth=0)
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


def _gap(table: pd.DataFrame) -> float:
    """The largest difference between the formula and theory, but for few dimensions."""
    where = ["target_weight", "separation", "dimension"]
    wide = table[table["dimension"] >= 16].pivot_table("probability", where, "source")
    wide = wide.reindex(columns=["formula", "theory"])
    return float((wide["formula"] - wide["theory"]).abs().max())


def caption(tables: Mapping[str, pd.DataFrame]) -> str:
    """What the panels show and the numbers that decide the claim."""
    field, table = tables["phase_portrait"], tables["collapse_probability"]
    fixed, basins = tables["phase_fixed_points"], tables["basins"]
    stable = int(
        ((fixed["stability"] == "stable") & (fixed["position1"] * fixed["position2"] > 0)).sum()
    )
    shares = basins.groupby("target_weight")["outcome"].apply(lambda o: (o != "both modes").mean())
    parts = ", ".join(f"{100 * part:.0f} % at π = {weight:g}" for weight, part in shares.items())
    theory = table[table["source"] == "theory"]
    highest = theory.nlargest(1, "probability")
    return (
        f"(a) Flow of the two means along μ* with fixed equal weights at r = "
        f"{shown(first(field, 'separation'), 'g')}, π = "
        f"{shown(first(field, 'target_weight'), 'g')}, and its fixed "
        f"points (filled: stable to every perturbation); {stable} of the stable ones have both "
        f"means on one side: collapse is for ever there. (b) Outcome of starts on the sphere of "
        f"radius r = {shown(first(basins, 'separation'), 'g')}, otherwise orthogonal, by their "
        f"cosines with "
        f"μ*: collapsed in {parts or UNKNOWN}. (c) Probability of collapse over random starts on "
        f"the sphere; "
        f"theory: {shown(most(theory, 'n_runs'))} starts a point, band: 95 % Wilson interval; "
        f"simulation: "
        f"bars, 95 % Wilson interval; formula: the closed one, within {shown(_gap(table), '.2f')} "
        f"of theory "
        f"at d ≥ 16. It reaches "
        f"{shown(first(highest, 'probability'), '.3f')} at d = "
        f"{shown(first(highest, 'dimension'))}, "
        f"r = {shown(first(highest, 'separation'), 'g')}, "
        f"π = {shown(first(highest, 'target_weight'), 'g')}. (d) Positions of the two "
        f"means in every fixed point against r; the collapsed one is born in a fold (cross); marks "
        f"are means trained by simulation from a start near collapse."
    )
