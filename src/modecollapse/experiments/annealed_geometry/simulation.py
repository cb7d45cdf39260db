"""By stochastic descent with finite batches, in d dimensions at a cost free of d."""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd

from ..kinds import Batch, StepSize
from ..share import Share
from . import UNITS, Annealed, cases, row

__all__ = ["UNITS", "Settings", "compute"]


@dataclass(frozen=True)
class Settings(Annealed):
    """`batch` samples a step of `step_size`, half of them from each component, with the score."""

    step_size: StepSize
    batch: Batch
    evaluation_samples: Batch


def compute(settings: Settings, share: Share) -> pd.DataFrame:
    """A row for each case of the share; all have the same noise."""
    from ...simulation.reduced import simulate_reduced

    rows = []
    steps = max(round(settings.time / settings.step_size), 2)
    late = max(round(settings.rest / settings.step_size / 2), 1)
    for case in share.progress(cases(settings)):
        run = simulate_reduced(
            settings.target,
            settings.start(),
            step_size=settings.step_size,
            steps=steps,
            batch=settings.batch,
            seed=settings.seed,
            log_every=min(late, steps),
            evaluation_samples=settings.evaluation_samples,
            threads=share.threads,
            **case.dynamics(settings),
        )
        rows += row(settings, case, run)
    return pd.DataFrame(rows, columns=list(UNITS))
