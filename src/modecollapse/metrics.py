r"""How a fit q is judged elsewhere, beside the masses, KL and regret of this package.

With A_k = E_q[P(mode k | x)] and w = p̃/q, p̃ = Z p:

- mode-weight error: ½ Σ_k |A_k − π_k|, for two modes |A_1 − π_1| (arXiv:2504.08916);
- entropic mode coverage: −Σ_k A_k log_K A_k, 1 where all modes have the same mass, whatever their
  weights are (arXiv:2406.07423);
- evidence lower and upper bound: E_q[log w] ≤ log Z ≤ E_p[log w] (the same);
- effective sample sizes, parts of the sample: reverse, E_q[w]²/E_q[w²], and forward,
  1/(E_p[w] E_p[1/w]), equal for large samples, but only the second by samples of p (the same).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import logsumexp, xlogy

from .checks import numbers_of, require

__all__ = ["bound", "forward_ess", "log_partition", "mode_entropy", "mode_weight_error"]

FloatArray = NDArray[np.float64]


def mode_weight_error(masses: ArrayLike, weights: ArrayLike) -> FloatArray:
    """½ Σ_k |A_k − π_k|, (...), for masses (..., K) and weights (K,): 0 for a right fit.

    >>> round(float(mode_weight_error([0.9, 0.1, 0.0], [0.6, 0.3, 0.1])), 12)
    0.3
    """
    a, pi = numbers_of("masses", masses), numbers_of("weights", weights)
    fits = a.ndim > 0 and pi.shape == a.shape[-1:]
    require(fits, "weights", pi.shape, f"one a mode, {a.shape[-1:]}")
    return np.asarray(0.5 * abs(a - pi).sum(-1))


def mode_entropy(masses: ArrayLike) -> FloatArray:
    """Entropic mode coverage in [0, 1], (...), for masses (..., K) of two modes or more.

    >>> mode_entropy([[0.5, 0.5], [1.0, 0.0]])
    array([1., 0.])
    """
    a = numbers_of("masses", masses)
    several = a.ndim > 0 and a.shape[-1] > 1
    require(several, "masses", a.shape, "an array (..., K) of two modes or more")
    a = a / a.sum(-1, keepdims=True)
    return np.asarray(-xlogy(a, a).sum(-1) / np.log(a.shape[-1])) + 0.0


def forward_ess(log_ratio: ArrayLike) -> FloatArray:
    """1/(E_p[w] E_p[1/w]), (...), from log w (..., n) at samples of p; log Z cancels.

    >>> float(forward_ess([0.3, 0.3, 0.3]).round(12))
    1.0
    """
    f, n = _sample(log_ratio)
    logs = logsumexp(f, axis=-1) + logsumexp(-f, axis=-1) - 2 * np.log(n)
    return np.asarray(np.exp(-logs))


def bound(log_ratio: ArrayLike) -> tuple[FloatArray, FloatArray]:
    """E[log w] and its standard error, (...), from log w (..., n): at samples of q the evidence
    lower bound, at samples of p the evidence upper bound."""
    f, n = _sample(log_ratio)
    return f.mean(-1), f.std(-1, ddof=1) / np.sqrt(n)


def log_partition(log_ratio: ArrayLike) -> tuple[FloatArray, FloatArray]:
    """log E_q[w] and its standard error (the delta method's), (...), from log w (..., n) at samples
    of q.  Of modes that q has lost neither knows: it is log Z less what they weigh.

    >>> value, error = log_partition([0.5, 0.5])
    >>> round(float(value), 12), float(error)
    (0.5, 0.0)
    """
    f, n = _sample(log_ratio)
    value = logsumexp(f, axis=-1) - np.log(n)
    spread = np.exp(f - value[..., None]).std(-1, ddof=1)
    return np.asarray(value), np.asarray(spread / np.sqrt(n))


def _sample(log_ratio: ArrayLike) -> tuple[FloatArray, int]:
    f = numbers_of("log_ratio", log_ratio)
    require(f.ndim > 0 and f.shape[-1] > 1, "log_ratio", f.shape, "log w at two samples or more")
    return f, f.shape[-1]
