"""The limit of a wide Gaussian, b > 40: a step blurred by a logistic variable."""

from __future__ import annotations

import math

import numpy as np
from scipy.special import zeta

from ..compiled import compiled

__all__ = ["LARGEST_SCALE", "_wide"]

LARGEST_SCALE = 40.0  # of b in the other rules: e^{8.5 b}, squared, stays below the largest double
_ORDERS = np.arange(1, 8)
_BLUR = 2 * (1 - 2.0 ** (1 - 2 * _ORDERS)) * zeta(2 * _ORDERS)  # E[Λ^2k]/(2k)! of a logistic Λ


@compiled
def _wide(a: float, b: float) -> tuple[float, float, float, float]:
    """E[σ], E[σ'], E[σ''] and E[softplus] at a + bZ for b > 40 (docs/theory.md, Eq. 11.10).

    A series in 1/b² whose terms fall like He_{2k}(a/b)/b^{2k}; absolute errors 1e-16, and 1e-15 b
    for the softplus.
    """
    x = a / b
    density = math.exp(-0.5 * x * x) / math.sqrt(2 * math.pi)
    sigmoid = 0.5 * math.erfc(-x / math.sqrt(2))
    if density == 0.0:
        return sigmoid, 0.0, 0.0, max(a, 0.0)
    softplus = a * sigmoid + b * density
    slope, curvature = density / b, -x * density / (b * b)
    hermite, following, power = 1.0, x, density / b
    for k in range(_BLUR.size):  # hermite = He_2k, following = He_{2k+1}
        softplus += _BLUR[k] * hermite * power
        power /= b
        sigmoid -= _BLUR[k] * following * power
        power /= b
        hermite = x * following - (2 * k + 1) * hermite
        slope += _BLUR[k] * hermite * power
        following = x * hermite - (2 * k + 2) * following
        curvature -= _BLUR[k] * following * power / b
    return sigmoid, slope, curvature, softplus
