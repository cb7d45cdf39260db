"""Frequencies with their binomial intervals, and when enough runs have been counted."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from types import MappingProxyType
from typing import Any

from .checks import integer, require, within

__all__ = ["COUNT_UNITS", "Looks", "counted"]

ERROR = 0.05  # the probability with which an interval may miss
COUNT_UNITS: Mapping[str, str] = MappingProxyType(
    {
        "n_runs": "runs that finished",
        "n_collapsed": "runs that collapsed",
        "probability": "n_collapsed / n_runs",
        "low": "lower end of the 95 % interval of probability: Wilson's where n_runs was fixed "
        "beforehand, one valid under sequential stopping where it was not",
        "high": "upper end of that interval",
    }
)


def counted(n_collapsed: int, n_runs: int) -> dict[str, Any]:
    """A frequency and its 95 % Wilson interval, as columns.

    >>> counted(0, 10)["high"] > 0.2
    True
    """
    from scipy.special import ndtri  # takes long to load, and whoever reads settings needs it not

    require(n_runs > 0, "n_runs", n_runs, "at least one run that finished: all have diverged")
    p, z = n_collapsed / n_runs, float(ndtri(1 - ERROR / 2))
    scale = 1 + z**2 / n_runs
    middle = (p + z**2 / (2 * n_runs)) / scale
    half = z * math.sqrt(p * (1 - p) / n_runs + z**2 / (4 * n_runs**2)) / scale
    low, high = middle - half if n_collapsed else 0.0, middle + half if p < 1 else 1.0
    return _columns(n_collapsed, n_runs, low, high)


@dataclass(frozen=True)
class Looks:
    """Runs are added until the interval of their frequency is narrow, or there are enough.

    One looks when there are `first` runs, twice, four times as many, and at last at `most`.  The
    interval at each look is Clopper and Pearson's at the level 1 − 0.05/L, L the number of looks
    that are possible: all L together miss with a probability of 5 % at most, hence so does the one
    at which the counting stopped, whatever made it stop.

    >>> looks = Looks(first=25, most=100, half_width=0.1)
    >>> looks.sizes, looks.enough(0, 25), looks.enough(12, 25)
    ((25, 50, 100), True, False)
    """

    first: int
    most: int
    half_width: float

    def __post_init__(self) -> None:
        integer("first", self.first, 1)
        integer("most", self.most, self.first)
        within("half_width", self.half_width, 0, 0.5)

    @cached_property
    def sizes(self) -> tuple[int, ...]:
        """The numbers of runs at which one looks."""
        sizes = [self.first]
        while 2 * sizes[-1] < self.most:
            sizes.append(2 * sizes[-1])
        return tuple(sizes) if sizes[-1] == self.most else (*sizes, self.most)

    def enough(self, n_collapsed: int, n_runs: int) -> bool:
        """Whether the interval is no wider than twice `half_width`."""
        low, high = self._interval(n_collapsed, n_runs)
        return high - low <= 2 * self.half_width

    def counted(self, n_collapsed: int, n_runs: int) -> dict[str, Any]:
        """As :func:`counted`, with an interval that is valid whenever one stops."""
        require(n_runs > 0, "n_runs", n_runs, "at least one run that finished: all have diverged")
        return _columns(n_collapsed, n_runs, *self._interval(n_collapsed, n_runs))

    def _interval(self, k: int, n: int) -> tuple[float, float]:
        """Clopper and Pearson's, from quantiles of the beta distribution."""
        from scipy.special import betaincinv

        tail = ERROR / len(self.sizes) / 2
        low = float(betaincinv(k, n - k + 1, tail)) if k else 0.0
        high = float(betaincinv(k + 1, n - k, 1 - tail)) if k < n else 1.0
        return low, high


def _columns(n_collapsed: int, n_runs: int, low: float, high: float) -> dict[str, Any]:
    return {
        "n_runs": n_runs,
        "n_collapsed": n_collapsed,
        "probability": n_collapsed / n_runs,
        "low": float(low),
        "high": float(high),
    }
