"""Supplementary figure: how many of several modes are found, with as many components and more."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from ..outcomes import COVERAGE
from .style import UNKNOWN, legend, most, new_figure, nothing, panel, panel_letter, shades, shown

__all__ = ["CLAIM", "caption", "draw"]

CLAIM = (
    "Collapse is not a matter of two modes: as many components as modes lose some; with fixed "
    "weights spare ones find more, with trained ones modes on a wide simplex are lost even so."
)
NAMES = {"simplex": "on a simplex", "random": "in random directions"}
LETTERS = "abcdefghijklmnop"


def draw(tables: Mapping[str, pd.DataFrame]) -> Figure:
    """Modes found against the separation: a row for each arrangement, a column for each η."""
    table = tables["modes_found"]
    arrangements = list(dict.fromkeys(table["arrangement"]))
    etas = sorted(table["eta"].unique())
    rows, columns = max(len(arrangements), 1), max(len(etas), 1)
    figure, panels = new_figure(rows, columns, 0.5 + 1.9 * rows, sharex=True, sharey="row")
    if table.empty:
        nothing(panels[0, 0])
    for row, arrangement in zip(panels, arrangements, strict=False):
        for axes, eta in zip(row, etas, strict=True):
            chosen = (table["arrangement"] == arrangement) & (table["eta"] == eta)
            panel(axes, draw_found, table[chosen], colours=coloured(table))
            axes.set_title(rf"{NAMES[arrangement]}, $\eta = {eta:g}$")
        row[0].set_ylabel("modes found")
    for axes in panels[-1]:
        axes.set_xlabel(r"separation $r$")
    legend(panels[0, 0], title="components $K$", loc="lower left", title_fontsize=7)
    for axes, letter in zip(panels.ravel(), LETTERS, strict=False):
        panel_letter(axes, letter)
    return figure


def draw_found(axes: Axes, table: pd.DataFrame, colours: Mapping[int, str]) -> None:
    """A line for each K, with standard errors, below the number of modes that there are."""
    axes.axhline(table["n_modes"].iloc[0], color="0.85", linewidth=0.8, zorder=0)
    for n_components, rows in table.sort_values("separation").groupby("n_components"):
        axes.errorbar(
            rows["separation"],
            rows["n_found"],
            rows["n_found_se"],
            color=colours[n_components],
            marker="o",
            elinewidth=0.6,
            label=f"{n_components}",
        )
    axes.set_ylim(0, None)
    axes.set_yticks(range(table["n_modes"].iloc[0] + 1))
    axes.set_xticks(sorted(table["separation"].unique()))


def coloured(table: pd.DataFrame) -> dict[int, str]:
    """A colour for each K."""
    counts = sorted(table["n_components"].unique())
    return dict(zip(counts, shades(len(counts)), strict=True))


def caption(tables: Mapping[str, pd.DataFrame]) -> str:
    """What the panels show, and the counts at the ends of the curves."""
    table = tables["modes_found"]
    targets = table.drop_duplicates("arrangement")
    modes = "; ".join(
        f"K* = {row.n_modes} {NAMES[row.arrangement]}, d = {row.dimension}"
        for row in targets.itertuples()
    )
    spare = most(table, "n_components")
    ends = "; ".join(
        f"{NAMES[name]} {_found(rows, min(rows['eta']))} with fixed weights "
        f"and {_found(rows, max(rows['eta']))} with η = {max(rows['eta']):g}"
        for name, rows in table.groupby("arrangement", sort=False)
    )
    return (
        f"Number of modes found (mass of q on a mode at least {COVERAGE:g} of its weight) by the "
        f"gradient flow of K components, unit variances, equal weights at the start, against the "
        f"separation r = ‖ν_k‖: {modes or UNKNOWN}; grey line: all modes. Theory for any K and K* "
        f"(docs/theory.md, Section 9), mean and standard error of {shown(most(table, 'n_runs'))} "
        f"starts "
        f"on the sphere of radius r, at time {shown(most(table, 'time'), 'g')}, when "
        f"{table['n_moving'].sum()} of all {table['n_runs'].sum()} runs still moved (KL changed by "
        f"more than 0.01 since half the time). η is the speed of the weights' logits, 0 for "
        f"fixed weights. "
        f"At r = {shown(most(table, 'separation'), 'g')}, K = {shown(spare)} components find: "
        f"{ends or UNKNOWN}."
    )


def _found(table: pd.DataFrame, eta: float) -> str:
    """Modes found of those there are, by the most components at the largest separation."""
    last = table[table["eta"] == eta].sort_values(["separation", "n_components"]).iloc[-1]
    return f"{last['n_found']:.1f} ± {last['n_found_se']:.1f} of {last['n_modes']}"
