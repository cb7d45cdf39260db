"""How often the narrow mode is lost, by descent with batches."""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd

from ...targets import BimodalTarget
from ..kinds import Batch, StepSize
from ..share import Share, any_finished, stream
from . import UNITS, points, row
from . import Settings as Shared

__all__ = ["UNITS", "Settings", "compute"]


@dataclass(frozen=True)
class Settings(Shared):
    """As for both sources; steps of `step_size`, `batch` samples in each."""

    step_size: StepSize
    batch: Batch


def compute(settings: Settings, share: Share) -> pd.DataFrame:
    """A row for each point of the share."""
    from ...simulation.mixtures import MixtureStart, simulate_mixture
    from ...simulation.settings import Descent, Objective

    rows = []
    steps = max(1, round(settings.time / settings.step_size))
    for index, point in share.progress(points(settings)):
        target = point.target(settings)
        frame = BimodalTarget(settings.separation, point.dimension, settings.target_weight)
        overlaps = point.start(settings, frame, index)
        rng = stream(settings.seed, index, 1)
        start = MixtureStart(overlaps.vectors(frame), variances=overlaps.variances)
        run = simulate_mixture(
            target,
            start,
            Descent(settings.step_size, steps, settings.batch, seed=int(rng.integers(2**31))),
            [steps],
            dynamics=point.dynamics(settings),
            objective=Objective(path="tempered" if point.path == "none" else point.path),
        )
        if any_finished(run, dimension=point.dimension, path=point.path):
            rows.append(row(settings, point, run))
    return pd.DataFrame(rows, columns=list(UNITS))
