"""The course of the order parameters by the closed equations."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from ...overlaps import Overlaps
from ...targets import BimodalTarget
from ...trajectory import Trajectory
from ..kinds import Points, Tolerance
from ..share import Share
from . import UNITS, Course, tabulate

__all__ = ["UNITS", "Settings", "compute"]


@dataclass(frozen=True)
class Settings(Course):
    """Logged at `points` times from 0 to `time`."""

    points: Points
    rtol: Tolerance


def compute(settings: Settings, share: Share) -> pd.DataFrame:
    """A row for each dimension of the share, quantity and time."""
    from ...theory.integration import integrate

    times = np.linspace(0, settings.time, settings.points)

    def train(target: BimodalTarget, start: Overlaps, index: int) -> Trajectory:
        return integrate(target, start, times, eta=settings.eta, rtol=settings.rtol)

    return tabulate(settings, share, "theory", train)
