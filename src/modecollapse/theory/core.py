"""The closed equations of one state in scalar machine code; what they are stands in :mod:`.rhs`."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from ..compiled import compiled, inlined
from ..quadrature import (
    LARGEST_SCALE,
    _expected_softplus,
    _logistic_pair,
    _sigmoid,
    _sigmoid_moments,
    _smoothing,
    _softplus,
    _two_sigmoids,
)

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
    first = _expected_softplus(-l - 0.5 * d2, d) - _softplus(-l)
    second = _expected_softplus(l - 0.5 * d2, d) - _softplus(l)
    first -= _cross_entropy(x[0], x[2], r, logit)
    second -= _cross_entropy(x[1], x[4], r, logit)
    return first, second


@compiled
def _cross_entropy(a: float, p: float, r: float, logit: float) -> float:
    """E_i[log p] − E_i[log N(x; μ_i, I)], written around the mode that claims μ_i."""
    odds = 2 * r * a + logit
    side = 1.0 if odds >= 0 else -1.0
    weight = -_softplus(-side * logit)
    return weight - 0.5 * ((a - side * r) ** 2 + p) + _expected_softplus(-abs(odds), 2 * r)


@inlined
def _flow(
    x: NDArray,
    r: float,
    logit: float,
    eta: float,
    weights: tuple[float, float],
    tilts: tuple[float, float],
    pull: float,
    out: NDArray,
) -> None:
    """dx/dt, given w_1, w_2, T_1, T_2 and S (docs/theory.md, Eq. 3.7)."""
    w1, w2 = weights
    along = pull * (x[0] - x[1])
    out[0] = -w1 * (x[0] - r * tilts[0]) + along
    out[1] = -w2 * (x[1] - r * tilts[1]) - along
    out[2] = -2 * w1 * x[2] + 2 * pull * (x[2] - x[3])
    out[3] = -x[3] - pull * (x[2] - 2 * x[3] + x[4])
    out[4] = -2 * w2 * x[4] + 2 * pull * (x[4] - x[3])
    out[5] = 0.0
    if eta > 0:
        first, second = _advantage(x, r, logit)
        out[5] = -eta * w1 * w2 * (first - second)


@inlined
def _pull(x: NDArray, weights: tuple[float, float]) -> float:
    """The overlap S = E_q[r_1 r_2] (docs/theory.md, Eq. 3.5)."""
    d2 = _squared_distance(x)
    l = _lighter(x[5], d2)
    weight = weights[0] if l == x[5] else weights[1]
    return weight * _sigmoid(-l - 0.5 * d2, math.sqrt(d2))


@inlined
def _velocity(x: NDArray, r: float, logit: float, eta: float, table: NDArray, out: NDArray) -> None:
    """dx/dt in axial coordinates; the `table` is ``_smoothing(2r)``."""
    s1, s2 = _two_sigmoids(2 * r * x[0] + logit, 2 * r * x[1] + logit, 2 * r, table)
    weights = _logistic_pair(x[5])
    _flow(x, r, logit, eta, weights, (2 * s1 - 1, 2 * s2 - 1), _pull(x, weights), out)


@compiled
def _speed(x: NDArray, r: float, logit: float, eta: float, table: NDArray) -> float:
    """√(‖dμ_1/dt‖² + ‖dμ_2/dt‖² + (dℓ/dt)²); across μ* the means move by −B times themselves."""
    rate, weights = np.empty(6), _logistic_pair(x[5])
    _velocity(x, r, logit, eta, table, rate)
    pull = _pull(x, weights)
    b11, b22 = weights[0] - pull, weights[1] - pull
    across = (b11 * b11 + pull * pull) * x[2] + (b22 * b22 + pull * pull) * x[4]
    across += 2 * pull * (b11 + b22) * x[3]
    return math.sqrt(rate[0] ** 2 + rate[1] ** 2 + rate[5] ** 2 + max(across, 0.0))


@compiled
def _velocity_and_jacobian(
    x: NDArray, r: float, logit: float, eta: float, out: NDArray, jac: NDArray
) -> None:
    """dx/dt and ∂(dx/dt)/∂x in axial coordinates (docs/theory.md, Eqs. 3.7 and 3.10)."""
    w1, w2 = _logistic_pair(x[5])
    d2 = _squared_distance(x)
    s1, slope1, _ = _sigmoid_moments(2 * r * x[0] + logit, 2 * r)
    s2, slope2, _ = _sigmoid_moments(2 * r * x[1] + logit, 2 * r)
    l = _lighter(x[5], d2)
    w, rest = (w1, w2) if l == x[5] else (w2, w1)
    f, fa, faa = _sigmoid_moments(-l - 0.5 * d2, math.sqrt(d2))
    pull, gap, spread = w * f, x[0] - x[1], x[2] - 2 * x[3] + x[4]
    _flow(x, r, logit, eta, (w1, w2), (2 * s1 - 1, 2 * s2 - 1), pull, out)

    # S depends on x through D² and ℓ; every row is linear in S, with these coefficients.
    by_d2 = 0.5 * w * (faa - fa)
    by_l = w * (rest * f - fa) * (1.0 if l == x[5] else -1.0)
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
    w1, w2 = _logistic_pair(x[5])
    return w1 * first + w2 * second


@compiled
def _kl_near(x: NDArray, r: float, logit: float, side: float) -> float:
    """KL as the integral of its slope along the straight line of vectors from the target."""
    step1, step2, step3 = x[0] - side * r, x[1] + side * r, x[5] - side * logit
    eta = 1.0 if step3 != 0 else 0.0
    point, rate, table = np.empty(6), np.empty(6), _smoothing(2 * r)
    p11, p22 = max(x[2], 0.0), max(x[4], 0.0)  # an integrator's error may leave them below zero
    total = 0.0
    for k in range(_NODES.size):
        s = _NODES[k]
        point[0], point[1] = side * r + s * step1, -side * r + s * step2
        point[2], point[3], point[4] = s * s * p11, s * s * x[3], s * s * p22
        point[5] = side * logit + s * step3
        _velocity(point, r, logit, eta, table, rate)
        across = 0.5 * (rate[2] + rate[4]) / s
        total -= _NODE_WEIGHTS[k] * (rate[0] * step1 + rate[1] * step2 + across + rate[5] * step3)
    return max(total, 0.0)  # at the target, up to the rounding of the state


@compiled
def _masses(x: NDArray, r: float, logit: float) -> tuple[float, float]:
    """The mass of q on the modes at +μ* and −μ*, each to its own relative precision."""
    w1, w2 = _logistic_pair(x[5])
    odds1, odds2 = 2 * r * x[0] + logit, 2 * r * x[1] + logit
    plus = w1 * _sigmoid(odds1, 2 * r) + w2 * _sigmoid(odds2, 2 * r)
    minus = w1 * _sigmoid(-odds1, 2 * r) + w2 * _sigmoid(-odds2, 2 * r)
    return plus, minus
