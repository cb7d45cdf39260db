"""Supplementary figure: what finite batches do to collapse, up to very high dimension."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from .style import (
    COLOURS,
    MARKERS,
    first,
    most,
    new_figure,
    panel,
    panel_letter,
    shades,
    shown,
)

__all__ = ["CLAIM", "caption", "draw"]

CLAIM = (
    "Gradient flow is the limit of small h d/B, not of small h/B: in high dimension the noise of "
    "the batches changes how often runs collapse, and without the score term makes it rarer."
)
ESTIMATORS = {
    "sticking-the-landing": "without the score term",
    "pathwise": "with the score term",
}


def draw(tables: Mapping[str, pd.DataFrame]) -> Figure:
    """Collapse against d by either estimator, and against the effective dimension."""
    table = tables["finite_batch"]
    figure, ((first, second, third),) = new_figure(1, 3, 2.7, sharey=True)
    for axes, estimator in zip((first, third), ESTIMATORS, strict=True):
        panel(axes, draw_probability, table, estimator=estimator, against="dimension")
        axes.set_xlabel(r"dimension $d$")
        axes.set_title(ESTIMATORS[estimator])
    chosen = {"estimator": "sticking-the-landing", "against": "effective_dimension"}
    panel(second, draw_probability, table, **chosen)
    second.set_xlabel(r"effective dimension $d_\mathrm{eff}$")
    second.set_title(ESTIMATORS["sticking-the-landing"])
    first.set_ylabel(f"P(collapse by $t = {shown(most(table, 'time'), 'g')}$)")
    first.legend(handles=keys(table), loc="lower center", ncols=2, handletextpad=0.4)
    for axes, letter in zip((first, second, third), "abc", strict=True):
        panel_letter(axes, letter)
    return figure


def draw_probability(axes: Axes, table: pd.DataFrame, estimator: str, against: str) -> None:
    """The flow as a line with its 95 % band, descent as marks with 95 % intervals."""
    flow = table[table["source"] == "theory"].sort_values("dimension")
    d, p, low, high = (flow[n] for n in ("dimension", "probability", "low", "high"))
    axes.plot(d, p, color=COLOURS["theory"])
    axes.fill_between(d, low, high, color=COLOURS["theory"], alpha=0.15, linewidth=0)
    colours, faces = noises(table), fillings(table)
    for (h, batch), rows in descents(table[table["estimator"] == estimator]):
        x, p = rows[against], rows["probability"]
        axes.errorbar(
            x,
            p,
            np.abs([p - rows["low"], rows["high"] - p]),
            fmt=MARKERS["reduced simulation"],
            color=colours[batch / h],
            mfc=colours[batch / h] if faces[h] else "white",
            elinewidth=0.6,
            mew=0.8,
        )
    if axes.has_data():
        axes.set_xscale("log")
    axes.set_ylim(-0.2, 1.04)  # room for the legend
    axes.set_yticks(np.linspace(0, 1, 6))


def descents(table: pd.DataFrame) -> pd.api.typing.DataFrameGroupBy:
    """The rows of stochastic descent, grouped by step size and batch."""
    return table[table["source"] != "theory"].groupby(["step_size", "batch"])


def noises(table: pd.DataFrame) -> dict[float, str]:
    """A shade for each B/h, the darker the less noise."""
    ratios = sorted({batch / h for (h, batch), _ in descents(table)})
    return dict(zip(ratios, shades(len(ratios), "flare"), strict=True))


def fillings(table: pd.DataFrame) -> dict[float, bool]:
    """Whether the marks of each step size are filled: those of the largest are."""
    sizes = [h for (h, _), _ in descents(table)]
    return {h: h == max(sizes) for h in sizes}


def keys(table: pd.DataFrame) -> list[Line2D]:
    """The legend: the flow, each B/h by colour, each h by filling."""
    mark: dict[str, Any] = {"ls": "", "marker": MARKERS["reduced simulation"], "mew": 0.8}
    lines = [Line2D([], [], color=COLOURS["theory"], label="gradient flow")]
    for ratio, colour in noises(table).items():
        lines.append(Line2D([], [], color=colour, label=f"B/h = {ratio:.0f}", **mark))
    for h, filled in fillings(table).items():
        face = "0.4" if filled else "white"
        lines.append(Line2D([], [], color="0.4", mfc=face, label=f"h = {h:g}", **mark))
    return lines


def caption(tables: Mapping[str, pd.DataFrame]) -> str:
    """What the panels show, and how far the marks of (b) are from the line."""
    table = tables["finite_batch"]
    flow = table[table["source"] == "theory"].sort_values("dimension")
    rows = table[table["estimator"] == "sticking-the-landing"]
    z = deviations(flow, rows)
    noise = rows["step_size"] / rows["batch"]
    noisiest = rows[noise == noise.max()]
    return (
        f"Probability that a mode is lost by time {shown(first(table, 'time'), 'g')} over random "
        f"starts on the sphere of radius r = {shown(first(table, 'separation'), 'g')}, π = "
        f"{shown(first(table, 'target_weight'), 'g')}, "
        f"equal fixed weights. Line: gradient flow, {shown(most(flow, 'n_runs'))} starts a point; "
        f"marks: stochastic "
        f"gradient descent with step size h and stratified batches of B, by the reduced "
        f"simulation, which costs the same at every d, {shown(most(rows, 'n_runs'))} starts a "
        f"mark; band "
        f"and bars: 95 % Wilson intervals. (a) Gradients without the score term: the noise blurs "
        f"the start, so that high dimensions look like d_eff < d, at B/h = "
        f"{shown(1 / noise.max(), '.0f')} like no more than "
        f"{shown(most(noisiest, 'effective_dimension'), '.0f')}. (b) The same against "
        f"d_eff (docs/theory.md, Eq. 10.14): all on the line of the flow, but for "
        f"{shown(np.sqrt((z**2).mean()), '.2f')} standard errors (root mean square). (c) With the "
        f"score "
        f"term the means wander outside the span of the problem as well, by h d/2B in squared "
        f"length, repel each other less, and collapse more."
    )


def deviations(flow: pd.DataFrame, rows: pd.DataFrame) -> pd.Series:
    """Differences of `rows` from the line of `flow` at their d_eff, in standard errors."""
    if flow.empty:
        return pd.Series(dtype=float)
    x, known = np.log(rows["effective_dimension"]), np.log(flow["dimension"])
    line, error2 = (np.interp(x, known, y) for y in (flow["probability"], variance(flow)))
    return (rows["probability"] - line) / np.sqrt(variance(rows) + error2)


def variance(rows: pd.DataFrame) -> pd.Series:
    """Variance of each frequency, estimated away from 0 and 1 (Agresti and Coull)."""
    p = (rows["n_collapsed"] + 2) / (rows["n_runs"] + 4)
    return p * (1 - p) / rows["n_runs"]
