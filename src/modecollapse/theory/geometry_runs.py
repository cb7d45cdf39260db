"""Runs of a right-hand side in axial coordinates, by scipy's BDF, as a :class:`Trajectory`.

For the equations of :mod:`.geometry` and :mod:`.divergence`, which have no Jacobian in closed form;
the common ones are integrated by :mod:`.integration`.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.integrate import solve_ivp
from scipy.special import expit

from ..checks import require, within
from ..outcomes import arrived, outcome
from ..overlaps import Overlaps
from ..quadrature import LARGEST_SCALE
from ..targets import BimodalTarget
from ..trajectory import Status, Trajectory
from .rhs import axial_to_overlaps, kl_divergence, mode_masses, overlaps_to_axial
from .runs import increasing_times, step_errors

__all__ = ["axial_start", "solve_each", "tangent_to_overlaps", "trajectory"]

FloatArray = NDArray[np.float64]
NAMES = ("m1", "m2", "q11", "q12", "q22")


def axial_start(target: BimodalTarget, start: Overlaps) -> tuple[FloatArray, float, float]:
    """x (n, 6) of the initial states, r and logit π, checked."""
    require(isinstance(target, BimodalTarget), "target", target, "a BimodalTarget")
    require(isinstance(start, Overlaps), "start", start, "Overlaps, such as of random_start")
    r = within("separation", target.separation, 0, LARGEST_SCALE / 2, closed="]")
    unit = bool((start.variances == 1).all())
    require(unit, "start.variances", start.variances, "1; others are in theory.annealed")
    start.check(target)
    y = np.concatenate([start.m, start.q, start.logit[:, None]], axis=1)
    return overlaps_to_axial(y, r), r, target.logit


def tangent_to_overlaps(x: FloatArray, f: FloatArray, r: float) -> FloatArray:
    """dy/dt from dx/dt at x, both (n, 6) (docs/theory.md, Eq. 3.8)."""
    g = f.copy()
    a, rate, i, j = x[:, :2], f[:, :2], [0, 0, 1], [0, 1, 1]
    g[:, :2] = r * rate
    g[:, 2:5] += a[:, i] * rate[:, j] + rate[:, i] * a[:, j]
    return g


def solve_each(
    rhs: Callable[[float, FloatArray], FloatArray],
    starts: FloatArray,
    times: ArrayLike,
    rtol: float,
) -> tuple[FloatArray, FloatArray, NDArray[np.object_]]:
    """The times (T,), the states (n, T, 6), NaN where a run did not come, and how each ended."""
    times = increasing_times(times)
    rtol, atol = step_errors(rtol, None)
    states = np.full((len(starts), times.size, 6), np.nan)
    ended = np.full(len(starts), Status.PRECISION, dtype=object)
    for n, start in enumerate(starts):
        if times[-1] == 0:
            states[n, 0], ended[n] = start, Status.FINISHED
            continue
        span = (0.0, float(times[-1]))
        run = solve_ivp(rhs, span, start, "BDF", times, rtol=rtol, atol=atol)
        states[n, : run.y.shape[1]] = run.y.T
        if run.success and np.isfinite(run.y).all():
            ended[n] = Status.FINISHED
    return times, states, ended


def trajectory(
    target: BimodalTarget, times: FloatArray, states: FloatArray, ended: NDArray[np.object_]
) -> Trajectory:
    """The record of runs in axial coordinates (n, T, 6)."""
    r, weight = target.separation, target.weight
    y = axial_to_overlaps(states, r)
    reached = np.isfinite(states).all(-1)
    kl = np.full(reached.shape, np.nan)
    masses = np.full((*reached.shape, 2), np.nan)
    kl[reached] = kl_divergence(y[reached], r, weight)
    masses[reached] = mode_masses(y[reached], r, weight)
    finished = np.array([end == Status.FINISHED for end in ended], dtype=bool)
    outcomes = np.full(len(states), None, dtype=object)
    last = y[finished, -1]
    outcomes[finished] = outcome(
        masses[finished, -1],
        [weight, 1 - weight],
        expit(np.multiply.outer(last[:, 5], [1.0, -1.0])),
        arrived(last[:, :2], r),
    )
    statistics = {name: y[..., i] for i, name in enumerate(NAMES)}
    statistics |= {"weight": expit(y[..., 5]), "logit": y[..., 5], "kl": kl}
    statistics |= {"mass_plus": masses[..., 0], "mass_minus": masses[..., 1]}
    said = ("" if done else "BDF could not keep the error allowed." for done in finished)
    return Trajectory("theory", times, statistics, outcomes, ended, tuple(said))
