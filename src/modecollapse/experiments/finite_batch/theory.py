"""Collapse frequency of the gradient flow over random starts on the sphere."""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd

from ...overlaps import random_start
from ...targets import BimodalTarget
from ...theory.integration import integrate
from ..share import Share, stream
from . import UNITS, row

__all__ = ["UNITS", "Settings", "compute"]


@dataclass(frozen=True)
class Settings:
    """Equal fixed weights; the flow is followed until `time`."""

    seed: int
    separation: float
    target_weight: float
    dimensions: tuple[int, ...]
    runs: int
    time: float
    rtol: float


def compute(settings: Settings, share: Share) -> pd.DataFrame:
    """A row for each dimension of the share."""
    rows = []
    for index, dimension in share.progress(list(enumerate(settings.dimensions))):
        target = BimodalTarget(settings.separation, dimension, settings.target_weight)
        start = random_start(target, settings.runs, stream(settings.seed, index))
        run = integrate(target, start, [settings.time], rtol=settings.rtol, threads=share.threads)
        rows.append(row(target, run, effective_dimension=float(dimension)))
    return pd.DataFrame(rows, columns=list(UNITS))
