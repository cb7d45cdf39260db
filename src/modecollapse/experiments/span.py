"""Intervals of separations, points in them, and the table of what the theory says at each."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import numpy as np
import pandas as pd

from ..checks import require
from .kinds import Points, Separation
from .share import Share

__all__ = ["Interval", "Span"]

APART = 1e-6  # of two ends at least, so that points between them differ


@dataclass(frozen=True)
class Interval:
    """Separations from `lowest` to `highest`."""

    lowest: Separation
    highest: Separation

    def __post_init__(self) -> None:
        allowed = f"a number > lowest = {self.lowest} (by {APART:g} or more)"
        require(self.highest >= self.lowest + APART, "highest", self.highest, allowed)


@dataclass(frozen=True)
class Span(Interval):
    """`points` separations between two ends."""

    points: Points

    def tabulate(
        self, share: Share, columns: Iterable[str], at: Callable[[float], pd.DataFrame]
    ) -> pd.DataFrame:
        """The rows `at` each separation of the share."""
        separations = np.linspace(self.lowest, self.highest, self.points).tolist()
        tables = [at(r) for r in share.progress(separations)]
        if not tables:
            return pd.DataFrame(columns=list(columns))
        return pd.concat(tables, ignore_index=True).assign(source="theory")[list(columns)]
