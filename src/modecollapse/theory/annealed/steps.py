"""Steps along the annealed equations, from one phase of the schedule to the next."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ...compiled import compiled
from ...schedules import ARITHMETIC, CONSTANT, GEOMETRIC
from ..runs import FINISHED, PRECISION, STEP_LIMIT
from .equations import _kl, _masses, _speed, _velocity

FloatArray = NDArray[np.float64]


class _Phase(NamedTuple):
    """β on a stretch of time: `beta` at `since`, then moving by its `law` at a constant `rate`."""

    law: int
    since: float
    beta: float
    rate: float


@compiled
def _beta_at(phase, t):
    if phase.law == GEOMETRIC:
        return phase.beta * math.exp(phase.rate * (t - phase.since))
    if phase.law == ARITHMETIC:
        return phase.beta + phase.rate * (t - phase.since)
    return phase.beta


# Dormand and Prince's Runge-Kutta pair of orders 5 and 4 (J. Comput. Appl. Math. 6 (1980) 19).
_NODES = np.array([0, 1 / 5, 3 / 10, 4 / 5, 8 / 9, 1, 1])
_STAGES = np.zeros((7, 6))
_STAGES[1, :1] = 1 / 5
_STAGES[2, :2] = 3 / 40, 9 / 40
_STAGES[3, :3] = 44 / 45, -56 / 15, 32 / 9
_STAGES[4, :4] = 19372 / 6561, -25360 / 2187, 64448 / 6561, -212 / 729
_STAGES[5, :5] = 9017 / 3168, -355 / 33, 46732 / 5247, 49 / 176, -5103 / 18656
_STAGES[6, :6] = 35 / 384, 0, 500 / 1113, 125 / 192, -2187 / 6784, 11 / 84
_ERROR = np.array(
    [71 / 57600, 0, -71 / 16695, 71 / 1920, -17253 / 339200, 22 / 525, -1 / 40], dtype=float
)


class _Control(NamedTuple):
    """How the steps are chosen."""

    rtol: float
    atol: float
    max_steps: int


@compiled
def _try_step(x, t, h, phase, s, control, slopes, out):
    """A step from `x` to `out`; `slopes[0]` must hold dx/dt at t.  Returns its scaled error."""
    for k in range(1, 7):
        for i in range(8):
            move = 0.0
            for j in range(k):
                move += _STAGES[k, j] * slopes[j, i]
            out[i] = x[i] + h * move
        _velocity(out, _beta_at(phase, t + _NODES[k] * h), s, slopes[k])
    worst = 0.0
    for i in range(8):
        error = 0.0
        for k in range(7):
            error += _ERROR[k] * slopes[k, i]
        scale = control.atol + control.rtol * max(abs(x[i]), abs(out[i]))
        error = abs(h * error) / scale
        if not error <= worst:  # also where it is NaN
            worst = error
    return worst


@compiled
def _advance(x, t, end, h, phase, s, control, counts):
    """Move `x` in place from t to `end` within one phase of the schedule.

    Returns how it ended, the time reached, and the step to try next.
    """
    slopes, out = np.empty((7, 8)), np.empty(8)
    _velocity(x, _beta_at(phase, t), s, slopes[0])
    while t < end:
        if counts[0] >= control.max_steps:
            return STEP_LIMIT, t, h
        last = t + 1.000001 * h >= end
        step = end - t if last else h
        if not last and not step > 1e-14 * t:
            return PRECISION, t, h
        error = _try_step(x, t, step, phase, s, control, slopes, out)
        counts[0] += 1
        if error <= 1:
            t = end if last else t + step
            x[:] = out
            slopes[0] = slopes[6]
            wider = step * min(5.0, 0.9 * max(error, 1e-10) ** -0.2)
            h = max(h, wider) if last else wider
        else:
            counts[1] += 1
            h = step * (max(0.2, 0.9 * error**-0.2) if error < math.inf else 0.1)
    return FINISHED, end, h


@compiled
def _next_phase(x, t, beta, feedback, s):
    """The phase from t on, and its end, where β waits for the fit."""
    if beta >= 1:
        return _Phase(CONSTANT, t, 1.0, 0.0), math.inf
    if _kl(x, beta, s) > feedback.bound:
        return _Phase(CONSTANT, t, beta, 0.0), t + feedback.interval
    remaining = -math.log(beta) / feedback.rate
    return _Phase(GEOMETRIC, t, beta, feedback.rate), t + min(feedback.interval, remaining)


@compiled
def _phase(phases, place):
    """A phase of the schedule, and its end."""
    row = phases[place]
    return _Phase(int(row[0]), row[1], row[2], row[3]), row[4]


@compiled
def _follow(x, times, phases, feedback, s, control, logged, counts):
    """Follow one run from time 0; `logged` is (statistics, T).  Returns how and when it ended."""
    t, h, place = 0.0, 1e-3, 0
    phase, until = _phase(phases, place)
    if feedback.active:
        phase, until = _next_phase(x, t, phase.beta, feedback, s)
    for k in range(times.size):
        while t < times[k]:
            end = min(times[k], until)
            ended, t, h = _advance(x, t, end, h, phase, s, control, counts)
            if ended != FINISHED:
                return ended, t
            if t >= until and feedback.active:
                phase, until = _next_phase(x, t, min(_beta_at(phase, t), 1.0), feedback, s)
            elif t >= until:
                place += 1
                phase, until = _phase(phases, place)
        beta = _beta_at(phase, t)
        logged[:8, k] = x
        logged[8, k], logged[9, k] = beta, _kl(x, beta, s)
        logged[10, k], logged[11, k] = _masses(x, s)
    return FINISHED, t


@compiled
def _follow_all(low, high, x, times, phases, feedback, s, control, logged, ended, ends, counts):
    """Follow the runs low … high − 1; fills `ends` (n, 2) with the last time and speed."""
    for i in range(low, high):
        ended[i], ends[i, 0] = _follow(
            x[i], times, phases, feedback, s, control, logged[i], counts[i]
        )
        ends[i, 1] = _speed(x[i], logged[i, 8, -1], s)
