"""The probability that a run will collapse, from what is known of it early, and how good that is.

A :class:`Forecast` is a logistic law fitted on runs of other targets than those it is judged on:
:func:`left_out` leaves each target's whole family out in turn.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from scipy.optimize import minimize
from scipy.special import expit

from .checks import numbers_of, require

__all__ = [
    "REFERENCE",
    "Calibration",
    "Forecast",
    "calibration",
    "early_features",
    "fit",
    "left_out",
    "of_runs",
]

FloatArray = NDArray[np.float64]
RIDGE = 1.0  # the weight of a standard normal prior on each standardised slope
RESAMPLES = 400
BINS = 10  # of the probability, over which calibration is asked
LEAST = 1e-3  # of A_k/π_k, below which a sample of some hundred sees none


@dataclass(frozen=True, eq=False)
class Forecast:
    """P(collapse) = σ(a + b·z), z the features less `centre`, over `scale`."""

    centre: FloatArray
    scale: FloatArray
    intercept: float
    slopes: FloatArray

    def probability(self, features: ArrayLike) -> FloatArray:
        """P(collapse) of runs with `features` (n, p), shape (n,)."""
        x = numbers_of("features", features, finite=True)
        fits = x.ndim == 2 and x.shape[1] == len(self.slopes)
        require(fits, "features", x.shape, f"an array (n, {len(self.slopes)})")
        return np.asarray(expit(self.intercept + (x - self.centre) / self.scale @ self.slopes))


# Fitted on all 420 runs of fig8_beyond, of 8 kinds of target: RealNVP of 4 couplings of width 32,
# Adam at 2e-3, 400 steps of 128 samples (tests/forecast_runs.csv; a test fits it again).  For
# other flows it is a first guess.
REFERENCE = Forecast(
    centre=np.array([-0.199, 4.2]),
    scale=np.array([0.16, 1.266]),
    intercept=0.2008,
    slopes=np.array([-1.035, 1.32]),
)


def fit(features: ArrayLike, collapsed: ArrayLike) -> Forecast:
    """The logistic law of most penalised likelihood.

    Parameters
    ----------
    features : (n, p), finite.
    collapsed : (n,), which runs did; a prior of one run of each kind keeps the intercept finite
        where all have one end.

    >>> law = fit([[0.0], [1.0], [2.0], [3.0]], [False, False, True, True])
    >>> law.probability([[3.0]])[0] > 0.5
    np.True_
    """
    x, y = numbers_of("features", features, finite=True), np.asarray(collapsed, dtype=float)
    fits = x.ndim == 2 and y.shape == x.shape[:1] and len(x) > 0
    require(fits, "features", x.shape, "an array (n, p), a row for each of `collapsed`")
    centre, scale = x.mean(0), np.maximum(x.std(0), 1e-12)
    z = np.column_stack([np.ones(len(x)), (x - centre) / scale])

    def cost(b: FloatArray) -> tuple[float, FloatArray]:
        logits = z @ b
        value = np.logaddexp(0, logits).sum() - y @ logits + 0.5 * RIDGE * b[1:] @ b[1:]
        value += np.logaddexp(0, b[0]) + np.logaddexp(0, -b[0])
        slope = z.T @ (expit(logits) - y) + RIDGE * np.r_[0.0, b[1:]]
        slope[0] += expit(b[0]) - expit(-b[0])
        return float(value), slope

    done = minimize(cost, np.zeros(z.shape[1]), jac=True, method="L-BFGS-B")
    return Forecast(centre, scale, float(done.x[0]), done.x[1:])


def left_out(features: ArrayLike, collapsed: ArrayLike, groups: ArrayLike) -> FloatArray:
    """P(collapse) of each run, (n,), by laws fitted on the runs of all other groups."""
    x, y, g = numbers_of("features", features), np.asarray(collapsed, bool), np.asarray(groups)
    require(len(np.unique(g)) > 1, "groups", list(np.unique(g)), "two groups or more")
    found = np.empty(len(y))
    for one in np.unique(g):
        own = g == one
        found[own] = fit(x[~own], y[~own]).probability(x[own])
    return found


def early_features(early: ArrayLike, barrier: ArrayLike, n_modes: ArrayLike) -> FloatArray:
    """What a forecast is made from, (n, 2): log of the least A_k/π_k early on over log_2 K, since
    the least of more is less, and the barrier as an r.

    >>> early_features([0.5], [3.0], [4]).round(2)
    array([[-0.35,  3.  ]])
    """
    least = np.log(np.maximum(numbers_of("early", early), LEAST)) / np.log2(n_modes)
    return np.column_stack(np.broadcast_arrays(least, barrier)).astype(float)


def of_runs(table: pd.DataFrame) -> pd.DataFrame:
    """Forecasts of runs by laws fitted on the targets of all other kinds.

    Parameters
    ----------
    table : rows with kind, target, early, barrier, n_modes and outcome; two kinds or more.

    Returns
    -------
    kind, target, probability and collapsed, a row a run.
    """
    lost = (table["outcome"] != "both modes").to_numpy()
    features = early_features(table["early"], table["barrier"], table["n_modes"])
    chance = left_out(features, lost, table["kind"])
    return table[["kind", "target"]].assign(probability=chance, collapsed=lost)


@dataclass(frozen=True)
class Calibration:
    """The expected calibration error, and its 95 % interval over runs drawn anew."""

    value: float
    low: float
    high: float


def calibration(probability: ArrayLike, collapsed: ArrayLike) -> Calibration:
    """Σ_b (n_b/n) |frequency_b − mean forecast_b| over :data:`BINS` of equal width.

    >>> round(calibration([0.05, 0.05, 0.95, 0.95], [False, False, True, True]).value, 3)
    0.05
    """
    p, y = numbers_of("probability", probability), np.asarray(collapsed, dtype=float)
    fits = p.ndim == 1 and p.shape == y.shape and len(p) > 0
    require(fits, "probability", p.shape, "numbers (n,), one for each of `collapsed`")
    rng = np.random.default_rng(0)
    drawn = [rng.integers(len(p), size=len(p)) for _ in range(RESAMPLES)]
    values = [_error(p[rows], y[rows]) for rows in drawn]
    low, high = np.quantile(values, [0.025, 0.975])
    value = _error(p, y)
    return Calibration(value, min(float(low), value), max(float(high), value))


def _error(p: FloatArray, y: FloatArray) -> float:
    place = np.minimum((p * BINS).astype(int), BINS - 1)
    gaps = np.bincount(place, weights=y - p, minlength=BINS)
    return float(np.abs(gaps).sum() / len(p))
