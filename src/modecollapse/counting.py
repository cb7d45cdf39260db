"""Frequencies with their binomial intervals, the same for every table that counts runs."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from scipy.stats import binomtest

__all__ = ["COUNT_UNITS", "counted"]

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
    interval = binomtest(n_collapsed, n_runs).proportion_ci(0.95, method="wilson")
    return {
        "n_runs": n_runs,
        "n_collapsed": n_collapsed,
        "probability": n_collapsed / n_runs,
        "low": float(interval.low),
        "high": float(interval.high),
    }
