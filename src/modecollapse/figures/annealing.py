"""Figure 6: annealing; when it prevents collapse, and what else that takes."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from .style import (
    COLOURS,
    MARKERS,
    WIDTH,
    first,
    mesh,
    most,
    panel,
    panel_letter,
    shades,
    shown,
)

__all__ = ["CLAIM", "caption", "draw"]

CLAIM = (
    "Annealing from a hot enough target, slowly enough, while the variances follow, prevents mode "
    "collapse; where the weights are fixed and too unequal to the target's, that is no better fit."
)
MAP = {"cmap": "cividis", "vmin": 0.0, "vmax": 1.0}
OUTCOMES = ("both modes", "mean alignment", "vanishing weight")


def draw(tables: Mapping[str, pd.DataFrame]) -> Figure:
    """(a-c) maps, (d) against the growth of β, (e) predictions, (f) what else it takes."""
    figure = plt.figure(figsize=(WIDTH, 6.6))
    top, bottom = figure.subfigures(2, 1, height_ratios=[1.0, 1.15])
    table = tables["annealing_map"]
    parts = {
        "gradient flow": table[table["source"] == "theory"],
        "finite batches": table[table["source"] == "reduced simulation"],
        "RealNVP": tables["flow_annealing"],
    }
    draw_maps(top, parts)
    growth, forecast, practice = bottom.subplots(1, 3, width_ratios=[1.15, 1.0, 0.95])
    panel(growth, draw_growth, table, tables["annealing_formula"])
    panel(forecast, draw_forecast, tables["annealing_forecast"])
    panel(practice, draw_practice, tables["annealing_practice"])
    for axes, letter in zip((growth, forecast, practice), "def", strict=True):
        panel_letter(axes, letter)
    return figure


def draw_maps(figure: Figure, parts: Mapping[str, pd.DataFrame]) -> None:
    """A map of the probability of collapse for each part, with one colour bar."""
    panels = figure.subplots(1, len(parts))
    for axes, letter, (name, table) in zip(panels, "abc", parts.items(), strict=True):
        cells = table[table["anneal_steps"] > 0]
        panel(axes, draw_map, cells if "kl" in cells else cells.assign(kl=math.nan))
        panel_letter(axes, letter)
        axes.set_title(name)
    panels[0].set_ylabel(r"initial inverse temperature $\beta_i$")
    bar = figure.colorbar(ScalarMappable(plt.Normalize(0, 1), MAP["cmap"]), ax=list(panels))
    bar.set_label("P(collapse)")
    bar.outline.set_visible(False)


def draw_map(axes: Axes, table: pd.DataFrame) -> None:
    """The probability of collapse over (t0, β_i), written into each cell with the mean KL where
    that is known."""
    grid = table.pivot(index="beta_initial", columns="anneal_steps", values="probability")
    values = grid.to_numpy()
    rows, columns = np.arange(len(grid.index)), np.arange(len(grid.columns))
    mesh(axes, columns, rows, values, **MAP)
    axes.set_xticks(columns, [f"{steps}" for steps in grid.columns])
    axes.set_yticks(rows, [_power(beta) for beta in grid.index])
    axes.tick_params(length=0)
    axes.set_xlabel(r"annealing time $t_0$ (steps)")
    if values.size <= 25:
        kl = table.pivot(index="beta_initial", columns="anneal_steps", values="kl").to_numpy()
        for (i, j), value in np.ndenumerate(values):
            if np.isnan(value):
                continue
            colour = "white" if value < 0.5 else "black"
            words = f"{value:.2f}" + (f"\nKL {kl[i, j]:.2f}" if np.isfinite(kl[i, j]) else "")
            axes.text(j, i, words, ha="center", va="center", color=colour, fontsize=5)


def draw_growth(axes: Axes, table: pd.DataFrame, formula: pd.DataFrame) -> None:
    """The map's cells against β_i^(−1/t0), a colour for each β_i, and what is predicted."""
    betas = np.sort(table["beta_initial"].unique())
    coloured = [*zip(shades(len(betas)), betas, strict=True)]
    for shade, beta in coloured:
        for source, rows in table[table["beta_initial"] == beta].groupby("source"):
            rows = rows.sort_values("anneal_steps")
            growth = rows["beta_initial"] ** (-1 / rows["anneal_steps"])
            p = rows["probability"]
            bars = np.abs(rows[["low", "high"]].to_numpy().T - p.to_numpy())
            style = {"color": shade, "ls": "", "elinewidth": 0.6, "ms": 3.5}
            mark = "x" if source == "theory" else MARKERS[source]
            axes.errorbar(growth, p, bars, marker=mark, **style)
    for (source, batch), rows in formula.groupby(["source", "batch"]):
        dashes = "-" if source == "formula" else (":" if batch == 0 else "--")
        axes.plot(rows["growth"], rows["probability"], color=COLOURS[source], ls=dashes, lw=1.0)
    axes.set_xlabel(r"growth of $\beta$ in a step, $\beta_i^{-1/t_0}$")
    axes.set_ylabel("P(collapse)")
    axes.set_ylim(-0.02, 1.02)
    axes.set_xlim(right=1.06)
    handles = [
        Line2D([], [], color=COLOURS["formula"], label=r"formula, $\beta_i \to 0$"),
        Line2D([], [], color=COLOURS["theory"], ls=":", label="linear stage"),
        Line2D([], [], color=COLOURS["theory"], ls="--", label="with batch noise"),
        Line2D([], [], color="0.4", marker="x", ls="", label="gradient flow"),
        Line2D([], [], color="0.4", marker="D", ls="", label="finite batches"),
    ]
    handles += [
        Line2D([], [], color=shade, marker="s", ls="", label=rf"$\beta_i = $ {_power(beta)}")
        for shade, beta in _ends(coloured)
    ]
    axes.legend(handles=handles, loc="upper center", bbox_to_anchor=(0.5, -0.22), ncols=2)


