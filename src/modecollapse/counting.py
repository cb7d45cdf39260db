"""Frequencies with their binomial intervals, the same for every table that counts runs."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from .checks import numbers_of, require
from .outcomes import modes_found

__all__ = ["COUNT_UNITS", "collapsed_at", "counted"]

COUNT_UNITS: Mapping[str, str] = MappingProxyType(
    {
        "n_runs": "runs that finished",
        "n_collapsed": "runs that collapsed",
        "probability": "n_collapsed / n_runs",
        "low": "lower end of the 95 % Wilson interval of probability",
        "high": "upper end of the 95 % Wilson interval of probability",
    }
)


def counted(n_collapsed: int, n_runs: int) -> dict[str, Any]:
    """A frequency and its 95 % Wilson interval, as columns.

    >>> counted(0, 10)["high"] > 0.2
    True
    """
    from scipy.stats import binomtest  # takes long to load, and whoever reads settings needs it not

    require(n_runs >= 1, "n_runs", n_runs, "at least one run that finished: all have diverged")
    interval = binomtest(n_collapsed, n_runs).proportion_ci(0.95, method="wilson")
    return {
        "n_runs": n_runs,
        "n_collapsed": n_collapsed,
        "probability": n_collapsed / n_runs,
        "low": float(interval.low),
        "high": float(interval.high),
    }


def collapsed_at(times: ArrayLike, masses: ArrayLike, target_weights: ArrayLike) -> pd.DataFrame:
    """S(t), the part of a batch of runs that is collapsed at each time, with its interval.

    It rises while runs fall to one mode and decays as they recover: a frequency of collapse means
    nothing without its time.  Collapse is that of :mod:`modecollapse.outcomes`.

    Parameters
    ----------
    times : (T,), such as np.geomspace(1, 1e5, 26).
    masses : (n, T, K*), of q on each mode; NaN where a run did not get that far.
    target_weights : (K*,), π_k.

    Returns
    -------
    A row per time that any run reached: time, and the columns of :func:`counted`.

    >>> masses = [[[0.5, 0.5], [0.9, 0.1]], [[0.5, 0.5], [0.4, 0.6]]]
    >>> collapsed_at([1.0, 10.0], masses, [0.5, 0.5])[["time", "n_collapsed"]].values.tolist()
    [[1.0, 0.0], [10.0, 1.0]]
    """
    times, masses = numbers_of("times", times), numbers_of("masses", masses)
    fits = times.ndim == 1 and masses.ndim == 3 and masses.shape[1] == len(times)
    require(fits, "masses", masses.shape, f"one for each run, time and mode, (n, {times.size}, K*)")
    rows = []
    for time, here in zip(times.tolist(), masses.swapaxes(0, 1), strict=True):
        here = here[np.isfinite(here).all(-1)]
        if len(here):
            lost = ~modes_found(here, target_weights).all(-1)
            rows.append({"time": time} | counted(int(lost.sum()), len(here)))
    return pd.DataFrame(rows, columns=["time", *COUNT_UNITS])
