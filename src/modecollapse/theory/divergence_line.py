r"""D_α(q‖p) of the bimodal problem on the line of the modes: value, gradient and Hessian.

With R = (p/q)^α and h = log q − log p (docs/remedies.md, Eqs. 14.1 to 14.4 and 14.9)

    D_α = (1 − E_q[R]) / (α (1 − α)),                KL(q‖p) for α → 0, KL(p‖q) for α → 1,
    ∂D/∂x_i = w_i E_i[R h'],                         ∂D/∂ℓ = w_1 w_2 (A_1 − A_2),
    A_i = E_i[1 − R]/α.

Every fixed point lies on this line, at every α (Eq. 14.8).  The integrals are one-dimensional and
taken by the trapezoidal rule; the integrands have their singularities where p or q is zero, at
Im x = π/2r and π/|x_1 − x_2|, which sets the step.  An objective is a sum of a few D_α; it is
given by its pairs (share, α).
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from ..checks import require, within
from ..compiled import compiled
from .core import _logistic

__all__ = ["objective", "on_the_line"]

FloatArray = NDArray[np.float64]

REACH = 8.5  # standard deviations beyond the outermost mean or mode
DIGITS = 34.0  # error of the rule e^{−34}, against 1
_NORM = 1 / math.sqrt(2 * math.pi)


@compiled
def _step(width: float, digits: float, stiff: float) -> float:
    """Step of the trapezoidal rule for a Gaussian of variance 1/`stiff` times f(`width` · x).

    f has its first singularity at Im x = π/width; the error is e^{−digits} (Eq. 14.10).
    """
    if width * width * 2 * digits <= math.pi**2 * stiff:
        return 2 * math.pi / math.sqrt(2 * digits * stiff)
    return 2 * math.pi**2 / (width * digits + 0.5 * stiff * math.pi**2 / width)


@compiled
def _log_add(a: float, b: float) -> float:
    return max(a, b) + math.log1p(math.exp(-abs(a - b)))


@compiled
def _less(log_density: float, u: float, alpha: float) -> float:
    """e^{log density} (1 − e^{αu})/α, which is −u e^{log density} at α = 0, without overflow."""
    if alpha == 0:
        return -u * math.exp(log_density)
    if abs(alpha * u) < 1:
        return -math.exp(log_density) * math.expm1(alpha * u) / alpha
    return (math.exp(log_density) - math.exp(log_density + alpha * u)) / alpha


@compiled
def _excess(lp: float, lq: float, alpha: float) -> float:
    """(α p + (1 − α) q − p^α q^{1−α}) / (α (1 − α)) ≥ 0, the integrand of D_α (Eq. 14.1)."""
    if alpha <= 0.5:
        return (math.exp(lp) - math.exp(lq) + _less(lq, lp - lq, alpha)) / (1 - alpha)
    return (math.exp(lq) - math.exp(lp) + _less(lp, lq - lp, 1 - alpha)) / alpha


@compiled
def _line(
    x: NDArray, r: float, logit: float, alpha: float, share: float, grad: NDArray, hess: NDArray
) -> float:
    """Adds share · (gradient (3,), Hessian (3, 3)) of D_α in (x_1, x_2, ℓ); returns share · D_α."""
    x1, x2, l = x
    w1, w2 = _logistic(l), _logistic(-l)
    l1, l2 = math.log(w1), math.log(w2)
    p1, p2 = -math.log1p(math.exp(-logit)), -math.log1p(math.exp(logit))
    gap = x1 - x2
    step = _step(max(2 * r, abs(gap), 1e-3), DIGITS, 1.0)
    low, high = min(-r, x1, x2) - REACH, max(r, x1, x2) + REACH
    count = math.ceil((high - low) / step)
    value = a1 = a2 = f1 = f2 = 0.0
    h11 = h12 = h22 = g1 = g2 = g3 = 0.0
    for k in range(count + 1):
        t = low + k * step
        lp1, lp2 = p1 - 0.5 * (t - r) ** 2, p2 - 0.5 * (t + r) ** 2
        lq1, lq2 = l1 - 0.5 * (t - x1) ** 2, l2 - 0.5 * (t - x2) ** 2
        lp, lq = _log_add(lp1, lp2), _log_add(lq1, lq2)
        u = lp - lq
        r1, r2 = _logistic(lq1 - lq2), _logistic(lq2 - lq1)
        sp, sm = _logistic(lp1 - lp2), _logistic(lp2 - lp1)
        slope = r1 * x1 + r2 * x2 - (sp - sm) * r
        bend = r1 * r2 * gap * gap - 4 * sp * sm * r * r - alpha * slope * slope
        m = math.exp(lq + alpha * u)
        m1, m2 = math.exp(lq1 + alpha * u), math.exp(lq2 + alpha * u)
        value += _excess(lp, lq, alpha)
        a1 += _less(lq1, u, alpha)
        a2 += _less(lq2, u, alpha)
        f1 += m1 * slope
        f2 += m2 * slope
        e1, e2, e3 = r1 * (t - x1), r2 * (t - x2), r1 * w2 - r2 * w1
        h11 += m1 * bend + m * e1 * e1
        h22 += m2 * bend + m * e2 * e2
        h12 += m * e1 * e2
        g1 += m * e1 * e3
        g2 += m * e2 * e3
        g3 += m * e3 * e3
    unit = share * step * _NORM
    by_l = unit * (w2 * a1 - w1 * a2)  # w_1 w_2 (A_1 − A_2), a_i being w_i A_i
    grad[0] += unit * f1
    grad[1] += unit * f2
    grad[2] += by_l
    hess[0, 0] += unit * h11
    hess[1, 1] += unit * h22
    hess[0, 1] += unit * h12
    hess[1, 0] += unit * h12
    hess[0, 2] += unit * (w2 * f1 + g1)
    hess[1, 2] += unit * (g2 - w1 * f2)
    hess[2, 0] += unit * (w2 * f1 + g1)
    hess[2, 1] += unit * (g2 - w1 * f2)
    hess[2, 2] += (w2 - w1) * by_l + unit * g3
    return unit * value


def objective(alpha: float = 0.0, share: float = 0.0) -> tuple[tuple[float, float], ...]:
    """The objective as pairs (share, α): D_α, or (1 − λ) KL(q‖p) + λ KL(p‖q) (Eq. 14.11).

    Parameters
    ----------
    alpha : α in [0, 1].
    share : λ in [0, 1); one of the two must be zero.

    >>> objective(share=0.25)
    ((0.75, 0.0), (0.25, 1.0))
    """
    alpha = within("alpha", alpha, 0, 1, closed="[]")
    share = within("share", share, 0, 1, closed="[")
    require(alpha == 0 or share == 0, "alpha and share", (alpha, share), "one of them, the other 0")
    return ((1.0, alpha),) if share == 0 else ((1 - share, 0.0), (share, 1.0))


def on_the_line(
    x: FloatArray, r: float, logit: float, parts: tuple[tuple[float, float], ...]
) -> tuple[float, FloatArray, FloatArray]:
    """The objective, its gradient (3,) and its Hessian (3, 3) at x = (x_1, x_2, ℓ).

    >>> parts = objective(alpha=0.5)
    >>> value, grad, _ = on_the_line(np.array([2.0, -2.0, 0.0]), 2.0, 0.0, parts)
    >>> bool(abs(value) < 1e-12 and abs(grad).max() < 1e-12)
    True
    """
    grad, hess = np.zeros(3), np.zeros((3, 3))
    total = 0.0
    for share, alpha in parts:
        total += _line(np.asarray(x, dtype=float), r, logit, alpha, share, grad, hess)
    return total, grad, hess
