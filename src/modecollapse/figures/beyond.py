"""Figure 8: flows on other targets than two unit Gaussians."""

from __future__ import annotations

import re
from collections.abc import Mapping

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from ..counting import counted
from ..forecast import calibration, of_runs
from ..prediction import auc
from .beyond_heating import draw_paths, draw_volumes, heating
from .style import COLOURS, CYCLE, UNKNOWN, most, new_figure, nothing, panel, panel_letter, shown

__all__ = ["CLAIM", "caption", "draw"]

CLAIM = (
    "On other targets too, flows collapse more often the higher the barrier between the modes is; "
    "which runs collapse shows after 2 % of the steps, how likely it is less well."
)
MARKS = "osD^vP*X"
NAMES = {
    "bimodal": "unit Gaussians",
    "anisotropic": "anisotropic Gaussians",
    "heavy-tailed": "Student t",
    "phi4": "φ⁴ field",
    "sign-posterior": "sign posterior",
    "label-switching": "label switching",
    "simplex": "K Gaussians",
    "many-well": "many-well",
}
BINS = np.linspace(0, 1, 6)


def draw(tables: Mapping[str, pd.DataFrame]) -> Figure:
    """Part collapsed against r (a) and barrier (b), modes found (c), forecasts (d); a narrow mode
    lost by annealing (e), and masses of flows by each path (f)."""
    runs = tables["beyond_runs"]
    figure, panels = new_figure(3, 2, 7.0)
    two = runs[runs["n_modes"] == 2]
    for axes, column in zip(panels[0], ("separation", "barrier"), strict=True):
        panel(axes, draw_collapse, two, column=column)
    panels[0, 0].set_xlabel("half distance of the modes in their own metric")
    panels[0, 1].set_xlabel("$r$ of two unit Gaussians with the same barrier")
    handles, labels = panels[0, 0].get_legend_handles_labels()
    if handles:
        figure.legend(handles, labels, loc="outside upper center", ncols=6, columnspacing=1.0)
    panel(panels[1, 0], draw_found, runs[runs["n_modes"] > 2], theory=tables["components_found"])
    panel(panels[1, 1], draw_forecast, runs)
    panel(panels[2, 0], draw_volumes, tables["heated"])
    panel(panels[2, 1], draw_paths, tables["heated_flows"])
    for axes, letter in zip(panels.ravel(), "abcdef", strict=True):
        panel_letter(axes, letter)
    return figure


def looks(runs: pd.DataFrame) -> dict[str, tuple[str, str]]:
    """A colour and a mark for each kind."""
    colours = CYCLE[: len(NAMES)]
    known = dict(zip(NAMES, zip(colours, MARKS, strict=True), strict=True))
    return {kind: known.get(kind, ("0.4", "o")) for kind in runs["kind"].unique()}


def draw_collapse(axes: Axes, runs: pd.DataFrame, column: str) -> None:
    """A point for each target of two modes, joined within a kind."""
    for kind, (colour, mark) in looks(runs).items():
        rows = []
        for x, own in runs[runs["kind"] == kind].groupby(column):
            rows.append({"x": x, **counted(int((own["outcome"] != "both modes").sum()), len(own))})
        points = pd.DataFrame(rows)
        low, high = (
            abs(points[end] - points["probability"]).clip(lower=0) for end in ("low", "high")
        )
        axes.errorbar(
            points["x"], points["probability"], [low, high], color=colour, marker=mark,
            elinewidth=0.6, linewidth=0.8, label=NAMES.get(kind, kind),
        )  # fmt: skip
    axes.set_ylim(-0.04, 1.04)
    axes.set_ylabel("part of runs collapsed")


def draw_found(axes: Axes, runs: pd.DataFrame, theory: pd.DataFrame) -> None:
    """How many of K modes each run finds, a row for each target; K components beside."""
    targets = list(runs["target"].unique())
    for place, target in enumerate(targets):
        own = runs[runs["target"] == target]
        count = own["n_found"].value_counts()
        axes.scatter(
            count.index, np.full(len(count), place), s=4 + 90 * count / len(own),
            color=COLOURS["flow"],
        )  # fmt: skip
        axes.plot([own["n_modes"].iloc[0]] * 2, [place - 0.3, place + 0.3], color="0.5")
        alike = beside(own, theory)
        axes.errorbar(
            alike["n_found"], np.full(len(alike), place + 0.25), xerr=1.96 * alike["n_found_se"],
            color=COLOURS["theory"], marker="|", linestyle="none", markersize=7, elinewidth=0.8,
        )  # fmt: skip
    axes.plot([], [], "o", color=COLOURS["flow"], label="flows")
    axes.plot([], [], "|", color=COLOURS["theory"], markersize=7, label="$K$ components, mean")
    axes.legend(loc="lower right", fontsize=6)
    names = [
        f"{NAMES.get(k, k)}, $K = {n}$"
        for k, n in runs.drop_duplicates("target")[["kind", "n_modes"]].itertuples(index=False)
    ]
    axes.set_yticks(range(len(targets)), names)
    axes.set_ylim(len(targets) - 0.5, -0.5)
    axes.set_xlim(0, runs["n_modes"].max() + 0.7)
    axes.set_xlabel("modes found (area: part of the runs; bar: all)")


