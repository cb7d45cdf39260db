"""Frequencies of the three outcomes over (η, separation), by the closed equations."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from ...overlaps import Overlaps
from ...targets import BimodalTarget
from ...trajectory import Trajectory
from ..kinds import Positive, Tolerance
from ..share import Share
from . import UNITS, Grid, tabulate

__all__ = ["UNITS", "Settings", "compute"]


@dataclass(frozen=True)
class Settings(Grid):
    """The outcome is that at `time`."""

    time: Positive
    rtol: Tolerance


def compute(settings: Settings, share: Share) -> pd.DataFrame:
    """A row for each (η, separation) of the share."""
    from ...theory.integration import integrate

    times = np.array([settings.time])

    def train(target: BimodalTarget, start: Overlaps, eta: float, seed: int) -> Trajectory:
        return integrate(target, start, times, eta=eta, rtol=settings.rtol, threads=share.threads)

    return tabulate(settings, share, train)
