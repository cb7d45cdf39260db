"""Claims of fig4_vanishing_weight: how weights vanish, and that no such collapse is for ever."""

from __future__ import annotations

from functools import partial
from typing import Any

import pandas as pd

from .claim import Claim, Estimate, Tables, only
from .rows import chance, gap, likeness

__all__ = ["CLAIMS"]

PROBLEM = "d = 16, start on the sphere of radius r"
KEYS = ["eta", "separation", "target_weight", "dimension", "start", "norm", "time"]


def _survival(tables: Tables, **where: Any) -> pd.DataFrame:
    return only(tables["survival"], dimension=16, **where)


def _part(tables: Tables, column: str = "n_collapsed", **where: Any) -> Estimate:
    return chance(_survival(tables), column, **where)


def _against_fixed(tables: Tables, **where: Any) -> Estimate:
    """Collapse with η = 10 minus that with equal fixed weights."""
    return gap(_survival(tables, **where), {"eta": 10.0}, {"eta": 0.0})


def _lasting(tables: Tables, late: float, early: float, **where: Any) -> Estimate:
    return gap(_survival(tables, **where), {"time": late}, {"time": early})


def _claim(name: str, about: str, words: str, statistic: str, measure, **bounds: Any) -> Claim:
    return Claim(name, about, words, statistic, ("survival",), measure, **bounds)


CLAIMS = (
    _claim(
        "vanishing-weight",
        "abstract",
        "Vanishing weight is a mechanism of collapse: with weights trained at η = 10, r = 4, π = "
        f"1/2, {PROBLEM}, most runs have lost a mode by it at time 100.",
        "part of the runs collapsed by vanishing weight",
        partial(
            _part,
            column="n_vanishing_weight",
            target_weight=0.5,
            separation=4.0,
            eta=10.0,
            time=100.0,
        ),
        above=0.5,
    ),
    _claim(
        "vanishing-weight-heals",
        "practice",
        f"It is not for ever, but long: of the same runs (η = 10, r = 4, π = 1/2, {PROBLEM}) next "
        "to none is collapsed at time 10⁵.",
        "part of the runs that is collapsed",
        partial(_part, target_weight=0.5, separation=4.0, eta=10.0, time=1e5),
        below=0.05,
    ),
    _claim(
        "fixed-weights-do-not-heal",
        "practice",
        f"With equal fixed weights collapse is for ever: r = 3, π = 1/2, {PROBLEM}, from time 100 "
        "to 10⁵ the part that is collapsed stays.",
        "part collapsed at time 10⁵ minus that at 100",
        partial(_lasting, late=1e5, early=100.0, target_weight=0.5, separation=3.0, eta=0.0),
        above=-0.05,
        below=0.05,
    ),
    *(
        _claim(
            f"fast-weights-r3-{round(100 * weight)}",
            "practice",
            f"Fast weights pay where modes are near: at r = 3, π = {weight:g}, {PROBLEM}, by time "
            "400 runs with η = 10 are collapsed far less often than with equal fixed weights.",
            "frequency of collapse with η = 10 minus that with equal fixed weights",
            partial(_against_fixed, target_weight=weight, separation=3.0, time=400.0),
            below=-0.25,
        )
        for weight in (0.5, 0.7)
    ),
    _claim(
        "fast-weights-r4",
        "practice",
        f"Further apart they cost patience: at r = 4, π = 1/2, {PROBLEM}, they are collapsed more "
        "often than with equal fixed weights at time 100.",
        "frequency of collapse with η = 10 minus that with equal fixed weights",
        partial(_against_fixed, target_weight=0.5, separation=4.0, time=100.0),
        above=0.25,
    ),
    _claim(
        "fast-weights-r4-late",
        "practice",
        f"There they pay later: at r = 4, π = 1/2, {PROBLEM}, runs with η = 10 are "
        "collapsed less often than with equal fixed weights at time 1.25·10⁴.",
        "frequency of collapse with η = 10 minus that with equal fixed weights",
        partial(_against_fixed, target_weight=0.5, separation=4.0, time=1.25e4),
        below=-0.1,
    ),
    Claim(
        "simulated-outcomes",
        "figure",
        "Simulated runs with trained weights are collapsed as often as the closed equations say at "
        "the same time, from the same law of the start (figure 4b, c).",
        "mean z² of the simulated frequencies",
        ("outcome_map",),
        lambda tables: likeness(tables["outcome_map"], KEYS),
        below=2.0,
    ),
)
