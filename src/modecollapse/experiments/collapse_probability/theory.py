"""Collapse frequency over random starts, each integrated by the closed equations to its end."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from ...mixtures import BimodalTarget
from ...overlaps import Overlaps
from ...theory.integration import integrate
from ...trajectory import Trajectory
from ..share import Share
from .grid import UNITS, Grid, tabulate

__all__ = ["UNITS", "Settings", "compute"]


@dataclass(frozen=True)
class Settings(Grid):
    """`time` is long against every recovery."""

    time: float
    rtol: float


def compute(settings: Settings, share: Share) -> pd.DataFrame:
    """A row for each target of the share."""
    times = np.array([settings.time])

    def train(target: BimodalTarget, start: Overlaps, seed: int) -> Trajectory:
        return integrate(target, start, times, rtol=settings.rtol, workers=share.threads)

    return tabulate(settings, share, "theory", train)
