"""Figure 7: what another geometry and another objective do against collapse."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from .style import COLOURS, first, legend, new_figure, nothing, panel, panel_letter, shown

__all__ = ["CLAIM", "caption", "draw"]

CLAIM = (
    "A component does not lose its weight for long where the means move without it, and another "
    "objective moves the separation at which collapse is born."
)
GEOMETRIES = {
    "euclidean": COLOURS["simulation"],
    "wasserstein": COLOURS["flow"],
    "natural": COLOURS["both modes"],
}
OBJECTIVES = {"alpha": COLOURS["theory"], "share": COLOURS["formula"]}
NAMES = {"alpha": r"$D_\alpha$, against $\alpha$", "share": r"share $\lambda$, against $\lambda$"}


def draw(tables: Mapping[str, pd.DataFrame]) -> Figure:
    """(a, b) part collapsed over time, (c) waits, by geometry; (d) births, by objective."""
    figure, axes = new_figure(2, 2, 5.4)
    survival = tables["geometry_survival"]
    separations = sorted(survival["separation"].unique())
    for one, place in zip(axes[0], (0, 1), strict=True):
        if place < len(separations):
            draw_survival(one, survival[survival["separation"] == separations[place]])
        else:
            nothing(one)
    panel(axes[1, 0], draw_waits, tables["geometry_waits"])
    if tables["objective_births"].empty and tables["objective_runs"].empty:
        nothing(axes[1, 1])
    else:
        draw_births(axes[1, 1], tables["objective_births"], tables["objective_runs"])
    for one, letter in zip(axes.flat, "abcd", strict=True):
        panel_letter(one, letter)
    colours = [Line2D([], [], color=colour, label=name) for name, colour in GEOMETRIES.items()]
    lines = {"-": "collapsed (a, b)", "--": "of it by vanishing weight"}
    styles = [Line2D([], [], color="0.4", ls=style, label=word) for style, word in lines.items()]
    figure.legend(handles=[*colours, *styles], loc="outside upper center", ncols=5)
    return figure


def draw_survival(axes: Axes, table: pd.DataFrame) -> None:
    """Part collapsed with its band, and dashed the part by vanishing weight, over time."""
    for geometry, colour in GEOMETRIES.items():
        rows = table[table["geometry"] == geometry].sort_values("time")
        if rows.empty:
            continue
        dead = rows["n_vanishing_weight"] / rows["n_runs"]
        axes.fill_between(rows["time"], rows["low"], rows["high"], color=colour, alpha=0.2, lw=0)
        axes.plot(rows["time"], rows["probability"], "o-", color=colour, ms=2.5, label=geometry)
        axes.plot(rows["time"], dead, color=colour, ls="--", lw=1, marker="o", ms=1.5)
    axes.set_xscale("log")
    axes.set_ylim(-0.03, 1.03)
    axes.set_xlabel("time $t$")
    axes.set_ylabel("part collapsed at $t$")
    axes.text(
        *(0.97, 0.95, f"$r = {first(table, 'separation'):g}$, $\\eta = {first(table, 'eta'):g}$"),
        transform=axes.transAxes, ha="right", va="top",
    )  # fmt: skip


def draw_waits(axes: Axes, table: pd.DataFrame) -> None:
    """Time to recover against r: lines with dots, one at its mode; dashed with squares, aligned."""
    marks = {"one at its mode": ("o", "-"), "aligned": ("s", "--")}
    done = table[table["recovered"].astype(bool)]
    if done.empty:
        return nothing(axes, "nothing recovered within the horizon")
    for (start, geometry), rows in done.groupby(["start", "geometry"]):
        mark, line = marks[start]
        rows = rows.sort_values("separation")
        colour = GEOMETRIES[geometry]
        axes.plot(rows["separation"], rows["time"], mark, ls=line, color=colour, ms=3, lw=1)
    axes.set_yscale("log")
    axes.set_xlabel(r"separation $r$")
    axes.set_ylabel("time to recover")
    words = {"one at its mode": "one has arrived", "aligned": "both lie together"}
    handles = [
        Line2D([], [], color="0.4", marker=mark, ls=line, ms=3, lw=1, label=words[start])
        for start, (mark, line) in marks.items()
        if start in set(done["start"])
    ]
    axes.legend(handles=handles, loc="upper left")
    return None


def draw_births(axes: Axes, births: pd.DataFrame, runs: pd.DataFrame) -> None:
    """r_c against α and λ, dashed its limit; marks are runs, filled where any is collapsed."""
    for objective, colour in OBJECTIVES.items():
        rows = births[births["objective"] == objective].sort_values("strength")
        known = rows[rows["source"] == "theory"]
        limit = rows[rows["source"] == "formula"]
        if len(known):
            axes.plot(known["strength"], known["separation"], color=colour, label=NAMES[objective])
        if len(limit):
            limit_colour = COLOURS["mean alignment"]
            style = {"color": limit_colour, "ls": ":", "lw": 1.6, "label": r"limit $\alpha \to 1$"}
            axes.plot(limit["strength"], limit["separation"], **style)
        here = runs[runs["objective"] == objective]
        lost = here["n_collapsed"] > 0
        shape = {"alpha": "o", "share": "D"}[objective]
        for some, face in ((here[lost], colour), (here[~lost], "none")):
            if len(some):
                axes.plot(
                    some["strength"], some["separation"], shape,
                    color=colour, mfc=face, ms=3.5, mew=0.8,
                )  # fmt: skip
    axes.set_yscale("log")
    ticks = [2, 3, 5, 10, 20, 50]
    axes.set_yticks(ticks, [str(tick) for tick in ticks])
    axes.minorticks_off()
    axes.set_xlim(-0.03, 1.03)
    axes.set_xlabel(r"$\alpha$ or $\lambda$")
    axes.set_ylabel(r"separation $r$")
    legend(axes, loc="upper left")


def caption(tables: Mapping[str, pd.DataFrame]) -> str:
    """What the panels show, with the numbers at the last time and at the largest separation."""
    survival, waits = tables["geometry_survival"], tables["geometry_waits"]
    births, runs = tables["objective_births"], tables["objective_runs"]
    here = survival[survival["separation"] == survival["separation"].min()]
    end = here[here["time"] == here["time"].max()].set_index("geometry")
    part = end["probability"].to_dict()
    arriving = waits[(waits["start"] == "one at its mode") & waits["recovered"].astype(bool)]
    far = arriving[arriving["separation"] == arriving["separation"].max()]
    wait = far.set_index("geometry")["time"].to_dict()
    solved = births[births["source"] == "theory"]
    alphas = solved[solved["objective"] == "alpha"].nlargest(1, "strength")
    none = float("nan")
    return (
        f"(a, b) Part of {shown(first(survival, 'n_runs'), 'g')} starts on the sphere of radius r "
        f"that is collapsed at a time, weights trained, "
        f"d = {shown(first(survival, 'dimension'), 'g')}, "
        f"π = {shown(first(survival, 'target_weight'), 'g')}; bands: 95 % Wilson intervals, "
        f"dashed: by vanishing weight. At t = {shown(first(end, 'time'), 'g')} "
        f"and r = {shown(first(end, 'separation'), 'g')} "
        f"{shown(part.get('euclidean', none), '.3f')} is collapsed in the Euclidean geometry, "
        f"{shown(part.get('natural', none), '.3f')} in the natural one. (c) Time to recover at "
        f"η = {shown(first(waits, 'eta'), 'g')}. Dots: from one component at its mode and the "
        f"other not moved yet (at r = {shown(first(far, 'separation'), 'g')}: Euclidean "
        f"{shown(wait.get('euclidean', none), '.2g')}, natural "
        f"{shown(wait.get('natural', none), '.2g')}); squares: from the state that is collapsed "
        f"at fixed weights. What takes longer than the horizon is not shown. (d) The separation "
        f"at which collapse is born with equal fixed weights; "
        f"{shown(first(alphas, 'separation'), '.3f')} at "
        f"α = {shown(first(alphas, 'strength'), 'g')}; dotted: Eq. 14.14. Marks: "
        f"{shown(first(runs, 'n_runs'), 'g')} runs each of gradient flow to "
        f"t = {shown(first(runs, 'time'), 'g')} (circles: α, diamonds: λ), filled where any is "
        f"collapsed at the end.{_without_state(runs)}"
    )


def _without_state(runs: pd.DataFrame) -> str:
    """Which shares have no collapsed state at any separation of the marks."""
    found = runs[runs["objective"] == "share"].groupby("strength")["n_collapsed_states"].sum()
    bare = [f"{strength:g}" for strength in found[found == 0].index]
    if not bare:
        return ""
    top = shown(runs["separation"].max(), "g")
    return f" No collapsed state was found up to r = {top} at λ = {', '.join(bare)}."
