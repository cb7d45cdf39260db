r"""The closed equations of the bimodal problem under D_α(q‖p), exact at every dimension.

dμ_i/dt = −w_i E_i[R (∇log q − ∇log p)] with R = (p/q)^α, likewise the weights, or the sum of these
for a mixed objective (1 − λ) KL(q‖p) + λ KL(p‖q).  Seven numbers decide dx/dt (docs/remedies.md,
Eqs. 14.5 and 14.6):

    c_i = w_i E_i[R],   t_i = w_i E_i[R (s_+ − s_−)],   S = E_q[R r_1 r_2],   A_i = E_i[1 − R]/α.

At α = 0 and α = 1 they are one-dimensional expectations (Eqs. 3.5, 3.9 and 14.7), in between
two-dimensional ones (:mod:`.divergence_plane`).
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..checks import require, within
from ..compiled import compiled
from ..geometries import Metric, metric_of
from ..overlaps import Overlaps
from ..quadrature import LARGEST_SCALE, _sigmoid, _sigmoid_moments
from ..targets import BimodalTarget
from ..trajectory import Trajectory
from .core import _advantage, _kl, _logistic, _squared_distance
from .divergence_line import objective
from .divergence_plane import _plane
from .geometry_runs import axial_start, solve_each, tangent_to_overlaps, trajectory
from .rhs import overlaps_to_axial

__all__ = ["divergence", "divergence_velocity", "integrate_divergence"]

FloatArray = NDArray[np.float64]


@compiled
def _reverse(x: NDArray, r: float, logit: float, share: float, out: NDArray) -> None:
    """Adds share · (c_1, c_2, t_1, t_2, S, A_1, A_2) at α = 0."""
    w1, w2 = _logistic(x[5]), _logistic(-x[5])
    d2 = _squared_distance(x)
    first, second = _advantage(x, r, logit)
    out[0] += share * w1
    out[1] += share * w2
    out[2] += share * w1 * (2 * _sigmoid(2 * r * x[0] + logit, 2 * r) - 1)
    out[3] += share * w2 * (2 * _sigmoid(2 * r * x[1] + logit, 2 * r) - 1)
    out[4] += share * w1 * _sigmoid(-x[5] - 0.5 * d2, math.sqrt(d2))
    out[5] += share * first
    out[6] += share * second


@compiled
def _forward(x: NDArray, r: float, logit: float, share: float, out: NDArray) -> None:
    """Adds share · (c_1, c_2, t_1, t_2, S, A_1, A_2) at α = 1: expectations under p (Eq. 14.7)."""
    d = math.sqrt(_squared_distance(x))
    pole = 0.5 * (x[1] * x[1] + x[4] - x[0] * x[0] - x[2]) + x[5]
    lean = r * (x[0] - x[1])
    heavy, light = _logistic(logit), _logistic(-logit)
    plus1, slope_plus, _ = _sigmoid_moments(pole + lean, d)
    minus1, slope_minus, _ = _sigmoid_moments(pole - lean, d)
    plus2, minus2 = _sigmoid(-pole - lean, d), _sigmoid(lean - pole, d)
    first, second = heavy * plus1 + light * minus1, heavy * plus2 + light * minus2
    out[0] += share * first
    out[1] += share * second
    out[2] += share * (heavy * plus1 - light * minus1)
    out[3] += share * (heavy * plus2 - light * minus2)
    out[4] += share * (heavy * slope_plus + light * slope_minus)
    out[5] += share * (1 - first * (1 + math.exp(-x[5])))
    out[6] += share * (1 - second * (1 + math.exp(x[5])))


@compiled
def _seven(
    x: NDArray, r: float, logit: float, shares: NDArray, alphas: NDArray, out: NDArray
) -> None:
    """(c_1, c_2, t_1, t_2, S, A_1, A_2) of the objective Σ_k shares[k] D_{alphas[k]}."""
    out[:] = 0.0
    for k in range(shares.size):
        if alphas[k] == 0:
            _reverse(x, r, logit, shares[k], out)
        elif alphas[k] == 1:
            _forward(x, r, logit, shares[k], out)
        else:
            _plane(x, r, logit, alphas[k], shares[k], False, out)


@compiled
def _divergence_velocity(
    x: NDArray,
    r: float,
    logit: float,
    eta: float,
    metric: Metric,
    shares: NDArray,
    alphas: NDArray,
    out: NDArray,
) -> None:
    """dx/dt in axial coordinates (docs/remedies.md, Eq. 14.6)."""
    seven = np.empty(7)
    _seven(x, r, logit, shares, alphas, seven)
    c1, c2, t1, t2, pull, first, second = seven
    w1, w2 = _logistic(x[5]), _logistic(-x[5])
    product = (w1 * w2) ** (1 - metric.weights)
    w1, w2 = w1**metric.means, w2**metric.means
    gap = x[0] - x[1]
    out[0] = (-c1 * x[0] + r * t1 + pull * gap) / w1
    out[1] = (-c2 * x[1] + r * t2 - pull * gap) / w2
    out[2] = -2 * (c1 * x[2] - pull * (x[2] - x[3])) / w1
    out[3] = -(c1 * x[3] - pull * (x[3] - x[4])) / w1 - (c2 * x[3] - pull * (x[3] - x[2])) / w2
    out[4] = -2 * (c2 * x[4] - pull * (x[4] - x[3])) / w2
    out[5] = -eta * product * (first - second) if eta > 0 else 0.0


@compiled
def _velocities(x, r, logit, eta, metric, shares, alphas):
    out = np.empty_like(x)
    for i in range(len(x)):
        _divergence_velocity(x[i], r, logit, eta, metric, shares, alphas, out[i])
    return out


@compiled
def _exchanged(x: NDArray, r: float, logit: float) -> float:
    """KL(p‖q), by the code for KL(q‖p): around q's midpoint p is a state and q a target."""
    d = math.sqrt(_squared_distance(x))
    middle = 0.5 * (x[0] + x[1])
    norm = middle * middle + 0.25 * (x[2] + 2 * x[3] + x[4])
    # (±μ* − midpoint)·(μ_1 − μ_2)
    turn = 0.5 * (x[0] ** 2 - x[1] ** 2 + x[2] - x[4])
    other = np.empty(6)
    lean = r * (x[0] - x[1])
    other[0] = (lean - turn) / d if d > 0 else 0.0
    other[1] = (-lean - turn) / d if d > 0 else 0.0
    other[2] = r * r - 2 * r * middle + norm - other[0] ** 2
    other[3] = norm - r * r - other[0] * other[1]
    other[4] = r * r + 2 * r * middle + norm - other[1] ** 2
    other[5] = logit
    return _kl(other, 0.5 * d, x[5])


