"""How many modes a mixture finds for each component that it pays for, at one cost of training."""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import product
from typing import Annotated, Any, NamedTuple

import numpy as np
import pandas as pd

from ..dynamics import Dynamics
from ..outcomes import modes_found
from ..trajectory import Trajectory
from .columns import common
from .kinds import Batch, Geometries, Positive, Seed, StepSize, from_to, several
from .remedies import PROBLEMS, Ends, Problem, Problems
from .remedies import UNITS as REMEDIES
from .share import Share, any_finished, stream

__all__ = ["UNITS", "Settings", "compute", "least_regret"]

UNITS = {
    "source": "simulation",
    "problem": REMEDIES["problem"],
    **common("dimension"),
    "n_modes": "K*, modes of the target",
    "n_components": "K, components of q",
    "weights": "fixed (equal) or trained",
    "geometry": "euclidean, wasserstein or natural",
    **common("eta"),
    "time": "gradient-flow time at which one looks",
    "cost": "evaluations of log p with its gradient paid for by then, for a run",
    **{
        name: REMEDIES[name]
        for name in ("start", "norm", "n_runs", "n_collapsed", "probability", "low", "high")
    },
    "n_diverged": REMEDIES["n_diverged"],
    "n_found": REMEDIES["n_found"],
    "n_found_se": "standard error of n_found",
    "regret": "mean over the runs of KL(q‖p), nats: 0 is to be had where there are as many "
    "components as modes with free weights",
    "regret_low": REMEDIES["regret_low"],
    "regret_high": REMEDIES["regret_high"],
    "floor": "the least KL(q‖p) of components that each lie on a mode, modes far apart, nats",
}


@dataclass(frozen=True)
class Settings:
    """Every number of components for every problem, weights fixed and trained, in each geometry.

    All runs of a problem and K have the same starts, means on the sphere of the modes, and pay
    `steps` × `batch` evaluations.  `eta` is the speed of each logit, and in the natural geometry
    `eta`/K, as fast at equal weights.
    """

    seed: Seed
    dimension: Annotated[int, from_to(3, 10**5, "a whole number from 3 to 1e5")]
    problems: Problems
    components: Annotated[
        tuple[Annotated[int, from_to(1, 32, "a whole number from 1 to 32")], ...],
        several("a list of one or more different whole numbers from 1 to 32"),
    ]
    geometries: Geometries
    runs: Annotated[int, from_to(2, 10**6, "a whole number from 2 to 1e6")]
    steps: Annotated[int, from_to(1, 10**7, "a whole number from 1 to 1e7")]
    batch: Annotated[int, from_to(32, 10**7, "a whole number from 32 to 1e7, samples a step")]
    step_size: StepSize
    eta: Positive
    evaluation_samples: Batch


class _Case(NamedTuple):
    """One way to spend the components."""

    number: int  # of the problem
    name: str
    components: int
    weights: str
    geometry: str

    @property
    def problem(self) -> Problem:
        return PROBLEMS[self.name]

    def eta(self, settings: Settings) -> float:
        """The speed of the logits."""
        if self.weights == "fixed":
            return 0.0
        return settings.eta / (self.components if self.geometry == "natural" else 1)


def compute(settings: Settings, share: Share) -> pd.DataFrame:
    """A row for each case of the share of which two runs finish."""
    grid = [
        _Case(number, name, components, weights, geometry)
        for (number, name), components, weights, geometry in product(
            enumerate(settings.problems),
            settings.components,
            ("fixed", "trained"),
            settings.geometries,
        )
    ]
    rows: list[dict[str, Any]] = []
    for case in share.progress(grid):
        run = _trained(settings, case)
        if any_finished(run, case=case) and run.finished.sum() > 1:
            rows.append(_row(settings, case, run))
    return pd.DataFrame(rows, columns=list(UNITS))


def _trained(settings: Settings, case: _Case) -> Trajectory:
    """The runs of a case."""
    from ..simulation.mixtures import MixtureStart, simulate_mixture
    from ..simulation.settings import Descent

    start = MixtureStart.sphere(
        settings.runs,
        (case.components, settings.dimension),
        case.problem.separation,
        stream(settings.seed, case.number, case.components),
    )
    return simulate_mixture(
        case.problem.target(settings.dimension),
        start,
        Descent(settings.step_size, settings.steps, settings.batch, settings.seed),
        [settings.steps],
        dynamics=Dynamics(eta=case.eta(settings), geometry=case.geometry),
        evaluation_samples=settings.evaluation_samples,
    )


def _row(settings: Settings, case: _Case, run: Trajectory) -> dict[str, Any]:
    """What the runs of a case found by the end."""
    target, ends = case.problem.target(settings.dimension), Ends.of(run, 0)
    found = modes_found(ends.masses, target.weights).sum(-1)
    return {
        "source": "simulation",
        "problem": case.name,
        "dimension": settings.dimension,
        "n_modes": case.problem.n_modes,
        "n_components": case.components,
        "weights": case.weights,
        "geometry": case.geometry,
        "eta": case.eta(settings),
        "time": float(run.times[0]),
        "cost": settings.steps * settings.batch,
        "start": "sphere",
        "norm": case.problem.separation,
        **ends.columns(target, 0.0, least_regret(case.problem, case.components, case.weights)),
        "n_found_se": float(found.std(ddof=1) / math.sqrt(len(found))),
    }


def least_regret(problem: Problem, components: int, weights: str) -> float:
    """min KL(u‖π) over the weights u that the components can put on far-apart modes.

    Free weights are π's own on the heaviest modes; equal fixed ones are n_k/K, handed out one by
    one, each to where KL grows least, which is best since KL is a sum of convex functions of n_k.

    >>> round(least_regret(PROBLEMS["four modes"], 3, "trained"), 6)  # log(4/3)
    0.287682
    >>> round(least_regret(PROBLEMS["equal modes"], 3, "fixed"), 6)  # one mode has two thirds
    0.056633
    """
    from scipy.special import rel_entr

    pi = np.array(problem.weights)
    if weights == "trained":
        return -math.log(np.sort(pi)[-components:].sum()) + 0.0
    n = np.zeros(len(pi))
    for _ in range(components):
        n[(rel_entr((n + 1) / components, pi) - rel_entr(n / components, pi)).argmin()] += 1
    return max(float(rel_entr(n / components, pi).sum()), 0.0)
