"""Collapse frequency of stochastic gradient descent, simulated at a cost free of d."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product

import pandas as pd

from ...overlaps import random_start
from ...targets import BimodalTarget
from ..kinds import (
    Batches,
    Dimensions,
    Estimators,
    Positive,
    Runs,
    Seed,
    Separation,
    StepSizes,
    Weight,
)
from ..share import Share, any_finished, stream
from . import UNITS, row

__all__ = ["UNITS", "Settings", "compute"]


@dataclass(frozen=True)
class Settings:
    """Every combination of the lists; equal fixed weights, steps until `time`."""

    seed: Seed
    separation: Separation
    target_weight: Weight
    estimators: Estimators
    step_sizes: StepSizes
    batches: Batches
    dimensions: Dimensions
    runs: Runs
    time: Positive


def compute(settings: Settings, share: Share) -> pd.DataFrame:
    """A row for each combination of the share."""
    from ...simulation.reduced import simulate_reduced

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
            log_every=max(steps // 2, 1),
            seed=int(rng.integers(2**31)),
            threads=share.threads,
        )
        if not any_finished(run, target=target, estimator=estimator, step_size=h, batch=batch):
            continue
        rows.append(
            row(
                target,
                run,
                settings.time,
                effective_dimension=_effective_dimension(target, h, batch),
                estimator=estimator,
                step_size=h,
                batch=batch,
            )
        )
    return pd.DataFrame(rows, columns=list(UNITS))


def _effective_dimension(target: BimodalTarget, step_size: float, batch: int) -> float:
    """d_eff; d itself where means that are small do not grow, and it is not defined."""
    from ...theory.finite_batch import effective_dimension, linear_stage

    if linear_stage(target).rate <= 0:
        return float(target.dimension)
    return effective_dimension(target, step_size, batch)
