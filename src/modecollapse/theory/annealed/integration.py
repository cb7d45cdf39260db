"""Batches of annealed runs."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ...checks import count, require
from ...compiled import compiled
from ...overlaps import Overlaps
from ...schedules import NoAnnealing, Schedule
from ...targets import BimodalTarget
from ...trajectory import Trajectory, finish
from ..ode import Control
from ..runs import (
    FINISHED,
    counted,
    increasing_times,
    motion,
    step_errors,
    threads_of,
    why,
)
from .batches import follow_batch, statistics_of
from .equations import _kl, _setting, _speed, _state, _velocity
from .steps import _Path

__all__ = ["annealed_velocity", "integrate_annealed", "tempered_kl"]

FloatArray = NDArray[np.float64]


def integrate_annealed(
    target: BimodalTarget,
    start: Overlaps,
    times: ArrayLike,
    *,
    schedule: Schedule | None = None,
    eta: float = 0.0,
    sphere: bool = False,
    variances: str = "fixed",
    speed_over_beta: bool = False,
    geometry: str = "euclidean",
    rtol: float = 1e-8,
    atol: float | None = None,
    max_steps: int = 100_000,
    threads: int | None = None,
) -> Trajectory:
    """Follow the training where the target is annealed and variances are trained, without samples.

    The closed equations of annealing (docs/theory.md, Eqs. 11.3 to 11.5), for n runs.

    Parameters
    ----------
    target : p, at β = 1.
    start : the n initial states at time 0, of any positive variances.
    times : (T,), strictly increasing, the first ≥ 0: when to log.
    schedule : of β in the target p^β, in the unit of time; default β = 1.
    eta : η ≥ 0, the speed of ℓ = logit w_1; 0 keeps the weights fixed.
    sphere : keep each mean on the sphere ‖μ_i‖ = const. of its start.
    variances : "fixed"; "euclidean", dv/dt = −∂KL/∂v; or "bures", dv/dt = −(4v/d) ∂KL/∂v.
    speed_over_beta : divide every speed by β.
    geometry : "euclidean"; "wasserstein", the speed of each mean and variance without its weight;
        or "natural", and that of the weights (docs/remedies.md, Eq. 13.11).
    rtol, atol : error allowed in a step, rtol |x_i| + atol, in each axial coordinate (Eq. 3.2), in
        ℓ and in log v_i.  1e-12 ≤ rtol ≤ 1e-2; atol > 0, default rtol / 100.
    max_steps : tried steps after which a run ends with status "step limit".
    threads : default: the CPUs that this process may use.  Their number changes no bit.

    Returns
    -------
    A :class:`Trajectory` with m1, m2, q11, q12, q22, weight, v1, v2, beta, kl, mass_plus,
    mass_minus, logit, and diagnostics steps, rejected, evaluations, reached, speed and moving
    (:mod:`modecollapse.theory.runs`).  KL is to the normalised p^β; the masses
    and the outcome are those of p itself.

    Notes
    -----
    With an adaptive schedule the fit is looked at whenever β could have grown by a hundredth.

    >>> from modecollapse import random_start, target
    >>> from modecollapse.schedules import schedule
    >>> p = target(separation=3.0, dimension=512, weight=0.8)
    >>> start = random_start(p, 20, np.random.default_rng(0), variance=100.0)
    >>> annealing = schedule("exponential", beta_initial=0.01, time=80.0)
    >>> run = integrate_annealed(p, start, [85.0], schedule=annealing, variances="bures",
    ...                          sphere=True, speed_over_beta=True)
    >>> int(run.collapsed.sum())
    0
    """
    s = _setting(target, eta, sphere, variances, speed_over_beta, geometry)
    require(isinstance(start, Overlaps), "start", start, "Overlaps, such as of random_start")
    start.check(target)
    times = increasing_times(times)
    if s.sphere:
        norms = start.q[:, [0, 2]]
        require(bool((norms > 0).all()), "start.q", norms.min(initial=1), "means of length > 0")
    control = Control(*step_errors(rtol, atol), count("max_steps", max_steps))
    chosen = NoAnnealing() if schedule is None else schedule
    require(isinstance(chosen, Schedule), "schedule", schedule, "one of modecollapse.schedules")
    path = _Path(s, chosen.phases(), chosen.feedback, times, control)
    x = _state(target, start)
    results = follow_batch(x, path, threads_of(threads))
    speeds = _speed_of_all(x, results.logged[:, 8, -1], s)
    return finish(
        source="theory",
        times=times,
        statistics=statistics_of(target, results.logged, ("mass_plus", "mass_minus")),
        targets=target,
        status=results.status,
        reached=results.reached,
        why=why(control.max_steps),
        diagnostics={
            **counted(results.counts),
            "reached": results.reached,
            **motion(times[-1], speeds, results.ended == FINISHED),
        },
    )


@compiled
def _speed_of_all(x, beta, s):
    out = np.empty(len(x))
    for i in range(len(x)):
        out[i] = _speed(x[i], beta[i], s)
    return out


@compiled
def _velocity_of_all(x, beta, s):
    out = np.empty_like(x)
    for i in range(len(x)):
        _velocity(x[i], beta[i], s, out[i])
    return out


@compiled
def _kl_of_all(x, beta, s):
    out = np.empty(len(x))
    for i in range(len(x)):
        out[i] = _kl(x[i], beta[i], s)
    return out


def annealed_velocity(
    target: BimodalTarget,
    state: Overlaps,
    beta: ArrayLike = 1.0,
    *,
    eta: float = 0.0,
    sphere: bool = False,
    variances: str = "fixed",
    speed_over_beta: bool = False,
    geometry: str = "euclidean",
) -> FloatArray:
    """d/dt of (m_1, m_2, Q_11, Q_12, Q_22, ℓ, v_1, v_2), shape (n, 8).

    Arguments as in :func:`integrate_annealed`; β one, or one a state.

    >>> from modecollapse import Overlaps, target
    >>> fit = Overlaps(m=[[9.0, -9.0]], q=[[9.0, -9.0, 9.0]])
    >>> rate = annealed_velocity(target(3.0, dimension=50), fit, variances="bures")
    >>> bool(abs(rate).max() < 1e-12)
    True
    """
    s = _setting(target, eta, sphere, variances, speed_over_beta, geometry)
    require(isinstance(state, Overlaps), "state", state, "Overlaps")
    x = _state(target, state)
    f = _velocity_of_all(x, _betas(beta, len(x)), s)
    a, rate, i, j = x[:, :2], f[:, :2], [0, 0, 1], [0, 1, 1]
    q = f[:, 2:5] + a[:, i] * rate[:, j] + rate[:, i] * a[:, j]
    v = f[:, 6:] * state.variances
    return np.concatenate([target.separation * rate, q, f[:, 5:6], v], axis=1)


def tempered_kl(target: BimodalTarget, state: Overlaps, beta: ArrayLike = 1.0) -> FloatArray:
    """KL(q‖p^β/Z_β) in nats, shape (n,); β one, or one a state (docs/theory.md, Eq. 11.9)."""
    s = _setting(target, 0.0, False, "fixed", False, "euclidean")
    require(isinstance(state, Overlaps), "state", state, "Overlaps")
    x = _state(target, state)
    return _kl_of_all(x, _betas(beta, len(x)), s)


def _betas(beta: ArrayLike, n: int) -> FloatArray:
    beta = np.asarray(beta, dtype=float)
    require(beta.shape in ((), (n,)), "beta", beta.shape, f"one number, or one a state, ({n},)")
    require(bool(((beta > 0) & (beta <= 1)).all()), "beta", beta, "numbers in (0, 1]")
    return np.broadcast_to(beta, (n,)).copy()
