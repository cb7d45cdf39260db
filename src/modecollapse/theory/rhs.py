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
from ..quadrature import LARGEST_SCALE, _log_sum, _sigmoid, _sigmoid_moments, _softplus

__all__ = [
    "axial_to_overlaps",
    "jacobian",
    "kl_divergence",
    "mode_masses",
    "overlaps_to_axial",
    "velocity",
]

FloatArray = NDArray[np.float64]

NEAR = 0.2  # distance from the target below which KL is integrated along a path
_NODES, _NODE_WEIGHTS = np.polynomial.legendre.leggauss(8)
_NODES, _NODE_WEIGHTS = (_NODES + 1) / 2, _NODE_WEIGHTS / 2


@compiled
def _logistic(u: float) -> float:
    return 1 / (1 + math.exp(-u))


@compiled
def _squared_distance(x: NDArray) -> float:
    """D² = ‖μ_1 − μ_2‖²; the part across μ* may come out below zero by rounding alone."""
    return (x[0] - x[1]) ** 2 + max(x[2] - 2 * x[3] + x[4], 0.0)


@compiled
def _lighter(l: float, d2: float) -> float:
    """The logit of the component over which S is taken: where the means are so far apart that the
    sigmoid's error is absolute, the lighter one, so that it is small against that one's weight."""
    return l if d2 <= LARGEST_SCALE**2 else -abs(l)


@compiled
def _advantage(x: NDArray, r: float, logit: float) -> tuple[float, float]:
    """A_1 and A_2, A_i = E_i[log q − log p] (docs/theory.md, Eq. 3.9)."""
    l, d2 = x[5], _squared_distance(x)
    d = math.sqrt(d2)
    first = -_log_sum(-l) + _softplus(-l - 0.5 * d2, d) - _cross_entropy(x[0], x[2], r, logit)
    second = -_log_sum(l) + _softplus(l - 0.5 * d2, d) - _cross_entropy(x[1], x[4], r, logit)
    return first, second


@compiled
def _cross_entropy(a: float, p: float, r: float, logit: float) -> float:
    """E_i[log p] − E_i[log N(x; μ_i, I)], written around the mode that claims μ_i."""
    odds = 2 * r * a + logit
    side = 1.0 if odds >= 0 else -1.0
    weight = -_log_sum(-side * logit)
    return weight - 0.5 * ((a - side * r) ** 2 + p) + _softplus(-abs(odds), 2 * r)


@compiled
def _flow(
    x: NDArray,
    r: float,
    logit: float,
    eta: float,
    tilt1: float,
    tilt2: float,
    pull: float,
    out: NDArray,
) -> None:
    """dx/dt, given T_1, T_2 and S (docs/theory.md, Eq. 3.7)."""
    w1, w2 = _logistic(x[5]), _logistic(-x[5])
    along = pull * (x[0] - x[1])
    out[0] = -w1 * (x[0] - r * tilt1) + along
    out[1] = -w2 * (x[1] - r * tilt2) - along
    out[2] = -2 * w1 * x[2] + 2 * pull * (x[2] - x[3])
    out[3] = -x[3] - pull * (x[2] - 2 * x[3] + x[4])
    out[4] = -2 * w2 * x[4] + 2 * pull * (x[4] - x[3])
    out[5] = 0.0
    if eta > 0:
        first, second = _advantage(x, r, logit)
        out[5] = -eta * w1 * w2 * (first - second)


@compiled
def _pull(x: NDArray) -> float:
    """The overlap S = E_q[r_1 r_2] (docs/theory.md, Eq. 3.5)."""
    d2 = _squared_distance(x)
    l = _lighter(x[5], d2)
    return _logistic(l) * _sigmoid(-l - 0.5 * d2, math.sqrt(d2))


@compiled
def _velocity(x: NDArray, r: float, logit: float, eta: float, out: NDArray) -> None:
    """dx/dt in axial coordinates."""
    tilt1 = 2 * _sigmoid(2 * r * x[0] + logit, 2 * r) - 1
    tilt2 = 2 * _sigmoid(2 * r * x[1] + logit, 2 * r) - 1
    _flow(x, r, logit, eta, tilt1, tilt2, _pull(x), out)


@compiled
def _speed(x: NDArray, r: float, logit: float, eta: float) -> float:
    """√(‖dμ_1/dt‖² + ‖dμ_2/dt‖² + (dℓ/dt)²); across μ* the means move by −B times themselves."""
    rate = np.empty(6)
    _velocity(x, r, logit, eta, rate)
    pull = _pull(x)
    b11, b22 = _logistic(x[5]) - pull, _logistic(-x[5]) - pull
    across = (b11 * b11 + pull * pull) * x[2] + (b22 * b22 + pull * pull) * x[4]
    across += 2 * pull * (b11 + b22) * x[3]
    return math.sqrt(rate[0] ** 2 + rate[1] ** 2 + rate[5] ** 2 + max(across, 0.0))