@compiled
def _values(x, r, logit, shares, alphas):
    out, scratch = np.zeros(len(x)), np.zeros(7)
    for i in range(len(x)):
        for k in range(shares.size):
            if alphas[k] == 0:
                out[i] += shares[k] * _kl(x[i], r, logit)
            elif alphas[k] == 1:
                out[i] += shares[k] * _exchanged(x[i], r, logit)
            else:
                out[i] += shares[k] * _plane(x[i], r, logit, alphas[k], 1.0, True, scratch)
    return out


def _arguments(
    y: ArrayLike, separation: float, weight: float, alpha: float, share: float
) -> tuple[FloatArray, float, float, FloatArray, FloatArray]:
    """x (..., 6), r, logit π and the objective's shares and αs, or ValueError."""
    r = within("separation", separation, 0, LARGEST_SCALE / 2, closed="]")
    weight = within("weight", weight, 0, 1)
    parts = np.array(objective(alpha, share))
    x = overlaps_to_axial(y, r)
    require(bool(np.isfinite(x).all()), "y", "NaN or infinity", "finite numbers")
    shares, alphas = np.ascontiguousarray(parts[:, 0]), np.ascontiguousarray(parts[:, 1])
    return x, r, math.log(weight) - math.log1p(-weight), shares, alphas


