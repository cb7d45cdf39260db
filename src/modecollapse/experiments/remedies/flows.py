"""RealNVP on the same problems: annealing, samples of p, other bases and restarts beside the plain
descent."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any, Literal

import numpy as np
import pandas as pd
from pydantic import Field

from ...schedules import Exponential, NoAnnealing
from ...targets import BimodalTarget, GaussianMixture
from ...trajectory import Trajectory
from ..kinds import Batch, Beta, Count, Couplings, Device, Runs, Seed, StepSize, from_to, several
from ..share import Share, any_finished, stream
from . import PROBLEMS, UNITS, Ends, Problem, Problems

__all__ = ["UNITS", "Settings", "compute"]

FlowRemedies = Annotated[
    tuple[
        Annotated[
            Literal[
                "plain", "annealing", "share 0.1", "share 0.25", "share 0.5", "samples alone",
                "wide base", "mixture base", "best of 3",
            ],
            Field(
                description="plain, annealing, share 0.1, share 0.25, share 0.5, samples alone, "
                "wide base, mixture base or best of 3"
            ),
        ],
        ...,
    ],
    several("a list of one or more of the remedies of flows"),
]  # fmt: skip
SHARES = {"share 0.1": 0.1, "share 0.25": 0.25, "share 0.5": 0.5}
WIDE, CENTRES, BEYOND = 2.0, 8, 2.0  # s of the wide base; K of the mixture, and R over r
WORDS = {
    "plain": "reverse KL",
    "annealing": "annealed in the first half",
    "share 0.1": "λ = 0.1",
    "share 0.25": "λ = 0.25",
    "share 0.5": "λ = 0.5",
    "samples alone": "maximum likelihood",
    "wide base": f"base N(0, {WIDE**2:g} I)",
    "mixture base": f"base of {CENTRES} normals at {BEYOND:g} r from the origin",
    "best of 3": "best of 3, each a third as long",
}


@dataclass(frozen=True)
class Settings:
    """Every remedy for every problem, `runs` flows (or choices of the best of three) each.

    `steps` steps of Adam, a third of it where the best of three is chosen; a sample of p costs
    `chain` evaluations.  The target is annealed from `beta_initial` over half of the steps.  All
    flows are looked at after `parts` of their steps.
    """

    seed: Seed
    dimension: Annotated[int, from_to(4, 10**5, "a whole number from 4 to 1e5")]
    problems: Problems
    remedies: FlowRemedies
    runs: Annotated[int, from_to(2, 10**6, "a whole number from 2 to 1e6")]
    ensemble: Runs
    couplings: Couplings
    hidden: Count
    depth: Count
    steps: Annotated[int, from_to(6, 10**7, "a whole number from 6 to 1e7")]
    batch: Batch
    learning_rate: StepSize
    beta_initial: Beta
    chain: Count
    parts: Annotated[int, from_to(1, 6, "a whole number from 1 to 6")]
    evaluation_samples: Batch
    device: Device


def compute(settings: Settings, share: Share) -> pd.DataFrame:
    """A row for each problem of the share, remedy and part."""
    rows: list[dict[str, Any]] = []
    for number, name in share.progress(list(enumerate(settings.problems))):
        rows += _rows(settings, share, number, name)
    return pd.DataFrame(rows, columns=list(UNITS))


def _rows(settings: Settings, share: Share, number: int, name: str) -> list[dict[str, Any]]:
    """The rows of one problem.  The best that the family can do is the least KL of all its runs."""
    problem, runs = PROBLEMS[name], {}
    for remedy in settings.remedies:
        run = _trained(settings, share, number, problem, remedy)
        if any_finished(run, problem=name, remedy=remedy) and run.finished.sum() >= 6:
            runs[remedy] = run
    best = min((float(np.nanmin(run.final("kl"))) for run in runs.values()), default=0.0)
    return [
        {
            "source": "flow",
            "problem": name,
            "dimension": settings.dimension,
            "remedy": remedy,
            "setting": WORDS[remedy],
            "n_components": 0,
            "time": float(run.times[place]),
            "cost": _cost(settings, remedy, float(run.times[place])),
            "start": "flow",
            "norm": 0.0,
            **ends.columns(problem.target(settings.dimension), best, 0.0),
        }
        for remedy, run in runs.items()
        for place, ends in _looks(run, remedy)
    ]


def _looks(run: Trajectory, remedy: str) -> list[tuple[int, Ends]]:
    """The runs at each logged step but the start, the best of three where one chooses."""
    n = 3 if remedy == "best of 3" else 1
    return [(place, Ends.best_of(run, place, n)) for place in range(1, len(run.times))]


def _cost(settings: Settings, remedy: str, steps: float) -> float:
    """Evaluations by then, for a run or for the three of which one is chosen."""
    of_p = _of_p(settings, remedy)
    each = settings.batch - of_p + of_p * settings.chain
    if remedy == "best of 3":
        return 3 * (each * steps + settings.evaluation_samples)
    return each * steps


def _of_p(settings: Settings, remedy: str) -> int:
    """How many samples of a batch are of p."""
    if remedy == "samples alone":
        return settings.batch
    return settings.batch - round(settings.batch * (1 - SHARES.get(remedy, 0.0)))


def _own(problem: Problem, remedy: str) -> dict[str, Any]:
    """The settings of training that are a remedy's own."""
    if remedy in SHARES:
        return {"objective": "mixed", "target_share": SHARES[remedy]}
    own: dict[str, dict[str, Any]] = {
        "samples alone": {"objective": "maximum-likelihood"},
        "wide base": {"base_scale": WIDE},
        "mixture base": {"base_components": CENTRES, "base_radius": BEYOND * problem.separation},
    }
    return own.get(remedy, {})


def _trained(
    settings: Settings, share: Share, number: int, problem: Problem, remedy: str
) -> Trajectory:
    """The flows of one remedy; all remedies of a problem have the same starts."""
    from ...flows.training import train

    several = 3 if remedy == "best of 3" else 1
    steps = settings.steps // several
    annealed = Exponential(settings.beta_initial, float(steps // 2))
    return train(
        _target(settings, number, problem),
        checkpoint=share.checkpoint((settings, number, remedy)),
        seed=int(stream(settings.seed, number).integers(2**31)),
        seeds=settings.runs * several,
        ensemble_size=settings.ensemble,
        couplings=settings.couplings,
        hidden=settings.hidden,
        depth=settings.depth,
        steps=steps,
        batch=settings.batch,
        learning_rate=settings.learning_rate,
        **_own(problem, remedy),
        schedule=annealed if remedy == "annealing" else NoAnnealing(),
        log_every=max(steps // settings.parts, 1),
        evaluation_samples=settings.evaluation_samples,
        device=settings.device,
    )


def _target(settings: Settings, number: int, problem: Problem) -> BimodalTarget | GaussianMixture:
    """The target in a random direction: of each run's own for two modes, of one frame for more."""
    if problem.n_modes == 2:
        return BimodalTarget(problem.separation, settings.dimension, problem.weights[0])
    rng = stream(settings.seed, number, 1)
    frame, _ = np.linalg.qr(rng.standard_normal((settings.dimension, problem.n_modes - 1)))
    means = problem.target(settings.dimension).means[:, : problem.n_modes - 1] @ frame.T
    return GaussianMixture(means, np.array(problem.weights))
