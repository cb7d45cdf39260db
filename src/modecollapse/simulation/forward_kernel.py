"""KL(p‖q) in the reduced simulation, compiled: the gradient of −E_p[log q] by samples of p.

A sample y = ±μ* + z acts on q through three coordinates of z and, unless both variances are equal
and fixed, its norm; what it adds to the means is a multiple of y − μ_j (docs/theory.md, Eq. 10.16).
"""

from __future__ import annotations

import math

from ..compiled import compiled
from ..quadrature import _logistic_pair
from .samplers import AXES, absorb, chi_constants, chi_square

__all__ = ["from_p"]


@compiled
def from_p(rng, means, mixture, s, gradient, slope, gram):
    """Adds λ times the gradient by fresh samples of p to that of the aligned `means` and of the
    variances, and what the part outside the axes has to `gram`; returns that of ℓ."""
    logit, variances = mixture[0], mixture[1:]
    d, n = s.dimension, s.target_samples
    weights = 1 / (1 + math.exp(-logit)), 1 / (1 + math.exp(logit))
    odds = logit + 0.5 * d * math.log(variances[1] / variances[0])
    plus = rng.binomial(n, 1 / (1 + math.exp(-s.target_logit)))
    size, spread = chi_constants(d - AXES)
    mass = 0.0
    for k in range(n):
        y1 = rng.standard_normal() + (s.separation if k < plus else -s.separation)
        y2 = rng.standard_normal() if d > 1 else 0.0
        y3 = rng.standard_normal() if d > 2 else 0.0
        z4 = z5 = rest2 = 0.0
        if s.norms:
            z4 = rng.standard_normal() if d > 3 else 0.0
            z5 = rng.standard_normal() if d > 4 else 0.0
            rest2 = chi_square(rng, d - AXES, size, spread) if d > AXES else 0.0
        beside = z4 * z4 + z5 * z5 + rest2
        distances = (
            _distance(y1, y2, y3, beside, means[0]) / variances[0],
            _distance(y1, y2, y3, beside, means[1]) / variances[1],
        )
        log_odds = odds + 0.5 * (distances[1] - distances[0])
        shares = _logistic_pair(log_odds)
        mass += shares[0]
        pull = s.share * shares[0] / variances[0] / n, s.share * shares[1] / variances[1] / n
        for j in range(2):
            gradient[j, 0] -= pull[j] * (y1 - means[j, 0])
            gradient[j, 1] -= pull[j] * (y2 - means[j, 1])
            gradient[j, 2] -= pull[j] * (y3 - means[j, 2])
            gradient[j, 3] -= pull[j] * z4
            gradient[j, 4] -= pull[j] * z5
            slope[j] -= 0.5 * pull[j] * (distances[j] - d)
        if s.norms and d > AXES:
            g = gradient[0, 3], gradient[0, 4], gradient[1, 3], gradient[1, 4]
            turned = absorb(g[0], g[1], g[2], g[3], -pull[0], -pull[1], rest2)
            gradient[0, 3], gradient[0, 4], gradient[1, 3], gradient[1, 4] = turned
        gram[0, 0] += pull[0] * pull[0]
        gram[0, 1] += pull[0] * pull[1]
        gram[1, 1] += pull[1] * pull[1]
    return s.share * (weights[0] - mass / n)


@compiled
def _distance(y1, y2, y3, beside, mean):
    """‖y − μ‖² of y = (y1, y2, y3, …), of whose other coordinates the squares sum to `beside`."""
    return (y1 - mean[0]) ** 2 + (y2 - mean[1]) ** 2 + (y3 - mean[2]) ** 2 + beside