def beside(runs: pd.DataFrame, theory: pd.DataFrame) -> pd.DataFrame:
    """The rows of K components on the simplex that the runs were trained on."""
    first = runs.iloc[0]
    if first["kind"] != "simplex":
        return theory.iloc[:0]
    k, d = int(first["n_modes"]), int(first["dimension"])
    same = (theory["n_modes"] == k) & (theory["n_components"] == k) & (theory["dimension"] == d)
    named = str(first["target"])
    radius = theory["separation"].map(lambda r: bool(re.search(rf"\bseparation {r:g}[,)]", named)))
    return theory[same & radius & (theory["arrangement"] == "simplex")]


def draw_forecast(axes: Axes, runs: pd.DataFrame) -> None:
    """Frequency against forecast in bins, each target forecast by what other kinds did."""
    if runs["kind"].nunique() < 2:
        nothing(axes, "one kind of target: nothing to fit on")
        return
    told = of_runs(runs)
    axes.plot([0, 1], [0, 1], color="0.8", linewidth=0.8, zorder=0)
    place = np.digitize(told["probability"], BINS[1:-1])
    for _, own in told.groupby(place):
        row = counted(int(own["collapsed"].sum()), len(own))
        errors = [
            [max(row["probability"] - row["low"], 0)],
            [max(row["high"] - row["probability"], 0)],
        ]
        x = own["probability"].mean()
        axes.errorbar(
            x, row["probability"], errors, color=COLOURS["flow"], marker="s", elinewidth=0.6
        )
        beside = 5 if x < 0.5 else -5
        axes.annotate(
            f"{len(own)}", (x, row["probability"]), (beside, -2), textcoords="offset points",
            fontsize=6, color="0.4", ha="left" if beside > 0 else "right", va="top",
        )  # fmt: skip
    axes.set_xlim(-0.04, 1.04)
    axes.set_ylim(-0.04, 1.04)
    axes.set_xlabel("forecast after 2 % of the steps")
    axes.set_ylabel("part of runs collapsed")


def caption(tables: Mapping[str, pd.DataFrame]) -> str:
    """What the panels show, and how good the forecasts are."""
    runs = tables["beyond_runs"]
    kinds = ", ".join(NAMES.get(kind, kind) for kind in runs["kind"].unique())
    most_runs = runs.groupby("target").size().max() if len(runs) else float("nan")
    return (
        f"RealNVP by reverse KL on other targets, at step {shown(most(runs, 'step'), 'g')}, "
        f"{shown(most_runs, 'g')} runs a target: {kinds or UNKNOWN}. Collapsed: a mode has less "
        "than a quarter of its weight (docs/theory.md, Section 5). (a) Part of the runs collapsed, "
        "with its 95 % Wilson interval, on targets of two modes, against half their distance in "
        "the metric of their curvatures, which is r for two unit Gaussians. (b) The same against "
        "the height Δ of the barrier on the line between the modes, as the r = √(2(Δ + log 2)) of "
        "even unit Gaussians. (c) Modes found by each run on targets of more; black: mean of K "
        "components of equal fixed weights in the closed equations, from the sphere of the modes, "
        "at time "
        f"{shown(most(tables['components_found'], 'time'), 'g')}, with 95 % intervals. (d) "
        "Forecast from the least A_k/π_k after 2 % of the steps, K and the barrier, by a logistic "
        "law fitted on the other kinds of target, against frequency in five bins, with 95 % Wilson "
        f"intervals; numbers: runs. {_quality(runs)} "
        f"{heating(tables['heated'], tables['heated_flows'])}"
    )


def _quality(runs: pd.DataFrame) -> str:
    lost = runs["outcome"] != "both modes"
    if runs["kind"].nunique() < 2 or lost.nunique() < 2:
        return "Too few runs of either end to judge the forecasts."
    told = of_runs(runs)
    area = auc(told["probability"], told["collapsed"])
    error = calibration(told["probability"], told["collapsed"])
    return (
        f"Area under the curve {area.value:.2f} ({area.low:.2f} to {area.high:.2f}), expected "
        f"calibration error {error.value:.2f} ({error.low:.2f} to {error.high:.2f}), over runs of "
        "these targets; over targets drawn anew intervals are wider (see the claims)."
    )
