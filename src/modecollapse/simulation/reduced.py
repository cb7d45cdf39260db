r"""Stochastic gradient descent on (μ_1, μ_2, ℓ, v_1, v_2), simulated exactly at a cost free of d.

The target is p^β, the family has two isotropic components, and each step draws a fresh batch of
points x_s = μ_i + √v_i z_s.  Every gradient is then a combination of μ_1, μ_2 and μ*, and of the
z_s with coefficients that depend on three coordinates of z_s and on its norm only (docs/theory.md,
section 10): ``kernel`` takes the steps, ``samplers`` draws what is left of the z_s.  Weights
(p/q)^α and samples of p, where the objective has them, keep it so (Eqs. 10.15 and 10.16).
"""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import expit

from ..checks import MOST_THREADS, integer
from ..dynamics import Dynamics, check_start, targets_of
from ..memory import check_memory
from ..overlaps import Overlaps
from ..schedules import NoAnnealing, Schedule
from ..targets import BimodalTarget
from ..targets.tempered import log_normalizer
from ..trajectory import Trajectory
from .kernel import descend, evaluate
from .points import Setting
from .samplers import AXES
from .settings import TEMPERED, Descent, Log, Objective, objective_of_two, record
from .streams import Purpose, generator

__all__ = ["simulate_reduced"]

FloatArray = NDArray[np.float64]
RUNAWAY = 1e3  # a mean this many times longer than anything at the start has diverged


def simulate_reduced(
    target: BimodalTarget | Sequence[BimodalTarget],
    start: Overlaps,
    *,
    step_size: float,
    steps: int,
    batch: int,
    seed: int,
    eta: ArrayLike = 0.0,
    estimator: str = "pathwise",
    components: str = "stratified",
    variances: str = "fixed",
    schedule: Schedule | None = None,
    speed_over_beta: bool = False,
    geometry: str = "euclidean",
    sphere: bool = False,
    alpha: float = 0.0,
    share: float = 0.0,
    self_normalised: bool = True,
    target_samples: int | None = None,
    log_every: int | None = None,
    evaluation_samples: int = 4096,
    first_run: int = 0,
    threads: int = 1,
) -> Trajectory:
    r"""Simulate stochastic gradient descent from n starts, at a cost free of d.

    In law the same as :func:`modecollapse.simulation.simulate` with plain gradient descent, whose
    arguments these are; a sample costs 30 to 90 ns at every d (docs/theory.md, section 10).

    Parameters
    ----------
    target : one for all runs, or one a run.
    start : n states.
    step_size : h > 0.  Time is h × steps.
    steps, batch : the number of steps, and B ≥ 2 samples a step.
    seed : of all random numbers, with the number of the run.
    eta : η ≥ 0, one or one a run, the speed of ℓ = logit w_1; 0 keeps the weights fixed.
    estimator : "pathwise", the gradient of the loss as automatic differentiation gives it, or
        "sticking-the-landing", without the score term.
    components : "stratified", half of the batch from each component, weighted by w_i; or
        "sampled", the component of each sample drawn with probability w_i.
    variances : "fixed"; "euclidean", v ← v − h ∂KL/∂v; or "bures", v ← v (1 − (2h/d) ∂KL/∂v)².
    schedule : of β in the target p^β, in the unit of time; default β = 1.
    speed_over_beta : divide every speed by β.
    geometry : "euclidean", "wasserstein" or "natural", the metric in which the gradient is taken
        (docs/remedies.md, Section 13).
    sphere : keep each mean on the sphere ‖μ_i‖ = const. of its start (Eq. 10.12).
    alpha : α in [0, 1] of D_α(q‖p), whose weights (p/q)^α are those of the batch; 0 is KL(q‖p).
        With annealing only 0; α = 1 only with "sticking-the-landing".
    share : λ in [0, 1) of (1 − λ) D_α(q‖p) + λ KL(p‖q), the second by samples of p.
    self_normalised : whether the weights (p/q)^α are divided by their mean over the batch.
    target_samples : of p in a step, where λ > 0; default as many as of q.
    log_every : steps between two logged times; default about a hundred times.  The last step is
        always logged.
    evaluation_samples : fresh samples for KL and the masses at each logged time.
    first_run : the number of the first run, for the seeds of a part of a larger batch.
    threads : how many threads share the runs.

    Returns
    -------
    A trajectory of m1, m2, q11, q12, q22, weight, logit, kl, kl_se, mass_plus, mass_minus, and of
    v1, v2 and beta unless these are 1 throughout.  KL is to the normalised p^β.  A run whose step
    is too large ends ``Status.DIVERGED``; the others are unharmed.

    Raises
    ------
    ValueError : naming the argument.

    Notes
    -----
    Run k has the same bits for the same settings and seed, however many runs are beside it and
    however many threads there are.

    >>> from modecollapse import random_start, target
    >>> p = target(separation=2.0, dimension=10**6)
    >>> start = random_start(p, 3, np.random.default_rng(0))
    >>> run = simulate_reduced(p, start, step_size=0.1, steps=500, batch=64, seed=1,
    ...                        estimator="sticking-the-landing")
    >>> [str(o) for o in run.outcome]
    ['both modes', 'both modes', 'both modes']
    """
    targets = targets_of(target, len(check_start(start)))
    dynamics = Dynamics(
        eta,
        variances,
        NoAnnealing() if schedule is None else schedule,
        sphere,
        speed_over_beta,
        geometry,
    )
    descent = Descent(step_size, steps, batch, seed, estimator, components, "sgd", first_run)
    chosen = (alpha, share, self_normalised, target_samples)
    objective = objective_of_two(chosen, descent, dynamics)
    log = Log(descent.steps, log_every, evaluation_samples, dynamics.is_unit(start))
    _check_memory(len(start), descent, log)
    batch_of_runs = _Batch(targets, start, dynamics, (descent, objective), log)
    with ThreadPoolExecutor(integer("threads", threads, 1, MOST_THREADS)) as pool:
        results = list((pool.map if threads > 1 else map)(batch_of_runs.follow, range(len(start))))
    shape = (len(start), len(log.statistics), len(log.at))
    values = np.array([v for v, _ in results]).reshape(shape)
    diverged = np.array([place for _, place in results], dtype=int)
    return record("reduced simulation", targets, descent, objective, log, values, diverged)


