"""Figure 6: annealing; when it prevents collapse, and what else that takes."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from .style import COLOURS, MARKERS, WIDTH, panel_letter

__all__ = ["CLAIM", "caption", "draw"]

CLAIM = "Annealing from a hot enough target, slowly enough, prevents mode collapse."
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
    draw_growth(growth, table, tables["annealing_formula"])
    draw_forecast(forecast, tables["annealing_forecast"])
    draw_practice(practice, tables["annealing_practice"])
    for axes, letter in zip((growth, forecast, practice), "def", strict=True):
        panel_letter(axes, letter)
    return figure


def draw_maps(figure: Figure, parts: Mapping[str, pd.DataFrame]) -> None:
    """A map of the probability of collapse for each part, with one colour bar."""
    panels = figure.subplots(1, len(parts))
    for axes, letter, (name, table) in zip(panels, "abc", parts.items(), strict=True):
        draw_map(axes, table[table["anneal_steps"] > 0])
        panel_letter(axes, letter)
        axes.set_title(name)
    panels[0].set_ylabel(r"initial inverse temperature $\beta_i$")
    bar = figure.colorbar(ScalarMappable(plt.Normalize(0, 1), MAP["cmap"]), ax=list(panels))
    bar.set_label("P(collapse)")
    bar.outline.set_visible(False)


def draw_map(axes: Axes, table: pd.DataFrame) -> None:
    """The probability of collapse over (t0, β_i), also written into each cell."""
    grid = table.pivot(index="beta_initial", columns="anneal_steps", values="probability")
    values = grid.to_numpy()
    rows, columns = np.arange(len(grid.index)), np.arange(len(grid.columns))
    axes.pcolormesh(columns, rows, values, rasterized=True, **MAP)
    axes.set_xticks(columns, [f"{steps}" for steps in grid.columns])
    axes.set_yticks(rows, [_power(beta) for beta in grid.index])
    axes.tick_params(length=0)
    axes.set_xlabel(r"annealing time $t_0$ (steps)")
    if values.size <= 25:
        for (i, j), value in np.ndenumerate(values):
            colour = "white" if value < 0.5 else "black"
            axes.text(j, i, f"{value:.2f}", ha="center", va="center", color=colour, fontsize=6)


def draw_growth(axes: Axes, table: pd.DataFrame, formula: pd.DataFrame) -> None:
    """The map's cells against β_i^(−1/t0), a colour for each β_i, and what is predicted."""
    betas = np.sort(table["beta_initial"].unique())
    shades = sns.color_palette("viridis", len(betas))
    for shade, beta in zip(shades, betas, strict=True):
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
        for shade, beta in _ends(list(zip(shades, betas, strict=True)))
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
    table, flows = tables["annealing_map"], tables["flow_annealing"]
    forecast, practice = tables["annealing_forecast"], tables["annealing_practice"]
    where = ["beta_initial", "anneal_steps"]
    wide = table.pivot_table(["probability", "n_runs"], where, "source")
    p, n = wide["probability"], wide["n_runs"]
    gap = (p["reduced simulation"] - p["theory"]) / np.sqrt((p * (1 - p) / n).sum(axis=1))
    apart = math.sqrt((gap**2).mean())
    slowest = table[table["anneal_steps"] == table["anneal_steps"].max()]
    lowest = slowest.groupby("source")["probability"].min()
    formula = _formula_gap(table, tables["annealing_formula"])
    error = (forecast["predicted"] - forecast["probability"]).abs().max()
    plain = flows[flows["anneal_steps"] == 0].iloc[0]
    annealed = flows[flows["anneal_steps"] > 0]
    best = annealed.loc[annealed["probability"].idxmin()]
    runs = table.groupby("source")["n_runs"].max()
    first = table.iloc[0]
    chosen = practice_rows(practice)
    lost = {
        (row.annealing, row.variances, row.weights, row.eta): row.probability
        for row in chosen.itertuples()
    }
    eta = chosen["eta"].max()
    return (
        f"(a, b) Probability of collapse of a mixture with fixed equal weights, means on the "
        f"sphere and trained variances, over the initial inverse temperature β_i and the time of "
        f"annealing; r = {first['separation']:g}, d = {first['dimension']}, π = "
        f"{first['target_weight']:g}: gradient flow ({runs['theory']} runs a cell) and stochastic "
        f"descent ({runs['reduced simulation']} runs), which differ by {apart:.1f} standard "
        f"errors (root mean square, and by {gap.mean():+.1f} in the mean); the lowest is "
        f"{lowest.min():.2f}. (c) The same for RealNVP at r = {plain['separation']:g}, "
        f"d = {plain['dimension']}: {plain['probability']:.2f} without annealing, "
        f"{best['probability']:.2f} at best with it. (d) The cells of (a) and (b) against the "
        f"growth of β in a step: where β_i is small they fall on one curve. Gradient flow is "
        f"within {formula:.2f} of the line for β_i → 0 where β_i r² ≤ 0.1, and far above it "
        f"beyond. Bars: 95 % Wilson intervals. (e) What the linear stage (docs/theory.md, Eq. "
        f"11.15) predicts for {len(forecast)} random problems against the frequency among "
        f"{forecast['n_runs'].max()} runs of gradient flow; largest difference {error:.2f}. (f) "
        f"Outcomes with β_i = {practice['beta_initial'].min():g}, t0 = "
        f"{practice['anneal_time'].max():g} in time, means free; {practice['n_runs'].max()} runs "
        f"each. Collapsed are "
        f"{lost['none', 'fixed', 'fixed', 0.0]:.2f} without annealing, "
        f"{lost['none', 'trained', 'fixed', 0.0]:.2f} with trained variances alone, "
        f"{lost['exponential', 'fixed', 'fixed', 0.0]:.2f} with annealing alone, "
        f"{lost['exponential', 'trained', 'fixed', 0.0]:.3f} with both; with weights trained at η "
        f"= {eta:g} throughout annealing {lost['exponential', 'trained', 'throughout', eta]:.2f}, "
        f"after it {lost['exponential', 'trained', 'afterwards', eta]:.3f}."
    )


def _formula_gap(table: pd.DataFrame, formula: pd.DataFrame) -> float:
    """The largest difference between the closed formula and gradient flow where β_i r² ≤ 0.1."""
    line = formula[formula["source"] == "formula"].sort_values("growth")
    cells = table[table["source"] == "theory"]
    cells = cells[cells["beta_initial"] * cells["separation"] ** 2 <= 0.1]
    growth = cells["beta_initial"] ** (-1 / cells["anneal_steps"])
    inside = growth <= line["growth"].max()
    predicted = np.interp(growth[inside], line["growth"], line["probability"])
    return float((cells["probability"][inside] - predicted).abs().max())
