"""Random problems within the range that :func:`~modecollapse.theory.recommend` accepts, in which
collapse is not the better fit."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import pandas as pd

from ..schedules import Exponential
from ..targets import BimodalTarget
from .annealed_ends import best_annealed_kl
from .columns import common
from .ends import END_UNITS, Ends
from .kinds import Positive, Runs, Seed, Tolerance
from .share import Share, stream
from .starts import START_UNITS, draw_start, start_columns

__all__ = ["UNITS", "Settings", "compute"]

UNITS = {
    "source": "theory",
    **common("separation", "dimension", "target_weight", "beta_initial"),
    "anneal_time": "t0, gradient-flow time",
    **START_UNITS,
    **END_UNITS,
    "predicted": "probability of collapse in the linear stage (docs/theory.md, Eq. 11.15), 1",
}
START = ("modes", 1.0)  # the sphere of radius r


@dataclass(frozen=True)
class Settings:
    """`problems` random problems; `runs` starts each, followed until `extra_time` after t0."""

    seed: Seed
    problems: Runs
    runs: Runs
    extra_time: Positive
    rtol: Tolerance


def compute(settings: Settings, share: Share) -> pd.DataFrame:
    """A row for each problem of the share."""
    from ..theory.annealed import integrate_annealed
    from ..theory.annealed.probability import annealed_probability

    rows = []
    for index in share.progress(range(settings.problems)):
        rng = stream(settings.seed, index)
        target, annealing = _problem(rng)
        start = draw_start(target, settings.runs, rng, *START, variance=1 / annealing.beta_initial)
        since = annealing.time + settings.extra_time / 2
        run = integrate_annealed(
            target,
            start,
            [since, annealing.time + settings.extra_time],
            schedule=annealing,
            sphere=True,
            variances="bures",
            speed_over_beta=True,
            rtol=settings.rtol,
            threads=share.threads,
        )
        ends = Ends.of(run, target, since=since)
        if not ends.counts_for(target):
            continue
        best = best_annealed_kl(target, sphere=True)
        rows.append(
            {
                "source": "theory",
                "separation": target.separation,
                "dimension": target.dimension,
                "target_weight": target.weight,
                "beta_initial": annealing.beta_initial,
                "anneal_time": annealing.time,
                **start_columns(target, *START),
                **ends.columns(annealing.time + settings.extra_time, best),
                "predicted": annealed_probability(target, annealing),
            }
        )
    return pd.DataFrame(rows, columns=list(UNITS))


def _problem(rng: np.random.Generator) -> tuple[BimodalTarget, Exponential]:
    """A target and a schedule, uniform in the range (all but r and tilt in their logarithm), drawn
    until collapse is the worse fit."""
    from ..theory.regret import best_fit

    while True:
        target, annealing = _any_problem(rng)
        if not best_fit(target.separation, target.weight).ending.is_collapse:
            return target, annealing


def _any_problem(rng: np.random.Generator) -> tuple[BimodalTarget, Exponential]:
    from ..theory.advice import VALIDATED

    low, high = (np.array(ends) for ends in zip(*VALIDATED.values(), strict=True))
    names = list(VALIDATED)
    for name in ("dimension", "heat", "slowness"):
        k = names.index(name)
        low[k], high[k] = np.log([low[k], high[k]])
    drawn = dict(zip(names, rng.uniform(low, high), strict=True))
    r = drawn["separation"]
    weight = 1 / (1 + math.exp(-2 * drawn["tilt"] * r))
    beta = math.exp(drawn["heat"]) / r**2
    target = BimodalTarget(r, round(math.exp(drawn["dimension"])), weight)
    return target, Exponential(beta, -math.exp(drawn["slowness"]) * math.log(beta))
