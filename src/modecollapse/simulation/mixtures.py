r"""Stochastic gradient descent for any number of components and modes, in full dimension.

The witness beyond two components, and the road on which remedies are put beside each other: the
geometry of the descent, D_α by samples of q, a share of the forward KL by samples of p, annealing
with or without trained variances, and the optimisers, all by batches as one would in practice
(docs/remedies.md, section 15).  Nothing is used of the closed equations.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Self

import numpy as np
from numpy.typing import NDArray

from ..checks import choice, count, generator, integer, made, numbers_of, require, within
from ..dynamics import VARIANCES, Dynamics
from ..memory import check_memory
from ..targets import GaussianMixture
from ..trajectory import Status, Trajectory, finish
from .mixture_kernel import DIVERGED, FINE, LEFT, VANISHED, Recipe, State, descend, evaluate
from .settings import OPTIMIZERS, PATHS, Descent, Objective
from .streams import Purpose
from .streams import generator as stream

__all__ = ["MixtureStart", "simulate_mixture"]

FloatArray = NDArray[np.float64]
FAR = "the weights (p/q)^{alpha:g} of all samples vanish, so that they have no mean to divide by"
WHY = {
    FINE: "",
    DIVERGED: "step_size: {step_size:g} is too large; reduce it",
    VANISHED: f"start: too far from every mode: {FAR}; start nearer, or take a smaller alpha",
    LEFT: f"step_size: {{step_size:g}} led too far from every mode, where {FAR}; reduce it",
}


@dataclass(frozen=True, eq=False)
class MixtureStart:
    """n initial states of a mixture of K components in R^d.

    Parameters
    ----------
    means : (n, K, d).
    logits : (n, K), the weights are their softmax.  Default: equal weights.
    variances : (n, K), positive.  Default: 1.
    """

    means: FloatArray
    logits: FloatArray = field(default=None)  # type: ignore[arg-type]
    variances: FloatArray = field(default=None)  # type: ignore[arg-type]

    def __post_init__(self) -> None:
        means = numbers_of("means", self.means, "an array (n, K, d)", finite=True)
        fits = means.ndim == 3 and means.shape[1] > 0 and means.shape[2] > 0
        require(fits, "means", means.shape, "an array (n, K, d)")
        shape = means.shape[:2]
        logits, variances = self.logits, self.variances
        logits = np.zeros(shape) if logits is None else numbers_of("logits", logits, finite=True)
        variances = np.ones(shape) if variances is None else numbers_of("variances", variances)
        require(logits.shape == shape, "logits", logits.shape, f"K a run, {shape}")
        require(variances.shape == shape, "variances", variances.shape, f"K a run, {shape}")
        positive = bool((np.isfinite(variances) & (variances > 0)).all())
        require(positive, "variances", variances.tolist(), "finite numbers > 0")
        for name, value in (("means", means), ("logits", logits), ("variances", variances)):
            object.__setattr__(self, name, value)

    def __len__(self) -> int:
        return len(self.means)

    @classmethod
    def sphere(
        cls,
        n: int,
        shape: tuple[int, int],
        norm: float,
        rng: np.random.Generator,
        variance: float = 1.0,
    ) -> Self:
        """Means of this norm in independent uniform directions; `shape` is (K, d).

        >>> start = MixtureStart.sphere(5, (2, 16), 3.0, np.random.default_rng(0))
        >>> bool(np.allclose(np.linalg.norm(start.means, axis=-1), 3.0))
        True
        """
        count("n", n, 0), within("norm", norm, 0), within("variance", variance, 0)
        means = generator("rng", rng).standard_normal((n, *shape))
        means *= norm / np.linalg.norm(means, axis=-1, keepdims=True)
        return cls(means, variances=np.full((n, shape[0]), variance))


def simulate_mixture(
    target: GaussianMixture,
    start: MixtureStart,
    descent: Descent,
    at: Sequence[int],
    *,
    dynamics: Dynamics | None = None,
    objective: Objective | None = None,
    weights_from: float = 0.0,
    evaluation_samples: int = 512,
) -> Trajectory:
    r"""Gradient descent by batches from each state of `start`; time is h × steps.

    Parameters
    ----------
    target : of any variances.
    start : n states.
    descent : step size, steps, batch, optimiser and seed.  Samples are stratified, the score of q
        is left out.
    at : the steps to log, increasing, from 0 to `descent.steps`.
    dynamics : geometry, η (one for all runs), variances, schedule, sphere and speed; default plain.
    objective : default KL(q‖p).
    weights_from : the time from which the weights follow with η; before they are fixed.
    evaluation_samples : fresh samples a component for KL and the masses at each logged step.

    Returns
    -------
    A trajectory of kl, kl_se (of KL(q‖p), β = 1), choice_kl (another estimate by as many fresh
    samples, by which one may choose between runs), beta, mass_k and weight_i, each (n, T).  A run
    whose step is too large, or so far from all modes that the weights of all its samples vanish,
    ends ``Status.DIVERGED``, with a message that says which.

    >>> from modecollapse import mixture
    >>> p = mixture([[4.0, 0.0], [-4.0, 0.0]])
    >>> start = MixtureStart.sphere(4, (2, 2), 4.0, np.random.default_rng(0))
    >>> half = Objective(share=0.5, samples=16)
    >>> run = simulate_mixture(p, start, Descent(0.2, 500, 32, seed=1), [500], objective=half)
    >>> run.collapsed.any()
    np.False_
    """
    dynamics = made("dynamics", Dynamics() if dynamics is None else dynamics, Dynamics, "Dynamics")
    objective = Objective() if objective is None else objective
    made("objective", objective, Objective, "Objective, such as Objective(alpha=0.5)")
    made("start", start, MixtureStart, "MixtureStart, such as of MixtureStart.sphere")
    made("descent", descent, Descent, "Descent, such as Descent(0.1, 1000, 64, seed=0)")
    evaluation_samples = count("evaluation_samples", evaluation_samples, 2)
    recipe = _recipe(target, start, descent, dynamics, objective)
    k, modes = start.means.shape[1], len(target.means)
    steps = _check_log(at, descent.steps, 8 * len(start) * (4 + modes + k))
    path = _path(descent, dynamics, within("weights_from", weights_from, 0, closed="["))
    values = np.full((len(start), 4 + modes + k, len(steps)), np.nan)
    runs = [_Run(start, run, descent, recipe, path) for run in range(len(start))]
    ends = [one.follow(steps, values[k], evaluation_samples) for k, one in enumerate(runs)]
    names = ["kl", "kl_se", "choice_kl", "beta"]
    names += [f"mass_{m}" for m in range(modes)] + [f"weight_{i}" for i in range(k)]
    return finish(
        "simulation",
        np.array(steps) * descent.step_size,
        {name: values[:, place] for place, name in enumerate(names)},
        target,
        [Status.FINISHED if end == FINE else Status.DIVERGED for end in ends],
        np.nan,
        [WHY[end].format(step_size=descent.step_size, alpha=objective.alpha) for end in ends],
    )


class _Run:
    """One run on its way."""

    def __init__(
        self, start: MixtureStart, run: int, descent: Descent, recipe: Recipe, path: FloatArray
    ) -> None:
        self._state = State(
            start.means[run].copy(), start.logits[run].copy(), start.variances[run].copy()
        )
        self._recipe, self._path = recipe, path
        self._memory = np.zeros((2, self._state.means.size + 2 * len(self._state.logits)))
        number = descent.first_run + run
        self._noise = stream(descent.seed, number, Purpose.NOISE)
        self._evaluation = stream(descent.seed, number, Purpose.EVALUATION)

    def follow(self, steps: Sequence[int], out: FloatArray, samples: int) -> int:
        """Write the statistics at each of `steps` into `out` (statistics, T); returns how the
        descent ended."""
        recipe, done = self._recipe, 0
        masses, again = np.empty((2, len(recipe.modes)))
        look = (self._state, recipe.modes, recipe.widths, recipe.log_weights, samples)
        for place, step in enumerate(steps):
            part = self._path[done:step]
            end = descend(self._noise, self._state, part, self._memory, done, recipe)
            if end != FINE:
                return int(end)
            done = step
            kl, error = evaluate(self._evaluation, *look, masses)
            choice_kl, _ = evaluate(self._evaluation, *look, again)
            beta = self._path[min(step, len(self._path) - 1), 0]
            w = np.exp(self._state.logits - self._state.logits.max())
            out[:, place] = [kl, error, choice_kl, beta, *masses, *(w / w.sum())]
        return FINE


def _check_log(at: Sequence[int], steps: int, each: int) -> list[int]:
    """The steps to log, checked; `each` takes so many bytes of statistics."""
    allowed = f"increasing whole numbers from 0 to {steps}"
    several = isinstance(at, Sequence | np.ndarray) and not isinstance(at, str | bytes)
    require(several and getattr(at, "ndim", 1) > 0, "at", at, allowed)
    count = len(at)
    check_memory("at", f"{count} steps", float(count) * (2 * each + 64), "log fewer of them")
    wanted = [integer("at", step, 0, steps) for step in at]
    increasing = bool(wanted) and all(a < b for a, b in itertools.pairwise(wanted))
    require(increasing, "at", wanted, allowed)
    return wanted


def _recipe(
    target: GaussianMixture,
    start: MixtureStart,
    descent: Descent,
    dynamics: Dynamics,
    objective: Objective,
) -> Recipe:
    """All that compiled code needs to know, checked."""
    require(isinstance(target, GaussianMixture), "target", target, "a mixture of Gaussians")
    k, d = start.means.shape[1:]
    require(d == target.dimension, "start", f"d = {d}", f"d = {target.dimension}, the target's")
    integer("batch", descent.batch, k)
    objective.check_schedule(dynamics)
    schedule = dynamics.schedule
    waits = schedule.needs_kl or schedule.needs_ess
    require(not waits, "schedule", schedule, "one that does not wait for the fit")
    source = np.asarray(objective.source or target.weights, dtype=float)
    fits = source.shape == target.weights.shape
    require(fits, "source", objective.source, f"{len(target.weights)} numbers >= 0 that sum to 1")
    optimizer = choice("optimizer", descent.optimizer, OPTIMIZERS)
    return Recipe(
        np.ascontiguousarray(target.means),
        np.ascontiguousarray(target.variances),
        np.log(target.weights),
        PATHS.index(objective.path),
        source.cumsum(),
        objective.samples if objective.share > 0 else 0,
        descent.batch,
        float(objective.alpha),
        objective.self_normalised,
        float(objective.share),
        descent.step_size,
        dynamics.metric,
        OPTIMIZERS.index(optimizer),
        VARIANCES.index(dynamics.variances),
        bool(dynamics.sphere),
        bool(dynamics.speed_over_beta),
    )


def _path(descent: Descent, dynamics: Dynamics, weights_from: float) -> FloatArray:
    """β and η of each step, (steps, 2)."""
    eta = np.asarray(dynamics.eta, dtype=float)
    require(eta.ndim == 0, "eta", eta.tolist(), "one number for all runs")
    told = f"{descent.steps} steps"
    check_memory("descent", told, 48.0 * descent.steps, "take fewer steps, or larger ones")
    times = np.arange(descent.steps) * descent.step_size
    return np.stack([dynamics.schedule.beta(times), np.where(times >= weights_from, eta, 0)], 1)
