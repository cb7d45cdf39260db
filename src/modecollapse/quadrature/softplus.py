"""E[softplus(a + bZ)] in scalar machine code."""

from __future__ import annotations

import math

import numpy as np
from scipy.special import zeta

from ..compiled import compiled, inlined
from .sigmoid import _G, STEP
from .wide import LARGEST_SCALE, _wide

__all__ = ["_expected_softplus", "_logistic_pair", "_softplus"]

_SPACING = 0.5  # of the grid in u; the first branch point adds exp(−2π²/_SPACING) = 7e-18
_REST = np.log1p(np.exp(-_SPACING * np.arange(76)))  # softplus(u) − max(u, 0) on that grid
_ORDERS = np.arange(1, 13)
_KINK = (  # (−1)^m (2m − 1) B_2m/(2m)! h^2m, of the kink of max(u, 0) at zero
    (-1.0) ** _ORDERS
    * (2 * _ORDERS - 1)
    * (2 * zeta(2 * _ORDERS))
    * (_SPACING / (2 * np.pi)) ** (2 * _ORDERS)
)


@inlined
def _logistic_pair(u: float) -> tuple[float, float]:
    """1/(1 + e^{−u}) and 1/(1 + e^u), both to full relative precision."""
    ratio = math.exp(-abs(u))
    more = 1 / (1 + ratio)
    return (more, ratio * more) if u > 0 else (ratio * more, more)


@compiled
def _softplus(u: float) -> float:
    """softplus(u) = log(1 + e^u)."""
    return max(u, 0.0) + math.log1p(math.exp(-abs(u)))


@compiled
def _expected_softplus(a: float, b: float) -> float:
    """E[softplus(a + bZ)] (docs/theory.md, Eqs. 4.6 and 4.7)."""
    if b > LARGEST_SCALE:
        return _wide(a, b)[3]
    c = -abs(a)
    if b < 1:
        value = _expected_softplus_narrow(c, b)
    elif c < -(8.6 * b + 40):
        value = 0.0  # to absolute error 1e-16
    else:
        value = _expected_softplus_wide(c, b)
    return value if a <= 0 else a + value


@compiled
def _expected_softplus_narrow(a: float, b: float) -> float:
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
def _expected_softplus_wide(a: float, b: float) -> float:
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