def draw_forecast(axes: Axes, table: pd.DataFrame) -> None:
    """What the linear stage predicts against the frequency in gradient flow, each problem."""
    p = table["probability"]
    bars = np.abs(table[["low", "high"]].to_numpy().T - p.to_numpy())
    axes.axline((0, 0), slope=1, color="0.8", lw=0.8, zorder=0)
    style = {"color": COLOURS["theory"], "marker": "o", "ls": "", "ms": 2.5, "elinewidth": 0.5}
    axes.errorbar(table["predicted"], p, bars, **style)
    axes.set_xlabel("predicted P(collapse)")
    axes.set_ylabel("frequency in gradient flow")
    axes.set_aspect("equal", adjustable="box")


def draw_practice(axes: Axes, table: pd.DataFrame) -> None:
    """The outcomes of each way to train, as a stacked bar."""
    table = practice_rows(table)
    counts = {
        "both modes": table["n_runs"] - table["n_collapsed"],
        "mean alignment": table["n_mean_alignment"],
        "vanishing weight": table["n_vanishing_weight"],
    }
    left, height = np.zeros(len(table)), np.arange(len(table))[::-1]
    for name in OUTCOMES:
        part = (counts[name] / table["n_runs"]).to_numpy()
        axes.barh(height, part, left=left, color=COLOURS[name], height=0.72, label=name)
        left += part
    found = 1 - table["probability"].to_numpy()
    ends = np.abs([1 - table["high"] - found, 1 - table["low"] - found])
    axes.errorbar(found, height, xerr=ends, fmt="none", color="black", elinewidth=0.8)
    axes.set_yticks(height, [_way(row) for row in table.itertuples()], fontsize=6)
    axes.set_xlim(0, 1)
    axes.set_xlabel("part of the runs")
    axes.legend(loc="upper center", bbox_to_anchor=(0.1, -0.22), ncols=1)


def practice_rows(table: pd.DataFrame) -> pd.DataFrame:
    """The ways that are drawn: fixed weights all, trained weights with trained variances."""
    fixed = table[table["weights"] == "fixed"]
    trained = table[(table["weights"] != "fixed") & (table["variances"] == "trained")]
    return pd.concat([fixed, trained], ignore_index=True)


def _way(row) -> str:
    """A way to train in a few characters."""
    annealed = "annealed" if row.annealing == "exponential" else "plain"
    variances = "$v$ trained" if row.variances == "trained" else "$v$ fixed"
    if row.weights == "fixed":
        return f"{annealed}, {variances}"
    after = " after" if row.weights == "afterwards" else ""
    return rf"{annealed}, $\eta = {row.eta:g}${after}"


def _power(value: float) -> str:
    """A number as digits and a power of ten."""
    digits, power = f"{value:.1e}".split("e")
    return rf"${digits}\cdot10^{{{int(power)}}}$"


def _ends(items: Sequence) -> list:
    """The first and the last of many items, or all of a few."""
    return [items[0], items[-1]] if len(items) > 4 else list(items)


def caption(tables: Mapping[str, pd.DataFrame]) -> str:
    """What the panels show and the numbers that decide the claim."""
    forecast, practice = tables["annealing_forecast"], tables["annealing_practice"]
    error = (forecast["predicted"] - forecast["probability"]).abs().max()
    formula = _formula_gap(tables["annealing_map"], tables["annealing_formula"])
    return (
        f"{_map_caption(tables['annealing_map'])} {_flow_caption(tables['flow_annealing'])} "
        f"(d) The cells of (a) and (b) against the "
        f"growth of β in a step: where β_i is small they fall on one curve. Gradient flow is "
        f"within {shown(formula, '.2f')} of the line for β_i → 0 where β_i r² ≤ 0.1, and far above "
        f"it beyond. Bars: 95 % intervals, as in (a, b). (e) What the linear stage "
        f"(docs/theory.md, Eq. 11.15) predicts for {len(forecast)} random problems in which "
        f"collapse is not the better fit, against the frequency among "
        f"{shown(most(forecast, 'n_runs'))} runs of gradient flow from the sphere of radius r, "
        f"when they have settled at β = 1 (bars: 95 % Wilson intervals); largest difference "
        f"{shown(error, '.2f')}. {_practice_caption(practice)}"
    )


