"""The drift of the weights along the collapsed states, up to their fold, in any geometry."""

from __future__ import annotations

import math

import numpy as np
from scipy.optimize import brentq

from .invariant_line import TargetCurve
from .rhs import velocity

__all__ = ["asymptotic_drift", "drift_time"]

LARGEST_RATIO = 20.0  # of the logit of the weights, at the fold


def drift_time(r: float, power: float = 0.0, begin: float = 0.0) -> float:
    """η times the drift of ℓ from `begin` to the fold, along the collapsed states of fixed weights,
    in a metric with this power b of the weights (docs/remedies.md, Eq. 13.9); 0 from beyond it.

    ℓ is the logit of the weight of the outer component.
    """

    def needed(l: float) -> float:
        """The target logit that the collapsed state needs; any number > 0 beyond the cusp."""
        turns = TargetCurve(r, l, 10.0).turning_points
        births = [value for t, value in turns if t > 0][1::2]
        return min(births, default=1.0)

    end = float(brentq(needed, 0.0, LARGEST_RATIO, xtol=1e-9))
    if begin >= end:
        return 0.0
    nodes, shares = np.polynomial.legendre.leggauss(24)
    total = 0.0
    for node, share in zip(nodes, shares, strict=True):
        l = begin + 0.5 * (end - begin) * (1 + node)
        curve = TargetCurve(r, l, 1.0)
        t = curve.crossings(0.0)[-1]
        half, c = 0.5 * curve.split(t), curve.point(t)[0]
        a, b = c + half, c - half
        slope = float(velocity([r * a, r * b, a * a, a * b, b * b, l], r, eta=1.0)[5])
        product = 0.25 / math.cosh(0.5 * l) ** 2
        total += 0.5 * (end - begin) * share * product**power / slope
    return total


def asymptotic_drift(r: float, power: float = 0.0) -> float:
    """The same for large r (Eqs. 8.4 and 13.10)."""
    excess = math.pi * r * math.exp(-r * r / 2) / math.sqrt(2 * math.pi)
    return _far(power) * math.pi / (r * excess**2.5)


def _far(power: float) -> float:
    """c of Eq. 13.10: 6 · 4^{−b} ∫_0^∞ sech^{1 + 2b}(ℓ/2) dℓ / π."""
    return 6 * 0.25**power * math.gamma(power + 0.5) / (math.sqrt(math.pi) * math.gamma(power + 1))
