"""The tempered bimodal target p^β: its normaliser, for every road."""

from __future__ import annotations

import math

from ..checks import within
from ..compiled import compiled
from ..quadrature import _softplus
from .bimodal import BimodalTarget

__all__ = ["_log_along", "log_normalizer", "log_partition"]


@compiled
def _log_along(beta: float, r: float, logit: float) -> float:
    """log E[(π e^y + (1 − π) e^{−y})^β] over y ~ N(0, r²/β).

    The trapezoidal rule in u, y = sinh u, where the branch points keep their distance from the real
    axis whatever r and β are; its step resolves the peaks at y = ±r², of width `spread`.
    """
    spread, top = r / math.sqrt(beta), 0.5 * r**2 * beta  # no exponent is above `top`
    step, end = min(0.05, 0.3 * spread / math.sqrt(1 + r**4)), math.asinh(r**2 + 9 * spread)
    n = math.ceil(end / step)
    total = 0.0
    for k in range(-n, n + 1):
        y = math.sinh(k * step)
        log_p = max(y - _softplus(-logit), -_softplus(logit) - y)
        log_p += math.log1p(math.exp(-abs(2 * y + logit)))
        total += math.cosh(k * step) * math.exp(beta * (log_p - 0.5 * (y / r) ** 2) - top)
    return top + math.log(total * step / (math.sqrt(2 * math.pi) * spread))


def log_normalizer(target: BimodalTarget, beta: float) -> float:
    r"""log ∫ p̃^β dx / (2π)^{d/2}, where p̃ is p without its factor (2π)^{−d/2}.

    Across the axis of the modes the integral is Gaussian; along it, see :func:`_log_along`.  The
    error is below 1e-12 for r <= 20.

    >>> log_normalizer(BimodalTarget(2.0, 5), 1.0)
    0.0
    """
    beta = within("beta", beta, 0, 1, closed="]")
    if beta == 1:
        return 0.0
    r, d = target.separation, target.dimension
    return _log_along(beta, r, target.logit) - 0.5 * (beta * r**2 + d * math.log(beta))


def log_partition(target: BimodalTarget, beta: float) -> float:
    """log Z_β = log ∫ p^β dx (docs/theory.md, Eq. 11.9), of the normalised p.

    >>> round(log_partition(BimodalTarget(30.0, 2), 0.5), 4)  # far apart: log 4√π
    1.9587
    """
    volume = 0.5 * target.dimension * (1 - beta) * math.log(2 * math.pi)
    return volume + log_normalizer(target, beta)
