"""Collapse frequency over random starts, each trained in d dimensions."""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd

from ...overlaps import Overlaps
from ...targets import BimodalTarget
from ...trajectory import Trajectory
from ..kinds import Batch, Device, Steps, StepSize
from ..share import Share
from . import UNITS, Grid, tabulate

__all__ = ["UNITS", "Settings", "compute"]


@dataclass(frozen=True)
class Settings(Grid):
    """`steps` steps of `step_size`, each on `batch` samples."""

    steps: Steps
    step_size: StepSize
    batch: Batch
    device: Device


def compute(settings: Settings, share: Share) -> pd.DataFrame:
    """A row for each target of the share."""
    from ...simulation.full import simulate

    def train(target: BimodalTarget, start: Overlaps, seed: int) -> Trajectory:
        return simulate(
            target,
            start,
            step_size=settings.step_size,
            steps=settings.steps,
            batch=settings.batch,
            device=settings.device,
            log_every=settings.steps,
            seed=seed,
        )

    return tabulate(settings, share, "simulation", train)
