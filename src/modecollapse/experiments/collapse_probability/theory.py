"""Collapse frequency over random starts, each integrated to its end, and the closed formula."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from ...overlaps import Overlaps
from ...targets import BimodalTarget
from ...trajectory import Trajectory
from ..kinds import Positive, Tolerance
from ..share import Share
from . import UNITS, Grid, row, tabulate, targets

__all__ = ["UNITS", "Settings", "compute"]


@dataclass(frozen=True)
class Settings(Grid):
    """`time` is long against every recovery."""

    time: Positive
    rtol: Tolerance


def compute(settings: Settings, share: Share) -> pd.DataFrame:
    """A row for each target of the share."""
    from ...theory.integration import integrate

    times = np.array([settings.time])

    def train(target: BimodalTarget, start: Overlaps, seed: int) -> Trajectory:
        return integrate(target, start, times, rtol=settings.rtol, threads=share.threads)

    integrated = tabulate(settings, share, "theory", train)
    return pd.concat([integrated, _formula(settings, share)], ignore_index=True)


def _formula(settings: Settings, share: Share) -> pd.DataFrame:
    """The same targets by the closed formula, which has no runs and no interval."""
    from ...theory.probability import collapse_probability

    rows = []
    for target in share.of(targets(settings)):
        p = collapse_probability(target)
        counts = {"n_runs": 0, "n_collapsed": 0, "probability": p, "low": p, "high": p}
        rows.append(row("formula", target, counts))
    return pd.DataFrame(rows, columns=list(UNITS))
