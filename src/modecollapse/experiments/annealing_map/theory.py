"""The map by gradient flow, from the annealed equations."""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd

from ...overlaps import Overlaps
from ...schedules import Exponential
from ...targets import BimodalTarget
from ...trajectory import Trajectory
from ..kinds import Tolerance
from ..share import Share
from . import UNITS, Map, tabulate

__all__ = ["UNITS", "Settings", "compute"]


@dataclass(frozen=True)
class Settings(Map):
    """Integrated with relative error `rtol` a step."""

    rtol: Tolerance


def compute(settings: Settings, share: Share) -> pd.DataFrame:
    """A row for each cell of the share."""
    from ...theory.annealed import integrate_annealed

    def train(
        target: BimodalTarget, start: Overlaps, schedule: Exponential, steps: int, seed: int
    ) -> Trajectory:
        return integrate_annealed(
            target,
            start,
            [settings.step_size * steps],
            schedule=schedule,
            sphere=True,
            variances="bures",
            speed_over_beta=True,
            rtol=settings.rtol,
            threads=share.threads,
        )

    return tabulate(settings, share, train)
