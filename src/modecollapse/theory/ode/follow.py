r"""Follow one trajectory, by whichever of two methods is the cheaper.

DOP853 is that where something happens.  But where the flow contracts at rates up to λ, an explicit
step longer than 6/λ is unstable: where the error alone would allow much more, near a fixed point or
on a metastable stretch, the L-stable Rodas5P takes over, with the exact Jacobian, and a wait of 10⁹
time units costs steps, not time.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ...compiled import compiled
from ..runs import FINISHED, PRECISION, STEP_LIMIT
from .equations import contraction, size, slope_and_jacobian
from .explicit import _explicit_interpolant, _explicit_step
from .implicit import _implicit_interpolant, _implicit_step
from .work import Control, _evaluate, _work

__all__ = ["Control", "Stretch", "follow"]

SMALLEST = 1e-14  # step, relative to the time and to the flow's own unit of time
PATIENCE = 6  # explicit steps in a row that stability shortens, before the implicit method
STABLE = 6.0  # DOP853 is stable for rates −λ with λh below 6.1


class Stretch(NamedTuple):
    """A stretch of time, and the step with which to begin it; 0 for one that fits."""

    begin: float
    end: float
    h: float


@compiled
def follow(constants, x, stretch, control, times, states, counts):
    """Move `x` in place along a stretch of time.

    Parameters
    ----------
    constants : of equations that :func:`.equations.register` knows.
    x : (n,), the state where the stretch begins.
    control : :class:`Control`.
    times, states : (T,) increasing and (T, n), filled for the times in the stretch that come after
        its beginning; other rows stay as they are.
    counts : (3,), steps taken and rejected, and velocities; counted on, against the most steps.

    Returns
    -------
    How it ended (:mod:`..runs`), the time reached, and the step to go on with.
    """
    n, cap = size(constants), _cap(constants)
    work, nest, f = _work(n), np.empty((7, n)), np.empty(n)
    u, new = work.u, work.new
    t, end, h = stretch.begin, stretch.end, stretch.h
    logged, capped, growth = _passed(times, t), 0, 6.0
    implicit, known = False, False  # which method is next; whether it has what it needs of x
    while t < end:
        if counts[0] + counts[1] >= control.max_steps:
            return STEP_LIMIT, t, h
        if not known:
            slope_and_jacobian(constants, t, x, f, work.jac)
            counts[2] += 1
            known = True
        if h <= 0:
            h = min(_first_step(x, f, control), cap)
        planned = h
        last = t + 1.001 * h >= end  # no sliver of a step is left over
        if last:
            h = end - t
        elif not h > SMALLEST * max(t, 1.0):
            return PRECISION, t, h
        if implicit:
            error = _implicit_step(constants, t, x, f, h, control, work)
        else:
            error = _explicit_step(constants, t, x, f, h, control, u, new)
        counts[2] += 7 if implicit else 12
        scale = 0.9 * max(error, 1e-20) ** (-0.2 if implicit else -0.125)
        if not error <= 1:  # NaN too
            counts[1] += 1
            h *= max(scale, 0.2) if math.isfinite(error) else 0.1
            growth = 1.0
            continue
        counts[0] += 1
        reached = end if last else t + h
        if logged < times.size and times[logged] <= reached:
            if times[logged] < reached:
                if implicit:
                    _implicit_interpolant(x, new, u, nest)
                else:
                    _explicit_interpolant(constants, t, x, new, h, u, nest)
                    counts[2] += 3
            logged = _log(logged, times, states, (t, reached, h), x, new, nest)
        for i in range(n):
            x[i], f[i] = new[i], u[12, i]
        t, wider, growth = reached, h * min(scale, growth), 6.0
        known = not implicit
        implicit, capped, h = _switch(implicit, capped, max(wider, planned) if last else wider, cap)
        known = known and not implicit
    return FINISHED, t, h


@compiled
def _cap(constants):
    """The longest explicit step that is stable."""
    rate = contraction(constants)
    return STABLE / rate if rate > 0 else math.inf


@compiled
def _passed(times: NDArray, t: float) -> int:
    """How many of the times are not after t."""
    count = 0
    while count < times.size and times[count] <= t:
        count += 1
    return count


@compiled
def _log(logged, times, states, step, x, new, nest):
    """Fill `states` for the times in a step (from, to, its length), from `x` to `new`.

    Returns how many times are logged by then.
    """
    t, reached, h = step
    while logged < times.size and times[logged] <= reached:
        s = 1.0 if times[logged] == reached else (times[logged] - t) / h
        if s < 1:
            _evaluate(x, nest, s, states[logged])
        else:
            states[logged] = new
        logged += 1
    return logged


@compiled
def _switch(implicit: bool, capped: int, h: float, cap: float) -> tuple[bool, int, float]:
    """Whether the next step is implicit, how many explicit ones in a row were capped, and its h."""
    if implicit:
        return h > cap / 16, capped, h
    capped = capped + 1 if h > cap else 0
    return capped >= PATIENCE, capped, min(h, cap)


@compiled
def _first_step(x: NDArray, f: NDArray, control: Control) -> float:
    """A step that moves the state by a hundredth of itself, in units of the error allowed."""
    size = slope = 0.0
    for i in range(x.size):
        scale = control.atol + control.rtol * abs(x[i])
        size = max(size, abs(x[i]) / scale)
        slope = max(slope, abs(f[i]) / scale)
    return 0.01 * size / slope if slope > 0 and size > 0 else 1e-6
