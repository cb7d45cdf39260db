"""Claims of fig3_mean_alignment: what collapse is, how often it comes, and from which start."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
import pandas as pd

from .claim import Claim, Estimate, NoRows, Tables, only
from .intervals import difference, frequency, mean
from .rows import against_line, chance, gap

__all__ = ["CLAIMS"]

Rows = dict[str, Any]
PROBLEM = "equal fixed weights, r = 3, by time 60"
SMALL: Rows = {"start": "sphere", "norm": 0.1}
WIDE: Rows = {"start": "sphere", "norm": 3.0}
NORMAL: Rows = {"start": "normal"}  # N(0, 1) in each coordinate


def _theory(tables: Tables, **where: Any) -> pd.DataFrame:
    return only(tables["collapse_probability"], source="theory", separation=3.0, **where)


def _part(tables: Tables, column: str = "n_collapsed", **where: Any) -> Estimate:
    return chance(_theory(tables), column, **where)


def _gap(tables: Tables, first: dict[str, Any], second: dict[str, Any], **where: Any) -> Estimate:
    return gap(_theory(tables, **where), first, second)


def _failures(tables: Tables) -> Estimate:
    """The part of the collapsed runs at equal modes that a better fit was to be had for."""
    rows = _theory(tables, target_weight=0.5)
    if not rows["n_collapsed"].sum():
        raise NoRows("no run collapsed")
    return frequency(rows["n_failed"].sum(), rows["n_collapsed"].sum())


def _aligned(tables: Tables) -> Estimate:
    """The part of all collapsed runs in which the means are aligned."""
    rows = _theory(tables)
    if not rows["n_collapsed"].sum():
        raise NoRows("no run collapsed")
    return frequency(rows["n_mean_alignment"].sum(), rows["n_collapsed"].sum())


def _least(tables: Tables) -> Estimate:
    """The smallest frequency over d at equal modes from N(0, 1) starts."""
    rows = _theory(tables, target_weight=0.5, **NORMAL)
    return min(frequency(row.n_collapsed, row.n_runs) for row in rows.itertuples())


def _spread(tables: Tables, weight: float) -> Estimate:
    """Collapse from N(0, 1) starts at the largest d minus that at d = 16."""
    largest = _theory(tables, target_weight=weight, **NORMAL)["dimension"].max()
    first, second = {"dimension": largest}, {"dimension": 16}
    return _gap(tables, first, second, target_weight=weight, **NORMAL)


def _simulated(tables: Tables) -> Estimate:
    """Mean z² of the simulated frequencies against the line of theory at their effective d."""
    table = only(tables["collapse_probability"], separation=3.0, time=60.0)
    table = table[(table["start"] == "normal") | ((table["norm"] - 3.0).abs() < 1e-9)]
    found = []
    for _, rows in table.groupby(["target_weight", "start"]):
        line, marks = rows[rows["source"] == "theory"], rows[rows["source"] != "theory"]
        if len(line) and len(marks):
            found.append(against_line(marks, line))
    if not found:
        raise NoRows("no start in both")
    return mean(np.concatenate(found))


def _noise(tables: Tables) -> Estimate:
    """The interval of the simulated frequency is its own, which knows how the counting stopped."""
    where = {"target_weight": 0.5, "dimension": 512, "time": 60.0, **SMALL}
    table = only(tables["small_start"], separation=3.0, **where)
    row = only(table, source="reduced simulation").iloc[0]
    simulated = Estimate(row["probability"], row["low"], row["high"])
    return difference(simulated, chance(table, source="theory"))


def _birth(tables: Tables) -> Estimate:
    folds = only(tables["bifurcation"], kind="fold", target_weight=0.5)
    return Estimate.exact(folds["separation"].min())


def _claim(name: str, about: str, words: str, statistic: str, measure, **bounds: Any) -> Claim:
    return Claim(name, about, words, statistic, ("collapse_probability",), measure, **bounds)


CLAIMS = (
    _claim(
        "family-holds-the-target",
        "abstract",
        f"Mode collapse is present although the family holds the target: at π = 1/2 ({PROBLEM}, "
        "where two components of equal weight fit p exactly), every collapsed run ends with a KL "
        "more than 0.05 nats above the best, from each start and at each d of figure 3c (a mode "
        "with less than a quarter of its weight costs 0.31 nats at least).",
        "part of the collapsed runs with a regret above 0.05 nats",
        _failures,
        above=0.99,
    ),
    _claim(
        "favourable-cases",
        "abstract",
        "Mode collapse is present even in statistically favourable cases: two equal modes, which "
        f"two components of equal weight fit exactly, from means N(0, 1) in each coordinate "
        f"({PROBLEM}): more than 3 of 10 runs lose a mode at every d from 2 to 4096.",
        "smallest frequency of collapse over d",
        _least,
        above=0.3,
    ),
    _claim(
        "mean-alignment",
        "abstract",
        f"Mean alignment is a mechanism of collapse: with {PROBLEM}, it is that of every collapsed "
        "run, at π = 1/2 and 0.7, as no component can die (how many collapse: favourable-cases).",
        "part of the collapsed runs with both means on one mode",
        _aligned,
        above=0.99,
    ),
    Claim(
        "birth-of-collapse",
        "practice",
        "With equal fixed weights no run on two equal modes can be collapsed for good below r = "
        "2.26.",
        "smallest separation at which the collapsed state exists",
        ("bifurcation",),
        _birth,
        above=2.255,
        below=2.265,
    ),
    *(
        _claim(
            f"normal-start-{round(100 * weight)}",
            "practice",
            f"From means N(0, 1) in each coordinate (π = {weight:g}, d = 512, {PROBLEM}) about "
            "half of the runs collapse.",
            "frequency of collapse",
            partial(_part, target_weight=weight, dimension=512, **NORMAL),
            above=0.4,
            below=0.6,
        )
        for weight in (0.5, 0.7)
    ),
    *(
        _claim(
            f"normal-start-any-dimension-{round(100 * weight)}",
            "figure",
            f"From means N(0, 1) in each coordinate the frequency hardly depends on d from d = 16 "
            f"on (π = {weight:g}, {PROBLEM}, d up to 4096).",
            "frequency of collapse at the largest d minus that at d = 16",
            partial(_spread, weight=weight),
            above=-0.15,
            below=0.15,
        )
        for weight in (0.5, 0.7)
    ),
    _claim(
        "small-start-equal-modes",
        "practice",
        "A small start is a cure where the modes are equal, in gradient flow: π = 1/2, d = 64, "
        f"{PROBLEM}, means of norm 0.1 on a sphere.",
        "frequency of collapse",
        partial(_part, target_weight=0.5, dimension=64, **SMALL),
        below=0.05,
    ),
    _claim(
        "small-start-unequal-modes",
        "practice",
        "Where they are not it is the worst of the starts tried: from it next to every run is "
        f"collapsed (π = 0.7, d = 64, {PROBLEM}, means of norm 0.1, gradient flow).",
        "frequency of collapse",
        partial(_part, target_weight=0.7, dimension=64, **SMALL),
        above=0.95,
    ),
    _claim(
        "sphere-start-equal-modes",
        "figure",
        "From the sphere of radius r two equal modes are found the more often the higher the "
        f"dimension ({PROBLEM}).",
        "frequency of collapse at d = 512 minus that at d = 16",
        partial(
            _gap, first={"dimension": 512}, second={"dimension": 16}, target_weight=0.5, **WIDE
        ),
        below=-0.1,
    ),
    _claim(
        "sphere-start-unequal-modes",
        "figure",
        "From the sphere of radius r one of two unequal modes is lost more often at d = 512 than "
        f"at d = 16 (π = 0.7, {PROBLEM}).",
        "frequency of collapse at d = 512 minus that at d = 16",
        partial(
            _gap, first={"dimension": 512}, second={"dimension": 16}, target_weight=0.7, **WIDE
        ),
        above=0.1,
    ),
    Claim(
        "simulated-probability",
        "figure",
        "Simulated runs collapse as often as gradient flow does in the effective dimension that "
        "the noise of their batches leaves (docs/theory.md, Eq. 10.14), by the same time, from the "
        "same law of the start: means on the sphere of radius r and N(0, 1) in each coordinate, "
        f"d from 4 to 512, π = 1/2 and 0.7, {PROBLEM} (figure 3c).",
        "mean z² of the simulated frequencies",
        ("collapse_probability",),
        _simulated,
        below=2.0,
        formed="on other runs",
    ),
    Claim(
        "noise-undoes-a-small-start",
        "figure",
        "Small batches undo a small start: at π = 1/2, d = 512, means of norm 0.1 "
        f"({PROBLEM}), descent with h/B = 0.15/128 collapses more often than gradient flow.",
        "frequency of collapse in simulation minus that in gradient flow",
        ("small_start",),
        _noise,
        above=0.02,
        formed="on other runs",
    ),
)