@compiled
def _velocity_and_jacobian(
    x: NDArray, r: float, logit: float, eta: float, out: NDArray, jac: NDArray
) -> None:
    """dx/dt and ∂(dx/dt)/∂x in axial coordinates (docs/theory.md, Eqs. 3.7 and 3.10)."""
    w1, w2 = _logistic(x[5]), _logistic(-x[5])
    d2 = _squared_distance(x)
    s1, slope1, _ = _sigmoid_moments(2 * r * x[0] + logit, 2 * r)
    s2, slope2, _ = _sigmoid_moments(2 * r * x[1] + logit, 2 * r)
    l = _lighter(x[5], d2)
    w = _logistic(l)
    f, fa, faa = _sigmoid_moments(-l - 0.5 * d2, math.sqrt(d2))
    pull, gap, spread = w * f, x[0] - x[1], x[2] - 2 * x[3] + x[4]
    _flow(x, r, logit, eta, 2 * s1 - 1, 2 * s2 - 1, pull, out)

    # S depends on x through D² and ℓ; every row is linear in S, with these coefficients.
    by_d2 = 0.5 * w * (faa - fa)
    by_l = w * (_logistic(-l) * f - fa) * (1.0 if l == x[5] else -1.0)
    by_pull = (gap, -gap, 2 * (x[2] - x[3]), -spread, 2 * (x[4] - x[3]))
    for i in range(5):
        jac[i, 0] = by_pull[i] * by_d2 * 2 * gap
        jac[i, 1] = -jac[i, 0]
        jac[i, 2] = jac[i, 4] = by_pull[i] * by_d2
        jac[i, 3] = -2 * jac[i, 2]
        jac[i, 5] = by_pull[i] * by_l
    jac[0, 0] += w1 * (4 * r * r * slope1 - 1) + pull
    jac[0, 1] -= pull
    jac[1, 1] += w2 * (4 * r * r * slope2 - 1) + pull
    jac[1, 0] -= pull
    jac[2, 2] += 2 * (pull - w1)
    jac[2, 3] -= 2 * pull
    jac[3, 2] -= pull
    jac[3, 3] += 2 * pull - 1
    jac[3, 4] -= pull
    jac[4, 4] += 2 * (pull - w2)
    jac[4, 3] -= 2 * pull
    # Through w_1 and w_2, whose derivatives are w_1 w_2 and its opposite.
    jac[0, 5] -= w1 * w2 * (x[0] - r * (2 * s1 - 1))
    jac[1, 5] += w1 * w2 * (x[1] - r * (2 * s2 - 1))
    jac[2, 5] -= 2 * w1 * w2 * x[2]
    jac[4, 5] += 2 * w1 * w2 * x[4]
    # ∂KL/∂ℓ has the derivatives that ∂KL/∂a and ∂KL/∂P have by ℓ: mixed second ones are equal.
    jac[5, 0] = eta * jac[0, 5]
    jac[5, 1] = eta * jac[1, 5]
    jac[5, 2] = -0.5 * eta * (w1 * w2 - by_l)
    jac[5, 3] = -eta * by_l
    jac[5, 4] = 0.5 * eta * (w1 * w2 + by_l)
    jac[5, 5] = (w2 - w1) * out[5] - eta * (w1 * w2 - pull)


@compiled
def _kl(x: NDArray, r: float, logit: float) -> float:
    """KL(q‖p), to full relative precision at the target too (docs/theory.md, Eqs. 3.9, 3.11)."""
    side = 1.0 if x[0] >= x[1] else -1.0
    gap = max(abs(x[0] - side * r), abs(x[1] + side * r), abs(x[5] - side * logit))
    if max(gap * gap, x[2], x[4]) < NEAR * NEAR:
        return _kl_near(x, r, logit, side)
    first, second = _advantage(x, r, logit)
    return _logistic(x[5]) * first + _logistic(-x[5]) * second


@compiled
def _kl_near(x: NDArray, r: float, logit: float, side: float) -> float:
    """KL as the integral of its slope along the straight line of vectors from the target."""
    step1, step2, step3 = x[0] - side * r, x[1] + side * r, x[5] - side * logit
    eta = 1.0 if step3 != 0 else 0.0
    point, rate = np.empty(6), np.empty(6)
    p11, p22 = max(x[2], 0.0), max(x[4], 0.0)  # an integrator's error may leave them below zero
    total = 0.0
    for k in range(_NODES.size):
        s = _NODES[k]
        point[0], point[1] = side * r + s * step1, -side * r + s * step2
        point[2], point[3], point[4] = s * s * p11, s * s * x[3], s * s * p22
        point[5] = side * logit + s * step3
        _velocity(point, r, logit, eta, rate)
        across = 0.5 * (rate[2] + rate[4]) / s
        total -= _NODE_WEIGHTS[k] * (rate[0] * step1 + rate[1] * step2 + across + rate[5] * step3)
    return max(total, 0.0)  # at the target, up to the rounding of the state


@compiled
def _masses(x: NDArray, r: float, logit: float) -> tuple[float, float]:
    """The mass of q on the modes at +μ* and −μ*, each to its own relative precision."""
    w1, w2 = _logistic(x[5]), _logistic(-x[5])
    odds1, odds2 = 2 * r * x[0] + logit, 2 * r * x[1] + logit
    plus = w1 * _sigmoid(odds1, 2 * r) + w2 * _sigmoid(odds2, 2 * r)
    minus = w1 * _sigmoid(-odds1, 2 * r) + w2 * _sigmoid(-odds2, 2 * r)
    return plus, minus


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
