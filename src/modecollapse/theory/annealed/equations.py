"""The annealed equations in scalar machine code: velocity, KL and masses of one state."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ...checks import choice, flag, require, within
from ...compiled import compiled
from ...geometries import Metric, metric_of
from ...overlaps import Overlaps
from ...quadrature import LARGEST_SCALE, _expected_softplus, _sigmoid_moments, _softplus
from ...targets import BimodalTarget
from ...targets.tempered import _log_along
from ..rhs import overlaps_to_axial
from .contour import _overlap_integrals
from .steps import _heat

__all__ = ["VARIANCES"]

VARIANCES = ("fixed", "euclidean", "bures")


class _Setting(NamedTuple):
    """What the equations need to know, in a form that compiled code reads."""

    r: float
    logit: float  # log π/(1 − π)
    d: float
    eta: float
    sphere: bool
    variances: bool  # whether the variances move
    bures: bool
    divide: bool  # every speed by β
    metric: Metric


def _setting(target, eta, sphere, variances, speed_over_beta, geometry) -> _Setting:
    require(isinstance(target, BimodalTarget), "target", target, "a bimodal target")
    choice("variances", variances, VARIANCES)
    within("separation", target.separation, 0, LARGEST_SCALE / 2, closed="]")
    return _Setting(
        r=target.separation,
        logit=target.logit,
        d=float(target.dimension),
        eta=within("eta", eta, 0, closed="["),
        sphere=flag("sphere", sphere),
        variances=variances != "fixed",
        bures=variances == "bures",
        divide=flag("speed_over_beta", speed_over_beta),
        metric=metric_of(geometry),
    )


def _state(target: BimodalTarget, start: Overlaps) -> NDArray[np.float64]:
    """x of each run, (n, 8)."""
    overlaps = np.concatenate([start.m, start.q, start.logit[:, None]], axis=1)
    axial = overlaps_to_axial(overlaps, target.separation)
    return np.concatenate([axial, np.log(start.variances)], axis=1)


@compiled
def _mode(a, v, r, logit):
    """E_i[s_+] and E_i[s_+ s_-]: the log-odds of p at x ~ N(μ_i, v I) is 2x·μ* + logit π."""
    sigmoid, slope, _ = _sigmoid_moments(2 * r * a + logit, 2 * r * math.sqrt(v))
    return sigmoid, slope


@compiled
def _log_cosh(a, v, s):
    """E_i[log(π e^{x·μ*} + (1 − π) e^{−x·μ*})]."""
    softplus = _expected_softplus(2 * s.r * a + s.logit, 2 * s.r * math.sqrt(v))
    return -_softplus(s.logit) - s.r * a + softplus


@compiled
def _mixture_integrals(x, d):
    """The integrals of :func:`_overlap_integrals`, and κ = D²/v_2, in the state x."""
    distance2 = (x[0] - x[1]) ** 2 + max(x[2] - 2 * x[3] + x[4], 0.0)
    kappa = distance2 * math.exp(-x[7])
    integrals = _overlap_integrals(-_softplus(-x[5]), x[5], math.exp(x[6] - x[7]), kappa, d)
    return kappa, integrals


@compiled
def _advantages(x, beta, one, two, s):
    """A_i = E_i[log q − β log p], up to a constant common to both (docs/theory.md, Eq. 11.5)."""
    v1, v2 = math.exp(x[6]), math.exp(x[7])
    w1, w2 = 1 / (1 + math.exp(-x[5])), 1 / (1 + math.exp(x[5]))
    first = -_softplus(-x[5]) + one / w1 + 0.5 * s.d * (beta * v1 - x[6])
    first += beta * (0.5 * (x[2] + x[0] ** 2) - _log_cosh(x[0], v1, s))
    second = -_softplus(x[5]) + two / w2 + 0.5 * s.d * (beta * v2 - x[7])
    second += beta * (0.5 * (x[4] + x[1] ** 2) - _log_cosh(x[1], v2, s))
    return first, second


@compiled
def _velocity(x, beta, s, out):
    """dx/dt of x = (a_1, a_2, P_11, P_12, P_22, ℓ, log v_1, log v_2), in the metric of `s`."""
    v1, v2 = math.exp(x[6]), math.exp(x[7])
    w1, w2 = 1 / (1 + math.exp(-x[5])), 1 / (1 + math.exp(x[5]))
    fast1, fast2 = w1**-s.metric.means, w2**-s.metric.means
    kappa, (_, pull, turn, one, two) = _mixture_integrals(x, s.d)
    plus1, slope1 = _mode(x[0], v1, s.r, s.logit)
    plus2, slope2 = _mode(x[1], v2, s.r, s.logit)
    force = pull / v2
    along = force * (x[0] - x[1])
    out[0] = fast1 * (-w1 * beta * (x[0] - s.r * (2 * plus1 - 1)) + along)
    out[1] = fast2 * (-w2 * beta * (x[1] - s.r * (2 * plus2 - 1)) - along)
    out[2] = 2 * fast1 * (-w1 * beta * x[2] + force * (x[2] - x[3]))
    out[3] = fast1 * (-w1 * beta * x[3] + force * (x[3] - x[4]))
    out[3] += fast2 * (-w2 * beta * x[3] + force * (x[3] - x[2]))
    out[4] = 2 * fast2 * (-w2 * beta * x[4] + force * (x[4] - x[3]))
    out[5:] = 0.0
    if s.sphere:
        radial1 = (x[0] * out[0] + 0.5 * out[2]) / (x[0] ** 2 + x[2])
        radial2 = (x[1] * out[1] + 0.5 * out[4]) / (x[1] ** 2 + x[4])
        out[0] -= radial1 * x[0]
        out[1] -= radial2 * x[1]
        out[2] -= 2 * radial1 * x[2]
        out[3] -= (radial1 + radial2) * x[3]
        out[4] -= 2 * radial2 * x[4]
    if s.eta > 0:
        first, second = _advantages(x, beta, one, two, s)
        out[5] = -s.eta * (w1 * w2) ** (1 - s.metric.weights) * (first - second)
    if s.variances:
        # −2v ∂KL/∂v (docs/theory.md, Eq. 11.4); U_1 + U_2 = κ · pull
        spread = s.d * (v1 / v2 - 1) * pull
        out[6] = w1 * (s.d - beta * v1 * (s.d - 4 * s.r**2 * slope1)) - (kappa * turn - spread)
        out[7] = w2 * (s.d - beta * v2 * (s.d - 4 * s.r**2 * slope2))
        out[7] -= kappa * (pull - turn) + spread
        out[6] *= fast1 * (2 / (s.d * v1) if s.bures else 0.5 / v1**2)
        out[7] *= fast2 * (2 / (s.d * v2) if s.bures else 0.5 / v2**2)
    if s.divide:
        out /= beta


@compiled
def _kl(x, beta, s):
    """KL(q‖p^β/Z_β) (docs/theory.md, Eq. 11.9)."""
    _, (_, _, _, one, two) = _mixture_integrals(x, s.d)
    first, second = _advantages(x, beta, one, two, s)
    w1, w2 = 1 / (1 + math.exp(-x[5])), 1 / (1 + math.exp(x[5]))
    constant = _log_along(beta, s.r, s.logit) - 0.5 * s.d * (1 + math.log(beta))
    return w1 * first + w2 * second + constant


@compiled
def _masses(x, s):
    """The mass of q on the modes at +μ* and −μ*."""
    w1, w2 = 1 / (1 + math.exp(-x[5])), 1 / (1 + math.exp(x[5]))
    plus = minus = 0.0
    for i, w in enumerate((w1, w2)):
        v = math.exp(x[6 + i])
        plus += w * _mode(x[i], v, s.r, s.logit)[0]
        minus += w * _mode(-x[i], v, s.r, -s.logit)[0]
    return plus, minus


@compiled
def _speed(x, beta, s):
    """√(Σ_i ‖dμ_i/dt‖² + (d√v_i/dt)² + (dℓ/dt)²).

    Across μ* the means move by α_i u_i − f_i u_j; α_i is read off dP_ii/dt.
    """
    rate = np.empty(8)
    _velocity(x, beta, s, rate)
    total = rate[0] ** 2 + rate[1] ** 2 + rate[5] ** 2
    total += 0.25 * (math.exp(x[6]) * rate[6] ** 2 + math.exp(x[7]) * rate[7] ** 2)
    force = _mixture_integrals(x, s.d)[1][1] * math.exp(-x[7])
    if s.divide:
        force /= beta
    for own, other, ell in ((2, 4, x[5]), (4, 2, -x[5])):
        p, q = max(x[own], 0.0), max(x[other], 0.0)
        push = force * (1 + math.exp(-ell)) ** s.metric.means
        alpha = (0.5 * rate[own] + push * x[3]) / p if p > 0 else 0.0
        total += max(alpha * alpha * p - 2 * alpha * push * x[3] + push * push * q, 0.0)
    return math.sqrt(total)


@compiled
def _describe(x, beta, s, out):
    """The statistics of a state."""
    out[:8] = x
    out[8], out[9] = beta, _kl(x, beta, s)
    out[10], out[11] = _masses(x, s)


_heat(_Setting, velocity=_velocity, describe=_describe, kl=_kl)
