r"""The closed equations of the bimodal problem: velocity, Jacobian, KL and mode masses.

p = π N(μ*, I) + (1 − π) N(−μ*, I) with r = ‖μ*‖, and q = w_1 N(μ_1, I) + w_2 N(μ_2, I) with
ℓ = log w_1/w_2, in gradient flow dμ_i/dt = −∇_{μ_i} KL(q‖p), dℓ/dt = −η ∂KL/∂ℓ.

The order parameters are y = (m_1, m_2, Q_11, Q_12, Q_22, ℓ) (docs/theory.md, Eq. 3.1).  The
compiled functions work in *axial coordinates* x = (a_1, a_2, P_11, P_12, P_22, ℓ) (Eq. 3.2),

    a_i = m_i / r,      P_ij = Q_ij − a_i a_j,

the positions along μ* and the overlaps of what is left across it.  In these (Eq. 3.7)

    da_1/dt  = −w_1 (a_1 − r T_1) + S (a_1 − a_2)
    da_2/dt  = −w_2 (a_2 − r T_2) − S (a_1 − a_2)
    dP_11/dt = −2 w_1 P_11 + 2 S (P_11 − P_12)
    dP_12/dt = −P_12 − S (P_11 − 2 P_12 + P_22)
    dP_22/dt = −2 w_2 P_22 + 2 S (P_22 − P_12)
    dℓ/dt    = −η w_1 w_2 (A_1 − A_2)

with T_i = 2 E_i[s_+] − 1, the overlap S = w_1 E_1[r_2] = w_2 E_2[r_1] = E_q[r_1 r_2] that drives
the components apart, and A_i = E_i[log q − log p].  P obeys a homogeneous linear equation; it falls
to zero with its relative precision kept, and nothing is lost to cancellation where the means merge
or where KL → 0.

Everything is exact at every dimension d ≥ 1, which enters through the initial condition alone.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..checks import require, within
from ..compiled import compiled
from ..quadrature import LARGEST_SCALE
from .core import _kl, _masses, _velocity_and_jacobian

__all__ = [
    "axial_to_overlaps",
    "jacobian",
    "kl_divergence",
    "mode_masses",
    "overlaps_to_axial",
    "velocity",
]

FloatArray = NDArray[np.float64]


@compiled
def _velocity_of_all(x, r, logit, eta):
    out, jac = np.empty((len(x), 6)), np.empty((len(x), 6, 6))
    for i in range(len(x)):
        _velocity_and_jacobian(x[i], r, logit, eta, out[i], jac[i])
    return out, jac


@compiled
def _measures_of_all(x, r, logit):
    out = np.empty((3, len(x)))
    for i in range(len(x)):
        out[0, i] = _kl(x[i], r, logit)
        out[1, i], out[2, i] = _masses(x[i], r, logit)
    return out


def overlaps_to_axial(y: ArrayLike, separation: ArrayLike) -> FloatArray:
    """x = (a_1, a_2, P_11, P_12, P_22, ℓ) from y = (m_1, m_2, Q_11, Q_12, Q_22, ℓ), (..., 6)."""
    y = np.array(y, dtype=float)
    require(y.ndim > 0 and y.shape[-1] == 6, "y", y.shape, "order parameters, (..., 6)")
    x, a = y.copy(), y[..., :2] / np.asarray(separation)
    x[..., :2] = a
    x[..., 2:5] -= a[..., [0, 0, 1]] * a[..., [0, 1, 1]]
    return x


def axial_to_overlaps(x: ArrayLike, separation: float) -> FloatArray:
    """y = (m_1, m_2, Q_11, Q_12, Q_22, ℓ) from x = (a_1, a_2, P_11, P_12, P_22, ℓ), (..., 6)."""
    x = np.array(x, dtype=float)
    require(x.ndim > 0 and x.shape[-1] == 6, "x", x.shape, "axial coordinates, (..., 6)")
    y, a = x.copy(), x[..., :2]
    y[..., :2] = a * separation
    y[..., 2:5] += a[..., [0, 0, 1]] * a[..., [0, 1, 1]]
    return y


def _checked(
    y: ArrayLike, separation: float, weight: float
) -> tuple[FloatArray, float, float, tuple[int, ...]]:
    """x flattened to (n, 6), r, logit π and the batch shape, or ValueError."""
    r = within("separation", separation, 0, LARGEST_SCALE / 2, closed="]")
    weight = within("weight", weight, 0, 1)
    x = overlaps_to_axial(y, r)
    require(bool(np.isfinite(x).all()), "y", "NaN or infinity", "finite numbers")
    logit = math.log(weight) - math.log1p(-weight)
    return x.reshape(-1, 6), r, logit, x.shape[:-1]


def velocity(y: ArrayLike, separation: float, weight: float = 0.5, eta: float = 0.0) -> FloatArray:
    """dy/dt of the order parameters y = (m_1, m_2, Q_11, Q_12, Q_22, ℓ), shape (..., 6).

    Parameters
    ----------
    y : (..., 6).
    separation : r = ‖μ*‖ in (0, 20].
    weight : π, the weight of the mode at +μ*, in (0, 1).
    eta : η ≥ 0, the speed of the weights; 0 for fixed weights.

    At the target itself nothing moves:

    >>> bool(abs(velocity([9, -9, 9, -9, 9, 0], separation=3.0)).max() < 1e-12)
    True
    """
    x, r, logit, shape = _checked(y, separation, weight)
    f, _ = _velocity_of_all(x, r, logit, within("eta", eta, 0, closed="["))
    g = np.empty_like(f)
    a, rate = x[:, :2], f[:, :2]
    g[:, :2], g[:, 5] = r * rate, f[:, 5]
    i, j = [0, 0, 1], [0, 1, 1]
    g[:, 2:5] = f[:, 2:5] + a[:, i] * rate[:, j] + rate[:, i] * a[:, j]
    return g.reshape(*shape, 6)


def jacobian(y: ArrayLike, separation: float, weight: float = 0.5, eta: float = 0.0) -> FloatArray:
    """∂(dy/dt)/∂y, shape (..., 6, 6); arguments as in :func:`velocity`."""
    x, r, logit, shape = _checked(y, separation, weight)
    f, jac = _velocity_of_all(x, r, logit, within("eta", eta, 0, closed="["))
    forward, turning = _chart(x[:, 0], x[:, 1], r), _chart(f[:, 0], f[:, 1], r)
    turning[:, [0, 1, 2, 3, 4, 5], [0, 1, 2, 3, 4, 5]] = 0
    full = np.linalg.solve(forward.swapaxes(1, 2), (forward @ jac + turning).swapaxes(1, 2))
    return full.swapaxes(1, 2).reshape(*shape, 6, 6)


def _chart(a1: FloatArray, a2: FloatArray, r: float) -> FloatArray:
    """∂y/∂x at a_1, a_2, shape (n, 6, 6)."""
    chart = np.tile(np.diag([r, r, 1.0, 1.0, 1.0, 1.0]), (len(a1), 1, 1))
    chart[:, 2, 0], chart[:, 3, 0], chart[:, 3, 1], chart[:, 4, 1] = 2 * a1, a2, a1, 2 * a2
    return chart


def kl_divergence(y: ArrayLike, separation: float, weight: float = 0.5) -> FloatArray:
    """KL(q‖p) in nats, shape (...); arguments as in :func:`velocity`.

    Close to the target it is integrated along a path, not taken as a difference, so that it keeps
    its relative precision down to KL = 0 (docs/theory.md, Eq. 3.11).

    >>> kl_divergence([[9, 9, 9, 9, 9, 0]], separation=3.0).round(4)  # just below log 2
    array([0.6893])
    """
    x, r, logit, shape = _checked(y, separation, weight)
    return _measures_of_all(x, r, logit)[0].reshape(shape)


def mode_masses(y: ArrayLike, separation: float, weight: float = 0.5) -> FloatArray:
    """(A_+, A_−), the mass of q on each mode (docs/theory.md, Eq. 5.1), shape (..., 2)."""
    x, r, logit, shape = _checked(y, separation, weight)
    return _measures_of_all(x, r, logit)[1:].T.reshape(*shape, 2)
