"""Supplementary figure: how long collapse lasts under the noise of batches, and without it."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import cycle
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import NullFormatter, ScalarFormatter

from .style import (
    COLOURS,
    DARK,
    MARKERS,
    first,
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
    "Collapse with fixed equal weights is left by the noise of the batches, at a rate that the "
    "closed equations and the covariance of the gradient foretell; with trained weights gradient "
    "flow heals it, the later the farther the modes are apart."
)
ESTIMATORS = {
    "sticking-the-landing": "no score term",
    "pathwise": "score term",
}
SHADES = dict(zip(ESTIMATORS, (COLOURS["reduced simulation"], COLOURS["flow"]), strict=True))
OPTIMIZERS = {"sgd": "o", "momentum": "^", "adam": "s"}
ETAS = shades(3)
DASHES = ("-", "--", ":")
TELLING = 2.0  # of the exponent: below, a time says little of the barrier


def draw(tables: Mapping[str, pd.DataFrame]) -> Figure:
    """Steps to leave against the separation; barriers; optimizers; healing without noise."""
    times, full = tables["escape_times"], tables["escape_full"]
    figure, axes = new_figure(3, 2, 7.6)
    first_panel, second, third, fourth, fifth, sixth = axes.flat
    panel(first_panel, draw_times, times, full=full)
    panel(second, draw_barriers, tables["escape_barriers"], times=times)
    panel(third, draw_optimizers, tables["escape_optimizers"])
    panel(fourth, draw_healing, tables["healing"])
    panel(fifth, draw_lifetimes, tables["healing"])
    panel(sixth, draw_errors, tables["healing"])
    for place, letter in zip(axes.flat, "abcdef", strict=True):
        panel_letter(place, letter)
    return figure


def draw_times(axes: Axes, table: pd.DataFrame, full: pd.DataFrame) -> None:
    """Mean steps: marks as measured, lines as forecast, one for each estimator and batch."""
    batches = sorted(table["batch"].unique())
    widths = dict(zip(batches, np.linspace(0.6, 1.6, len(batches)), strict=True))
    for (estimator, batch), rows in table.groupby(["estimator", "batch"]):
        rows, colour = rows.sort_values("separation"), SHADES[estimator]
        axes.plot(rows["separation"], rows["forecast"], color=colour, lw=widths[batch])
        marked(axes, rows, rows["separation"], MARKERS["reduced simulation"], colour)
    for estimator, rows in full.groupby("estimator"):
        marked(axes, rows, rows["separation"], MARKERS["simulation"], SHADES[estimator], size=5)
    axes.set_yscale("log")
    axes.set_xlabel("separation $r$")
    axes.set_ylabel("steps to leave collapse")
    lines = [Line2D([], [], color=SHADES[e], label=words) for e, words in ESTIMATORS.items()]
    lines += [Line2D([], [], color="0.4", lw=w, label=f"B = {b:g}") for b, w in widths.items()]
    axes.legend(handles=lines, loc="upper left", handlelength=1.2, fontsize=6)


def marked(
    axes: Axes, rows: pd.DataFrame, x: pd.Series, mark: str, colour: str, size: float = 3
) -> None:
    """Steps with their 95 % intervals."""
    bars = np.array([rows["steps"] - rows["low"], rows["high"] - rows["steps"]])
    style = {"color": colour, "mfc": "white", "ms": size, "elinewidth": 0.6, "mew": 0.8}
    axes.errorbar(x, rows["steps"], bars, fmt=mark, **style)


def draw_barriers(axes: Axes, table: pd.DataFrame, times: pd.DataFrame) -> None:
    """Barriers over that of the normal form: by path, for Gaussian noise, as measured."""
    for estimator, rows in table.groupby("estimator"):
        rows, colour = rows.sort_values("distance"), SHADES[estimator]
        axes.plot(rows["distance"], rows["barrier"] / rows["law"], color=colour)
        axes.plot(rows["distance"], rows["gaussian"] / rows["law"], color=colour, ls=":")
        seen = measured_barriers(times[times["estimator"] == estimator], rows)
        style = {"color": colour, "mfc": "white", "ms": 3, "elinewidth": 0.6, "mew": 0.8}
        axes.errorbar(seen["distance"], seen["ratio"], seen["half"], fmt="D", **style)
    axes.axhline(1.0, color="0.7", lw=0.6, zorder=0)
    axes.set_xscale("log")
    axes.set_ylim(0.4, 1.15)
    axes.set_xlabel("$r - r_c$")
    axes.set_ylabel("barrier over the fold's law")
    styles: list[tuple[str, dict[str, Any]]] = [
        ("minimum-action path", {"color": "0.4"}),
        ("for Gaussian noise", {"color": "0.4", "ls": ":"}),
        ("measured", {"color": "0.4", "ls": "", "marker": "D", "mfc": "white"}),
    ]
    keys = [Line2D([], [], label=words, **style) for words, style in styles]
    axes.legend(handles=keys, loc="lower left", fontsize=6, handlelength=1.4)


def measured_barriers(times: pd.DataFrame, barriers: pd.DataFrame) -> pd.DataFrame:
    """Barriers that the measured steps tell of, over the law's: the forecast's exponent and the
    logarithm of measured over forecast steps; the half-width of their 95 % interval."""
    seen = times[times["exponent"] > TELLING]
    if seen.empty or len(barriers) < 2:
        return pd.DataFrame(columns=["distance", "ratio", "half"])
    critical = float((barriers["separation"] - barriers["distance"]).mean())
    distance = seen["separation"] - critical
    scale = float((barriers["law"] / barriers["distance"] ** 1.5).mean())
    exponent = scale * distance**1.5 * seen["batch"] / seen["step_size"]
    ratio = (seen["exponent"] + np.log(seen["steps"] / seen["forecast"])) / exponent
    half = 0.5 * np.log(seen["high"] / seen["low"]) / exponent
    return pd.DataFrame({"distance": distance, "ratio": ratio, "half": half})


def draw_optimizers(axes: Axes, table: pd.DataFrame) -> None:
    """Evaluations of p to leave, against the batch, for each optimizer."""
    colours = dict(zip(OPTIMIZERS, DARK, strict=False))  # elsewhere colours are sources
    for optimizer, rows in table.groupby("optimizer"):
        rows, colour = rows.sort_values("batch"), colours[optimizer]
        axes.plot(rows["batch"], rows["forecast"], color=colour, lw=0.8)
        marked(axes, rows, rows["batch"], OPTIMIZERS[optimizer], colour)
        axes.plot([], [], color=colour, marker=OPTIMIZERS[optimizer], mfc="white", label=optimizer)
    axes.set_xscale("log", base=2)
    axes.xaxis.set_major_formatter(ScalarFormatter())
    axes.xaxis.set_minor_formatter(NullFormatter())
    axes.set_yscale("log")
    axes.set_xlabel("batch $B$")
    axes.set_ylabel("steps to leave collapse")
    axes.legend(loc="upper center", bbox_to_anchor=(0.6, 1.0), fontsize=6)


def draw_healing(axes: Axes, table: pd.DataFrame) -> None:
    """The part still collapsed: marks by integration, lines by the slow equations."""
    table = typical(table)
    few = sorted(table["separation"].unique())[:: 1 if table["separation"].nunique() < 4 else 2]
    table = table[table["separation"].isin(few)]
    colours, dashes = colours_of(table), dict(zip(few, cycle(DASHES), strict=False))
    for (eta, separation), rows in table.groupby(["eta", "separation"]):
        rows, colour = rows.sort_values("time"), colours[eta]
        runs = rows["n_runs"]
        axes.plot(rows["time"], rows["n_slow"] / runs, color=colour, ls=dashes[separation], lw=1)
        axes.plot(rows["time"], rows["n_collapsed"] / runs, "o", color=colour, mfc="white", ms=2.5)
    axes.set_xscale("log")
    axes.set_ylim(-0.03, 1.35)
    axes.set_yticks([0, 0.25, 0.5, 0.75, 1])
    axes.set_xlabel("gradient-flow time $t$")
    axes.set_ylabel("part still collapsed $S(t)$")
    lines = [Line2D([], [], color=c, label=f"η = {eta:g}") for eta, c in colours.items()]
    lines += [Line2D([], [], color="0.4", ls=d, label=f"r = {r:g}") for r, d in dashes.items()]
    axes.legend(handles=lines, loc="upper right", fontsize=6, ncols=2, handlelength=2)


def draw_lifetimes(axes: Axes, table: pd.DataFrame) -> None:
    """Half-lives against r² from starts of norm r at π = ½: marks by integration, lines their laws
    where η is slow or fast; that of a frozen component, which has no prefactor, goes through the
    middle of its marks."""
    lives = table[(table["target_weight"] == 0.5) & (table["norm"] == table["separation"])]
    lives = lives[lives["half_life"] > 0].drop_duplicates(["dimension", "separation", "eta"])
    if lives.empty:
        nothing(axes, "no half-life is known")
        return
    colours, dimensions = colours_of(table), sorted(table["dimension"].unique())
    marks = dict(zip(dimensions, cycle("oD^v"), strict=False))
    for (eta, dimension), rows in lives.groupby(["eta", "dimension"]):
        rows, x = rows.sort_values("separation"), rows["separation"].sort_values() ** 2
        style = {"color": colours[eta], "mfc": "white", "ms": 3, "mew": 0.8}
        axes.plot(x, rows["half_life"], marks[dimension], **style)
        if eta == min(colours):
            axes.plot(x, np.exp(rows["drift_law"]), color=colours[eta], lw=0.9)
        elif eta == max(colours):
            shift = (np.log(rows["half_life"]) - rows["frozen_law"]).median()
            axes.plot(x, np.exp(rows["frozen_law"] + shift), "--", color=colours[eta], lw=0.9)
    axes.set_yscale("log")
    axes.set_xlabel("$r^2$")
    axes.set_ylabel("half-life of collapse")
    keys = [Line2D([], [], color="0.4", ls="", marker=m, mfc="white", label=f"d = {d}")
            for d, m in marks.items()]  # fmt: skip
    keys += [Line2D([], [], color="0.4", label="drift of weights (8.4)")]
    keys += [Line2D([], [], color="0.4", ls="--", label="frozen component (8.8)")]
    low, high = axes.get_ylim()
    axes.set_ylim(low, high * (high / low) ** 0.35)  # room for the legend
    axes.legend(handles=keys, loc="upper left", fontsize=6, handlelength=1.6, ncols=2)


def draw_errors(axes: Axes, table: pd.DataFrame) -> None:
    """The largest error of S(t) over times and settings: of the slow equations, filled, and of the
    lost component's own time, open, a line for each η."""
    for (eta, colour), mark in zip(colours_of(table).items(), cycle("oD^v"), strict=False):
        rows = table[table["eta"] == eta]
        for road, face in (("n_own", "white"), ("n_slow", colour)):
            off = ((rows["n_collapsed"] - rows[road]) / rows["n_runs"]).abs()
            largest = off.groupby(rows["separation"]).max()
            style = {"color": colour, "mfc": face, "ms": 3.5, "mew": 0.8, "lw": 0.8}
            axes.plot(largest.index, largest, mark, ls="-", **style)
    axes.set_ylim(-0.05, 1.35)
    axes.set_yticks([0, 0.25, 0.5, 0.75, 1])
    axes.set_xlabel("separation $r$")
    axes.set_ylabel("largest error of $S(t)$")
    keys = [
        Line2D([], [], color="0.4", marker="o", mfc=face, ms=3.5, lw=0.8, label=words)
        for face, words in (("0.4", "slow equations (16.10)"), ("white", "own time (8.7)"))
    ]
    axes.legend(handles=keys, loc="upper right", fontsize=6, handlelength=1.6, ncols=2)


