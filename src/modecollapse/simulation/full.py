r"""Full-dimensional stochastic gradient descent on the reverse KL divergence: the witness.

The means are vectors in R^d, every step draws a fresh batch of d-dimensional samples of q, and
nothing is used of the closed equations that the simulation is there to check.  See
docs/simulation.md for the estimators, the random streams, the memory and the expected scalings.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray

from ..checks import choice, integer, numbers_of, require, within
from ..devices import resolve
from ..overlaps import Overlaps
from ..schedules import NoAnnealing, Schedule
from ..targets import BimodalTarget
from ..trajectory import Status, Trajectory, finish
from .descent import Runs, Settings
from .estimators import COMPONENTS, ESTIMATORS
from .optimizers import OPTIMIZERS

__all__ = ["DTYPES", "VARIANCES", "simulate"]

FloatArray = NDArray[np.float64]
DTYPES = {"float64": torch.float64, "float32": torch.float32}
VARIANCES = ("fixed", "euclidean", "bures")
TOO_LARGE = "step_size: {:g} is too large; diverged by time {{time:g}}, reduce it"


def simulate(
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
    optimizer: str = "sgd",
    variances: str = "fixed",
    schedule: Schedule | None = None,
    speed_over_beta: bool = False,
    sphere: bool = False,
    log_every: int | None = None,
    evaluation_samples: int = 4096,
    first_run: int = 0,
    dtype: str = "float64",
    device: str = "auto",
    memory: int = 2**30,
) -> Trajectory:
    r"""Simulate gradient descent on KL(q‖p) from n starts, with batches of samples of q.

    Each step draws x_b = μ_c + √v_c ε_b, b = 1..B, and moves

    .. math::
        \mu_i &\leftarrow \mu_i - h\, u(\nabla_{\mu_i}), \qquad
        \ell \leftarrow \ell - h\, \eta\, u(\nabla_\ell),

    where u is the optimizer's direction (the gradient itself for "sgd") and h the step size.

    Parameters
    ----------
    target : one for all runs, or one a run; all of one dimension.
    start : n states.  Their vectors are placed in random directions of R^d.
    step_size : h > 0.  Time is h × steps.
    steps, batch : the number of steps, and B ≥ 2 samples a step.
    seed : of all random numbers, with the number of the run.
    eta : η ≥ 0, one or one a run, the speed of ℓ = logit w_1; 0 keeps the weights fixed.
    estimator : "pathwise", the gradient of the loss as automatic differentiation gives it, or
        "sticking-the-landing", without the score term.
    components : "stratified", half of the batch from each component, weighted by w_i; or
        "sampled", the component of each sample drawn with probability w_i.
    optimizer : "sgd", "momentum" or "adam".
    variances : "fixed"; "euclidean", v ← v − h ∂KL/∂v; or "bures", v ← v (1 − (2h/d) ∂KL/∂v)².
    schedule : of β in the target p^β, in the unit of time; default β = 1.
    speed_over_beta : divide every speed by β.
    sphere : keep each mean on the sphere ‖μ_i‖ = const. of its start.
    log_every : steps between two logged times; default about a hundred times.  The last step is
        always logged.
    evaluation_samples : fresh samples for KL and the masses at each logged time.
    first_run : the number of the first run, for the seeds of a part of a larger batch.
    dtype : "float64" or "float32", of the vectors; what depends on them alone is float64.
    device : "cpu", "cuda", or "auto", a GPU where there is one.
    memory : bound on the bytes used, in addition to the program itself.

    Returns
    -------
    A trajectory of m1, m2, q11, q12, q22, weight, logit, kl, kl_se, mass_plus, mass_minus, and of
    v1, v2 and beta unless these are 1 throughout.  KL is to the normalised p^β.  A run whose step
    is too large ends ``Status.DIVERGED``; the others are unharmed.

    Raises
    ------
    ValueError : naming the argument, also where one run does not fit into `memory`.

    Notes
    -----
    On the CPU, run k has the same bits for the same settings and seed, however many runs are beside
    it, whatever `memory` is and however many cores there are (one is used).

    >>> from modecollapse import random_start, target
    >>> p = target(separation=2.0, dimension=8)
    >>> start = random_start(p, 3, np.random.default_rng(0))
    >>> run = simulate(p, start, step_size=0.1, steps=100, batch=64, seed=1)
    >>> [str(o) for o in run.outcome]
    ['both modes', 'both modes', 'both modes']
    """
    require(isinstance(start, Overlaps), "start", start, "Overlaps, such as of random_start")
    targets = _targets(target, len(start))
    eta = _rates(eta, len(start))
    tempered = schedule is not None and not isinstance(schedule, NoAnnealing)
    steps = integer("steps", steps, 0)
    settings = Settings(
        dimension=targets[0].dimension if targets else 1,
        step_size=within("step_size", step_size, 0),
        steps=steps,
        batch=integer("batch", batch, 2),
        estimator=choice("estimator", estimator, ESTIMATORS),
        components=choice("components", components, COMPONENTS),
        optimizer=choice("optimizer", optimizer, OPTIMIZERS),
        variances=choice("variances", variances, VARIANCES),
        schedule=schedule or NoAnnealing(),
        speed_over_beta=bool(speed_over_beta),
        sphere=bool(sphere),
        log_every=integer("log_every", max(1, steps // 100) if log_every is None else log_every, 1),
        evaluation_samples=integer("evaluation_samples", evaluation_samples, 4),
        seed=integer("seed", seed, 0),
        dtype=DTYPES[choice("dtype", dtype, DTYPES)],
        device=resolve(device),
        log_ratio=bool((eta > 0).any()) or (schedule is not None and schedule.needs_kl),
        unit=variances == "fixed" and not tempered and bool((start.variances == 1).all()),
    )
    first_run = integer("first_run", first_run, 0)
    coordinates = _coordinates(targets, start)
    at_once = _runs_at_once(settings, len(start), integer("memory", memory, 1))
    values = np.full((len(start), len(settings.statistics), len(settings.log_steps)), np.nan)
    diverged = np.full(len(start), -1)
    with _one_thread():
        for begin in range(0, len(start), at_once):
            rows = slice(begin, min(begin + at_once, len(start)))
            runs = Runs(
                settings,
                range(first_run + rows.start, first_run + rows.stop),
                targets[rows],
                coordinates[rows],
                start[rows],
                eta[rows],
            )
            diverged[rows] = runs.follow(values[rows])
    return _trajectory(settings, targets, values, diverged)


def _coordinates(targets: Sequence[BimodalTarget], start: Overlaps) -> FloatArray:
    """μ_1, μ_2, μ* of every run in min(d, 3) dimensions, (n, 3, k)."""
    d = min(targets[0].dimension, 3) if targets else 1
    coordinates = np.zeros((len(start), 3, d))
    for p in dict.fromkeys(targets):
        rows = np.array([other == p for other in targets])
        small = BimodalTarget(p.separation, d, p.weight)
        coordinates[rows, :2] = start[rows].vectors(small)
        coordinates[rows, 2, 0] = p.separation
    return coordinates


def _targets(target: BimodalTarget | Sequence[BimodalTarget], n: int) -> list[BimodalTarget]:
    targets = [target] * n if isinstance(target, BimodalTarget) else list(target)
    known = all(isinstance(one, BimodalTarget) for one in targets)
    require(known, "target", target, "a target, or one a run")
    require(len(targets) == n, "target", f"{len(targets)} targets", f"one, or one a run, {n}")
    dimensions = sorted({p.dimension for p in targets})
    require(len(dimensions) <= 1, "target", f"dimensions {dimensions}", "one dimension for all")
    return targets


def _rates(eta: ArrayLike, n: int) -> FloatArray:
    eta = numbers_of("eta", eta, f"a number, or one a run, ({n},)")
    require(eta.shape in ((), (n,)), "eta", eta.shape, f"a number, or one a run, ({n},)")
    good = bool((np.isfinite(eta) & (eta >= 0)).all())
    require(good, "eta", eta.tolist(), "finite numbers >= 0")
    return np.broadcast_to(eta, (n,))


def _runs_at_once(settings: Settings, n: int, memory: int) -> int:
    """How many runs advance together: as many as fill a block and fit into the memory."""
    least = settings.bytes_used(n, 1)
    where = f"d = {settings.dimension}, batch = {settings.batch} and {n} runs"
    require(memory >= least, "memory", memory, f"at least {least} bytes for {where}")
    each = settings.bytes_used(n, 2) - least
    return min(settings.runs_at_once(n), 1 + (memory - least) // each)


def _trajectory(
    settings: Settings,
    targets: Sequence[BimodalTarget],
    values: FloatArray,
    diverged: NDArray[np.int_],
) -> Trajectory:
    times = np.array(settings.log_steps) * settings.step_size
    return finish(
        "simulation",
        times,
        {name: values[:, k] for k, name in enumerate(settings.statistics)},
        targets,
        [Status.FINISHED if k < 0 else Status.DIVERGED for k in diverged],
        times[diverged],
        {Status.DIVERGED: TOO_LARGE.format(settings.step_size)},
    )


@contextmanager
def _one_thread() -> Iterator[None]:
    """One intra-operation thread: sums over several have other bits."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)
