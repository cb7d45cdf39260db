r"""Annealing towards two modes of unequal volume: the closed equations, exact.

The target is p = π_1 N(ν_1, s_1 I) + π_2 N(ν_2, s_2 I) with its modes at ±μ* about their middle,
and q as in section 11.  Let n be the narrow mode, b the broad one, σ = ±1 the side of the narrow,

    u = log π_b N_b/π_n N_n,   Δ = 1/s_n − 1/s_b,   B = 1/s_n + 1/s_b,
    ∇u(μ_i) = Δ μ_i − σ B μ*.

u is quadratic in x and s_n(x) = 1/(1 + e^u), so that under N(μ_i, v_i I) all that the gradient
needs is a Mellin-Barnes integral of Gaussian integrals, as in Eq. 11.6: M(s) = E_i[e^{−su}].  It
depends on the state through a_i, P_ii and v_i alone: the eight numbers of section 11 still close,

    E_i[s_n] = ⟨1⟩,   E_i[s_n ∇u] = ⟨1/g⟩ ∇u(μ_i),   g = 1 + Δ v_i s,         (Eqs. 17.5, 17.6)
    E_i[s_n ∇u·(x − μ_i)] = Δ v_i d ⟨1/g⟩ − v_i ‖∇u(μ_i)‖² ⟨s/g²⟩,
    E_i[log p] = E_i[log π_b N_b] + ⟨1/s⟩.

At s_1 = s_2 = 1 these are the expectations of section 11.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from ...compiled import compiled
from .contour import _overlap_integrals
from .equations import _mixture_integrals
from .steps import _heat

__all__ = ["_Volumes", "_velocities"]


class _Volumes(NamedTuple):
    """What the equations need to know."""

    r: float
    side: float  # σ, of the narrow mode
    log_narrow: float  # log π_n
    log_broad: float
    narrow: float  # s_n
    broad: float
    d: float
    eta: float
    variances: int  # in dynamics.VARIANCES
    divide: bool  # every speed by β
    path: int  # in PATHS


class _Seen(NamedTuple):
    """What a component sees of the target."""

    narrow: float  # E_i[s_n]
    stiffness: float  # −E_i[∇log p] = stiffness μ_i − pull μ*
    pull: float
    spread: float  # E_i[∇log p·(x − μ_i)]
    log_p: float  # E_i[log p]


@compiled
def _seen(a, across, v, beta, s):
    """The target p_β under N(μ_i, v I), with μ_i at `a` along μ* and `across` = P_ii."""
    heat = beta if s.path > 0 else 1.0
    even = beta if s.path == 2 else 1.0
    narrow, broad = s.narrow / heat, s.broad / heat
    less, more = 1 / narrow - 1 / broad, 1 / narrow + 1 / broad
    near = (a - s.side * s.r) ** 2 + across
    far = (a + s.side * s.r) ** 2 + across
    at_broad = even * s.log_broad - 0.5 * (s.d * math.log(2 * math.pi * broad) + far / broad)
    at_narrow = even * s.log_narrow - 0.5 * (s.d * math.log(2 * math.pi * narrow) + near / narrow)
    slope2 = (less * a - s.side * more * s.r) ** 2 + less * less * across
    ratio = 1 + less * v
    kappa = v * slope2 / ratio
    ell = at_broad - at_narrow + 0.5 * (s.d * math.log(ratio) - kappa)
    mass, pull, turn, one, _ = _overlap_integrals(0.0, ell, ratio, kappa, s.d)
    return _Seen(
        mass,
        1 / broad + pull * less,
        s.side * s.r * (pull * more - 1 / broad),
        -v * s.d / broad - (less * v * s.d * pull - kappa * turn),
        at_broad - 0.5 * s.d * v / broad + one,
    )


@compiled
def _tempered(beta, s):
    """What multiplies log p_β: the corrected paths have β within p_β."""
    return 1.0 if s.path > 0 else beta


@compiled
def _velocity(x, beta, s, out):
    """dx/dt of x = (a_1, a_2, P_11, P_12, P_22, ℓ, log v_1, log v_2)."""
    v1, v2 = math.exp(x[6]), math.exp(x[7])
    w1, w2 = 1 / (1 + math.exp(-x[5])), 1 / (1 + math.exp(x[5]))
    kappa, (_, pull, turn, one, two) = _mixture_integrals(x, s.d)
    first, second = _seen(x[0], x[2], v1, beta, s), _seen(x[1], x[4], v2, beta, s)
    hot = _tempered(beta, s)
    force = pull / v2
    along = force * (x[0] - x[1])
    out[0] = -w1 * hot * (first.stiffness * x[0] - first.pull) + along
    out[1] = -w2 * hot * (second.stiffness * x[1] - second.pull) - along
    out[2] = -2 * w1 * hot * first.stiffness * x[2] + 2 * force * (x[2] - x[3])
    out[3] = -hot * (w1 * first.stiffness + w2 * second.stiffness) * x[3]
    out[3] -= force * (x[2] - 2 * x[3] + x[4])
    out[4] = -2 * w2 * hot * second.stiffness * x[4] + 2 * force * (x[4] - x[3])
    out[5:] = 0.0
    if s.eta > 0:
        gain = _log_q(x[5], one, x[6], s.d) - _log_q(-x[5], two, x[7], s.d)
        out[5] = -s.eta * w1 * w2 * (gain - hot * (first.log_p - second.log_p))
    if s.variances > 0:
        # −2v ∂KL/∂v = −E_i[∇(log q − log p_β)·(x − μ_i)] w_i; U_1 + U_2 = κ · pull
        spread = s.d * (v1 / v2 - 1) * pull
        out[6] = w1 * (s.d + hot * first.spread) - (kappa * turn - spread)
        out[7] = w2 * (s.d + hot * second.spread) - (kappa * (pull - turn) + spread)
        out[6] *= 2 / (s.d * v1) if s.variances == 2 else 0.5 / v1**2
        out[7] *= 2 / (s.d * v2) if s.variances == 2 else 0.5 / v2**2
    if s.divide:
        out /= beta


@compiled
def _log_q(logit, softplus, log_v, d):
    """E_i[log q], from w_i E_i[softplus(the log-odds against i)]."""
    w = 1 / (1 + math.exp(-logit))
    return math.log(w) + softplus / w - 0.5 * d * (1 + math.log(2 * math.pi) + log_v)


@compiled
def _describe(x, beta, s, out):
    """The statistics of a state: KL and masses are with respect to p itself."""
    v1, v2 = math.exp(x[6]), math.exp(x[7])
    w1, w2 = 1 / (1 + math.exp(-x[5])), 1 / (1 + math.exp(x[5]))
    _, (_, _, _, one, two) = _mixture_integrals(x, s.d)
    first, second = _seen(x[0], x[2], v1, 1.0, s), _seen(x[1], x[4], v2, 1.0, s)
    out[:8] = x
    out[8] = beta
    out[9] = w1 * (_log_q(x[5], one, x[6], s.d) - first.log_p)
    out[9] += w2 * (_log_q(-x[5], two, x[7], s.d) - second.log_p)
    narrow = w1 * first.narrow + w2 * second.narrow
    out[10], out[11] = (narrow, 1 - narrow) if s.side > 0 else (1 - narrow, narrow)


_heat(_Volumes, velocity=_velocity, describe=_describe)


@compiled
def _velocities(x, beta, s):
    out = np.empty_like(x)
    for i in range(len(x)):
        _velocity(x[i], beta, s, out[i])
    return out
