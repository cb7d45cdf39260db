"""How often annealed mixtures collapse, over the initial β and the time of annealing."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import product
from types import MappingProxyType

import pandas as pd

from ...counting import COUNT_UNITS, counted
from ...overlaps import Overlaps, random_start
from ...schedules import Exponential
from ...targets import BimodalTarget
from ...trajectory import Trajectory
from ..columns import common
from ..kinds import Betas, Counts, Dimension, Runs, Seed, Separation, Steps, StepSize, Weight
from ..share import Share, any_finished, stream

__all__ = ["UNITS", "Map", "tabulate"]

UNITS: Mapping[str, str] = MappingProxyType(
    {
        "source": "theory (gradient flow) or reduced simulation (finite batches)",
        **common("separation", "dimension", "target_weight"),
        "step_size": "gradient-flow time of a step",
        **common("beta_initial"),
        "anneal_steps": "t0, steps",
        **COUNT_UNITS,
        "n_collapsed": "runs whose means end with a positive overlap, μ_1·μ_2 > 0",
        "n_mode_lost": "runs that end with a mode of p lost, by docs/theory.md, section 5",
    }
)


@dataclass(frozen=True)
class Map:
    """Equal fixed weights, means on the sphere, variances from 1/β_i by the Bures clock, every
    speed divided by β = β_i^(1 − t/t0); `extra_steps` more steps at β = 1."""

    seed: Seed
    separation: Separation
    dimension: Dimension
    target_weight: Weight
    beta_initials: Betas
    anneal_steps: Counts
    extra_steps: Steps
    step_size: StepSize
    runs: Runs


def tabulate(
    settings: Map,
    share: Share,
    train: Callable[[BimodalTarget, Overlaps, Exponential, int, int], Trajectory],
) -> pd.DataFrame:
    """A row for each cell of the share: random starts on the sphere.

    `train` is given the target, the starts, the schedule in units of time, the number of steps and
    a seed of its own.
    """
    target = BimodalTarget(settings.separation, settings.dimension, settings.target_weight)
    rows = []
    cells = list(enumerate(product(settings.beta_initials, settings.anneal_steps)))
    for index, (beta, steps) in share.progress(cells):
        rng = stream(settings.seed, index)
        start = random_start(target, settings.runs, rng, variance=1 / beta)
        schedule = Exponential(beta, settings.step_size * steps)
        total = steps + settings.extra_steps
        run = train(target, start, schedule, total, int(rng.integers(2**31)))
        if not any_finished(run, beta_initial=beta, anneal_steps=steps):
            continue
        aligned = run.finished & (run.final("q12") > 0)
        rows.append(
            {
                "source": run.source,
                "separation": target.separation,
                "dimension": target.dimension,
                "target_weight": target.weight,
                "step_size": settings.step_size,
                "beta_initial": beta,
                "anneal_steps": steps,
                **counted(int(aligned.sum()), int(run.finished.sum())),
                "n_mode_lost": int(run.collapsed.sum()),
            }
        )
    return pd.DataFrame(rows, columns=list(UNITS))
