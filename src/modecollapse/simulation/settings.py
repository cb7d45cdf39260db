"""How a simulation takes its steps, and what it writes down: settings, checked when made."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..checks import choice, count, integer, numbers_of, require, within
from ..dynamics import Dynamics
from ..targets import BimodalTarget
from ..trajectory import Status, Trajectory, finish

__all__ = [
    "COMPONENTS",
    "DECAYS",
    "EPSILON",
    "ESTIMATORS",
    "OPTIMIZERS",
    "PATHS",
    "SAMPLED",
    "TEMPERED",
    "Descent",
    "Log",
    "Objective",
    "objective_of_two",
    "record",
]

OPTIMIZERS = ("sgd", "momentum", "adam")  # as compiled code numbers them
DECAYS = (0.9, 0.999)  # of momentum (the first) and of Adam
EPSILON = 1e-8  # of Adam
ESTIMATORS = ("pathwise", "sticking-the-landing")
COMPONENTS = ("stratified", "sampled")
PATHS = ("tempered", "weights kept", "weights evened")  # as compiled code numbers them
MOMENTS = ("m1", "m2", "q11", "q12", "q22", "weight", "logit")
TEMPERED = ("v1", "v2", "beta")
SAMPLED = ("kl", "kl_se", "mass_plus", "mass_minus")


@dataclass(frozen=True)
class Descent:
    """Stochastic gradient descent.

    Parameters
    ----------
    step_size : h > 0.  Time is h × steps.
    steps, batch : the number of steps, and B ≥ 2 samples a step.
    estimator : "pathwise", the gradient of the loss as automatic differentiation gives it, or
        "sticking-the-landing", without the score term.
    components : "stratified", half of the batch from each component, weighted by w_i; or
        "sampled", the component of each sample drawn with probability w_i.
    optimizer : a name in ``optimizers.OPTIMIZERS``, which whoever takes the steps looks up.
    seed : of all random numbers, with the number of the run.
    first_run : the number of the first run, for the seeds of a part of a larger batch.

    >>> Descent(step_size=0.1, steps=10, batch=1, seed=0)
    Traceback (most recent call last):
    ...
    ValueError: batch: got 1; allowed: a whole number >= 2 and <= 1000000000
    """

    step_size: float
    steps: int
    batch: int
    seed: int
    estimator: str = "pathwise"
    components: str = "stratified"
    optimizer: str = "sgd"
    first_run: int = 0

    def __post_init__(self) -> None:
        object.__setattr__(self, "step_size", within("step_size", self.step_size, 0))
        for name, low in (("steps", 0), ("batch", 2)):
            object.__setattr__(self, name, count(name, getattr(self, name), low))
        for name in ("seed", "first_run"):
            object.__setattr__(self, name, integer(name, getattr(self, name), 0))
        choice("estimator", self.estimator, ESTIMATORS)
        choice("components", self.components, COMPONENTS)

    @property
    def score(self) -> bool:
        """Whether the score term is kept."""
        return self.estimator == "pathwise"

    @property
    def stratified(self) -> bool:
        return self.components == "stratified"


@dataclass(frozen=True)
class Objective:
    """(1 − λ) D_α(q‖p) + λ KL(p‖q), and by which samples (docs/remedies.md, Eqs. 14.1, 14.11).

    Parameters
    ----------
    alpha : α in [0, 1]; 0 is KL(q‖p).
    self_normalised : whether the weights (p/q)^α of a batch are divided by their mean.
    share : λ in [0, 1).
    samples : of p in a step; needed where λ > 0.
    source : how often a sample of p is from each of its modes; default as often as under p.
    path : of the annealing: "tempered", p^β; or "weights kept" or "weights evened",
        Σ_k π_k N(ν_k, s_k/β I) or the same with π_k^β (docs/theory.md, Eq. 17.8).

    >>> Objective(share=0.5)
    Traceback (most recent call last):
    ...
    ValueError: samples: got 0; allowed: a whole number >= 1 and <= 1000000000
    """

    alpha: float = 0.0
    self_normalised: bool = True
    share: float = 0.0
    samples: int = 0
    source: tuple[float, ...] | None = None
    path: str = "tempered"

    def __post_init__(self) -> None:
        within("alpha", self.alpha, 0, 1, closed="[]")
        within("share", self.share, 0, 1, closed="[")
        count("samples", self.samples, 1 if self.share > 0 else 0)
        known = isinstance(self.self_normalised, bool)
        require(known, "self_normalised", self.self_normalised, "True or False")
        choice("path", self.path, PATHS)
        if self.source is not None:
            allowed = "numbers >= 0 that sum to 1, one a mode"
            source = numbers_of("source", self.source, allowed, finite=True)
            shares = source.ndim == 1 and bool((source >= 0).all())
            require(shares and abs(source.sum() - 1) < 1e-9, "source", self.source, allowed)
            object.__setattr__(self, "source", tuple(source.tolist()))

    @property
    def plain(self) -> bool:
        """Whether it is KL(q‖p)."""
        return self.alpha == 0 and self.share == 0

    def check_schedule(self, dynamics: Dynamics) -> None:
        """Refuse an annealed target unless the objective is KL(q‖p^β)."""
        fits = self.plain or not dynamics.tempered
        require(fits, "schedule", dynamics.schedule, "none, where α or λ is not 0")


def objective_of_two(
    objective: tuple[float, float, bool, int | None], descent: Descent, dynamics: Dynamics
) -> Objective:
    """(α, λ, self-normalised, samples of p) for two components, checked against the descent."""
    alpha, share, self_normalised, samples = objective
    share = within("share", share, 0, 1, closed="[")
    if samples is None:
        samples = descent.batch if share > 0 else 0
    else:
        samples = count("target_samples", samples)
    made = Objective(within("alpha", alpha, 0, 1, closed="[]"), self_normalised, share, samples)
    made.check_schedule(dynamics)
    noiseless = "'sticking-the-landing' at alpha = 1, where the other is divided by 1 - alpha = 0"
    require(made.alpha < 1 or not descent.score, "estimator", descent.estimator, noiseless)
    return made


@dataclass(frozen=True)
class Log:
    """When a run of `steps` steps is logged, and what.

    every : steps between two logged times; None for about a hundred times.  The last step is
        always logged.
    samples : fresh samples for KL and the masses at each logged time.
    unit : whether v = 1 and β = 1 throughout, so that neither is logged.
    """

    steps: int
    every: int | None
    samples: int
    unit: bool

    def __post_init__(self) -> None:
        if self.every is not None:
            count("log_every", self.every)
        count("evaluation_samples", self.samples, 4)

    @property
    def interval(self) -> int:
        """Steps between two logged times."""
        return max(1, self.steps // 100) if self.every is None else self.every

    @property
    def at(self) -> tuple[int, ...]:
        """The logged steps."""
        return (*range(0, self.steps, self.interval), self.steps)

    @property
    def count(self) -> int:
        """How many there are, without making them."""
        return -(-self.steps // self.interval) + 1

    @property
    def statistics(self) -> tuple[str, ...]:
        return MOMENTS + (() if self.unit else TEMPERED) + SAMPLED


def record(
    source: str,
    targets: Sequence[BimodalTarget],
    descent: Descent,
    objective: Objective,
    log: Log,
    values: NDArray[np.float64],
    diverged: NDArray[np.int_],
) -> Trajectory:
    """The runs as one record, from their logged `values` (n, statistics, logged times) and the
    place among the logged times at which each was found to have `diverged`, or -1."""
    times = np.array(log.at) * descent.step_size
    large, remedy = f"step_size: {descent.step_size:g} is too large", "reduce it"
    if objective.alpha > 0 and objective.self_normalised:
        large += f", or q too far from every mode for weights (p/q)^{objective.alpha:g}"
        remedy += ", start nearer or take a smaller alpha"
    return finish(
        source,
        times,
        {name: values[:, k] for k, name in enumerate(log.statistics)},
        targets,
        [Status.FINISHED if place < 0 else Status.DIVERGED for place in diverged],
        times[diverged],
        {Status.DIVERGED: f"{large}; diverged by time {{time:g}}, {remedy}"},
    )
