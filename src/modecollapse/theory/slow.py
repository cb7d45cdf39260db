r"""Collapse in slow motion: the heavier component rests, the lighter one and the weights move.

Late in a run the heavier component has nothing left to do but to follow.  With component 1 the
lighter one, and the heavier one at the mode +μ* (docs/theory.md, Eq. 16.10),

    d(a_2, P_12, P_22)/dt = 0 at (a_1, P_11, ℓ),    d(a_1, P_11, ℓ)/dt as in Eq. 3.7:

three equations instead of six.  For w_1 → 0 the heavier one is at its mode, and they are (8.7);
where the lighter one has come to rest too, ℓ alone is left, and they are the drift (8.4).  With the
heavier one held at its mode they are (8.7) at any weight.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..compiled import compiled
from ..targets import BimodalTarget
from .core import _kl, _velocity_and_jacobian
from .ode import Control, Stretch, follow, register
from .runs import FINISHED, PRECISION, STEP_LIMIT, in_chunks

__all__ = ["slow_kl"]

FloatArray = NDArray[np.float64]

CHUNK = 16  # runs that a thread takes at a time
ITERATIONS, RESIDUE = 30, 1e-10  # of Newton's method for the place of rest, and its velocity there
STRIDE = 40  # steps between two looks at which component is the lighter one
STRIDES = 200
RTOL = 1e-5


class SlowMotion(NamedTuple):
    """The constants of the slow equations."""

    r: float
    logit: float  # of π, seen from the mode that is kept
    eta: float
    held: bool  # whether the heavier component is held at its mode


@compiled
def _slow(c, t, y, out):
    jac = np.empty((3, 3))
    _slow_jacobian(c, t, y, out, jac)


@compiled
def _slow_jacobian(c, t, y, out, jac):
    """d(a_1, P_11, ℓ)/dt and its Jacobian, the heavier one following: J_ss − J_sf J_ff⁻¹ J_fs."""
    x, rate, full, m = np.empty(6), np.empty(6), np.empty((6, 6)), np.empty((3, 4))
    if not _rest(c, y, x, rate, full):
        out[:] = np.nan
        jac[:] = np.nan
        return
    for k in range(3):
        out[k] = rate[_own(k)]
    for k in range(3):
        for i in range(3):
            jac[i, k] = full[_own(i), _own(k)]
        if c.held:
            continue
        for i in range(3):
            for j in range(3):
                m[i, j] = full[_others(i), _others(j)]
            m[i, 3] = full[_others(i), _own(k)]
        _eliminate(m)
        for i in range(3):
            for j in range(3):
                jac[i, k] -= full[_own(i), _others(j)] * m[j, 3]


@compiled
def _slow_contraction(c):
    return 2 + 0.25 * c.eta


register(SlowMotion, 3, _slow, _slow_jacobian, _slow_contraction)


@compiled
def _own(k: int) -> int:
    """Where a_1, P_11 and ℓ stand among the axial coordinates."""
    return 0 if k == 0 else (2 if k == 1 else 5)


@compiled
def _others(k: int) -> int:
    """Where a_2, P_12 and P_22 do."""
    return 1 if k == 0 else k + 2


@compiled
def _rest(c, y, x, rate, jac) -> bool:
    """Fill `x` with the whole state, `rate` with its velocity; whether there is a place of rest."""
    x[0], x[2], x[5] = y[0], max(y[1], 0.0), y[2]
    x[1], x[3], x[4] = c.r, 0.0, 0.0
    m = np.empty((3, 4))
    for _ in range(ITERATIONS):
        _velocity_and_jacobian(x, c.r, c.logit, 0.0, rate, jac)  # the weights do not matter yet
        off = 0.0
        for i in range(3):
            off = max(off, abs(rate[_others(i)]))
            for j in range(3):
                m[i, j] = jac[_others(i), _others(j)]
            m[i, 3] = rate[_others(i)]
        if c.held or off < RESIDUE * (1 + x[2]):
            _velocity_and_jacobian(x, c.r, c.logit, c.eta, rate, jac)
            return True
        _eliminate(m)
        for i in range(3):
            x[_others(i)] -= m[i, 3]
        if not (x[1] > 0 and math.isfinite(x[1])):
            return False
    return False


@compiled
def _eliminate(m: NDArray) -> None:
    """Solve a system of three by elimination; the last column is the right side, and the answer.
    The heavier component contracts, so that no pivot is small."""
    for k in range(3):
        for i in range(3):
            if i != k:
                factor = m[i, k] / m[k, k]
                for j in range(k, 4):
                    m[i, j] -= factor * m[k, j]
    for k in range(3):
        m[k, 3] /= m[k, k]


@compiled
def _named(x, c):
    """The slow state and the constants, seen from the heavier component and its mode."""
    y = np.array([x[0], x[2], x[5]]) if x[5] <= 0 else np.array([x[1], x[4], -x[5]])
    heavy = x[1] if x[5] <= 0 else x[0]
    if heavy < 0:
        y[0] = -y[0]
        return y, SlowMotion(c.r, -c.logit, c.eta, c.held)
    return y, c


class _Runs(NamedTuple):
    """n runs from `states` (n, 6) at the first of the times; KL (n, T), how each ended (n,)."""

    states: NDArray
    levels: NDArray  # (n,), of KL, where a run is over
    times: NDArray
    kl: NDArray
    ended: NDArray


@compiled
def _follow_runs(low, high, c, runs):
    for n in range(low, high):
        x = runs.states[n].copy()
        runs.ended[n] = _follow_run(c, x, runs.levels[n], runs.times, runs.kl[n])


@compiled
def _follow_run(c, x, level, times, kl):
    """Fill `kl` from the state `x` (6,) on, 0 from where it fell below `level`; how it ended."""
    kl[:] = np.nan
    kl[0] = _kl(x, c.r, c.logit)
    y, c = _named(x, c)
    counts, h, t = np.zeros(3, dtype=np.int64), 0.0, times[0]
    states, rate, jac = np.empty((times.size, 3)), np.empty(6), np.empty((6, 6))
    for _ in range(STRIDES):
        control = Control(RTOL, RTOL / 100, counts[0] + counts[1] + STRIDE)
        before = t
        ended, t, h = follow(c, y, Stretch(t, times[-1], h), control, times, states, counts)
        for k in range(times.size):
            if before < times[k] <= t and _rest(c, states[k], x, rate, jac):
                kl[k] = _kl(x, c.r, c.logit)
        rests = _rest(c, y, x, rate, jac)
        if rests and ended != FINISHED and _kl(x, c.r, c.logit) < level:
            kl[times > t] = 0.0
            return FINISHED
        if ended == FINISHED or not rests or (ended == PRECISION and y[2] <= 0):
            return ended
        if y[2] > 0:
            y, c = _named(x, c)
    return STEP_LIMIT


def slow_kl(
    states: FloatArray,
    times: FloatArray,
    target: BimodalTarget,
    eta: float,
    levels: FloatArray,
    held: bool = False,
    threads: int = 1,
) -> tuple[FloatArray, NDArray[np.bool_]]:
    """KL(q‖p) by the slow equations, from states of collapse in which nothing is fast any more.

    Parameters
    ----------
    states : (n, 6), axial coordinates (Eq. 3.2) at the first time.
    times : (T,), increasing.
    target, eta : separation from 2.3, above the critical one; η > 0.
    levels : (n,), of KL; a run that has fallen below its own is over.
    held : whether the heavier component is held at its mode (Eq. 8.7) instead of following.
    threads : their number changes no bit.

    Returns
    -------
    KL, (n, T), 0 once a run is over, and whether each run came that far or to the last time, (n,).
    """
    n, (states, levels, times) = len(states), map(np.ascontiguousarray, (states, levels, times))
    runs = _Runs(states, levels, times, np.empty((n, times.size)), np.empty(n, dtype=np.int64))
    c = SlowMotion(float(target.separation), float(target.logit), float(eta), held)
    in_chunks(lambda low, high: _follow_runs(low, high, c, runs), n, CHUNK, threads)
    return runs.kl, runs.ended == FINISHED
