"""The panels of figure 8 on annealing towards modes of unequal volume."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from ..counting import counted
from .style import COLOURS, CYCLE, UNKNOWN, most, shown

__all__ = ["PATHS", "draw_paths", "draw_volumes", "heating"]

PATHS = {
    "none": ("not annealed", "0.55"),
    "tempered": ("tempered", COLOURS["collapsed"]),
    "weights kept": ("weights kept", CYCLE[4]),
    "weights evened": ("weights evened", COLOURS["both modes"]),
}


def draw_volumes(axes: Axes, table: pd.DataFrame) -> None:
    """Part of the runs that lose the narrow mode: lines by theory, marks by simulation."""
    dimensions = sorted(table["dimension"].unique())
    looks = dict(zip(dimensions, (("-", "o"), ("--", "s"), (":", "^"), ("-.", "D")), strict=False))
    there = [(path, *PATHS[path]) for path in PATHS if path in set(table["path"])]
    for path, name, colour in there:
        for place, d in enumerate(dimensions):
            dash, mark = looks.get(d, ("-", "o"))
            own = table[(table["path"] == path) & (table["dimension"] == d)]
            line = own[own["source"] == "theory"].sort_values("log_volumes")
            label = None if place else name
            axes.plot(
                line["log_volumes"], line["n_lost"] / line["n_runs"], dash,
                color=colour, label=label,
            )  # fmt: skip
            seen = own[own["source"] == "simulation"]
            for one in seen.itertuples(index=False):
                part = counted(int(one.n_lost), int(one.n_runs))
                low = max(part["probability"] - part["low"], 0)
                high = max(part["high"] - part["probability"], 0)
                axes.errorbar(
                    one.log_volumes + 0.06 * place, part["probability"], [[low], [high]],
                    color=colour, marker=mark, mfc="white" if place else colour, elinewidth=0.6,
                )  # fmt: skip
    for d, (dash, mark) in looks.items():
        face = "0.2" if d == dimensions[0] else "white"
        axes.plot([], [], dash, color="0.2", marker=mark, mfc=face, label=f"$d = {d:g}$")
    axes.axvline(math.log(4), color="0.8", linewidth=0.8, zorder=0)
    axes.set_ylim(-0.04, 1.04)
    axes.set_xlabel("log of the modes' volumes, broad over narrow")
    axes.set_ylabel("part that loses the narrow mode")
    axes.legend(loc="upper left", fontsize=6)


def draw_paths(axes: Axes, table: pd.DataFrame) -> None:
    """Mass of each flow on each mode, a column for each path; bars: the weights."""
    modes = sorted(table["mode"].unique())
    paths = [path for path in PATHS if path in set(table["path"])]
    shift = np.linspace(-0.28, 0.28, len(modes)) if len(modes) > 1 else np.zeros(1)
    for k, mode in enumerate(modes):
        colour = CYCLE[(0, 1, 2, 4, 5)[k % 5]]
        for place, path in enumerate(paths):
            own = table[(table["mode"] == mode) & (table["path"] == path)]
            x = place + shift[k]
            axes.plot(np.full(len(own), x), own["mass"], "o", color=colour, alpha=0.5, mew=0)
            for weight in own["weight"].head(1):
                axes.plot([x - 0.1, x + 0.1], [weight] * 2, color=colour, linewidth=1.5)
                if place == 0:
                    axes.plot([], [], "o", color=colour, label=f"weight {weight:.1f}")
    axes.set_xticks(range(len(paths)), [PATHS[path][0].replace(" ", "\n") for path in paths])
    axes.set_ylim(-0.03, 1.16)  # room for the legend above all masses
    axes.set_ylabel("mass on the mode")
    axes.legend(loc="upper center", ncols=len(modes), columnspacing=1.0, fontsize=6)


def heating(table: pd.DataFrame, flows: pd.DataFrame) -> str:
    """What the two panels show."""
    dimensions = sorted(table["dimension"].unique())
    told = " and ".join(f"{d:g}" for d in dimensions) or UNKNOWN
    runs = flows[flows["mode"] == flows["mode"].min()] if len(flows) else flows
    lost = [
        f"{(own['outcome'] != 'both modes').sum()} of {len(own)} ({path})"
        for path, own in runs.groupby("path", sort=False)
    ]
    return (
        "(e) Two Gaussians, the heavier one (weight "
        f"{shown(most(table, 'target_weight'), 'g')}) narrower, r = "
        f"{shown(most(table, 'separation'), 'g')} widths of the broad one, q of two components "
        "with equal fixed weights and trained variances, annealed in time "
        f"{shown(most(table[table['path'] != 'none'], 'anneal_time'), 'g')}: part of the runs that "
        "has lost the narrow mode at time "
        f"{shown(most(table, 'time'), 'g')}, by the closed equations (lines, d = {told}) and by "
        "descent with batches (marks, 95 % Wilson intervals; of a larger d drawn a little to the "
        "right), against ½ log |Σ_2|/|Σ_1|; grey: log "
        "4. Tempered: p^β; the other paths hold the modes' weights at π_k, or at π_k^β "
        "(docs/theory.md, Section 17). (f) RealNVP on three Gaussians with full covariances, the "
        "heaviest the narrowest, by "
        f"step {shown(most(flows, 'step'), 'g')}: mass of each run on each mode, and its weight "
        f"(bars). Collapsed: {', '.join(lost) or UNKNOWN}."
    )
