"""Collapse frequency of the gradient flow over random starts on the sphere."""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd

from ...overlaps import random_start
from ...targets import BimodalTarget
from ..ends import halving_times
from ..kinds import Dimensions, Positive, Runs, Seed, Separation, Tolerance, Weight
from ..share import Share, any_finished, stream
from . import UNITS, row

__all__ = ["UNITS", "Settings", "compute"]


@dataclass(frozen=True)
class Settings:
    """Equal fixed weights; the flow is followed until `time`."""

    seed: Seed
    separation: Separation
    target_weight: Weight
    dimensions: Dimensions
    runs: Runs
    time: Positive
    rtol: Tolerance


def compute(settings: Settings, share: Share) -> pd.DataFrame:
    """A row for each dimension of the share."""
    from ...theory.integration import integrate

    times, rows = halving_times([settings.time]), []
    for index, dimension in share.progress(list(enumerate(settings.dimensions))):
        target = BimodalTarget(settings.separation, dimension, settings.target_weight)
        start = random_start(target, settings.runs, stream(settings.seed, index))
        run = integrate(target, start, times, rtol=settings.rtol, threads=share.threads)
        if any_finished(run, target=target):
            rows.append(row(target, run, settings.time, effective_dimension=float(dimension)))
    return pd.DataFrame(rows, columns=list(UNITS))
