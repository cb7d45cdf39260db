r"""Expectations over p^α q^{1−α} in a plane, for 0 < α < 1: seven numbers and D_α itself.

p/q is a function of the projections of x on μ* and on n, the direction of what μ_1 − μ_2 has across
it, times e^{−x·h}; h, what both means have in common across these two, is integrated in closed form
(docs/remedies.md, Eq. 14.4).  The plane is summed by a product of two trapezoidal rules, whose
steps follow from the singularities of p and q (Eq. 14.10).
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from ..compiled import compiled
from .divergence_line import _excess, _less, _step
from .rhs import _logistic

__all__ = ["_plane"]

DIGITS = 19.0  # error of the rules e^{−19} = 6e-9, against 1
REACH = 6.2  # standard deviations; what lies beyond has a mass of 1e-9
FAINT = 1e-10  # densities, against their largest value, that are left out
FARTHEST = 37.0  # from a mean to a mode; beyond, densities underflow


@compiled
def _frame(x: NDArray) -> tuple[float, float, float]:
    """(b_1, b_2), the means across μ* along n = what μ_1 − μ_2 has across it, and ‖h‖² (14.3)."""
    spread = max(x[2] - 2 * x[3] + x[4], 0.0)
    size = max(x[2], 0.0) + max(x[4], 0.0)
    if spread <= 1e-24 * size or spread == 0.0:
        return 0.0, 0.0, 0.5 * size
    across = math.sqrt(spread)
    middle = 0.5 * (x[2] - x[4]) / across
    rest = 0.25 * (x[2] + 2 * x[3] + x[4]) - middle * middle
    return middle + 0.5 * across, middle - 0.5 * across, max(rest, 0.0)


@compiled
def _grid(low: float, high: float, width: float) -> tuple[float, int]:
    """Step and number of nodes from `low` on; a single node of weight √2π where nothing varies."""
    step = _step(max(width, 1e-3), DIGITS)
    return step, math.ceil((high - low) / step) + 1


@compiled
def _squares(low: float, step: float, count: int, centre: float) -> NDArray:
    """−½ (t − centre)² at the nodes."""
    out = np.empty(count)
    for k in range(count):
        t = low + k * step - centre
        out[k] = -0.5 * t * t
    return out


@compiled
def _plane(
    x: NDArray, r: float, logit: float, alpha: float, share: float, valued: bool, out: NDArray
) -> float:
    """Adds share · (c_1, c_2, t_1, t_2, S, A_1, A_2) for 0 < α < 1; D_α if `valued`, else 0."""
    b1, b2, rest = _frame(x)
    w1, w2 = _logistic(x[5]), _logistic(-x[5])
    heavy, light = _logistic(logit), _logistic(-logit)
    low, high = min(-r, x[0], x[1]) - REACH, max(r, x[0], x[1]) + REACH
    bottom, top = min(0.0, b1, b2) - REACH, max(0.0, b1, b2) + REACH
    if not (high - low) ** 2 + (top - bottom) ** 2 < FARTHEST * FARTHEST:
        out[:] = math.nan
        return math.nan
    hx, nx = _grid(low, high, max(2 * r, abs(x[0] - x[1])))
    hz, nz = _grid(bottom, top, b1 - b2)
    unit = hx * hz / (2 * math.pi)
    if b1 == b2:  # everything across μ* is in h
        bottom, nz, unit = 0.0, 1, hx / math.sqrt(2 * math.pi)
    q1, q2 = np.exp(_squares(low, hx, nx, x[0])), np.exp(_squares(low, hx, nx, x[1]))
    z1, z2 = np.exp(_squares(bottom, hz, nz, b1)), np.exp(_squares(bottom, hz, nz, b2))
    lz = _squares(bottom, hz, nz, 0.0)
    z = np.exp(lz)
    s = np.zeros(8)
    for i in range(nx):
        t = low + i * hx
        plus, minus = heavy * math.exp(-0.5 * (t - r) ** 2), light * math.exp(-0.5 * (t + r) ** 2)
        p = plus + minus
        tilt, lp = (plus - minus) / p, math.log(p)
        e1, e2 = w1 * q1[i], w2 * q2[i]
        c1 = c2 = 0.0
        for j in range(nz):
            n1, n2 = e1 * z1[j], e2 * z2[j]
            q = n1 + n2
            if q < FAINT and p * z[j] < FAINT:
                continue
            lq = math.log(q)
            u = lp + lz[j] - lq
            ratio = math.exp(alpha * u)
            m1, m2 = n1 * ratio, n2 * ratio
            c1 += m1
            c2 += m2
            s[4] += m1 * n2 / q
            if alpha > 1e-3:
                s[5] += n1 - m1
                s[6] += n2 - m2
            else:
                less = -math.expm1(alpha * u)
                s[5] += n1 * less
                s[6] += n2 * less
            if valued:
                s[7] += _excess(lp + lz[j], lq, alpha)
        s[0] += c1
        s[1] += c2
        s[2] += tilt * c1
        s[3] += tilt * c2
    fade = math.exp(-0.5 * alpha * (1 - alpha) * rest)
    common = _less(0.0, -0.5 * (1 - alpha) * rest, alpha)  # (1 − fade)/α
    for k in range(5):
        out[k] += share * fade * unit * s[k]
    out[5] += share * (common + fade * unit * s[5] / (alpha * w1))
    out[6] += share * (common + fade * unit * s[6] / (alpha * w2))
    return common / (1 - alpha) + fade * unit * s[7]
