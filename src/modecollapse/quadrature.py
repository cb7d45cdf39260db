r"""Gaussian expectations of the sigmoid and of the softplus, to absolute error 1e-12.

With Z ~ N(0, 1), σ(u) = 1/(1 + e^{−u}) and softplus(u) = log(1 + e^u),

    E[σ(a + bZ)],  E[σ'(a + bZ)],  E[σ''(a + bZ)],  E[softplus(a + bZ)],       a real, 0 ≤ b ≤ 40.

Derivatives follow from these by parts:

    ∂_a E[softplus] = E[σ],   ∂_b E[softplus] = b E[σ'],   ∂_b E[σ] = E[Zσ'] = b E[σ''].

The rule is the trapezoidal one, whose error is known: it is the sum of the residues of the
integrand at the poles u = ±iπ, ±3iπ, … of σ, plus a remainder exp(−2π²/h²) from the Gaussian itself
(docs/theory.md, section 4).  For the sigmoid the residues are added back, so that one step h = 1/2
serves every b; for a < 0 the nodes follow the peak of the integrand, so that the relative error
stays small in the tail, where the values may be as small as 1e-300.  The softplus has branch points
there instead, and is summed on a grid in u fine enough for the first of them; its kink-like part
max(u, 0) is summed in closed form, so that its cost does not grow with b either.

Functions without an underscore are vectorised and check their arguments; those with one are
compiled for scalar arguments, and trust them.  b > `LARGEST_SCALE` is refused by the former; the
latter return NaN there.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import zeta

from .checks import require
from .compiled import compiled

__all__ = [
    "LARGEST_SCALE",
    "expected_sigmoid",
    "expected_sigmoid_curvature",
    "expected_sigmoid_slope",
    "expected_softplus",
]

FloatArray = NDArray[np.float64]
LARGEST_SCALE = 40.0  # of b; e^{8.5 b} and its square must stay below the largest double

STEP = 0.5  # of the trapezoidal rule; the Gaussian's own error is exp(−2π²/STEP²) = 5e-35
_T = STEP * np.arange(18)  # nodes, on one side
_G = STEP / math.sqrt(2 * math.pi) * np.exp(-0.5 * _T**2)
_REACH = 3.8  # poles with |Im z| above it contribute less than e^{−40}

_SPACING = 0.5  # of the softplus grid in u; the first branch point adds exp(−2π²/_SPACING) = 7e-18
_REST = np.log1p(np.exp(-_SPACING * np.arange(76)))  # softplus(u) − max(u, 0) on that grid
_ORDERS = np.arange(1, 13)
_KINK = (  # (−1)^m (2m − 1) B_2m/(2m)! h^2m, of the kink of max(u, 0) at zero
    (-1.0) ** _ORDERS
    * (2 * _ORDERS - 1)
    * (2 * zeta(2 * _ORDERS))
    * (_SPACING / (2 * np.pi)) ** (2 * _ORDERS)
)


@compiled
def _centre(a: float, b: float) -> tuple[float, float]:
    """Middle node z_c for a <= 0 and u_0 = a + b z_c, such that u = 0 is a node, or far away."""
    if b * b < -a:
        if b < 0.8 or -a > b * (b + 9) + 40:  # no pole within reach: any node will do
            return b, a + b * b
        k = math.floor((b + a / b) / STEP + 0.5)
        return -a / b + k * STEP, b * STEP * k
    return -a / b if a < 0 else 0.0, 0.0


@compiled
def _sigmoid(a: float, b: float) -> float:
    """E[σ(a + bZ)] (docs/theory.md, Eq. 4.4)."""
    if not b <= LARGEST_SCALE:
        return math.nan
    c = -abs(a)
    z, u = _centre(c, b)
    y, grow, tilt = math.exp(u), math.exp(STEP * b), math.exp(STEP * (b - z))
    shrink, tilt_back, square = 1 / grow, 1 / tilt, 1 + y * y
    up, down, left, right = y, y, 1.0, 1.0
    total = _G[0] / (1 + y)
    for j in range(1, 18):
        up *= grow
        down *= shrink
        right *= tilt
        left *= tilt_back
        total += _G[j] * (right * (1 + down) + left * (1 + up)) / (square + up + down)
    total *= y * math.exp(-0.5 * z * z)
    if b > math.pi / _REACH:
        total += _poles(c, b)[0]
    return total if a <= 0 else 1 - total


@compiled
def _sigmoid_moments(a: float, b: float) -> tuple[float, float, float]:
    """E[σ], E[σ'] and E[σ''] at a + bZ."""
    if not b <= LARGEST_SCALE:
        return math.nan, math.nan, math.nan
    c = -abs(a)
    z, u = _centre(c, b)
    y, grow, tilt = math.exp(u), math.exp(STEP * b), math.exp(STEP * (b - z))
    shrink, tilt_back, square = 1 / grow, 1 / tilt, 1 + y * y
    up, down, left, right = y, y, 1.0, 1.0
    s0 = _G[0] / (1 + y)
    s1 = s0 / (1 + y)
    s2 = s1 * (1 - y) / (1 + y)
    for j in range(1, 18):
        up *= grow
        down *= shrink
        right *= tilt
        left *= tilt_back
        inverse = 1 / (square + up + down)
        inverse_up, inverse_down = (1 + down) * inverse, (1 + up) * inverse
        r0, l0 = _G[j] * right * inverse_up, _G[j] * left * inverse_down
        r1, l1 = r0 * inverse_up, l0 * inverse_down
        s0 += r0 + l0
        s1 += r1 + l1
        s2 += r1 * ((1 - up) * inverse_up) + l1 * ((1 - down) * inverse_down)
    scale = y * math.exp(-0.5 * z * z)
    s0, s1, s2 = s0 * scale, s1 * scale, s2 * scale
    if b > math.pi / _REACH:
        p0, p1, p2 = _poles(c, b)
        s0, s1, s2 = s0 + p0, s1 + p1, s2 + p2
    return (s0, s1, s2) if a <= 0 else (1 - s0, s1, -s2)


@compiled
def _poles(a: float, b: float) -> tuple[float, float, float]:
    """What the residues at u = ±(2n + 1)iπ add to E[σ], E[σ'], E[σ''] (Eq. 4.5)."""
    i2 = 1 / (b * b)
    kappa = 2 * math.pi / (STEP * b)
    front = 4 * math.pi / (math.sqrt(2 * math.pi) * b) * math.exp(-0.5 * a * a * i2)
    if front == 0.0:
        return 0.0, 0.0, 0.0
    decay = math.exp(-math.pi * kappa)  # V = e^{−κy}
    growth = math.exp(0.5 * math.pi**2 * i2)  # e^{y²/2b²}
    decay_ratio = decay * decay
    growth_ratio = growth**8
    ratio = growth_ratio
    theta = math.pi * a * i2
    sine, cosine = math.sin(theta), math.cos(theta)
    sine2, cosine2 = 2 * sine * cosine, 1 - 2 * sine * sine
    p0 = p1 = p2 = 0.0
    y = math.pi
    while y <= _REACH * b:
        v = decay / (1 - decay)
        mu = kappa * v / (1 - decay)
        nu = kappa * mu * (1 + decay) / (1 - decay)
        p0 += growth * v * sine
        p1 -= growth * (a * i2 * v * sine + (mu - y * i2 * v) * cosine)
        real = (i2 - (a * a - y * y) * i2 * i2) * v - 2 * y * mu * i2 + nu
        imag = 2 * a * i2 * (y * v * i2 - mu)
        p2 -= growth * (real * sine + imag * cosine)
        y += 2 * math.pi
        decay *= decay_ratio
        growth *= ratio
        ratio *= growth_ratio
        sine, cosine = sine * cosine2 + cosine * sine2, cosine * cosine2 - sine * sine2
    return front * p0, front * p1, front * p2


@compiled
def _log_sum(u: float) -> float:
    """softplus(u) = log(1 + e^u)."""
    return max(u, 0.0) + math.log1p(math.exp(-abs(u)))


@compiled
def _softplus(a: float, b: float) -> float:
    """E[softplus(a + bZ)] (docs/theory.md, Eqs. 4.6 and 4.7)."""
    if not b <= LARGEST_SCALE:
        return math.nan
    c = -abs(a)
    if b < 1:
        value = _softplus_narrow(c, b)
    elif c < -(8.6 * b + 40):
        value = 0.0  # to absolute error 1e-16
    else:
        value = _softplus_wide(c, b)
    return value if a <= 0 else a + value


@compiled
def _softplus_narrow(a: float, b: float) -> float:
    """The trapezoidal rule with step 1/2, for a <= 0 and b < 1."""
    y, grow = math.exp(a), math.exp(STEP * b)
    shrink = 1 / grow
    up, down = y, y
    total = _G[0] * math.log1p(y)
    for j in range(1, 18):
        up *= grow
        down *= shrink
        above = min(up, 1 / up)  # the nodes a ± bz share one logarithm
        rest = math.log1p(above + down + above * down)
        total += _G[j] * (max(a + b * STEP * j, 0.0) + rest)
    return total


@compiled
def _softplus_wide(a: float, b: float) -> float:
    """The trapezoidal rule in u, for a <= 0 and b >= 1: max(u, 0) is summed in closed form."""
    x, ratio = a / b, _SPACING / b
    density = math.exp(-0.5 * x * x) / math.sqrt(2 * math.pi)
    square = math.exp(-ratio * ratio)
    # Densities at u = ∓kh, from their ratios to the last one: too small ones end as zero.
    left = right = density
    left_ratio = math.exp(-ratio * (0.5 * ratio - x))
    right_ratio = math.exp(-ratio * (0.5 * ratio + x))
    rest = _REST[0] * density
    for k in range(1, 76):
        left *= left_ratio
        right *= right_ratio
        left_ratio *= square
        right_ratio *= square
        rest += _REST[k] * (left + right)
    kink, power, hermite, next_hermite = 0.0, 1.0, 1.0, x
    for m in range(12):
        kink += _KINK[m] * power * hermite
        power /= b * b
        hermite = x * next_hermite - (2 * m + 1) * hermite
        next_hermite = x * hermite - (2 * m + 2) * next_hermite
    positive_part = b * density + 0.5 * a * math.erfc(-x / math.sqrt(2))
    return positive_part + (density * kink + _SPACING * rest) / b


@compiled
def _moments_of_all(a, b):
    moments = np.empty((3, a.size))
    for i in range(a.size):
        moments[0, i], moments[1, i], moments[2, i] = _sigmoid_moments(a[i], b[i])
    return moments


@compiled
def _softplus_of_all(a, b):
    values = np.empty(a.size)
    for i in range(a.size):
        values[i] = _softplus(a[i], b[i])
    return values


def _arguments(a: ArrayLike, b: ArrayLike) -> tuple[FloatArray, FloatArray, tuple[int, ...]]:
    """a and b, checked, broadcast and flattened, and their common shape."""
    a, b = np.broadcast_arrays(np.asarray(a, dtype=float), np.asarray(b, dtype=float))
    require(bool(np.isfinite(a).all()), "a", "NaN or infinity", "finite numbers")
    inside = (b >= 0) & (b <= LARGEST_SCALE)
    outside = b[~inside]
    require(outside.size == 0, "b", outside[:1].tolist(), f"numbers in [0, {LARGEST_SCALE:g}]")
    return a.ravel(), b.ravel(), a.shape


def _moment(order: int, a: ArrayLike, b: ArrayLike) -> FloatArray:
    flat_a, flat_b, shape = _arguments(a, b)
    return _moments_of_all(flat_a, flat_b)[order].reshape(shape)


def expected_sigmoid(a: ArrayLike, b: ArrayLike) -> FloatArray:
    """E[σ(a + bZ)], Z ~ N(0, 1), to absolute error 1e-12, and to relative error 1e-11 for a < 0.

    Parameters
    ----------
    a, b : arrays that broadcast; a finite, 0 ≤ b ≤ 40.

    >>> expected_sigmoid([0.0, -300.0], 3.0)
    array([5.00000000e-001, 4.63426215e-129])
    """
    return _moment(0, a, b)


def expected_sigmoid_slope(a: ArrayLike, b: ArrayLike) -> FloatArray:
    """E[σ'(a + bZ)] = ∂_a E[σ(a + bZ)]; arguments as in :func:`expected_sigmoid`."""
    return _moment(1, a, b)


def expected_sigmoid_curvature(a: ArrayLike, b: ArrayLike) -> FloatArray:
    """E[σ''(a + bZ)] = ∂_b E[σ(a + bZ)] / b; arguments as in :func:`expected_sigmoid`."""
    return _moment(2, a, b)


def expected_softplus(a: ArrayLike, b: ArrayLike) -> FloatArray:
    """E[softplus(a + bZ)], to absolute error 1e-12; arguments as in :func:`expected_sigmoid`.

    >>> expected_softplus([0.0, 1000.0], [0.0, 40.0])
    array([6.93147181e-01, 1.00000000e+03])
    """
    flat_a, flat_b, shape = _arguments(a, b)
    return _softplus_of_all(flat_a, flat_b).reshape(shape)
