r"""Expectations over p^α q^{1−α} in a plane, for 0 < α < 1: seven numbers and D_α itself.

p/q is a function of the projections of x on μ* and on n, the direction of what μ_1 − μ_2 has across
it, times e^{−x·h}; h, what both means have in common across these two, is integrated in closed form
(docs/remedies.md, Eq. 14.4).  The plane is summed by trapezoidal rules, whose steps follow from the
singularities of p and q (Eq. 14.10): along μ* and μ_1 − μ_2 where these differ enough in direction
(Eq. 14.17), else along μ* and n, with Gauss and Hermite's rules along n where all is close.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from ..compiled import compiled
from .core import _logistic
from .divergence_line import _excess, _less, _step

__all__ = ["_plane"]

DIGITS = 21.5  # error of the rules e^{−21.5} = 5e-10, against 1
REACH = 6.2  # standard deviations; what lies beyond has a mass of 1e-9
FAINT = 1e-10  # densities, against their largest value, that are left out
SKEW = 0.5  # what μ_1 − μ_2 has across μ* over what it has along it, for the skewed lattice
FARTHEST = 30.0  # from a mean to a mode; beyond, densities underflow

# Gauss–Hermite rules across μ*, up to a largest |b|: error n! (2b/π)^{2n}, that of the branch point
_ORDERS, _CLOSE = np.array([1, 3, 5, 8]), np.array([0.0, 0.036, 0.12, 0.22])
_HERMITE = np.zeros((_ORDERS.size, 2, _ORDERS.max()))
for _k, _n in enumerate(_ORDERS):
    _points, _masses = np.polynomial.hermite_e.hermegauss(_n)
    _HERMITE[_k, :, :_n] = _points, _masses * np.exp(0.5 * _points**2)


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
def _lattice(low: float, high: float, width: float) -> tuple[float, int]:
    """Step and number of the nodes from `low` to `high` (Eq. 14.10)."""
    step = _step(max(width, 1e-3), DIGITS, 1.0)
    return step, math.ceil((high - low) / step) + 1


@compiled
def _nodes_across(b1: float, b2: float) -> tuple[NDArray, NDArray]:
    """Nodes and weights across μ*: few of Gauss and Hermite where all is close, else a lattice."""
    size = max(abs(b1), abs(b2))
    for k in range(_CLOSE.size):
        if size <= _CLOSE[k]:
            n = _ORDERS[k]
            return _HERMITE[k, 0, :n].copy(), _HERMITE[k, 1, :n].copy()
    bottom = min(0.0, b1, b2) - REACH
    step, count = _lattice(bottom, max(0.0, b1, b2) + REACH, abs(b1 - b2))
    return bottom + step * np.arange(count), np.full(count, step)


@compiled
def _profile(low: float, step: float, count: int, one: float, two: float, w: float) -> NDArray:
    """log(w N(t − one) + (1 − w) N(t − two)) + const and the part of the first, (2, count)."""
    out = np.empty((2, count))
    for k in range(count):
        t = low + k * step
        first = w * math.exp(-0.5 * (t - one) ** 2)
        second = (1 - w) * math.exp(-0.5 * (t - two) ** 2)
        out[0, k], out[1, k] = math.log(first + second), first / (first + second)
    return out


@compiled
def _skewed(
    x: NDArray, b1: float, b2: float, r: float, logit: float, alpha: float, s: NDArray
) -> float:
    """Sets s[:5] to what :func:`_plane` sums, on a lattice along μ* and μ_1 − μ_2; its unit.

    p^α depends on the one coordinate and q^{1−α} on the other but for Gaussians, so powers are
    taken of two tables alone (Eq. 14.17).
    """
    d = math.sqrt((x[0] - x[1]) ** 2 + (b1 - b2) ** 2)
    c, e = (x[0] - x[1]) / d, (b1 - b2) / d
    one, two, across = c * x[0] + e * b1, c * x[1] + e * b2, c * b1 - e * x[0]
    bend = alpha + (1 - alpha) * c * c
    stiff_t, stiff_x = bend / (e * e), (alpha * c * c + 1 - alpha) / (e * e)
    step = _step(max(2 * r, 1e-3), DIGITS, stiff_x + alpha)
    pace = _step(d, DIGITS, stiff_t + 1 - alpha)
    low = min(-r, x[0], x[1]) - REACH
    count = math.ceil((max(r, x[0], x[1]) + REACH - low) / step) + 1
    start = min(-abs(c) * r, one, two) - REACH
    number = math.ceil((max(abs(c) * r, one, two) + REACH - start) / pace) + 1
    p = _profile(low, step, count, r, -r, _logistic(logit))
    q = _profile(start, pace, number, one, two, _logistic(x[5]))
    b = np.exp((1 - alpha) * q[0])
    b1s, b2s = b * q[1], b * (1 - q[1])
    both = b1s * (1 - q[1])
    band = math.sqrt(-2 * math.log(FAINT) / stiff_t)
    square = math.exp(-stiff_t * pace * pace)
    for i in range(count):
        t = low + i * step
        shift = t + e * across
        peak = c * (alpha * t + (1 - alpha) * shift) / bend
        off = alpha * (peak - c * t) ** 2 + (1 - alpha) * (c * peak - shift) ** 2
        scale = math.exp(alpha * p[0, i] - 0.5 * off / (e * e))
        first = max(0, math.ceil((peak - band - start) / pace))
        last = min(number, math.ceil((peak + band - start) / pace))
        if scale < 0.01 * FAINT or first >= last:
            continue
        gap = start + first * pace - peak
        k, ratio = (
            math.exp(-0.5 * stiff_t * gap * gap),
            math.exp(-stiff_t * pace * (gap + 0.5 * pace)),
        )
        m1 = m2 = m12 = 0.0
        for j in range(first, last):
            m1 += k * b1s[j]
            m2 += k * b2s[j]
            m12 += k * both[j]
            k *= ratio
            ratio *= square
        tilt = 2 * p[1, i] - 1
        s[0] += scale * m1
        s[1] += scale * m2
        s[2] += scale * m1 * tilt
        s[3] += scale * m2 * tilt
        s[4] += scale * m12
    return step * pace / (2 * math.pi * e)


@compiled
def _product(
    x: NDArray, b1: float, b2: float, r: float, logit: float, alpha: float, valued: bool, s: NDArray
) -> float:
    """Sets `s` to the sums of :func:`_plane` on a product of rules along μ* and n; their unit."""
    w1, w2 = _logistic(x[5]), _logistic(-x[5])
    heavy, light = _logistic(logit), _logistic(-logit)
    low, high = min(-r, x[0], x[1]) - REACH, max(r, x[0], x[1]) + REACH
    step, count = _lattice(low, high, max(2 * r, abs(x[0] - x[1])))
    unit = step / (2 * math.pi)
    nodes, weights = _nodes_across(b1, b2)
    z1, z2, lz = np.exp(-0.5 * (nodes - b1) ** 2), np.exp(-0.5 * (nodes - b2) ** 2), -0.5 * nodes**2
    z = np.exp(lz)
    for i in range(count):
        t = low + i * step
        plus, minus = heavy * math.exp(-0.5 * (t - r) ** 2), light * math.exp(-0.5 * (t + r) ** 2)
        p = plus + minus
        tilt, lp = (plus - minus) / p, math.log(p)
        e1, e2 = math.exp(-0.5 * (t - x[0]) ** 2), math.exp(-0.5 * (t - x[1]) ** 2)
        c1 = c2 = 0.0
        for j in range(nodes.size):
            n1, n2 = e1 * z1[j], e2 * z2[j]
            if max(n1, n2, p * z[j]) < FAINT:
                continue
            n1, n2 = w1 * n1, w2 * n2
            q = n1 + n2
            lq = math.log(q)
            u = lp + lz[j] - lq
            ratio = math.exp(alpha * u)
            n1, n2 = n1 * weights[j], n2 * weights[j]
            m1, m2 = n1 * ratio, n2 * ratio
            c1 += m1
            c2 += m2
            s[4] += m1 * n2 / (n1 + n2)
            if alpha > 1e-3:
                s[5] += n1 - m1
                s[6] += n2 - m2
            else:
                less = -math.expm1(alpha * u)
                s[5] += n1 * less
                s[6] += n2 * less
            if valued:
                s[7] += weights[j] * _excess(lp + lz[j], lq, alpha)
        s[0] += c1
        s[1] += c2
        s[2] += tilt * c1
        s[3] += tilt * c2
    return unit


@compiled
def _plane(
    x: NDArray, r: float, logit: float, alpha: float, share: float, valued: bool, out: NDArray
) -> float:
    """Adds share · (c_1, c_2, t_1, t_2, S, A_1, A_2) for 0 < α < 1; D_α if `valued`, else 0."""
    b1, b2, rest = _frame(x)
    w1, w2 = _logistic(x[5]), _logistic(-x[5])
    along, across = r + max(abs(x[0]), abs(x[1])), max(abs(b1), abs(b2))
    if not along + across + abs(x[5]) < math.inf or math.hypot(along, across) > FARTHEST:
        out[:] = math.nan
        return math.nan
    s = np.zeros(8)
    wide = max(abs(b1), abs(b2)) > _CLOSE[-1] and abs(b1 - b2) > SKEW * abs(x[0] - x[1])
    if wide and alpha >= 0.05 and not valued:
        unit = _skewed(x, b1, b2, r, logit, alpha, s)
        s[5], s[6] = w1 / unit - s[0], w2 / unit - s[1]
    else:
        unit = _product(x, b1, b2, r, logit, alpha, valued, s)
    fade = math.exp(-0.5 * alpha * (1 - alpha) * rest)
    common = _less(0.0, -0.5 * (1 - alpha) * rest, alpha)  # (1 − fade)/α
    for k in range(5):
        out[k] += share * fade * unit * s[k]
    out[5] += share * (common + fade * unit * s[5] / (alpha * w1))
    out[6] += share * (common + fade * unit * s[6] / (alpha * w2))
    return common / (1 - alpha) + fade * unit * s[7]
