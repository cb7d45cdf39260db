"""Weights and means of one start for several learning-rate ratios η."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from ..targets import BimodalTarget
from ..theory.integration import integrate
from ..trajectory import UNITS as STATISTIC_UNITS
from .basins import DIMENSION, orthogonal_start
from .columns import common
from .share import Share

__all__ = ["UNITS", "Settings", "compute"]

COLUMNS = ("time", "m1", "m2", "weight", "kl", "mass_plus")
UNITS = {
    "source": "theory",
    **common("eta", "separation"),
    **{name: STATISTIC_UNITS[name] for name in COLUMNS},
    "outcome": "outcome at the end",
}


@dataclass(frozen=True)
class Settings:
    """One start, its means at `cosines` with μ*, on the sphere; `points` times to `time`."""

    separation: float
    target_weight: float
    cosines: tuple[float, float]
    etas: tuple[float, ...]
    time: float
    points: int
    rtol: float


def compute(settings: Settings, share: Share) -> pd.DataFrame:
    """A row for each η of the share and each time."""
    target = BimodalTarget(settings.separation, DIMENSION, settings.target_weight)
    start = orthogonal_start(target, np.array([settings.cosines]))
    times = np.linspace(0, settings.time, settings.points)
    tables = []
    for eta in share.progress(settings.etas):
        run = integrate(target, start, times, eta=eta, rtol=settings.rtol)
        table = run.table().assign(eta=eta, separation=target.separation)
        tables.append(table.assign(outcome=str(run.outcome[0]))[list(UNITS)])
    return pd.concat(tables, ignore_index=True) if tables else pd.DataFrame(columns=list(UNITS))
