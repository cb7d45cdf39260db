"""Steps along the annealed equations, from one phase of the schedule to the next."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ...compiled import compiled, overloaded
from ...schedules import ARITHMETIC, CONSTANT, GEOMETRIC, Feedback
from ...trajectory import Status
from ..ode import Control, Stretch, follow, register
from ..runs import ENDS, FINISHED


class _Heated(NamedTuple):
    """What is done with a setting; see :func:`_heat`."""

    velocity: Callable[..., None]
    kl: Callable[..., float] | None
    describe: Callable[..., None]


HEATED: dict[type, _Heated] = {}


def _heat(
    setting: type,
    *,
    velocity: Callable[..., None],
    describe: Callable[..., None],
    kl: Callable[..., float] | None = None,
) -> None:
    """Tell the steps what to do with a `setting`, in the module that defines it (:mod:`..ode`).

    Parameters
    ----------
    velocity : (x, β, setting, out) writes dx/dt.
    describe : (x, β, setting, out) writes the statistics of a state.
    kl : (x, β, setting) -> KL(q‖p_β); without it β cannot wait for the fit.
    """
    HEATED[setting] = _Heated(velocity, kl, describe)


def _velocity(x: NDArray, beta: float, setting: Any, out: NDArray) -> None:
    HEATED[type(setting)].velocity(x, beta, setting, out)


def _describe(x: NDArray, beta: float, setting: Any, out: NDArray) -> None:
    HEATED[type(setting)].describe(x, beta, setting, out)


def _kl(x: NDArray, beta: float, setting: Any) -> float:
    known = HEATED[type(setting)].kl
    return math.nan if known is None else known(x, beta, setting)


@overloaded(_velocity)
def _velocity_of(x, beta, setting, out):
    known = HEATED[setting.instance_class].velocity
    return lambda x, beta, setting, out: known(x, beta, setting, out)


@overloaded(_describe)
def _describe_of(x, beta, setting, out):
    known = HEATED[setting.instance_class].describe
    return lambda x, beta, setting, out: known(x, beta, setting, out)


@overloaded(_kl)
def _kl_of(x, beta, setting):
    known = HEATED[setting.instance_class].kl
    if known is None:
        return lambda x, beta, setting: math.nan
    return lambda x, beta, setting: known(x, beta, setting)


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


class Annealed(NamedTuple):
    """The constants of the annealed equations within a phase."""

    setting: Any
    phase: _Phase


@compiled
def _annealed(c, t, x, out):
    _velocity(x, _beta_at(c.phase, t), c.setting, out)


register(Annealed, 8, _annealed)


class _Path(NamedTuple):
    """What all runs of a call follow."""

    setting: Any
    phases: NDArray  # (phases, 5)
    feedback: Feedback
    times: NDArray  # (T,)
    control: Control


class _Results(NamedTuple):
    """What n runs leave behind."""

    logged: NDArray  # (n, statistics, T)
    ended: NDArray  # (n,)
    reached: NDArray  # (n,), the last time
    counts: NDArray  # (n, 3)

    @property
    def status(self) -> list[Status]:
        return [ENDS[e] for e in self.ended.tolist()]


@compiled
def _next_phase(x, t, beta, feedback, s):
    """The phase from t on, and its end, where β waits for the fit."""
    remaining = -math.log(beta) / feedback.rate
    if not t + remaining > t:  # what rounding leaves of β < 1 would take no time
        return _Phase(CONSTANT, t, 1.0, 0.0), math.inf
    if _kl(x, beta, s) > feedback.bound:
        return _Phase(CONSTANT, t, beta, 0.0), t + feedback.interval
    return _Phase(GEOMETRIC, t, beta, feedback.rate), t + min(feedback.interval, remaining)


@compiled
def _phase(phases, place):
    """A phase of the schedule, and its end."""
    row = phases[place]
    return _Phase(int(row[0]), row[1], row[2], row[3]), row[4]


@compiled
def _follow(x, path, logged, counts):
    """Follow one run from time 0; `logged` is (statistics, T).  Returns how and when it ended."""
    times, s, feedback = path.times, path.setting, path.feedback
    states = np.empty((times.size, 8))
    if times[0] == 0.0:
        states[0] = x
    t, h, place, k = 0.0, 0.0, 0, 0
    phase, until = _phase(path.phases, place)
    if feedback.active:
        phase, until = _next_phase(x, t, phase.beta, feedback, s)
    while True:
        while k < times.size and times[k] <= t and times[k] < until:
            _describe(states[k], _beta_at(phase, times[k]), s, logged[:, k])
            k += 1
        if k == times.size:
            return FINISHED, t
        if t < until:
            stretch = Stretch(t, min(times[-1], until), h)
            ended, t, h = follow(
                Annealed(s, phase), x, stretch, path.control, times, states, counts
            )
            if ended != FINISHED:
                return ended, t
        elif feedback.active:
            phase, until = _next_phase(x, t, min(_beta_at(phase, t), 1.0), feedback, s)
        else:
            place += 1
            phase, until = _phase(path.phases, place)


@compiled
def _follow_all(low, high, x, path, results):
    """Follow the runs low … high − 1."""
    for i in range(low, high):
        logged = results.logged[i]
        results.ended[i], results.reached[i] = _follow(x[i], path, logged, results.counts[i])
