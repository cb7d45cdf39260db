"""The course of the order parameters in stochastic gradient descent in d dimensions."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from ...checks import require
from ...overlaps import Overlaps
from ...targets import BimodalTarget
from ...trajectory import Trajectory
from ..kinds import Batch, Device, Estimator, Runs, Seed, Steps, StepSize
from ..share import Share, stream
from . import UNITS, Course, tabulate

__all__ = ["UNITS", "Settings", "compute"]


@dataclass(frozen=True)
class Settings(Course):
    """`runs` independent runs from the one start, logged every `log_every` steps."""

    seed: Seed
    step_size: StepSize
    batch: Batch
    runs: Runs
    log_every: Steps
    estimator: Estimator
    device: Device

    def __post_init__(self) -> None:
        allowed = f"a number >= step_size = {self.step_size}"
        require(self.time >= self.step_size, "time", self.time, allowed)


def compute(settings: Settings, share: Share) -> pd.DataFrame:
    """A row for each dimension of the share, quantity and time."""
    from ...simulation.full import simulate

    def train(target: BimodalTarget, start: Overlaps, index: int) -> Trajectory:
        return simulate(
            target,
            start[np.zeros(settings.runs, dtype=int)],
            step_size=settings.step_size,
            steps=round(settings.time / settings.step_size),
            batch=settings.batch,
            eta=settings.eta,
            estimator=settings.estimator,
            log_every=settings.log_every,
            device=settings.device,
            seed=int(stream(settings.seed, index).integers(2**31)),
        )

    return tabulate(settings, share, "simulation", train)
