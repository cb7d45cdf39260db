"""Estimates that claims are made of: frequencies, their differences, means, fits."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike
from scipy.special import ndtri, stdtrit

from ..counting import counted
from .claim import Estimate, NoRows

__all__ = ["difference", "fitted_slope", "frequency", "mean", "rank_correlation"]

Z = float(ndtri(0.975))


def frequency(successes: float, runs: float) -> Estimate:
    """A frequency and its 95 % Wilson interval.

    >>> frequency(5, 10).value
    0.5
    """
    if runs < 1:
        raise NoRows("no run")
    found = counted(round(successes), round(runs))
    return Estimate(found["probability"], found["low"], found["high"])


def difference(first: Estimate, second: Estimate) -> Estimate:
    """first − second of two independent estimates, with Newcombe's interval from theirs.

    Source: R. G. Newcombe, Statistics in Medicine 17 (1998) 873, method 10.

    >>> gap = difference(frequency(9, 10), frequency(3, 10))
    >>> round(gap.value, 3), round(gap.low, 2), round(gap.high, 2)
    (0.6, 0.17, 0.81)
    """
    value = first.value - second.value
    down = math.hypot(first.value - first.low, second.high - second.value)
    up = math.hypot(first.high - first.value, second.value - second.low)
    return Estimate(value, value - down, value + up)


def mean(values: ArrayLike) -> Estimate:
    """The mean of independent values and its 95 % t interval."""
    x = np.asarray(values, dtype=float)
    if x.size < 2:
        raise NoRows("fewer than two values")
    half = float(stdtrit(x.size - 1, 0.975) * x.std(ddof=1) / math.sqrt(x.size))
    value = float(x.mean())
    return Estimate.within(value, half)


def fitted_slope(x: ArrayLike, y: ArrayLike) -> Estimate:
    """The slope of a straight line through points, by least squares, and its 95 % t interval.

    >>> fitted_slope([0, 1, 2], [1, 3, 5]).value
    2.0
    """
    a, b = np.asarray(x, dtype=float), np.asarray(y, dtype=float)
    if a.size < 3:
        raise NoRows("fewer than three points")
    centred = a - a.mean()
    slope = float(centred @ b / (centred @ centred))
    rest = b - b.mean() - slope * centred
    half = float(
        stdtrit(a.size - 2, 0.975) * np.sqrt(rest @ rest / (a.size - 2) / (centred @ centred))
    )
    return Estimate.within(slope, half)


def rank_correlation(x: ArrayLike, y: ArrayLike) -> Estimate:
    """Spearman's ρ and its 95 % interval, on Fisher's scale, of variance (1 + ρ²/2)/(n − 3).

    Source: D. G. Bonett, T. A. Wright, Psychometrika 65 (2000) 23.

    >>> round(rank_correlation([1, 2, 3, 4, 5], [1, 4, 9, 25, 16]).value, 3)
    0.9
    """
    ranks = [pd.Series(np.asarray(values, dtype=float)).rank() for values in (x, y)]
    rho = float(np.corrcoef(*ranks)[0, 1])
    half = Z * math.sqrt((1 + rho**2 / 2) / (len(ranks[0]) - 3))
    low, high = (math.tanh(math.atanh(max(-0.999, min(rho, 0.999))) + s * half) for s in (-1, 1))
    return Estimate(rho, min(low, rho), max(high, rho))
