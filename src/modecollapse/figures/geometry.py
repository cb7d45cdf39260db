"""Supplementary figure: what the geometry of the descent does to the weights."""

from __future__ import annotations

import math
from collections.abc import Mapping

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure, SubFigure
from matplotlib.lines import Line2D

from .style import (
    COLOURS,
    GEOMETRIES,
    UNKNOWN,
    first,
    legend,
    most,
    new_rows,
    nothing,
    panel,
    panel_letter,
    shown,
)

__all__ = ["CLAIM", "caption", "draw"]

CLAIM = (
    "Where no weight slows a component, none dies while the target is annealed, and spare "
    "components find the modes that are left."
)
WEIGHTS = {"fixed": ("white", ":"), "trained": (None, "-")}
# Two geometries give the same in (e): lines over one another, marks side by side.
LINES = {"euclidean": "-", "natural": "-", "wasserstein": "--"}
BESIDE = {"euclidean": 1.0, "natural": 0.93, "wasserstein": 1.07}
LETTERS = "abcdefg"
LEAST = 3e-4  # nats, drawn; below the error of an estimate of KL


def draw(tables: Mapping[str, pd.DataFrame]) -> Figure:
    """(a, b) modes found and (c, d) regret against the number of components; (e) annealing;
    (f) lifetimes against their law, (g) waits of a component without weight."""
    figure, parts = new_rows({2.3: 4, 2.1: 3})
    panels = [axes for part in parts for axes in part.axes]
    paid = tables["components_paid"]
    panel(panels[0], draw_components, _problem(paid, 0), column="found")
    panel(panels[1], draw_components, _problem(paid, 1), column="found")
    panel(panels[2], draw_components, _problem(paid, 0), column="regret")
    panel(panels[3], draw_components, _problem(paid, 1), column="regret")
    lifetimes = tables["natural_lifetimes"]
    panel(panels[4], draw_annealed, tables["annealed_geometry"])
    panel(panels[5], draw_lifetimes, lifetimes[lifetimes["start"] == "random"])
    panel(panels[6], draw_light, lifetimes[lifetimes["start"] == "light"])
    for axes, letter in zip(panels, LETTERS, strict=True):
        panel_letter(axes, letter)
    _legend(parts[0])
    return figure


def _problem(table: pd.DataFrame, place: int) -> pd.DataFrame:
    """The rows of the first or second problem of a table; none where there are fewer."""
    names = list(dict.fromkeys(table["problem"]))[place : place + 1]
    return table[table["problem"].isin(names)]


def _legend(part: SubFigure) -> None:
    """Geometries and weights, above all panels."""
    keys = [
        Line2D([], [], color=colour, marker=mark, ms=3, label=name)
        for name, (colour, mark) in GEOMETRIES.items()
    ]
    keys += [
        Line2D([], [], color="0.4", ls=line, marker="o", ms=3, mfc=face or "0.4",
               label=f"weights {weights}")
        for weights, (face, line) in WEIGHTS.items()
    ]  # fmt: skip
    part.legend(handles=keys, loc="outside upper center", ncols=5)


def draw_components(axes: Axes, table: pd.DataFrame, column: str) -> None:
    """Modes found (grey: all), or regret, against K: a line for each geometry and weights."""
    n_modes = first(table, "n_modes")
    for (geometry, weights), rows in table.groupby(["geometry", "weights"]):
        rows = rows.sort_values("n_components")
        (colour, mark), (face, line) = GEOMETRIES[geometry], WEIGHTS[weights]
        style = {"color": colour, "ls": line, "marker": mark, "ms": 3, "mfc": face or colour}
        if column == "found":
            half = 1.96 * rows["n_found_se"]
            low, high = rows["n_found"] - half, rows["n_found"] + half
            axes.plot(rows["n_components"], rows["n_found"], **style, lw=1)
        else:
            low, high = rows["regret_low"].clip(lower=LEAST), rows["regret_high"].clip(lower=LEAST)
            axes.plot(rows["n_components"], rows["regret"].clip(lower=LEAST), **style, lw=1)
        axes.fill_between(rows["n_components"], low, high, color=colour, alpha=0.15, lw=0)
    axes.set_xticks(sorted(table["n_components"].unique()))
    axes.set_xlabel("components $K$")
    axes.set_title(first(table, "problem"), loc="right")
    if column == "found":
        axes.axhline(n_modes, color="0.85", lw=0.8, zorder=0)
        axes.set_ylim(0, n_modes + 0.3)
        axes.set_ylabel("modes found")
    else:
        axes.set_yscale("log")
        axes.set_ylim(0.7 * LEAST, 3)
        axes.set_ylabel("regret (nats)")


def draw_annealed(axes: Axes, table: pd.DataFrame) -> None:
    """Part collapsed against η: lines by theory, marks with intervals by descent."""
    for (geometry, source), rows in table.groupby(["geometry", "source"]):
        rows, (colour, mark) = rows.sort_values("eta"), GEOMETRIES[geometry]
        bars = rows["probability"] - rows["low"], rows["high"] - rows["probability"]
        if source == "theory":
            axes.fill_between(
                rows["eta"], rows["low"], rows["high"], color=colour, alpha=0.15, lw=0
            )
            axes.plot(rows["eta"], rows["probability"], color=colour, ls=LINES[geometry], lw=1)
        else:
            style = {"color": colour, "ms": 3, "mfc": "white", "elinewidth": 0.6, "mew": 0.8}
            beside = rows["eta"] * BESIDE[geometry]
            axes.errorbar(beside, rows["probability"], bars, fmt=mark, **style)
    axes.set_xscale("log")
    axes.set_ylim(-0.03, 1.03)
    axes.set_xlabel(r"$\eta$")
    axes.set_ylabel("part collapsed, annealed")


