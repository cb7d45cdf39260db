"""Mixtures by stochastic gradients in full dimension, from the same starts for every remedy."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product
from typing import Annotated, Any

import pandas as pd

from ...dynamics import Dynamics
from ...schedules import Exponential, NoAnnealing
from ...trajectory import Trajectory
from ..kinds import Batch, Count, Positive, Seed, StepSize, from_to
from ..share import Share, any_finished, stream
from . import PROBLEMS, UNITS, Ends, Problem, Problems
from .menu import MENU, Remedies, Remedy

__all__ = ["UNITS", "Settings", "compute"]


@dataclass(frozen=True)
class Settings:
    """Every remedy for every problem, `runs` runs (or choices of the best of several) each.

    All pay `steps` × `batch` evaluations, and are looked at after 1, 1/3, 1/9, … of it, `parts`
    in all.  `eta` is the
    speed of each logit, and in the natural geometry `eta`/K, as fast at equal weights.  A sample
    of p costs `chain` evaluations.  The target is annealed from β_i r² = 0.1 over `anneal_time`.
    """

    seed: Seed
    dimension: Annotated[int, from_to(3, 10**5, "a whole number from 3 to 1e5")]
    problems: Problems
    remedies: Remedies
    runs: Annotated[int, from_to(2, 10**6, "a whole number from 2 to 1e6")]
    steps: Annotated[int, from_to(10, 10**7, "a whole number from 10 to 1e7")]
    batch: Annotated[int, from_to(32, 10**7, "a whole number from 32 to 1e7, samples a step")]
    step_size: StepSize
    eta: Positive
    anneal_time: Positive
    chain: Count
    parts: Annotated[int, from_to(1, 6, "a whole number from 1 to 6")]
    evaluation_samples: Batch


HEAT = 0.1  # β_i r² at the start of annealing (docs/theory.md, section 11)


def compute(settings: Settings, share: Share) -> pd.DataFrame:
    """A row for each problem, remedy and part of the share."""
    rows: list[dict[str, Any]] = []
    grid = list(product(enumerate(settings.problems), settings.remedies))
    for (number, name), remedy in share.progress(grid):
        problem, change = PROBLEMS[name], MENU[remedy]
        if change.equal_source and problem.equal:
            continue  # nothing differs
        rows += _rows(settings, number, {"problem": name, "remedy": remedy}, problem, change)
    return pd.DataFrame(rows, columns=list(UNITS))


def _rows(
    settings: Settings, number: int, names: dict[str, str], problem: Problem, remedy: Remedy
) -> list[dict[str, Any]]:
    """A row for each part of the cost; none where too few runs finish."""
    run, cost = _trained(settings, number, problem, remedy)
    if not any_finished(run, **names) or run.finished.sum() < 2 * remedy.restarts:
        return []
    target = problem.target(settings.dimension)
    rows = []
    for place, time in enumerate(run.times):
        ends = Ends.best_of(run, place, remedy.restarts)
        rows.append(
            {
                "source": "simulation",
                **names,
                "dimension": settings.dimension,
                "setting": remedy.setting,
                "n_components": remedy.components * problem.n_modes,
                "time": float(time),
                "cost": cost * time,
                "start": "sphere",
                "norm": remedy.norm * problem.separation,
                **ends.columns(target, 0.0, _floor(problem, remedy)),
            }
        )
    return rows


def _trained(
    settings: Settings, number: int, problem: Problem, remedy: Remedy
) -> tuple[Trajectory, float]:
    """The runs, logged at parts of their steps, and evaluations for each unit of time."""
    from ...simulation.mixtures import MixtureStart, simulate_mixture
    from ...simulation.settings import Descent, Objective

    k = remedy.components * problem.n_modes
    batch = max(round(remedy.batch * settings.batch), k)
    samples = max(round(remedy.share * settings.batch / settings.chain), 1)
    paid = batch if not remedy.share else batch + samples * settings.chain
    chosen = settings.evaluation_samples * k if remedy.restarts > 1 else 0
    steps = max(round((settings.steps * settings.batch / remedy.restarts - chosen) / paid), 2)
    h = remedy.step * settings.step_size
    beta = HEAT / problem.separation**2
    variance = 1 / beta if remedy.annealing else (remedy.width**2)
    start = MixtureStart.sphere(
        settings.runs * remedy.restarts,
        (k, settings.dimension),
        remedy.norm * problem.separation,
        stream(settings.seed, number, k),
        variance,
    )
    source = (1 / problem.n_modes,) * problem.n_modes if remedy.equal_source else None
    run = simulate_mixture(
        problem.target(settings.dimension),
        start,
        Descent(h, steps, batch, settings.seed, optimizer=remedy.optimizer),
        sorted({max(steps // 3**part, 1) for part in range(settings.parts)}),
        dynamics=_dynamics(settings, remedy, k, beta),
        objective=Objective(
            remedy.alpha, True, remedy.share, samples if remedy.share else 0, source
        ),
        weights_from=settings.anneal_time if remedy.weights == "afterwards" else 0.0,
        evaluation_samples=settings.evaluation_samples,
    )
    return run, remedy.restarts * (paid * steps + chosen) / (steps * h)


def _dynamics(settings: Settings, remedy: Remedy, k: int, beta: float) -> Dynamics:
    """What moves, and how."""
    rate = settings.eta / (k if remedy.geometry == "natural" else 1)
    annealed = Exponential(beta, settings.anneal_time)
    return Dynamics(
        eta=0.0 if remedy.weights == "fixed" else rate,
        variances="bures" if remedy.variances == "trained" else "fixed",
        schedule=annealed if remedy.annealing else NoAnnealing(),
        speed_over_beta=remedy.annealing,
        geometry=remedy.geometry,
    )


def _floor(problem: Problem, remedy: Remedy) -> float:
    """The least KL that equal fixed weights allow, at unit variances: a component, or one of two
    equally many beside each other, on each mode as it fits best."""
    from ...theory.regret import best_fit

    if remedy.weights != "fixed" or problem.equal:
        return 0.0
    two = problem.bimodal
    k = remedy.components * problem.n_modes
    fits = [best_fit(two.separation, two.weight, i / k).kl for i in range(1, k)]
    return max(min(fits), 0.0)
