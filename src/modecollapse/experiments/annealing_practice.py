"""Every combination, by gradient flow from the same random starts, the means free."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from itertools import product
from typing import NamedTuple

import numpy as np
import pandas as pd

from ..overlaps import Overlaps
from ..schedules import Exponential, NoAnnealing
from ..targets import BimodalTarget
from ..trajectory import Trajectory
from .annealed_ends import best_annealed_kl
from .columns import common
from .ends import END_UNITS, Ends, best_kl
from .kinds import (
    Beta,
    Dimension,
    Etas,
    Law,
    Positive,
    Runs,
    Seed,
    Separation,
    Size,
    Tolerance,
    Weight,
)
from .share import Share, stream
from .starts import START_UNITS, check_starts, draw_start, start_columns

__all__ = ["UNITS", "Settings", "compute"]

UNITS = {
    "source": "theory",
    **common("separation", "dimension", "target_weight"),
    "annealing": "none or exponential",
    **common("beta_initial"),
    "anneal_time": "t0, gradient-flow time",
    "variances": "fixed (at 1) or trained (by the Bures clock, from 1/β_i)",
    **common("eta"),
    "weights": "fixed, trained throughout, or trained after annealing",
    **START_UNITS,
    **END_UNITS,
}


@dataclass(frozen=True)
class Settings:
    """Annealing from β_i = `beta_initial` over `anneal_time`, then `rest` at β = 1; without
    annealing as long in all.  The start is `law` with `size`, see :mod:`.starts`."""

    seed: Seed
    separation: Separation
    dimension: Dimension
    target_weight: Weight
    law: Law
    size: Size
    beta_initial: Beta
    anneal_time: Positive
    rest: Positive
    etas: Etas
    runs: Runs
    rtol: Tolerance

    def __post_init__(self) -> None:
        check_starts((self.law,), (self.size,))

    @property
    def time(self) -> float:
        """When one looks."""
        return self.anneal_time + self.rest


class Case(NamedTuple):
    """One way to train."""

    annealing: str
    variances: str
    eta: float
    weights: str


def compute(settings: Settings, share: Share) -> pd.DataFrame:
    """A row for each case of the share."""
    target = BimodalTarget(settings.separation, settings.dimension, settings.target_weight)
    rows = []
    for case in share.progress(list(cases(settings))):
        ends = train(case, target, settings, share.threads)
        if ends.counts_for(case):
            annealed = case.annealing == "exponential"
            rows.append(
                {
                    "source": "theory",
                    "separation": target.separation,
                    "dimension": target.dimension,
                    "target_weight": target.weight,
                    **case._asdict(),
                    "beta_initial": settings.beta_initial if annealed else 1.0,
                    "anneal_time": settings.anneal_time if annealed else 0.0,
                    **start_columns(target, settings.law, settings.size),
                    **ends.columns(settings.time, _best(case, target)),
                }
            )
    return pd.DataFrame(rows, columns=list(UNITS))


def _best(case: Case, target: BimodalTarget) -> float:
    """The least KL that a way to train can reach."""
    if case.eta > 0 or case.variances == "fixed":
        return best_kl(target, case.eta)
    return best_annealed_kl(target, sphere=False)


def cases(settings: Settings) -> Iterator[Case]:
    """All ways: weights fixed at first, then trained at each η, throughout and afterwards."""
    for annealing, variances in product(("none", "exponential"), ("fixed", "trained")):
        yield Case(annealing, variances, 0.0, "fixed")
        for eta in settings.etas:
            yield Case(annealing, variances, eta, "throughout")
            if annealing == "exponential":
                yield Case(annealing, variances, eta, "afterwards")


def train(case: Case, target: BimodalTarget, settings: Settings, threads: int) -> Ends:
    """What becomes of the runs of one case, all by the same time."""
    from ..theory.annealed import integrate_annealed

    annealed, trained = case.annealing == "exponential", case.variances == "trained"
    variance = 1 / settings.beta_initial if annealed and trained else 1.0
    rng, law = stream(settings.seed), (settings.law, settings.size)
    start = draw_start(target, settings.runs, rng, *law, variance=variance)
    annealing = Exponential(settings.beta_initial, settings.anneal_time)
    go_on = partial(
        integrate_annealed,
        target,
        variances="bures" if trained else "fixed",
        speed_over_beta=True,
        rtol=settings.rtol,
        threads=threads,
    )
    schedule = annealing if annealed else NoAnnealing()
    if case.weights != "afterwards":
        since = settings.time - settings.rest / 2 if annealed else settings.time / 2
        run = go_on(start, [since, settings.time], schedule=schedule, eta=case.eta)
        return Ends.of(run, target, since=since)
    half = settings.rest / 2
    first = go_on(start, [settings.anneal_time + half], schedule=schedule)
    if not first.finished.any():
        return Ends.of(first, target)
    return Ends.of(go_on(_end(first), [half / 2, half], eta=case.eta), target)


def _end(run: Trajectory) -> Overlaps:
    """The states at the end of the runs that finished."""
    done = run.finished

    def columns(*names: str) -> np.ndarray:
        return np.stack([run.final(name)[done] for name in names], axis=-1)

    weight = run.final("weight")[done]
    logit = np.log(weight) - np.log1p(-weight)
    return Overlaps(columns("m1", "m2"), columns("q11", "q12", "q22"), logit, columns("v1", "v2"))
