"""Collapse frequency over random starts, by the closed equations."""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd

from ..ends import Ends, best_kl, halving_times
from ..kinds import Positive, Runs, Tolerance
from ..share import Share, stream
from ..starts import draw_start
from . import UNITS, Grid, points, row

__all__ = ["UNITS", "Settings", "compute"]


@dataclass(frozen=True)
class Settings(Grid):
    """`runs` starts a point, to `time`."""

    runs: Runs
    time: Positive
    rtol: Tolerance


def compute(settings: Settings, share: Share) -> pd.DataFrame:
    """A row for each point of the share."""
    from ...theory.integration import integrate

    times, rows = halving_times([settings.time]), []
    for index, point in share.progress(points(settings)):
        rng = stream(settings.seed, index)
        start = draw_start(point.target, settings.runs, rng, point.law, point.size)
        run = integrate(point.target, start, times, rtol=settings.rtol, threads=share.threads)
        ends = Ends.of(run, point.target)
        if ends.counts_for(point):
            columns = ends.columns(settings.time, best_kl(point.target))
            rows.append(row(run.source, point, columns, float(point.target.dimension)))
    return pd.DataFrame(rows, columns=list(UNITS))