def _check_memory(n: int, descent: Descent, log: Log) -> None:
    """Refuse what is logged so often, or so rarely, that it does not fit into the memory."""
    statistics = 24 * n * len(log.statistics) + 64  # of a logged time: its values, three times
    path = 24 * min(log.interval, descent.steps)  # of β, from one logged time to the next
    told = f"{log.count} logged times of {n} runs, {log.interval} steps apart"
    needed = float(log.count) * statistics + path
    check_memory("log_every", log.every, needed, f"{told}; take another log_every")


class _Batch:
    """The runs of a call."""

    def __init__(
        self,
        targets: Sequence[BimodalTarget],
        start: Overlaps,
        dynamics: Dynamics,
        how: tuple[Descent, Objective],
        log: Log,
    ) -> None:
        self._targets, self._start, self._dynamics = targets, start, dynamics
        (self._descent, self._objective), self._log = how, log
        self._rates, self._means = dynamics.rates(len(start)), _means(targets, start)

    def follow(self, k: int) -> tuple[FloatArray, int]:
        """Run k: its statistics at the logged times, and the first of these by which it had
        diverged, or -1."""
        start = self._start
        run = _Run(
            self._targets[k],
            self._setting(k),
            self._dynamics.schedule,
            self._descent.step_size,
            self._means[k],
            np.array([start.logit[k], *start.variances[k]]),
        )
        keys = self._descent.seed, self._descent.first_run + k
        noise = generator(*keys, Purpose.REDUCED_NOISE)
        evaluation = generator(*keys, Purpose.REDUCED_EVALUATION)
        values = np.full((len(self._log.statistics), len(self._log.at)), np.nan)
        longest = run.longest() * RUNAWAY**2
        for place, step in enumerate(self._log.at):
            run.advance(step, noise)
            if not run.is_healthy(longest):
                return values, place
            values[:, place] = run.statistics(self._log, evaluation)
        return values, -1

    def _setting(self, k: int) -> Setting:
        """What compiled code needs to know of run k."""
        p, dynamics, descent = self._targets[k], self._dynamics, self._descent
        objective = self._objective
        ratio = self._rates[k] > 0 or dynamics.schedule.needs_kl or objective.alpha > 0
        equal = self._start.variances[k, 0] == self._start.variances[k, 1]
        norms = not (equal and not dynamics.trains_variances) or (ratio and not self._log.unit)
        return Setting(
            separation=p.separation,
            target_logit=p.logit,
            log_minus=float(np.log1p(-p.weight)),
            dimension=p.dimension,
            step_size=descent.step_size,
            eta=float(self._rates[k]),
            batch=descent.batch,
            score=descent.score,
            stratified=descent.stratified,
            train_variances=dynamics.trains_variances,
            bures=dynamics.variances == "bures",
            sphere=bool(dynamics.sphere),
            divide=bool(dynamics.speed_over_beta),
            metric=dynamics.metric,
            norms=bool(norms),
            ratio=bool(ratio),
            alpha=objective.alpha,
            self_normalised=objective.self_normalised and objective.alpha > 0,
            share=objective.share,
            target_samples=objective.samples,
        )