def colours_of(table: pd.DataFrame) -> dict[float, str]:
    """A colour for each η."""
    return dict(zip(sorted(table["eta"].unique()), cycle(ETAS), strict=False))


def typical(table: pd.DataFrame) -> pd.DataFrame:
    """The runs that are drawn: the last law of starts and, of the others, the first values."""
    chosen = table[table["start"] == table["start"].iloc[-1]]
    for name in ("norm", "target_weight", "dimension"):
        chosen = chosen[chosen[name] == chosen[name].iloc[0]]
    return chosen


def caption(tables: Mapping[str, pd.DataFrame]) -> str:
    """What the panels show, and how far the forecast is from what was measured."""
    names = ("escape_times", "escape_optimizers", "escape_full", "healing")
    times, moved, full, healing = (tables[n] for n in names)
    drawn = healing if healing.empty else typical(healing)
    off = np.log(times["steps"] / times["forecast"]).abs()
    decades = np.log10(most(times, "steps") / times["steps"].min()) if len(times) else np.nan
    return (
        f"Stochastic descent from the collapsed state of two equal modes, equal fixed weights, "
        f"until a mean crosses the midpoint between them. Marks: mean number of steps over "
        f"{shown(most(times, 'n_runs'))} runs (all steps taken, over the runs that left), bars: "
        f"95 % intervals; no line is fitted. (a) Against the separation, h = "
        f"{shown(first(times, 'step_size'), 'g')}, in one dimension (diamonds; without the score "
        f"term it is the same in any), over {shown(decades, '.1f')} decades, and in all of "
        f"{shown(first(full, 'dimension'))} dimensions (circles). Lines: the backward equation of "
        f"the noise's covariance times the correction for its skewness (docs/theory/16-survival.md,"
        f" Eqs. 16.4 to 16.6); the largest ratio to it is {shown(np.exp(off.max()), '.2f')}. Above "
        f"r = 2.26 the wait grows exponentially with B/h. (b) The barrier Φ, over the law of the "
        f"fold (Eq. 16.3): by the minimum-action path of the batches' own law, for Gaussian noise "
        f"of their covariance, and as the times of (a) tell it where ΦB/h > {TELLING:g}. Colours "
        f"as in (a). (c) Optimizers at r = {shown(first(moved, 'separation'), 'g')}, h = "
        f"{shown(first(moved, 'step_size'), 'g')}, without the score term. Lines: as in (a), for "
        f"Adam with the step size of Eq. 16.9, too short the more the larger B is. (d) Without "
        f"noise, weights trained: the part of {shown(most(drawn, 'n_runs'))} random starts still "
        f"collapsed "
        f"(d = {shown(first(drawn, 'dimension'))}, π = {shown(first(drawn, 'target_weight'), 'g')},"
        f" means of norm {shown(first(drawn, 'norm'), 'g')}). Circles: closed equations. Lines: "
        f"the slow equations (Eq. 16.10) from the states at t = "
        f"{shown(first(drawn, 'begin'), 'g')}. "
        f"(e) Time in which half of the collapsed runs heal, from starts of norm r at π = 0.5, "
        f"colours as in (d). Solid: the drift of the weights from equal ones (Eq. 8.4), not "
        f"fitted; dashed: the slope of Eq. 8.8, through the middle of the marks. (f) Largest "
        f"error of S(t) over all times, starts, dimensions and weights of the target; η as in (d)."
    )
