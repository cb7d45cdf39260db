"""Supplementary figure: what decides whether a flow collapses, one factor at a time."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import NullFormatter

from .normalizing_flows import draw_frequencies, draw_mixture, frequencies
from .style import (
    COLOURS,
    UNKNOWN,
    legend,
    most,
    new_figure,
    nothing,
    panel,
    panel_letter,
    shades,
    shown,
)

__all__ = ["CLAIM", "caption", "draw"]

CLAIM = (
    "How often a flow is collapsed after a given number of steps depends on direction, "
    "architecture, capacity and the target's weight."
)
DIRECTIONS = {"axis": "D", "random": "s", "diagonal": "^"}
ARCHITECTURES = {"realnvp": "RealNVP", "maf": "affine AR", "nsf": "spline AR"}
EXPECTED = (2.0, 4.0)  # log(r/|m(0)|), the right side of Eq. 12.9
TRAINED = {
    "a": "flow_direction",
    "b": "flow_architecture",
    "e": "flow_capacity",
    "f": "flow_weight",
}
RACES = ["dimension", "direction", "architecture", "couplings", "separation"]


def draw(tables: Mapping[str, pd.DataFrame]) -> Figure:
    """(a) direction, (b) architecture, (c) tangent speeds, (d) race, (e) capacity, (f) weight."""
    figure, panels = new_figure(2, 3, 3.9)
    above, below = panels
    by: dict[str, Any] = {"against": "separation", "factor": "direction", "marks": DIRECTIONS}
    panel(above[0], draw_by, tables["flow_direction"], **by)
    by = {"against": "separation", "factor": "architecture"}
    panel(above[1], draw_by, tables["flow_architecture"], **by)
    panel(above[2], draw_ratios, tables["flow_tangent"])
    draw_race(below[0], tables)
    by = {"against": "hidden", "factor": "couplings", "logarithmic": True}
    panel(below[1], draw_by, tables["flow_capacity"], **by)
    panel(below[2], draw_weights, tables["flow_weight"], tables["mixture_weight"])
    labels = {
        0: r"separation $r$",
        1: r"separation $r$",
        4: "width of the hidden layers",
        5: r"weight $\pi$ of the + mode",
    }
    for number, (axes, letter) in enumerate(zip(panels.flat, "abcdef", strict=True)):
        panel_letter(axes, letter)
        if number in labels:
            axes.set_xlabel(labels[number])
            axes.set_ylim(-0.04, 1.04)
    for row in panels:
        row[0].set_ylabel("P(collapse)")
    return figure


def draw_by(
    axes: Axes,
    table: pd.DataFrame,
    against: str,
    factor: str | None = None,
    marks: Mapping[str, str] | None = None,
    *,
    logarithmic: bool = False,
) -> None:
    """Frequencies at the end against one column, a colour for each level of another."""
    counts = frequencies(table)
    levels = [None] if factor is None else list(dict.fromkeys(table[factor]))
    for number, (level, shade) in enumerate(zip(levels, separated(len(levels)), strict=True)):
        rows = counts if level is None else counts[counts[factor] == level]
        name = ARCHITECTURES.get(str(level), f"{level}")
        marker = (marks or {}).get(str(level), "sD^o"[number % 4])
        label = f"{level} couplings" if factor == "couplings" else name
        draw_frequencies(axes, rows, against, colour=shade, marker=marker, line=":", label=label)
    if logarithmic:
        axes.set_xscale("log", base=2)
        axes.set_xticks(np.sort(table[against].unique()), np.sort(table[against].unique()))
    if factor is not None:
        short = {"handlelength": 1.0, "handletextpad": 0.3, "borderaxespad": 0.0}
        axes.legend(loc="upper right" if logarithmic else "upper left", **short)


def separated(count: int) -> list[str]:
    """Colours that differ in lightness too; the flows' own for one."""
    return shades(count) if count > 1 else [COLOURS["flow"]]


def draw_ratios(axes: Axes, table: pd.DataFrame) -> None:
    """K_mm/K_σσ against d: median and quartiles over untrained flows."""
    one = table[table["separation"] == table["separation"].min()]
    flows = one[(one["architecture"] == "realnvp") & (one["couplings"] == one["couplings"].max())]
    for (kind, marker), shade in zip(DIRECTIONS.items(), separated(3), strict=True):
        rows = flows[flows["direction"] == kind].groupby("dimension")["ratio"]
        quartiles = rows.quantile([0.25, 0.5, 0.75]).unstack()
        if quartiles.empty:
            continue
        axes.plot(quartiles.index, quartiles[0.5], color=shade, marker=marker, lw=0.8, label=kind)
        axes.fill_between(
            quartiles.index, quartiles[0.25], quartiles[0.75], color=shade, alpha=0.2, linewidth=0
        )
    if not axes.has_data():
        return nothing(axes)
    axes.set_xscale("log", base=2)
    axes.set_yscale("log")
    axes.set_xlabel(r"dimension $d$")
    axes.set_ylabel(r"$K_{mm}/K_{\sigma\sigma}$ before training")
    axes.legend(loc="upper left", handletextpad=0.3)
    return None


def draw_race(axes: Axes, tables: Mapping[str, pd.DataFrame]) -> None:
    """Frequencies at the first measurement against the race of the two speeds."""
    for name, marker in (("flow_race", "s"), ("flow_architecture", "o")):
        rows = raced(tables[name], tables["flow_tangent"])
        label = {"flow_race": "directions, $d$, $r$", "flow_architecture": "of (b)"}[name]
        if len(rows):
            draw_frequencies(axes, rows, "race", marker=marker, label=label)
    if not axes.has_data():
        nothing(axes, "no values in common")
    axes.axvspan(*EXPECTED, color="0.9", linewidth=0, zorder=0)
    axes.set_xscale("log")
    axes.xaxis.set_minor_formatter(NullFormatter())
    axes.set_xlim(1, 200)
    axes.set_xlabel(r"$\Lambda(r)\,K_{mm}/K_{\sigma\sigma}$")
    legend(axes, loc="center right", handletextpad=0.3)


