"""The normaliser of the tempered bimodal target."""

from __future__ import annotations

import numpy as np
from scipy.special import logsumexp

from ..targets import BimodalTarget

__all__ = ["log_normalizer"]


def log_normalizer(target: BimodalTarget, beta: float) -> float:
    r"""log ∫ p̃^β dx / (2π)^{d/2}, where p̃ is p without its factor (2π)^{−d/2}.

    Across the axis of the modes the integral is Gaussian, along it the trapezoidal rule is exact to
    rounding, since the integrand is analytic in a strip of half-width π/2r around the real axis.

    >>> log_normalizer(BimodalTarget(2.0, 5), 1.0)
    0.0
    """
    if beta == 1:
        return 0.0
    r = target.separation
    end, step = r + 12 / np.sqrt(beta), min(0.2, 0.25 / r)
    y = np.linspace(-end, end, 2 * int(np.ceil(end / step)) + 1)
    modes = -0.5 * (y[:, None] - np.array([r, -r])) ** 2
    log_p = logsumexp(modes + np.log(target.weights), axis=1)
    along = logsumexp(beta * log_p) + np.log((y[1] - y[0]) / np.sqrt(2 * np.pi))
    return float(along - 0.5 * (target.dimension - 1) * np.log(beta))
