r"""Full-dimensional stochastic gradient descent on the reverse KL divergence: the witness.

The means are vectors in R^d, every step draws a fresh batch of d-dimensional samples of q, and
nothing is used of the closed equations that the simulation is there to check.  See
docs/simulation.md for the estimators, the random streams, the memory and the expected scalings.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray

from ..checks import choice, integer, require
from ..devices import resolve
from ..dynamics import Dynamics, check_start, targets_of
from ..memory import check_memory
from ..overlaps import Overlaps
from ..schedules import NoAnnealing, Schedule
from ..targets import BimodalTarget
from ..trajectory import Trajectory
from .descent import Runs, Settings
from .optimizers import OPTIMIZERS
from .settings import Descent, Log, objective_of_two, record

__all__ = ["DTYPES", "simulate"]

FloatArray = NDArray[np.float64]
DTYPES = {"float64": torch.float64, "float32": torch.float32}


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
    geometry: str = "euclidean",
    sphere: bool = False,
    alpha: float = 0.0,
    share: float = 0.0,
    self_normalised: bool = True,
    target_samples: int | None = None,
    log_every: int | None = None,
    evaluation_samples: int = 4096,
    first_run: int = 0,
    dtype: str = "float64",
    device: str = "auto",
    memory: int = 2**32,
) -> Trajectory:
    r"""Simulate gradient descent on KL(q‖p), or on another objective, from n starts, by batches.

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
    geometry : "euclidean", "wasserstein" or "natural", the metric in which the gradient is taken
        (docs/remedies.md, Section 13).
    sphere : keep each mean on the sphere ‖μ_i‖ = const. of its start.
    alpha : α in [0, 1] of D_α(q‖p), whose weights (p/q)^α are those of the batch; 0 is KL(q‖p).
        With annealing only 0; α = 1 only with "sticking-the-landing".
    share : λ in [0, 1) of (1 − λ) D_α(q‖p) + λ KL(p‖q), the second by samples of p.
    self_normalised : whether the weights (p/q)^α are divided by their mean over the batch.
    target_samples : of p in a step, where λ > 0; default as many as of q.
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
    targets = targets_of(target, len(check_start(start)))
    dimensions = sorted({p.dimension for p in targets})
    require(len(dimensions) <= 1, "target", f"dimensions {dimensions}", "one dimension for all")
    dynamics = Dynamics(
        eta,
        variances,
        NoAnnealing() if schedule is None else schedule,
        sphere,
        speed_over_beta,
        geometry,
    )
    choice("optimizer", optimizer, OPTIMIZERS)
    rates = dynamics.rates(len(start))
    descent = Descent(step_size, steps, batch, seed, estimator, components, optimizer, first_run)
    settings = Settings(
        dimension=targets[0].dimension if targets else 1,
        dynamics=dynamics,
        descent=descent,
        objective=objective_of_two(
            (alpha, share, self_normalised, target_samples), descent, dynamics
        ),
        log=Log(steps, log_every, evaluation_samples, dynamics.is_unit(start)),
        dtype=DTYPES[choice("dtype", dtype, DTYPES)],
        device=resolve(device),
        log_ratio=bool((rates > 0).any()) or dynamics.schedule.needs_kl,
    )
    check_memory("batch", batch, 24.0 * batch, "take fewer samples a step")
    at_once = _runs_at_once(settings, len(start), integer("memory", memory, 1))
    values, diverged = _follow(settings, targets, start, rates, at_once)
    how = settings.descent, settings.objective, settings.log
    return record("simulation", targets, *how, values, diverged)


def _follow(
    settings: Settings,
    targets: Sequence[BimodalTarget],
    start: Overlaps,
    rates: FloatArray,
    at_once: int,
) -> tuple[FloatArray, NDArray[np.int_]]:
    """The logged values of all runs, and where each had diverged, `at_once` runs at a time: those
    of fixed weights and those of trained ones apart, for what a step sums is not the same."""
    log, first = settings.log, settings.descent.first_run
    values = np.full((len(start), len(log.statistics), len(log.at)), np.nan)
    diverged = np.full(len(start), -1)
    coordinates = _coordinates(targets, start)
    with _one_thread():
        for trained in (False, True):
            chosen = np.flatnonzero((rates > 0) == trained)
            own = replace(settings, log_ratio=trained or settings.dynamics.schedule.needs_kl)
            for begin in range(0, len(chosen), at_once):
                rows = chosen[begin : begin + at_once]
                runs = Runs(
                    own,
                    [first + k for k in rows.tolist()],
                    [targets[k] for k in rows],
                    coordinates[rows],
                    start[rows],
                    rates[rows],
                )
                logged = values[rows]
                diverged[rows] = runs.follow(logged)
                values[rows] = logged
    return values, diverged


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


def _runs_at_once(settings: Settings, n: int, memory: int) -> int:
    """How many runs advance together: as many as fill a block and fit into the memory."""
    least = settings.bytes_used(n, 1)
    where = f"d = {settings.dimension}, batch = {settings.descent.batch} and {n} runs"
    where += f" that are logged {settings.log.count} times"
    require(memory >= least, "memory", memory, f"at least {least} bytes for {where}")
    each = settings.bytes_used(n, 2) - least
    return min(settings.runs_at_once(n), 1 + (memory - least) // each)


@contextmanager
def _one_thread() -> Iterator[None]:
    """One intra-operation thread: sums over several have other bits."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)
