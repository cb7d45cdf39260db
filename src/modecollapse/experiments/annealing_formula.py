"""The closed formula in its limit β_i → 0, and the linear stage with and without batch noise."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Annotated

import numpy as np
import pandas as pd
from pydantic import Field

from ..schedules import Exponential
from ..targets import BimodalTarget
from .columns import common
from .kinds import Batch, Beta, Dimension, Points, Separation, StepSize, Weight
from .share import Share

__all__ = ["UNITS", "Settings", "compute"]

UNITS = {
    "source": "formula (closed) or theory (the linear stage, integrated)",
    **common("separation", "dimension", "target_weight"),
    "step_size": "gradient-flow time of a step",
    "batch": "samples a step; 0 for gradient flow",
    **common("beta_initial"),
    "growth": "β_i^(−1/t0), the factor by which β grows in a step, 1",
    "probability": "predicted probability of collapse, 1",
}
FASTEST = 1.02  # of K = t0/log(1/β_i); at 1 the variances fall behind for good


@dataclass(frozen=True)
class Settings:
    """`points` values of β_i^(−1/t0), down to that of `slowest` = t0/log(1/β_i) in time.

    The closed formula is drawn for `limit`, a β_i that is next to nothing; the linear stage for
    `beta_initial`, without noise and with that of `batch` samples a step.
    """

    separation: Separation
    dimension: Dimension
    target_weight: Weight
    step_size: StepSize
    batch: Batch
    limit: Beta
    beta_initial: Beta
    slowest: Annotated[
        float,
        Field(
            gt=FASTEST,
            le=1000,
            description=f"a number between {FASTEST}, where the line begins, and 1000",
        ),
    ]
    points: Points


def compute(settings: Settings, share: Share) -> pd.DataFrame:
    """A row for each kind of prediction and growth."""
    from ..theory.annealed.probability import annealed_formula, annealed_probability

    target = BimodalTarget(settings.separation, settings.dimension, settings.target_weight)
    kinds = [("formula", settings.limit, 0), ("theory", settings.beta_initial, 0)]
    kinds.append(("theory", settings.beta_initial, settings.batch))
    slowness = np.geomspace(FASTEST, settings.slowest, settings.points)
    rows = []
    for source, beta, batch in share.progress(kinds):
        for k in slowness:
            time = -k * math.log(beta)
            if source == "formula":
                probability = annealed_formula(target, beta, time)
            else:
                step = settings.step_size if batch else 0.0
                annealing = Exponential(beta, time)
                probability = annealed_probability(
                    target, annealing, step_size=step, batch=max(batch, 1)
                )
            growth = math.exp(settings.step_size / k)
            rows.append((source, batch, beta, growth, probability))
    table = pd.DataFrame(rows, columns=["source", "batch", "beta_initial", "growth", "probability"])
    fixed = {
        name: getattr(settings, name)
        for name in ("separation", "dimension", "target_weight", "step_size")
    }
    return table.assign(**fixed)[list(UNITS)]
