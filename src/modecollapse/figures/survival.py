"""Supplementary figure: how long collapse lasts under the noise of finite batches."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import NullFormatter, ScalarFormatter

from .style import COLOURS, DARK, MARKERS, first, most, new_figure, panel, panel_letter, shown

__all__ = ["CLAIM", "caption", "draw"]

CLAIM = (
    "Collapse with fixed equal weights is left by the noise of the batches, at a rate that the "
    "closed equations and the covariance of the gradient foretell."
)
ESTIMATORS = {
    "sticking-the-landing": "no score term",
    "pathwise": "score term",
}
SHADES = dict(zip(ESTIMATORS, (COLOURS["reduced simulation"], COLOURS["flow"]), strict=True))
OPTIMIZERS = {"sgd": "o", "momentum": "^", "adam": "s"}
TELLING = 2.0  # of the exponent: below, a time says little of the barrier


def draw(tables: Mapping[str, pd.DataFrame]) -> Figure:
    """Steps to leave against the separation; barriers; optimizers."""
    times, full = tables["escape_times"], tables["escape_full"]
    figure, ((first_panel, second, third),) = new_figure(1, 3, 2.9)
    panel(first_panel, draw_times, times, full=full)
    panel(second, draw_barriers, tables["escape_barriers"], times=times)
    panel(third, draw_optimizers, tables["escape_optimizers"])
    for axes, letter in zip((first_panel, second, third), "abc", strict=True):
        panel_letter(axes, letter)
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


def caption(tables: Mapping[str, pd.DataFrame]) -> str:
    """What the panels show, and how far the forecast is from what was measured."""
    times, moved, full = (tables[n] for n in ("escape_times", "escape_optimizers", "escape_full"))
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
        f"Adam with the step size of Eq. 16.9, too short the more the larger B is."
    )
