r"""A step of DOP853, Dormand and Prince's explicit pair of order 8, with an interpolant of order 7.

E. Hairer, S. P. Nørsett, G. Wanner, *Solving Ordinary Differential Equations I*, section II.5; the
coefficients are scipy's.  `u` (16, n) holds the stages.
"""

from __future__ import annotations

import math

import numpy as np
from scipy.integrate import DOP853

from ...compiled import compiled
from .equations import size, slope
from .work import _combine

# 12 stages, the velocity at the new state, and three more for the interpolant.
_STAGES = np.zeros((16, 16))
_STAGES[:12, :12], _STAGES[12, :12], _STAGES[13:] = DOP853.A, DOP853.B, DOP853.A_EXTRA
_NODES = np.concatenate([DOP853.C, [1.0], DOP853.C_EXTRA])
_E3, _E5, _D = (np.ascontiguousarray(c) for c in (DOP853.E3, DOP853.E5, DOP853.D))


@compiled
def _stages(constants, t, x, h, span, u, out):
    """The velocities of a `span` of stages; `out` is the state of the last one."""
    for s in range(span[0], span[1]):
        _combine(constants, x, u, _STAGES[s], s, h, out)
        slope(constants, t + _NODES[s] * h, out, u[s])


@compiled
def _explicit_step(constants, t, x, f, h, control, u, new):
    """A step from `x` at t, where dx/dt = `f`, to `new`, where it is u[12]; the error in units of
    what is allowed."""
    n = size(constants)
    for i in range(n):
        u[0, i] = f[i]
    _stages(constants, t, x, h, (1, 13), u, new)
    high = low = 0.0
    for i in range(n):
        scale = control.atol + control.rtol * max(abs(x[i]), abs(new[i]))
        e5 = e3 = 0.0
        for j in range(13):
            e5 += _E5[j] * u[j, i]
            e3 += _E3[j] * u[j, i]
        high += (e5 / scale) ** 2
        low += (e3 / scale) ** 2
    return h * high / math.sqrt(n * (high + 0.01 * low)) if high != 0 else 0.0


@compiled
def _explicit_interpolant(constants, t, x, new, h, u, nest):
    """The nest of the step that `u` holds, at three more velocities."""
    n = size(constants)
    _stages(constants, t, x, h, (13, 16), u, nest[0])
    for i in range(n):
        nest[0, i] = new[i] - x[i]
        nest[1, i] = h * u[0, i] - nest[0, i]
        nest[2, i] = 2 * nest[0, i] - h * (u[0, i] + u[12, i])
    for k in range(4):
        for i in range(n):
            total = 0.0
            for j in range(16):
                total += _D[k, j] * u[j, i]
            nest[3 + k, i] = h * total
