"""Collapse frequency of stochastic gradient descent, simulated at a cost free of d."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product

import pandas as pd

from ...overlaps import random_start
from ...simulation.reduced import simulate_reduced
from ...targets import BimodalTarget
from ...theory.finite_batch import effective_dimension
from ..share import Share, stream
from . import UNITS, row

__all__ = ["UNITS", "Settings", "compute"]


@dataclass(frozen=True)
class Settings:
    """Every combination of the lists; equal fixed weights, steps until `time`."""

    seed: int
    separation: float
    target_weight: float
    estimators: tuple[str, ...]
    step_sizes: tuple[float, ...]
    batches: tuple[int, ...]
    dimensions: tuple[int, ...]
    runs: int
    time: float


def compute(settings: Settings, share: Share) -> pd.DataFrame:
    """A row for each combination of the share."""
    lists = settings.estimators, settings.step_sizes, settings.batches, settings.dimensions
    rows = []
    for index, (estimator, h, batch, d) in share.progress(list(enumerate(product(*lists)))):
        target = BimodalTarget(settings.separation, d, settings.target_weight)
        rng = stream(settings.seed, index)
        start = random_start(target, settings.runs, rng)
        steps = max(1, round(settings.time / h))
        run = simulate_reduced(
            target,
            start,
            step_size=h,
            steps=steps,
            batch=batch,
            estimator=estimator,
            log_every=steps,
            seed=int(rng.integers(2**31)),
            threads=share.threads,
        )
        rows.append(
            row(
                target,
                run,
                effective_dimension=effective_dimension(target, h, batch),
                estimator=estimator,
                step_size=h,
                batch=batch,
            )
        )
    return pd.DataFrame(rows, columns=list(UNITS))
