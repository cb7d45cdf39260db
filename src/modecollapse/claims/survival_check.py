"""figs_survival's claims on how good `survival` is, on points drawn for them."""

from __future__ import annotations

import math
from collections.abc import Callable

import pandas as pd

from .claim import Claim, Estimate, NoRows, Tables, only
from .survival_choices import PROBLEM

__all__ = ["CHECKS"]

NOISY = 0.01  # of h/B: from here on noise makes runs leave one by one
DOUBT = 0.05


def _worst(table: pd.DataFrame) -> Estimate:
    """The largest error of S over points and steps.  By Dvoretzky, Kiefer, Wolfowitz and Massart
    none of m distributions of n runs is farther from its law than √(log(2m/0.05)/2n), but in one
    of twenty tables."""
    if table.empty:
        raise NoRows("no point on this side")
    runs = int(table["n_runs"].min())
    half = math.sqrt(math.log(2 * len(table) / DOUBT) / (2 * runs))
    value = float(table["survival_error"].max())
    return Estimate(value, max(value - half, 0.0), value + half)


def _above(tables: Tables) -> Estimate:
    return _worst(only(tables["survival_check"], side="above"))


def _noisy(tables: Tables) -> Estimate:
    below = only(tables["survival_check"], side="below")
    return _worst(below[below["temperature"] >= NOISY])


def _quiet(tables: Tables) -> Estimate:
    below = only(tables["survival_check"], side="below")
    return _worst(below[below["temperature"] < NOISY])


def _claim(name: str, where: str, measure: Callable[[Tables], Estimate], below: float) -> Claim:
    return Claim(
        name,
        "practice",
        f"`survival` is right to {below:g} {where}, at any step ({PROBLEM}; plain descent, random "
        "r, h and estimators of its range, B up to 64, d = 1, 4, 16 and 64 as far as such a point "
        "is drawn; a few points; mean times that cost up to 20,000 evaluations of p).",
        "largest difference of the part still collapsed, measured and forecast, over points and "
        "steps",
        ("survival_check",),
        measure,
        below=below,
        formed="on other runs",
    )


CHECKS = (
    _claim("survival-above", "above the critical separation", _above, 0.15),
    _claim("survival-below-noisy", "below it, h/B from 0.01 on", _noisy, 0.15),
    _claim("survival-below-quiet", "below it, h/B under 0.01", _quiet, 0.3),
)
