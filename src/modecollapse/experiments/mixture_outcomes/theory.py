"""Frequencies of the outcomes, by the closed equations."""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd

from ..ends import halving_times
from ..kinds import Runs, Tolerance
from ..share import Share, stream
from ..starts import draw_start
from . import UNITS, Grid, ends_at, points, rows_of

__all__ = ["UNITS", "Settings", "compute"]


@dataclass(frozen=True)
class Settings(Grid):
    """`runs` starts a target."""

    runs: Runs
    rtol: Tolerance


def compute(settings: Settings, share: Share) -> pd.DataFrame:
    """A row for each point of the share and each time."""
    from ...theory.integration import integrate

    times, rows = halving_times(settings.times), []
    for point in share.progress(points(settings)):
        rng = stream(settings.seed, point.number)
        start = draw_start(point.target, settings.runs, rng, settings.law, settings.size)
        run = integrate(
            point.target, start, times, eta=point.eta, rtol=settings.rtol, threads=share.threads
        )
        rows += rows_of(settings, point, run.source, ends_at(settings, point, run))
    return pd.DataFrame(rows, columns=list(UNITS))