def _map_caption(table: pd.DataFrame) -> str:
    where, names = ["beta_initial", "anneal_steps"], ["reduced simulation", "theory"]
    p, n = (
        table.pivot_table(values, where, "source").reindex(columns=names).dropna()
        for values in ("probability", "n_runs")
    )
    pooled = ((p * n).sum(axis=1) + 0.5) / (n.sum(axis=1) + 1)  # neither 0 nor 1
    gap = (p[names[0]] - p[names[1]]) / np.sqrt(pooled * (1 - pooled) * (1 / n).sum(axis=1))
    flow, runs = (table[table["source"] == name] for name in ("theory", "reduced simulation"))
    low, high = flow.nsmallest(1, "probability"), flow.nlargest(1, "probability")
    extra = table["time"] - table["anneal_steps"] * table["step_size"]
    differ = int((table["n_aligned"] != table["n_collapsed"]).sum())
    return (
        f"(a, b) Probability that a mode is lost by a mixture with fixed equal weights, means on "
        f"the sphere of radius r and trained variances, and its mean KL(q‖p), over the initial "
        f"inverse temperature β_i and the time of annealing, {shown(extra.max(), 'g')} time units "
        f"after its end; r = {shown(first(table, 'separation'), 'g')}, d = "
        f"{shown(first(table, 'dimension'))}, π = {shown(first(table, 'target_weight'), 'g')}: "
        f"gradient flow ({shown(most(flow, 'n_runs'))} runs a cell) and stochastic descent "
        f"({shown(runs['n_runs'].min())} to {shown(most(runs, 'n_runs'))}, added while the "
        f"interval was wide), which differ by {shown(np.sqrt((gap**2).mean()), '.1f')} standard "
        f"errors (root mean square). The problem is the published one, but there μ_1·μ_2 > 0 was "
        f"counted, which differs in {differ} of {len(table)} cells. At π = 0.8 collapse fits as "
        f"well as both modes do: KL is {shown(first(low, 'kl'), '.3f')} where "
        f"{shown(first(low, 'probability'), '.2f')} of the runs collapse and "
        f"{shown(first(high, 'kl'), '.3f')} where {shown(first(high, 'probability'), '.2f')} do."
    )


def _flow_caption(flows: pd.DataFrame) -> str:
    plain = flows[flows["anneal_steps"] == 0]
    annealed = flows[flows["anneal_steps"] > 0]
    best, extra = annealed.nsmallest(1, "probability"), annealed["step"] - annealed["anneal_steps"]
    return (
        f"(c) The same for RealNVP at r = {shown(first(plain, 'separation'), 'g')}, "
        f"d = {shown(first(plain, 'dimension'))}, π = {shown(first(plain, 'target_weight'), 'g')}, "
        f"{shown(first(plain, 'n_runs'))} untrained flows a cell, "
        f"{shown(extra.max())} steps after annealing: "
        f"{shown(first(plain, 'probability'), '.2f')} are collapsed at step "
        f"{shown(first(plain, 'step'))} without annealing, "
        f"{shown(first(best, 'probability'), '.2f')} at best with it, at step "
        f"{shown(first(best, 'step'))}."
    )


def _practice_caption(table: pd.DataFrame) -> str:
    start = f"the sphere of norm {shown(first(table, 'norm'), 'g')}"
    if len(table) and table["start"].iloc[0] == "normal":
        variance = first(table, "norm") ** 2 / first(table, "dimension")
        start = f"N(0, {variance:.3g}) in each coordinate"
    annealed = table[table["annealing"] != "none"]
    return (
        f"(f) Outcomes at time {shown(first(table, 'time'), 'g')}, all alike, at r = "
        f"{shown(first(table, 'separation'), 'g')}, d = {shown(first(table, 'dimension'))}, π = "
        f"{shown(first(table, 'target_weight'), 'g')}, from {shown(first(table, 'n_runs'))} "
        f"starts, means free, from {start}; annealing from β_i = "
        f"{shown(annealed['beta_initial'].min(), 'g')} over t0 = "
        f"{shown(most(annealed, 'anneal_time'), 'g')}; bars: 95 % Wilson intervals of the part "
        f"that found both modes."
    )


def _formula_gap(table: pd.DataFrame, formula: pd.DataFrame) -> float:
    """The largest difference between the closed formula and gradient flow where β_i r² ≤ 0.1."""
    line = formula[formula["source"] == "formula"].sort_values("growth")
    cells = table[table["source"] == "theory"]
    cells = cells[cells["beta_initial"] * cells["separation"] ** 2 <= 0.1]
    if line.empty:
        return math.nan
    growth = cells["beta_initial"] ** (-1 / cells["anneal_steps"])
    inside = growth <= line["growth"].max()
    predicted = np.interp(growth[inside], line["growth"], line["probability"])
    return float((cells["probability"][inside] - predicted).abs().max())