def divergence_velocity(
    y: ArrayLike,
    separation: float,
    weight: float = 0.5,
    eta: float = 0.0,
    *,
    alpha: float = 0.0,
    share: float = 0.0,
    geometry: str = "euclidean",
) -> FloatArray:
    """dy/dt of the order parameters y = (m_1, m_2, Q_11, Q_12, Q_22, ℓ), shape (..., 6).

    Relative error 1e-8 of the largest entry; exact to rounding at α = 0, 1 and for any share.

    Parameters
    ----------
    y : (..., 6).
    separation : r = ‖μ*‖ in (0, 20]; for 0 < α < 1 means at most 30 from the modes.
    weight : π, the weight of the mode at +μ*, in (0, 1).
    eta : η ≥ 0, the speed of the weights; 0 for fixed weights.
    alpha : α in [0, 1] of D_α(q‖p); 0 is KL(q‖p), 1 is KL(p‖q).
    share : λ in [0, 1) of (1 − λ) KL(q‖p) + λ KL(p‖q); not together with `alpha`.
    geometry : one of :data:`.geometries.GEOMETRIES`.

    >>> y = [9.0, 9.0, 9.0, 9.0, 9.0, 0.0]  # both means on one mode
    >>> divergence_velocity(y, 3.0, alpha=1.0)[0].round(6)  # half of r² goes to the other one
    np.float64(-4.5)
    """
    eta = within("eta", eta, 0, closed="[")
    chosen = metric_of(geometry)
    x, r, logit, shares, alphas = _arguments(y, separation, weight, alpha, share)
    flat = x.reshape(-1, 6)
    f = _velocities(flat, r, logit, eta, chosen, shares, alphas)
    allowed = "means at most 30 from the modes, or 40 apart at α = 0 and 1"
    require(bool(np.isfinite(f).all()), "y", "means too far from the modes", allowed)
    return tangent_to_overlaps(flat, f, r).reshape(x.shape)


def divergence(
    y: ArrayLike, separation: float, weight: float = 0.5, *, alpha: float = 0.0, share: float = 0.0
) -> FloatArray:
    """D_α(q‖p), or (1 − λ) KL(q‖p) + λ KL(p‖q), in nats, shape (...) (docs/remedies.md, Eq. 14.1).

    Arguments as in :func:`divergence_velocity`; error 1e-8.

    >>> divergence([9.0, -9.0, 9.0, -9.0, 9.0, 0.0], 3.0, alpha=0.5).round(9) + 0.0
    np.float64(0.0)
    """
    x, r, logit, shares, alphas = _arguments(y, separation, weight, alpha, share)
    return _values(x.reshape(-1, 6), r, logit, shares, alphas).reshape(x.shape[:-1])[()]


def integrate_divergence(
    target: BimodalTarget,
    start: Overlaps,
    times: ArrayLike,
    *,
    alpha: float = 0.0,
    share: float = 0.0,
    eta: float = 0.0,
    geometry: str = "euclidean",
    rtol: float = 1e-6,
) -> Trajectory:
    """Integrate the closed equations under another objective (Eq. 14.6), by scipy's BDF.

    Parameters
    ----------
    target : one target for all runs; means at most 30 from the modes for 0 < α < 1.
    start : the n initial states; unit variances.
    times : (T,), strictly increasing, the first ≥ 0: when to log.
    alpha, share, eta, geometry : as in :func:`divergence_velocity`.
    rtol : error allowed in a step, relative; the absolute one is rtol/100.

    Returns
    -------
    A :class:`Trajectory` as :func:`.integration.integrate` makes it; `kl` is KL(q‖p).

    >>> from modecollapse import random_start, target
    >>> p = target(separation=3.0, dimension=16)
    >>> start = random_start(p, 10, np.random.default_rng(0))
    >>> run = integrate_divergence(p, start, [500.0], share=0.2)  # r_c(λ = 0.2) is 3.55
    >>> int(run.collapsed.sum())
    0
    """
    eta = within("eta", eta, 0, closed="[")
    chosen = metric_of(geometry)
    x, r, logit = axial_start(target, start)
    parts = np.array(objective(alpha, share))
    shares, alphas = np.ascontiguousarray(parts[:, 0]), np.ascontiguousarray(parts[:, 1])

    def rhs(_: float, state: FloatArray) -> FloatArray:
        out = np.empty(6)
        _divergence_velocity(state, r, logit, eta, chosen, shares, alphas, out)
        return out

    times, states, ended = solve_each(rhs, x, times, rtol)
    return trajectory(target, times, states, ended)