def raced(table: pd.DataFrame, tangent: pd.DataFrame) -> pd.DataFrame:
    """The frequencies at the first measurement, with the median race of each setting."""
    steps = np.sort(table["step"].unique())
    if len(steps) < 2 or tangent.empty:
        return frequencies(table.iloc[:0]).assign(race=0.0)
    counts = frequencies(table, int(steps[1]))
    race = tangent.groupby(RACES)["race"].median().reset_index()
    return counts.merge(race, on=RACES)


def draw_weights(axes: Axes, flows: pd.DataFrame, mixture: pd.DataFrame) -> None:
    """Frequencies against the target's weight; filled marks and the upper lines: the larger r."""
    colours = separated(max(flows["separation"].nunique(), 2))
    for number, (separation, rows) in enumerate(flows.groupby("separation")):
        draw_mixture(axes, mixture[mixture["separation"] == separation], "target_weight")
        draw_frequencies(
            axes,
            frequencies(rows),
            "target_weight",
            colour=colours[number],
            marker="sD^o"[number % 4],
            label=f"$r = {separation:g}$",
        )
    axes.legend(loc="best", handletextpad=0.3)


def caption(tables: Mapping[str, pd.DataFrame]) -> str:
    """What each panel shows, after how many steps, and what follows."""
    direction, weight, tangent = (
        tables[name] for name in ("flow_direction", "flow_weight", "flow_tangent")
    )
    last = ", ".join(f"{shown(most(tables[name], 'step'))} in {at}" for at, name in TRAINED.items())
    return (
        f"Part of the runs that is collapsed at the end of the training (step {last}), "
        f"{shown(most(frequencies(direction), 'n_runs'))} runs a point in (a), bars: 95 % Wilson "
        f"intervals; Adam, from untrained flows; RealNVP as in figure 5 and π = 1/2 where nothing "
        f"else is said. (a) Direction of μ* against the coordinates that the couplings split, d = "
        f"{_values(direction, 'dimension')}. (b) Architecture, "
        f"{_values(tables['flow_architecture'], 'couplings')} layers each, d = "
        f"{_values(tables['flow_architecture'], 'dimension')}. (c) How much more readily an "
        f"untrained RealNVP moves its mass along μ* than it stretches it (docs/theory.md, Eq. "
        f"12.7; median and quartiles of {tangent['run'].nunique()} flows). (d) Frequencies at "
        f"the first measurement (step {_first_step(tables)}) against the race of the two speeds: "
        f"RealNVPs in every direction of (a), d = {_values(tables['flow_race'], 'dimension')}, "
        f"r = {_values(tables['flow_race'], 'separation')}, and the flows of (b); grey: where Eq. "
        f"12.9 expects collapse to set in; {_exceptions(tables)}. (e) Width of the networks and "
        f"number of couplings, at r = {_values(tables['flow_capacity'], 'separation')}, d = "
        f"{_values(tables['flow_capacity'], 'dimension')}. (f) Target weight, d = "
        f"{_values(weight, 'dimension')}; lines: the mixture, as in figure 5. "
        f"{_free_weights(weight, tables['mixture_weight'])}"
    )


def _first_step(tables: Mapping[str, pd.DataFrame]) -> str:
    """The step of the first measurement after the start in the tables of panel d."""
    later = [tables[name].query("step > 0") for name in ("flow_race", "flow_architecture")]
    steps = np.unique([rows["step"].min() for rows in later if len(rows)])
    return " and ".join(f"{step:g}" for step in steps) or UNKNOWN


def _exceptions(tables: Mapping[str, pd.DataFrame]) -> str:
    """The settings that win the race by far and are not found collapsed."""
    rows = pd.concat(
        [raced(tables[name], tables["flow_tangent"]) for name in ("flow_race", "flow_architecture")]
    )
    astray = rows[(rows["race"] > 2 * EXPECTED[1]) & (rows["probability"] < 0.1)]
    names = [
        f"{ARCHITECTURES[row.architecture]} at r = {row.separation:g}, d = {row.dimension} "
        f"({row.direction})"
        for row in astray.itertuples()
    ]
    if not names:
        return "no setting far beyond it is without collapse"
    return f"far beyond it and without collapse: {', '.join(names)}"


def _free_weights(flows: pd.DataFrame, mixture: pd.DataFrame) -> str:
    """How often flows and mixtures collapse at the smallest separation, at most."""
    separation = flows["separation"].min()
    highest = frequencies(flows[flows["separation"] == separation])["probability"].max()
    near = mixture[mixture["separation"] == separation]
    fixed, trained = (near.loc[near["eta"].eq(0) == e, "probability"].max() for e in (True, False))
    return (
        f"At r = {shown(separation, 'g')} at most {shown(highest, '.2f')} of the flows collapse, "
        f"which can weigh the modes as they like; of mixtures {shown(trained, '.2f')} with trained "
        f"weights, {shown(fixed, '.2f')} with equal fixed ones."
    )


def _values(table: pd.DataFrame, column: str) -> str:
    """The values of a column that has one, or few."""
    return ", ".join(f"{value:g}" for value in np.sort(table[column].unique())) or UNKNOWN
