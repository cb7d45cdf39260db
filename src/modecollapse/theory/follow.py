r"""Follow one trajectory of the closed equations, by whichever of two methods is the cheaper.

DOP853 is that where something happens.  But the flow contracts at rates up to about ρ = 2 + η/4,
and an explicit step longer than 6/ρ is unstable: where the error alone would allow much more, near
a fixed point or on a metastable stretch, the L-stable Rodas5P takes over, with the exact Jacobian,
and a wait of 10⁹ time units costs steps, not time.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from ..compiled import compiled
from .core import _velocity_and_jacobian
from .runs import FINISHED, PRECISION, STEP_LIMIT
from .steppers import (
    Setting,
    _evaluate,
    _explicit_interpolant,
    _explicit_step,
    _implicit_interpolant,
    _implicit_step,
)

SMALLEST = 1e-14  # step, relative to the time and to the flow's own unit of time
PATIENCE = 6  # explicit steps in a row that stability shortens, before the implicit method
STABLE = 6.0  # DOP853 is stable for rates −λ with λh below 6.1


@compiled
def _run(
    start: NDArray,
    setting: Setting,
    times: NDArray,
    rtol: float,
    atol: float,
    max_steps: int,
    states: NDArray,
    counts: NDArray,
) -> tuple[int, float]:
    """Integrate one trajectory; fills `states` (T, 6) and `counts` (steps, rejected, velocities).

    Returns how it ended and when; rows of `states` that were not reached stay as they were.
    """
    r, logit, eta = setting
    x, new, f, jac = start.copy(), np.empty(6), np.empty(6), np.empty((6, 6))
    m, pivots = np.empty((6, 6)), np.empty(6, np.int64)
    u, nest = np.empty((16, 6)), np.empty((7, 6))
    cap = STABLE / (2 + 0.25 * eta)
    t, h, end, logged, capped, growth = 0.0, 0.0, times[-1], 0, 0, 6.0
    implicit, known = False, False  # which method is next; whether it has what it needs of x
    if times[0] == 0.0:
        logged = 1
        for i in range(6):
            states[0, i] = x[i]
    while logged < times.size:
        if counts[0] + counts[1] >= max_steps:
            return STEP_LIMIT, t
        if not known:
            _velocity_and_jacobian(x, r, logit, eta, f, jac)
            counts[2] += 1
            known = True
        if counts[0] + counts[1] == 0:
            h = min(_first_step(x, f, rtol, atol), cap)
        last = t + 1.001 * h >= end  # no sliver of a step is left over
        if last:
            h = end - t
        if not h > SMALLEST * max(t, 1.0):
            return PRECISION, t
        if implicit:
            error = _implicit_step(x, f, jac, h, setting, rtol, atol, m, pivots, u, new)
        else:
            error = _explicit_step(x, f, h, setting, rtol, atol, u, new)
        counts[2] += 7 if implicit else 12
        scale = 0.9 * max(error, 1e-20) ** (-0.2 if implicit else -0.125)
        if not error <= 1:  # NaN too
            counts[1] += 1
            h *= max(scale, 0.2) if math.isfinite(error) else 0.1
            growth = 1.0
            continue
        counts[0] += 1
        reached = end if last else t + h
        if times[logged] < reached:
            if implicit:
                _implicit_interpolant(x, new, u, nest)
            else:
                _explicit_interpolant(x, new, h, setting, u, nest)
                counts[2] += 3
        logged = _log(logged, times, t, reached, h, x, new, nest, states)
        for i in range(6):
            x[i], f[i] = new[i], u[12, i]
        t = reached
        was_implicit = implicit
        implicit, capped, h = _switch(implicit, capped, h * min(scale, growth), cap)
        known = not (implicit or was_implicit)
        growth = 6.0
    return FINISHED, t


@compiled
def _log(
    logged: int,
    times: NDArray,
    t: float,
    reached: float,
    h: float,
    x: NDArray,
    new: NDArray,
    nest: NDArray,
    states: NDArray,
) -> int:
    """Fill `states` for the times from t, where the state is `x`, to `reached`, where it is `new`.

    Returns how many times are logged by then.
    """
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
def _first_step(x: NDArray, f: NDArray, rtol: float, atol: float) -> float:
    """A step that moves the state by a hundredth of itself, in units of the error allowed."""
    size = slope = 0.0
    for i in range(6):
        scale = atol + rtol * abs(x[i])
        size = max(size, abs(x[i]) / scale)
        slope = max(slope, abs(f[i]) / scale)
    return 0.01 * size / slope if slope > 0 and size > 0 else 1e-6
