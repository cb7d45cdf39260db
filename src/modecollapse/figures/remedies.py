"""Figure 7: geometry, objective, and every remedy on one scale."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure, SubFigure
from matplotlib.lines import Line2D
from matplotlib.ticker import NullFormatter

from .remedies_caption import LEAST_REGRET, caption
from .style import (
    COLOURS,
    DARK,
    GEOMETRIES,
    MARKERS,
    first,
    legend,
    new_rows,
    nothing,
    panel,
    panel_letter,
    shades,
)

__all__ = ["CLAIM", "caption", "draw"]

CLAIM = (
    "Annealing in the natural geometry leaves no collapsed run of two modes at the price of the "
    "plain descent (d = 16, means on the sphere of the modes); of four modes four components leave "
    "some, eight none."
)
PROBLEMS = ("equal modes", "unequal modes", "four modes")
LETTERS = "abcdefghijklm"
LISTED = {
    "simulation": (
        *("plain", "small start", "trained variances", "wide start", "momentum", "adam"),
        *("small batches", "trained weights", "wasserstein", "natural", "alpha 0.5", "alpha 0.9"),
        *("share 0.1", "share 0.5", "share 0.5, equal chains", "best of 3", "best of 10"),
        *("best of 10, natural", "annealing", "annealing, weights afterwards"),
        *("annealing, weights throughout", "annealing, natural", "twice the components"),
        *("twice the components, natural", "annealing, natural, twice the components"),
    ),
    "flow": (
        *("plain", "wide base", "mixture base", "share 0.1", "share 0.25", "share 0.5"),
        *("best of 3", "annealing"),
    ),
}
SHARE = DARK[4]
OBJECTIVES = {"alpha": (COLOURS["theory"], "o"), "share": (SHARE, "v")}
NAMES = {"alpha": r"$D_\alpha$, against $\alpha$", "share": r"share $\lambda$, against $\lambda$"}


# The remedies whose course is drawn, none in the colour of a source; all others are in the list of
# panels (e) to (g).
COURSES = {
    "plain": ("0.5", "-", ""),
    "trained weights": (GEOMETRIES["euclidean"][0], "-", "o"),
    "natural": (GEOMETRIES["natural"][0], "-", "D"),
    "annealing": (DARK[2], "-", "X"),
    "annealing, natural": (DARK[3], "-", "P"),
    "annealing, natural, twice the components": (DARK[3], ":", "*"),
    "best of 10, natural": (GEOMETRIES["natural"][0], "--", "<"),
    "share 0.5": (SHARE, "-", "v"),
}
FLOWS = {
    "plain": (COLOURS["flow"], "--", MARKERS["flow"]),
    "share 0.1": (COLOURS["flow"], ":", "^"),
    "share 0.5": (COLOURS["flow"], "-.", "v"),
    "mixture base": (COLOURS["flow"], "-", "D"),
}


def draw(tables: Mapping[str, pd.DataFrame]) -> Figure:
    """(a) part collapsed by geometry, (b) waits, (c) births, (d) batches; (e-g) regret of all
    remedies, (h-j) and (k-m) regret and part collapsed against cost."""
    figure, parts = new_rows({2.05: 4, 3.9: 3, 1.8: 3, 2.3: 3})
    top, *rows = [part.axes for part in parts]
    survival, remedies = tables["geometry_survival"], tables["remedies"]
    nearest = survival[survival["separation"] == survival["separation"].min()]
    panel(top[0], draw_survival, nearest)
    panel(top[1], draw_waits, tables["geometry_waits"])
    if tables["objective_births"].empty and tables["objective_runs"].empty:
        nothing(top[2])
    else:
        draw_births(top[2], tables["objective_births"], tables["objective_runs"])
    panel(top[3], draw_batches, tables["objective_batches"], tables["objective_births"])
    for k, problem in enumerate(PROBLEMS):
        here = remedies[remedies["problem"] == problem]
        rows[0][k].set_title(problem)
        panel(rows[0][k], draw_list, here)
        panel(rows[1][k], draw_course, here, column="regret")
        panel(rows[2][k], draw_course, here, column="probability")
        if k:
            rows[0][k].set_yticklabels([])
    for one, letter in zip([*top, *rows[0], *rows[1], *rows[2]], LETTERS, strict=True):
        panel_letter(one, letter)
    _legends(parts[0], parts[-1])
    return figure


def _legends(top: SubFigure, bottom: SubFigure) -> None:
    """Geometries above, remedies below."""
    known = [
        Line2D([], [], color=colour, marker=mark, ms=3, label=name)
        for name, (colour, mark) in GEOMETRIES.items()
    ]
    lines = {"-": "collapsed (a)", "--": "of it by vanishing weight"}
    styles = [Line2D([], [], color="0.4", ls=style, label=word) for style, word in lines.items()]
    top.legend(handles=[*known, *styles], loc="outside upper center", ncols=5)
    courses = {**COURSES, **{f"flow: {name}": style for name, style in FLOWS.items()}}
    keys = [
        Line2D([], [], color=colour, ls=line, marker=mark, ms=3, lw=1, label=name)
        for name, (colour, line, mark) in courses.items()
    ]
    bottom.legend(handles=keys, loc="outside lower center", ncols=3)


def draw_list(axes: Axes, table: pd.DataFrame) -> None:
    """Regret of every remedy at its last cost, the least above; filled where a run is collapsed."""
    last = table.sort_values("cost").groupby(["source", "remedy"], sort=False).tail(1)
    order = [(s, r) for s, names in LISTED.items() for r in names]
    for place, (source, remedy) in enumerate(order):
        for row in last[(last["source"] == source) & (last["remedy"] == remedy)].itertuples():
            colour = COLOURS[source]
            low, high = max(row.regret_low, LEAST_REGRET), max(row.regret_high, LEAST_REGRET)
            at = max(row.regret, LEAST_REGRET)
            axes.plot([low, high], [place, place], color=colour, lw=1)
            face = colour if row.n_collapsed else "white"
            axes.plot([at], [place], MARKERS[source], color=colour, mfc=face, ms=3.2, mew=0.8)
    axes.set_xscale("log")
    axes.set_xlim(0.6 * LEAST_REGRET, 4)
    axes.set_ylim(len(order) - 0.4, -0.6)
    names = [r.replace("twice the components", "$2K^\\star$ components") for _, r in order]
    names = [n if s != "flow" else f"flow: {n}" for n, (s, _) in zip(names, order, strict=True)]
    axes.set_yticks(range(len(order)), names, fontsize=6)
    axes.set_xlabel("regret at the end (nats)")


def draw_course(axes: Axes, table: pd.DataFrame, column: str) -> None:
    """Regret, or part collapsed, against evaluations of log p, with bands of 95 %."""
    low, high = ("regret_low", "regret_high") if column == "regret" else ("low", "high")
    least = LEAST_REGRET if column == "regret" else -1.0
    for source, courses in (("simulation", COURSES), ("flow", FLOWS)):
        for remedy, (colour, line, mark) in courses.items():
            rows = table[(table["source"] == source) & (table["remedy"] == remedy)]
            rows = rows.sort_values("cost")
            if rows.empty:
                continue
            bounds = rows[low].clip(lower=least), rows[high].clip(lower=least)
            axes.fill_between(rows["cost"], *bounds, color=colour, alpha=0.12, lw=0)
            axes.plot(rows["cost"], rows[column].clip(lower=least), line, marker=mark, ms=2.5,
                      color=colour, lw=1)  # fmt: skip
    axes.set_xscale("log")
    axes.xaxis.set_minor_formatter(NullFormatter())
    axes.set_xlabel("evaluations of log p")
    if column == "regret":
        axes.set_yscale("log")
        axes.set_ylim(0.6 * LEAST_REGRET, 30)
        axes.set_ylabel("regret (nats)")
    else:
        axes.set_ylim(-0.03, 1.03)
        axes.set_ylabel("part collapsed")


def draw_batches(axes: Axes, table: pd.DataFrame, births: pd.DataFrame) -> None:
    """The largest separation from which runs leave the collapsed state, by the samples of a step,
    and the critical separation of the closed equations."""
    known = births[(births["source"] == "theory") & (births["objective"] == "alpha")]
    known = known.sort_values("strength")
    known = known[known["strength"] <= table["alpha"].max() + 0.05]
    axes.plot(known["strength"], known["separation"], color=COLOURS["theory"], label=r"$r_c$")
    flow = table[table["flow_separation"] > 0].drop_duplicates("alpha").sort_values("alpha")
    axes.plot(
        flow["alpha"], flow["flow_separation"], ls="--", lw=1, color=COLOURS["theory"],
        label="gradient flow",
    )  # fmt: skip
    kinds = ["batch", "dimension", "weights", "estimator"]
    cases = sorted(set(table[kinds].itertuples(index=False, name=None)))
    batches = sorted({case[0] for case in cases})
    blues = shades(len(batches) + 1, "light:" + COLOURS["simulation"])[1:]  # the first is white
    for place, case in enumerate(cases):
        rows = table[
            (table[kinds] == pd.Series(case, kinds)).all(axis=1) & (table["separation"] > 0)
        ]
        rows = rows.sort_values("alpha")
        batch, dimension, weights, estimator = case
        plain, score = weights == "plain", estimator == "pathwise"
        colour, beside = (
            blues[batches.index(batch)],
            rows["alpha"] + 0.008 * (place - len(cases) / 2),
        )
        axes.vlines(beside, rows["low"], rows["high"], color=colour, lw=0.7)
        axes.plot(
            beside, rows["separation"], "x" if plain else ("D" if score else "o"),
            ls=":" if plain or score else "-", color=colour, ms=3, lw=1,
            label=f"{batch:.0e}".replace("e+0", "e") + (", plain" if plain else "")
            + (f", score, d = {dimension}" if score else ""),
        )  # fmt: skip
    axes.set_xlabel(r"$\alpha$")
    axes.set_ylabel(r"largest $r$ left")
    axes.set_xlim(table["alpha"].min() - 0.4, table["alpha"].max() + 0.06)  # room for the legend
    axes.set_ylim(2, max(6, axes.get_ylim()[1]))
    legend(axes, loc="upper left", fontsize=5.5)


def draw_survival(axes: Axes, table: pd.DataFrame) -> None:
    """Part collapsed with its band, and dashed the part by vanishing weight, over time."""
    for geometry, (colour, mark) in GEOMETRIES.items():
        rows = table[table["geometry"] == geometry].sort_values("time")
        if rows.empty:
            continue
        dead = rows["n_vanishing_weight"] / rows["n_runs"]
        axes.fill_between(rows["time"], rows["low"], rows["high"], color=colour, alpha=0.2, lw=0)
        axes.plot(rows["time"], rows["probability"], mark, ls="-", color=colour, ms=2.5)
        axes.plot(rows["time"], dead, mark, ls="--", color=colour, lw=1, ms=1.5)
    axes.set_xscale("log")
    axes.xaxis.set_minor_formatter(NullFormatter())
    axes.set_ylim(-0.03, 1.03)
    axes.set_xlabel("time $t$")
    axes.set_ylabel("part collapsed at $t$")
    axes.set_title(
        f"$r = {first(table, 'separation'):g}$, $\\eta = {first(table, 'eta'):g}$", loc="right"
    )


def draw_waits(axes: Axes, table: pd.DataFrame) -> None:
    """Time to recover against r: filled, one at its mode; open and dashed, aligned."""
    marks = {"one at its mode": (None, "-"), "aligned": ("white", "--")}
    done = table[table["recovered"].astype(bool)]
    if done.empty:
        return nothing(axes, "nothing recovered within the horizon")
    for (start, geometry), rows in done.groupby(["start", "geometry"]):
        (face, line), (colour, mark) = marks[start], GEOMETRIES[geometry]
        rows = rows.sort_values("separation")
        style = {"ls": line, "color": colour, "mfc": face or colour, "mew": 0.8}
        axes.plot(rows["separation"], rows["time"], mark, ms=3, lw=1, **style)
    axes.set_yscale("log")
    axes.set_xlabel(r"separation $r$")
    axes.set_ylabel("time to recover")
    words = {"one at its mode": "one has arrived", "aligned": "both lie together"}
    handles = [
        Line2D([], [], color="0.4", marker="o", mfc=face or "0.4", ls=line, ms=3, lw=1,
               label=words[start])
        for start, (face, line) in marks.items()
        if start in set(done["start"])
    ]  # fmt: skip
    axes.legend(handles=handles, loc="upper left", fontsize=5.5)
    axes.set_ylim(top=axes.get_ylim()[1] * 1e3)  # room for it
    return None


def draw_births(axes: Axes, births: pd.DataFrame, runs: pd.DataFrame) -> None:
    """r_c against α and λ, dashed its limit; marks are runs, filled where any is collapsed."""
    for objective, (colour, shape) in OBJECTIVES.items():
        rows = births[births["objective"] == objective].sort_values("strength")
        known = rows[rows["source"] == "theory"]
        limit = rows[rows["source"] == "formula"]
        if len(known):
            axes.plot(known["strength"], known["separation"], color=colour, label=NAMES[objective])
        if len(limit):
            limit_colour = COLOURS["formula"]
            style = {"color": limit_colour, "ls": ":", "lw": 1.6, "label": r"limit $\alpha \to 1$"}
            axes.plot(limit["strength"], limit["separation"], **style)
        here = runs[runs["objective"] == objective]
        lost = here["n_collapsed"] > 0
        for some, face in ((here[lost], colour), (here[~lost], "none")):
            if len(some):
                axes.plot(
                    some["strength"], some["separation"], shape,
                    color=colour, mfc=face, ms=3.5, mew=0.8,
                )  # fmt: skip
    axes.set_yscale("log")
    ticks = [2, 3, 5, 10, 20, 50, 200]
    axes.set_yticks(ticks, [str(tick) for tick in ticks])
    axes.minorticks_off()
    axes.set_xlim(-0.03, 1.03)
    axes.set_xlabel(r"$\alpha$ or $\lambda$")
    axes.set_ylabel(r"separation $r$")
    legend(axes, loc="upper left", fontsize=5.5)
