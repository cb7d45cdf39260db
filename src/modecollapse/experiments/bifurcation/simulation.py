"""Where means come to rest that start on one mode, and on both, trained in d dimensions."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product

import numpy as np
import pandas as pd

from ...overlaps import Overlaps
from ...targets import BimodalTarget
from ..kinds import Batch, Device, Dimension, Seed, Separations, Steps, StepSize, Weights
from ..share import Share
from . import UNITS

__all__ = ["UNITS", "Settings", "compute"]

APART = 0.1  # how far apart two means start that start on the same mode
SIDES = ((1, 1), (1, -1), (-1, -1))  # the modes at which the two means start


@dataclass(frozen=True)
class Settings:
    """Three starts at each separation: both means on +, one on each mode, both on −."""

    seed: Seed
    target_weights: Weights
    separations: Separations
    dimension: Dimension
    steps: Steps
    step_size: StepSize
    batch: Batch
    device: Device


def compute(settings: Settings, share: Share) -> pd.DataFrame:
    """A row for each start of the share's settings."""
    from ...simulation.full import simulate

    grid = list(product(settings.target_weights, settings.separations))
    rows = []
    for index, (weight, separation) in share.progress(list(enumerate(grid))):
        target = BimodalTarget(separation, settings.dimension, weight)
        run = simulate(
            target,
            _starts(separation),
            step_size=settings.step_size,
            steps=settings.steps,
            batch=settings.batch,
            device=settings.device,
            estimator="sticking-the-landing",
            log_every=settings.steps,
            seed=settings.seed,
            first_run=index * len(SIDES),
        )
        positions = np.stack([run.final("m1"), run.final("m2")], axis=-1) / separation
        rows += [
            ("simulation", weight, side, "trained", separation, *position)
            for side, position in enumerate(positions)
            if run.finished[side]
        ]
    return pd.DataFrame(rows, columns=list(UNITS))


def _starts(separation: float) -> Overlaps:
    """Both means on the line of μ*, at the modes named in :data:`SIDES`, APART from each other."""
    x = separation * np.array(SIDES, dtype=float) + np.array([APART / 2, -APART / 2])
    return Overlaps(separation * x, np.stack([x[:, 0] ** 2, x.prod(-1), x[:, 1] ** 2], axis=-1))
