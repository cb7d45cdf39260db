r"""What one sample does to two means on the line of the modes: drift and covariance.

Two equal modes at ±μ*, equal fixed weights, unit variances.  A sample x = μ_i + z of component i,
seen along e_1 = μ*/r, adds to the gradients of the means i and j ≠ i (docs/theory.md, Eq. 10.5)

    a_i − r_j (a_i − a_j) − r tanh(r(a_i + z_1)) + χ r_i z_1,        χ r_j (a_i − a_j + z_1),

χ = 1 with the score term (pathwise) and 0 without it (sticking the landing), r_j the
responsibilities.  A descent with step size h and batches of B is, for small h, the diffusion

    da = f dt + (h C/B)^{1/2} dW,       f = −E[g],   C = B Cov(g of a batch)              (16.1)

in the sense of Itô.  With the score term the batches also drive the means across e_1, in d − 1
dimensions, so that their squared distance is larger by the *spread* Δ = (d − 1) h/B than what is
seen along e_1 (16.8).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import expit

__all__ = ["contributions", "noise"]

FloatArray = NDArray[np.float64]

# The trapezoidal rule errs by e^{−2π²/(bH)} for σ(bZ) at a spacing H (docs/theory.md, section 4):
# by 1e-12 at b = 7, above all that is asked for here.
SPACING, REACH = 0.1, 8.5
NODES = np.arange(-REACH, REACH + SPACING / 2, SPACING)
WEIGHTS = np.exp(-NODES * NODES / 2) * SPACING / np.sqrt(2 * np.pi)
# Across e_1 the integrand is smooth on the scale of √Δ < 1: Gauss-Hermite.
_ACROSS, _SHARES = np.polynomial.hermite_e.hermegauss(12)
_SHARES = _SHARES / np.sqrt(2 * np.pi)


def contributions(
    positions: ArrayLike, separation: float, score: bool, spread: float = 0.0
) -> tuple[FloatArray, FloatArray]:
    """What samples add to the gradients along e_1, and the probabilities of these samples.

    Parameters
    ----------
    positions : (..., 2), a_1 and a_2.
    separation : r.
    score : whether the score term is kept.
    spread : Δ ≥ 0, the squared distance of the means across e_1.

    Returns
    -------
    (..., 2, 2, n), the gradient of the mean (last but one) by a sample of the component (before
    it), and (n,), the weights of the n samples.
    """
    a = np.asarray(positions, dtype=float)[..., None]
    if spread > 0:
        along = np.repeat(NODES, len(_ACROSS))
        across = np.sqrt(spread) * np.tile(_ACROSS, len(NODES))
        weights = np.outer(WEIGHTS, _SHARES).ravel()
    else:
        along, across, weights = NODES, np.zeros(1), WEIGHTS
    out = np.empty((*a.shape[:-2], 2, 2, len(along)))
    for i in range(2):
        own, gap = a[..., i, :], a[..., i, :] - a[..., 1 - i, :]
        other = expit(-(gap * along + across + 0.5 * (gap * gap + spread)))
        force = own - other * gap - separation * np.tanh(separation * (own + along))
        out[..., i, i, :] = force + (1 - other) * along if score else force
        out[..., i, 1 - i, :] = other * (gap + along) if score else 0.0
    return out, weights


def noise(
    positions: ArrayLike,
    separation: float,
    score: bool,
    stratified: bool = True,
    spread: float = 0.0,
) -> tuple[FloatArray, FloatArray]:
    """f and C of Eq. 16.1 at `positions` (..., 2): (..., 2) and (..., 2, 2).

    Stratified batches, half from each component, or components drawn with probability one half.

    >>> f, c = noise([2.6983333, 1.1056152], 2.2596076, score=False)  # where collapse is born
    >>> bool(abs(f).max() < 1e-7), c.round(4).tolist()
    (True, [[0.0754, 0.0], [0.0, 0.6209]])
    """
    g, weights = contributions(positions, separation, score, spread)
    means = g @ weights
    drift = -means.mean(-2)
    second = np.einsum("...iaz,...ibz,z->...ab", g, g, weights) / 2
    if stratified:
        return drift, second - np.einsum("...ia,...ib->...ab", means, means) / 2
    return drift, second - drift[..., :, None] * drift[..., None, :]