def draw_lifetimes(axes: Axes, table: pd.DataFrame) -> None:
    """Time in the aligned state against its law: a mark for each run, filled at the largest η."""
    done = table[table["recovered"].astype(bool) & (table["law"] > 0)]
    if done.empty:
        return nothing(axes, "nothing recovered within the horizon")
    for (geometry, eta), rows in done.groupby(["geometry", "eta"]):
        colour, mark = GEOMETRIES[geometry]
        face = colour if eta == table["eta"].max() else "white"
        axes.plot(rows["law"], rows["time"], mark, color=colour, mfc=face, ms=2.5, mew=0.7)
    ends = [done[["law", "time"]].min().min(), done[["law", "time"]].max().max()]
    axes.plot(ends, ends, color="0.6", lw=0.8, zorder=0)
    axes.set_xscale("log")
    axes.set_yscale("log")
    axes.set_xlabel("law, Eq. 13.9")
    axes.set_ylabel("time aligned")
    return None


def draw_light(axes: Axes, table: pd.DataFrame) -> None:
    """Waits of a component without weight, and their law, against log 1/w: a line for each η."""
    nearest = table[table["separation"] == table["separation"].max()]
    colour, mark = GEOMETRIES["natural"]
    for eta, rows in nearest.groupby("eta"):
        rows = rows.sort_values("logit")
        decades = rows["logit"] / math.log(10)
        face = colour if eta == table["eta"].max() else "white"
        axes.plot(decades, rows["law"], color=COLOURS["formula"], lw=0.8, zorder=0)
        axes.plot(decades, rows["time"], mark, color=colour, mfc=face, ms=3, mew=0.7,
                  label=rf"$\eta = {eta:g}$")  # fmt: skip
    axes.set_xlim(left=0)
    axes.set_ylim(0, 1.25 * max(nearest["time"].max(), nearest["law"].max()))
    axes.set_xlabel("decades of $1/w$ at the start")
    axes.set_ylabel("time to recover")
    legend(axes, loc="upper left")


def caption(tables: Mapping[str, pd.DataFrame]) -> str:
    """What the panels show, and what the most components find."""
    paid = tables["components_paid"]
    last = paid[
        (paid["n_components"] == paid["n_components"].max()) & (paid["weights"] == "trained")
    ]
    ends = "; ".join(
        f"{row.geometry} {row.n_found:.2f} of {row.n_modes} ({row.problem})"
        for row in last.itertuples()
    )
    return (
        f"Stochastic descent of K components, unit variances, means on the sphere of the modes at "
        f"the start, d = {shown(first(paid, 'dimension'), 'g')}, all at "
        f"{shown(first(paid, 'cost'), 'g')} evaluations of log p; weights equal and fixed, or "
        f"trained; means over {shown(first(paid, 'n_runs'), 'g')} runs, bands: 95 % intervals. "
        f"(a, b) Modes found of those there are (grey line), (c, d) regret, KL(q‖p); what is below "
        f"{LEAST:g} is drawn there. With {shown(most(paid, 'n_components'))} components and "
        f"trained weights: {ends or UNKNOWN}. {_annealing(tables['annealed_geometry'])} "
        f"{_lifetimes(tables['natural_lifetimes'])}"
    )


def _lifetimes(table: pd.DataFrame) -> str:
    """What panels (f) and (g) show."""
    light = table[table["start"] == "light"]
    return (
        f"(f) Time from alignment to KL = ½ log 2 of runs from random starts, weights trained, two "
        f"equal modes at several r, η, d and norms, against the drift of the weights to the fold "
        f"(Eq. 13.9; grey: equal); filled: η = {shown(most(table, 'eta'), 'g')}. (g) The same from "
        f"one component at its mode and the other of weight w, natural geometry, r = "
        f"{shown(most(light, 'separation'), 'g')}; lines: Eq. 13.8."
    )


def _annealing(table: pd.DataFrame) -> str:
    """What panel (e) shows."""
    flow, descent = table[table["source"] == "theory"], table[table["source"] != "theory"]
    return (
        f"(e) Part collapsed at time {shown(first(table, 'time'), 'g')} of runs whose weights are "
        f"trained while β rises from {shown(first(table, 'beta_initial'), 'g')} within time "
        f"{shown(first(table, 'anneal_time'), 'g')}, against their speed: r = "
        f"{shown(first(table, 'separation'), 'g')}, π = {shown(first(table, 'target_weight'), 'g')}"
        f", d = {shown(first(table, 'dimension'), 'g')}, variances by the Bures clock. Lines: "
        f"closed equations, {shown(first(flow, 'n_runs'), 'g')} starts; marks: stochastic descent, "
        f"{shown(first(descent, 'n_runs'), 'g')}; bands and bars: 95 % Wilson intervals."
    )
