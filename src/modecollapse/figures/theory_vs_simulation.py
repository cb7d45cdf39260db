"""Figure 2: the closed equations against stochastic gradient descent in d dimensions."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import NullLocator

from .style import (
    COLOURS,
    MARKERS,
    UNKNOWN,
    first,
    legend,
    most,
    new_figure,
    nothing,
    panel,
    panel_letter,
    shown,
)

__all__ = ["CLAIM", "caption", "draw"]

CLAIM = (
    "A few statistics obey closed equations: full-dimensional training follows them up to its step "
    "size and its noise."
)
# Each column of curves: its label, and its statistics with their labels and shades of grey.
CURVES = {
    r"$m_i = \mu_i\cdot\mu^\star$": {"m1": r"$m_1$", "m2": r"$m_2$"},
    r"$Q_{ij} = \mu_i\cdot\mu_j$": {"q11": "$Q_{11}$", "q12": "$Q_{12}$", "q22": "$Q_{22}$"},
    r"weight $w_1$": {"weight": "$w_1$"},
    r"KL$(q\,\|\,p)$ (nats)": {"kl": "KL"},
}
DASHES = ("-", "--", ":")
DIFFERENCES = {
    "step_size": ("step size $h$", "h"),
    "batch": ("batch $B$", "B"),
    "dimension": ("dimension $d$", "d"),
}
SERIES = {
    "bias": ("o", r"bias $Q_{11}$"),
    "spread": ("^", r"spread $m_1$"),
    "floor": ("s", "KL, rest"),
}


def draw(tables: Mapping[str, pd.DataFrame]) -> Figure:
    """Curves of two dimensions, differences against step size, batch and d, and z-scores."""
    curves = tables["closed_equations"]
    dimensions = np.sort(curves["dimension"].unique())
    shown_rows = max(len(dimensions), 1)
    figure, axes = new_figure(shown_rows + 1, 4, 1.75 * (shown_rows + 1))
    for empty in axes[0] if curves.empty else ():
        nothing(empty)
    for row, dimension in zip(axes, dimensions, strict=False):
        draw_curves(row, curves[curves["dimension"] == dimension])
        row[0].set_title(f"$d = {dimension}$")
    for below, above, letter in zip(axes[shown_rows - 1], axes[0], "abcd", strict=True):
        below.set_xlabel("time $t$")
        panel_letter(above, letter)
    add_legends(axes[0])
    *panels, scores = axes[-1]
    for axes_of, variable, letter in zip(panels, DIFFERENCES, "efg", strict=True):
        table = tables["scaling"]
        panel(axes_of, draw_differences, table[table["variable"] == variable], variable=variable)
        panel_letter(axes_of, letter)
    panels[0].set_ylabel("difference from the flow")
    panel(scores, draw_scores, tables["validation"]["z"])
    panel_letter(scores, "h")
    return figure


def draw_curves(row: list[Axes], table: pd.DataFrame) -> None:
    """The statistics of one dimension: lines from theory, marks from simulation."""
    for axes, (label, names) in zip(row, CURVES.items(), strict=True):
        for dash, (name, symbol) in zip(DASHES, names.items(), strict=False):
            rows = table[table["quantity"] == name]
            theory = rows[rows["source"] == "theory"].sort_values("time")
            marks = rows[rows["source"] == "simulation"].sort_values("time")
            axes.plot(theory["time"], theory["value"], dash, color=COLOURS["theory"], label=symbol)
            draw_marks(axes, marks)
        axes.set_ylabel(label)
        if len(names) == 1:
            axes.set_ylim(bottom=0)


def add_legends(row: list[Axes]) -> None:
    """Which line is which statistic, where there are several; lines and marks in the last panel."""
    for axes, names in zip(row, CURVES.values(), strict=True):
        if len(names) > 1:
            legend(axes, loc="best", handlelength=1.5, labelspacing=0.2)
    line = Line2D([], [], color=COLOURS["theory"], label="theory")
    mark = Line2D([], [], color=COLOURS["simulation"], label="simulation")
    mark.set(marker=MARKERS["simulation"], markersize=3, markerfacecolor="none", linestyle="")
    row[-1].legend(handles=[line, mark], loc="upper right", handlelength=1.5)


def draw_marks(axes: Axes, rows: pd.DataFrame) -> None:
    """Means over runs with their 95 % intervals."""
    errors = np.abs(rows["value"].to_numpy() - rows[["low", "high"]].to_numpy().T)
    axes.errorbar(
        rows["time"],
        rows["value"],
        errors,
        fmt=MARKERS["simulation"],
        color=COLOURS["simulation"],
        markersize=3,
        markerfacecolor="none",
        elinewidth=0.8,
    )


def draw_differences(axes: Axes, table: pd.DataFrame, variable: str) -> None:
    """Differences with their 95 % intervals, and the power laws fitted to them."""
    title, symbol = DIFFERENCES[variable]
    for name, (mark, label) in SERIES.items():
        rows = table[table["series"] == name].sort_values("x")
        if rows.empty:
            continue
        x, value, error = (rows[n].to_numpy() for n in ("x", "value", "standard_error"))
        colour, fit = COLOURS["simulation"], rows.iloc[0]
        reach = 0.5 * (fit["high"] - fit["low"])
        law = rf"\propto {symbol}^{{{fit['exponent']:.2f} \pm {reach:.2f}}}"
        axes.errorbar(
            x,
            value,
            1.96 * error,
            fmt=mark,
            label=f"{label} ${law}$",
            color=colour,
            markerfacecolor="none" if name == "floor" else colour,
            elinewidth=0.8,
        )
        slope = fit["exponent"] * np.log(x)
        level = np.average(np.log(value) - slope, weights=(value / error) ** 2)
        axes.plot(x, np.exp(level + slope), color=COLOURS["theory"], lw=0.8, zorder=0)
    axes.set(xscale="log", yscale="log", xlabel=title)
    axes.xaxis.set_minor_locator(NullLocator())
    ticks = np.sort(table["x"].unique())
    axes.set_xticks(ticks, [f"{x:g}" for x in ticks])
    low, high = axes.get_ylim()
    axes.set_ylim(low, high * (high / low) ** 0.45)  # room for the legend
    legend(axes, loc="upper left", handletextpad=0, borderpad=0, borderaxespad=0, labelspacing=0.2)


def draw_scores(axes: Axes, z: pd.Series) -> None:
    """The z-scores of the validation table, and the standard normal density."""
    reach = max(4.0, np.abs(z).max())
    grid = np.linspace(-reach, reach, 201)
    bins = np.linspace(-reach, reach, 25).tolist()
    axes.hist(z, bins, density=True, color=COLOURS["simulation"], alpha=0.5)
    axes.plot(grid, np.exp(-(grid**2) / 2) / np.sqrt(2 * np.pi), color=COLOURS["theory"])
    axes.set_xlabel("z-score")
    axes.set_ylabel("density")


def caption(tables: Mapping[str, pd.DataFrame]) -> str:
    """What the panels show, and the numbers that decide the claim."""
    curves, scaling = tables["closed_equations"], tables["scaling"]
    problem = {
        name: shown(first(curves, name), "g") for name in ("separation", "target_weight", "eta")
    }
    z = tables["validation"]["z"]
    mean, spread, largest = z.mean(), z.std(), z.abs().max()
    fits = scaling.drop_duplicates(["series", "variable"])
    exponents = "; ".join(
        f"{row.series} against {row.variable.replace('_', ' ')} {shown(row.exponent, '.2f')} "
        f"[{shown(row.low, '.2f')}, {shown(row.high, '.2f')}], expected {row.expected:g}"
        for row in fits.itertuples()
    )
    dimensions = " and ".join(f"{d}" for d in np.sort(curves["dimension"].unique()))
    runs = most(curves[curves["source"] == "simulation"], "runs")
    validation = tables["validation"]
    return (
        f"(a–d) Overlaps m and Q, weight and KL against gradient-flow time from one random start "
        f"on the sphere, r = {problem['separation']}, π = {problem['target_weight']}, η = "
        f"{problem['eta']}, in d = {dimensions or UNKNOWN} (rows). Lines: closed equations; "
        f"marks: mean of "
        f"{shown(runs)} simulations, bars: 95 % interval. (e–g) How the difference shrinks: the "
        f"bias of "
        f"Q_11, the spread of m_1 over runs, and the KL at which the full pathwise gradient comes "
        f"to rest around the target, with 95 % intervals and fitted power laws; exponents with "
        f"95 % intervals: {exponents or UNKNOWN}. (h) The z-scores of the {len(z)} quantities in "
        f"results/validation.csv, {validation['setting'].nunique()} settings, extrapolated to "
        f"step size 0: mean {shown(mean, 'z.2f')}, standard deviation {shown(spread, '.2f')}, "
        f"largest {shown(largest, '.1f')}; curve: standard normal. {_ends(tables)}"
    )


def _ends(tables: Mapping[str, pd.DataFrame]) -> str:
    """What became of the same starts, in theory and in simulation."""
    pairs, early = tables["validation_outcomes"], most(tables["validation"], "time")
    return (
        f"Those are early times, {shown(early, 'g')} at most. Later, at time "
        f"{shown(most(pairs, 'time'), 'g')} (results/validation_outcomes.csv, r = "
        f"{shown(first(pairs, 'separation'), 'g')}), one run of stochastic descent has the outcome "
        f"of gradient flow from the same start in {pairs['n_same'].sum()} of "
        f"{pairs['n_runs'].sum()} cases; flow alone is collapsed in {pairs['n_theory'].sum()}, "
        f"descent alone in {pairs['n_simulation'].sum()}, both in {pairs['n_both'].sum()}; "
        f"{pairs['n_moving'].sum()} of these runs of the flow still move (KL changed by more than "
        f"0.01 since half the time)."
    )
