"""The map by stochastic gradient descent with finite batches, in d dimensions at a cost free of d.

The full pathwise gradient with the score term, each sample's component drawn at random.
"""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd

from ...overlaps import Overlaps
from ...schedules import Exponential
from ...targets import BimodalTarget
from ...trajectory import Trajectory
from ..kinds import Batch
from ..share import Share
from . import UNITS, Map, tabulate

__all__ = ["UNITS", "Settings", "compute"]


@dataclass(frozen=True)
class Settings(Map):
    """`batch` samples a step."""

    batch: Batch


def compute(settings: Settings, share: Share) -> pd.DataFrame:
    """A row for each cell of the share."""
    from ...simulation.reduced import simulate_reduced

    def train(
        target: BimodalTarget, start: Overlaps, schedule: Exponential, steps: int, seed: int
    ) -> Trajectory:
        return simulate_reduced(
            target,
            start,
            step_size=settings.step_size,
            steps=steps,
            batch=settings.batch,
            seed=seed,
            estimator="pathwise",
            components="sampled",
            variances="bures",
            schedule=schedule,
            speed_over_beta=True,
            sphere=True,
            log_every=steps,
            threads=share.threads,
        )

    return tabulate(settings, share, train)
