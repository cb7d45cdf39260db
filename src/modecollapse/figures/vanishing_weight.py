"""Figure 4: vanishing weight; a component loses its weight before it arrives."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from matplotlib import pyplot as plt
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from .style import (
    MARKERS,
    UNKNOWN,
    WIDTH,
    first,
    legend,
    mesh,
    most,
    nothing,
    panel_letter,
    shades,
    shown,
)

__all__ = ["CLAIM", "caption", "draw"]

CLAIM = (
    "Vanishing weight: a component that is worse placed dies before it arrives at its mode; with "
    "fast weights it heals again, and when one looks decides how much of it one sees."
)
MAPS = {  # column -> title; a part of the runs, and KL in nats
    "n_mean_alignment": "mean alignment",
    "n_vanishing_weight": "vanishing weight",
    "kl": "KL (nats)",
}


def draw(tables: Mapping[str, pd.DataFrame]) -> Figure:
    """(a) weights and means for several η, (b) what is collapsed against time, (c) maps."""
    table = tables["outcome_map"]
    times = np.sort(table.loc[table["source"] == "theory", "time"].unique())
    rows = max(len(times), 1)
    figure = plt.figure(figsize=(WIDTH, 4.3 + 1.75 * rows))
    top, middle, bottom = figure.subfigures(3, 1, height_ratios=[1.0, 1.1, 0.95 * rows])
    draw_trajectories(top.subplots(1, 2), tables["weight_trajectories"])
    draw_survival(middle, tables["survival"], table[table["source"] != "theory"])
    draw_maps(bottom, table, times)
    return figure


def draw_trajectories(panels: np.ndarray, table: pd.DataFrame) -> None:
    """The lighter component's weight, and its mean's position, one line for each η."""
    weight, position = panels
    for shade, (eta, rows) in zip(
        shades(table["eta"].nunique()), table.groupby("eta"), strict=True
    ):
        weight.plot(rows["time"], rows["weight"], color=shade, label=rf"$\eta = {eta:g}$")
        separation = rows["separation"].iloc[0]
        position.plot(rows["time"], rows["m1"] / separation, color=shade)
        position.plot(rows["time"], rows["m2"] / separation, color=shade, ls="--")
    if table.empty:
        nothing(weight)
        nothing(position)
    else:
        weight.set_yscale("log")
    weight.set_ylabel(r"weight of component 1, $w_1$")
    legend(weight, loc="center right", ncols=2)
    for mode in [sign * r for r in table["separation"].head(1) for sign in (-1, 1)]:
        position.axhline(mode, color="0.85", linewidth=0.6, zorder=0)
    position.set_ylabel(r"$\mu_i\cdot\mu^\star/r$ (1: solid, 2: dashed)")
    for axes in panels:
        axes.set_xlabel(r"time $t$")
    panel_letter(weight, "a")


def draw_survival(figure: Figure, table: pd.DataFrame, trained: pd.DataFrame) -> None:
    """The part of the runs that is collapsed, against time: a panel for each (π, r)."""
    settings = table[["target_weight", "separation"]].drop_duplicates().to_numpy()
    columns = max(len(settings), 1)
    panels = figure.subplots(1, columns, sharex=True, sharey=True, squeeze=False)[0]
    if table.empty:
        nothing(panels[0])
    for axes, (weight, separation) in zip(panels, settings, strict=False):
        chosen = [
            t[(t["target_weight"] == weight) & (t["separation"] == separation)]
            for t in (table, trained)
        ]
        draw_part(axes, *chosen)
        axes.set_title(rf"$\pi = {weight:g}$, $r = {separation:g}$", pad=3)
        axes.set_xlabel(r"time $t$")
    panels[0].set_ylabel("part collapsed at $t$")
    legend(panels[0], loc="best", fontsize=6)
    panel_letter(panels[0], "b")
    panels[0].set_title(panels[0].get_title(), pad=3)


def draw_part(axes: Axes, table: pd.DataFrame, trained: pd.DataFrame) -> None:
    """Theory with its band, simulation with its intervals, a shade for each η."""
    etas = np.sort(table["eta"].unique())
    for shade, eta in zip(shades(len(etas)), etas, strict=True):
        rows = table[table["eta"] == eta].sort_values("time")
        axes.plot(rows["time"], rows["probability"], color=shade, label=rf"$\eta = {eta:g}$")
        axes.fill_between(
            rows["time"], rows["low"], rows["high"], color=shade, alpha=0.2, linewidth=0
        )
        marks = trained[trained["eta"] == eta]
        p = marks["probability"]
        bars = np.abs([p - marks["low"], marks["high"] - p])
        style = {"color": shade, "ls": "", "elinewidth": 0.8, "markeredgecolor": "black"}
        axes.errorbar(marks["time"], p, bars, marker=MARKERS["simulation"], mew=0.5, **style)
    axes.set_xscale("log")
    axes.set_ylim(-0.03, 1.03)


def draw_maps(figure: Figure, table: pd.DataFrame, times: np.ndarray) -> None:
    """A row for each time, a column for each quantity; simulated points as discs."""
    shape = max(len(times), 1), len(MAPS)
    panels = figure.subplots(*shape, sharex=True, sharey=True, squeeze=False)
    for axes in panels.flat if not len(times) else ():
        nothing(axes)
    tops = {name: 1.0 if name != "kl" else max(float(most(table, "kl")), 1e-3) for name in MAPS}
    for row, time in zip(panels, times, strict=False):
        here = table[table["time"] == time]
        for axes, (column, name) in zip(row, MAPS.items(), strict=True):
            values = here[column] / (here["n_runs"] if column != "kl" else 1)
            image = draw_map(axes, here.assign(value=values), tops[column])
            axes.set_title(f"{name}, $t = {time_name(time)}$", pad=3)
            if column != "n_mean_alignment":
                bar = figure.colorbar(image, ax=axes, pad=0.02, aspect=18)
                bar.outline.set_visible(False)
        row[0].set_ylabel(r"rate ratio $\eta$")
    for axes in panels[-1]:
        axes.set_xlabel(r"separation $r$")
    panel_letter(panels[0, 0], "c")
    panels[0, 0].set_title(panels[0, 0].get_title(), pad=3)


def time_name(time: float) -> str:
    """A time in digits where they are few, else as a power of ten.

    >>> time_name(200.0), time_name(1e5)
    ('200', '10^{5}')
    """
    power = np.log10(time)
    return f"10^{{{round(power)}}}" if time >= 1e4 and power % 1 == 0 else f"{time:g}"


def draw_map(axes: Axes, table: pd.DataFrame, top: float):
    """The column "value" over (separation, η), from 0 to `top`."""
    colours: dict[str, Any] = {"cmap": "cividis", "vmin": 0, "vmax": top}
    theory = table[table["source"] == "theory"]
    grid = theory.pivot(index="eta", columns="separation", values="value")
    etas = np.sort(table["eta"].unique())
    rows = np.searchsorted(etas, grid.index)
    image = mesh(axes, grid.columns, rows, grid.to_numpy(), **colours)
    axes.set_yticks(np.arange(len(etas)), [f"{eta:g}" for eta in etas])
    trained = table[table["source"] != "theory"]
    axes.scatter(
        trained["separation"],
        np.searchsorted(etas, trained["eta"]),
        c=trained["value"],
        marker=MARKERS["simulation"],
        edgecolors="white",
        linewidths=0.8,
        s=22,
        **colours,
    )
    return image


def caption(tables: Mapping[str, pd.DataFrame]) -> str:
    """What the panels show and the numbers that decide the claim."""
    runs, table, lasting = (tables[n] for n in ("weight_trajectories", "outcome_map", "survival"))
    last = runs.groupby("eta").tail(1)
    ends = ", ".join(
        f"{row.weight:.2g} ({row.outcome}) at η = {row.eta:g}" for row in last.itertuples()
    )
    theory, trained = table[table["source"] == "theory"], table[table["source"] != "theory"]
    times = " and ".join(f"{t:g}" for t in np.sort(theory["time"].unique()))
    return (
        f"(a) One start at r = {shown(first(runs, 'separation'), 'g')} trained with several "
        f"learning-rate ratios η of weights to means: weight of component 1, and both means. At "
        f"time {shown(most(runs, 'time'), 'g')} w_1 = {ends or UNKNOWN}. (b) Part of the runs that "
        f"is collapsed at time t, d = {shown(first(lasting, 'dimension'))}, from "
        f"{shown(most(lasting, 'n_runs'))} starts on the sphere of radius r in gradient flow (η = "
        f"0: equal fixed weights), band: 95 % Wilson interval. Marks: simulation, runs added until "
        f"the interval was narrow, {shown(trained['n_runs'].min())} to "
        f"{shown(most(trained, 'n_runs'))} each; bars: 95 % Clopper–Pearson intervals, valid under "
        f"this stopping. (c) The same starts at π = {shown(first(theory, 'target_weight'), 'g')}, "
        f"at times {times or UNKNOWN}: part of the runs by mechanism, and mean KL(q‖p); theory "
        f"({shown(most(theory, 'n_runs'))} starts a point) as the map, simulation at the same time "
        f"as discs in the same colours; {_distance(theory, trained)} {_moving(theory)}"
    )


def _distance(theory: pd.DataFrame, trained: pd.DataFrame) -> str:
    """How far simulation is from theory at the same time, in points of frequency."""
    where = ["eta", "separation", "target_weight", "dimension", "time"]
    pairs = trained.merge(theory, on=where, suffixes=("", "_theory"))
    inside = (pairs["probability_theory"] >= pairs["low"]) & (
        pairs["probability_theory"] <= pairs["high"]
    )
    return f"theory lies in the intervals of {inside.sum()} of {len(pairs)} of these."


def _moving(theory: pd.DataFrame) -> str:
    """How many runs still moved at each time."""
    parts = theory.groupby("time")[["n_moving", "n_runs"]].sum()
    words = ", ".join(
        f"{100 * row.n_moving / row.n_runs:.0f} % at {row.Index:g}" for row in parts.itertuples()
    )
    return (
        f"Of the runs in (c) still moved (KL changed by more than 0.01 since half the time): "
        f"{words or UNKNOWN}."
    )