@dataclass
class _Run:
    """A run on its way: its `means` on all axes, (ℓ, v_1, v_2) = `mixture`, and β after the steps
    that it has `done`."""

    target: BimodalTarget
    setting: Setting
    schedule: Schedule
    step_size: float
    means: FloatArray
    mixture: FloatArray
    done: int = 0

    def __post_init__(self) -> None:
        self.beta = float(self.schedule.beta(0.0))

    def longest(self) -> float:
        """The squared length of the longest mean or of what else has a length here."""
        return float(
            (self.means**2).sum(1).max() + self.target.separation**2 + self.target.dimension
        )

    def advance(self, step: int, noise: np.random.Generator) -> None:
        """Take the steps up to `step`."""
        schedule, h = self.schedule, self.step_size
        if schedule.needs_kl:
            for k in range(self.done, step):
                beta = np.array([self.beta])
                _, loss = descend(noise, self.means, self.mixture, beta, self.setting)
                kl = loss + log_normalizer(self.target, self.beta)
                self.beta = float(schedule.advance(self.beta, k * h, h, kl))
        else:
            betas = schedule.beta(h * np.arange(self.done, step + 1))
            descend(noise, self.means, self.mixture, betas[:-1], self.setting)
            self.beta = float(betas[-1])
        self.done = step

    def is_healthy(self, longest: float) -> bool:
        """Whether the parameters are finite and of a plausible size."""
        with np.errstate(over="ignore"):
            short = bool((self.means**2).sum(1).max() < longest)  # a comparison with NaN is false
        widest = 1 / np.finfo(np.float32).tiny
        positive = bool(((self.mixture[1:] > 0) & (self.mixture[1:] < widest)).all())
        return short and positive and bool(np.isfinite(self.mixture[0]))

    def statistics(self, log: Log, evaluation: np.random.Generator) -> list[float]:
        """What is logged, in the order of the log's statistics."""
        means, mixture = self.means, self.mixture
        m, q = self.target.separation * means[:, 0], means @ means.T
        values = [*m, q[0, 0], q[0, 1], q[1, 1], expit(mixture[0]), mixture[0]]
        if set(TEMPERED) <= set(log.statistics):
            values += [*mixture[1:], self.beta]
        n = log.samples // 2
        loss, error, plus = evaluate(evaluation, means, mixture, self.beta, n, self.setting)
        return [*values, loss + log_normalizer(self.target, self.beta), error, plus, 1 - plus]


def _means(targets: Sequence[BimodalTarget], start: Overlaps) -> FloatArray:
    """The means of every run on all axes, (n, 2, AXES)."""
    means = np.zeros((len(start), 2, AXES))
    for p in dict.fromkeys(targets):
        rows = np.array([other == p for other in targets])
        small = BimodalTarget(p.separation, min(p.dimension, 3), p.weight)
        means[rows, :, : small.dimension] = start[rows].vectors(small)
    return means
