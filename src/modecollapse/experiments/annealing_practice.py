"""Every combination, by gradient flow from the same random starts, the means free."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from itertools import product
from typing import NamedTuple

import numpy as np
import pandas as pd

from ..counting import COUNT_UNITS, counted
from ..outcomes import Outcome
from ..overlaps import Overlaps, random_start
from ..schedules import Exponential, NoAnnealing
from ..targets import BimodalTarget
from ..trajectory import Trajectory
from .columns import common
from .kinds import Beta, Dimension, Etas, Positive, Runs, Seed, Separation, Tolerance, Weight
from .share import Share, any_finished, stream

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
    **COUNT_UNITS,
    "n_mean_alignment": "runs that collapsed by mean alignment",
    "n_vanishing_weight": "runs that collapsed by vanishing weight",
    **common("mean_kl"),
}


@dataclass(frozen=True)
class Settings:
    """Annealing from β_i = `beta_initial` over `anneal_time`, then `rest` at β = 1."""

    seed: Seed
    separation: Separation
    dimension: Dimension
    target_weight: Weight
    beta_initial: Beta
    anneal_time: Positive
    rest: Positive
    etas: Etas
    runs: Runs
    rtol: Tolerance


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
        run = train(case, target, settings, share.threads)
        if not any_finished(run, case=case):
            continue
        outcomes, annealed = run.outcome[run.finished], case.annealing == "exponential"
        rows.append(
            {
                "source": "theory",
                "separation": target.separation,
                "dimension": target.dimension,
                "target_weight": target.weight,
                **case._asdict(),
                "beta_initial": settings.beta_initial if annealed else 1.0,
                "anneal_time": settings.anneal_time if annealed else 0.0,
                **counted(int(run.collapsed.sum()), len(outcomes)),
                "n_mean_alignment": int((outcomes == Outcome.MEAN_ALIGNMENT).sum()),
                "n_vanishing_weight": int((outcomes == Outcome.VANISHING_WEIGHT).sum()),
                "mean_kl": float(run.final("kl")[run.finished].mean()),
            }
        )
    return pd.DataFrame(rows, columns=list(UNITS))


def cases(settings: Settings) -> Iterator[Case]:
    """All ways: weights fixed at first, then trained at each η, throughout and afterwards."""
    for annealing, variances in product(("none", "exponential"), ("fixed", "trained")):
        yield Case(annealing, variances, 0.0, "fixed")
        for eta in settings.etas:
            yield Case(annealing, variances, eta, "throughout")
            if annealing == "exponential":
                yield Case(annealing, variances, eta, "afterwards")


def train(case: Case, target: BimodalTarget, settings: Settings, threads: int) -> Trajectory:
    """The runs of one case, up to `rest` after the end of annealing."""
    from ..theory.annealed import integrate_annealed

    annealed, trained = case.annealing == "exponential", case.variances == "trained"
    variance = 1 / settings.beta_initial if annealed and trained else 1.0
    start = random_start(target, settings.runs, stream(settings.seed), variance=variance)
    time = settings.anneal_time if annealed else 0.0
    schedule = Exponential(settings.beta_initial, time) if annealed else NoAnnealing()
    late = case.weights == "afterwards"
    go_on = partial(
        integrate_annealed,
        target,
        variances="bures" if trained else "fixed",
        speed_over_beta=True,
        rtol=settings.rtol,
        threads=threads,
    )
    if not late:
        return go_on(start, [time + settings.rest], schedule=schedule, eta=case.eta)
    first = go_on(start, [time + 0.5 * settings.rest], schedule=schedule)
    return go_on(_end(first), [settings.rest], eta=case.eta) if first.finished.any() else first


def _end(run: Trajectory) -> Overlaps:
    """The states at the end of the runs that finished."""

    def columns(*names: str) -> np.ndarray:
        return np.stack([run.final(name)[run.finished] for name in names], axis=-1)

    weight = run.final("weight")[run.finished]
    logit = np.log(weight) - np.log1p(-weight)
    return Overlaps(columns("m1", "m2"), columns("q11", "q12", "q22"), logit, columns("v1", "v2"))
