r"""The probability of collapse under annealing, from the linear stage.

Setting: two components of equal fixed weight, means on the sphere ‖μ_i‖ = r, uniform starts,
variances by the Bures clock from 1/β_i, every speed divided by β.  While the target is hot, the
components overlap and drive each other apart until μ_2 = −μ_1 =: −A.  Their position along μ* is
then a = A·μ*, which the target amplifies, and what breaks the balance is s = (μ_1 + μ_2)·μ*/2,
which the heavier mode pulls at and the repulsion holds back (docs/theory.md, Eqs. 11.12 to 11.14):

    da/dt = [½ r² c + (g/β)(1 + Q_12/r²)] a,    ds/dt = ½ r² T + [½ r² c − (g/β)(1 − Q_12/r²)] s,

with T and c the tilt E[s_+ − s_-] and its slope at x·μ* ~ N(0, r² v).  Once the repulsion dies, as
r²β grows past 1, each mean falls to its side of x·μ* = −½ logit π.  Both fall to the same side, a
collapse, where |a| < |s + ½ logit π|.  At the start a and s are normal with variance r⁴/2d, so the
probability is an explicit function of how much a is amplified before the repulsion dies.

:func:`annealed_probability` integrates these equations for any schedule, and knows the noise of a
finite batch; :func:`annealed_formula` is their limit of small β_i, in closed form.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from scipy.integrate import RK45, solve_ivp
from scipy.special import owens_t

from ...checks import integer, require, within
from ...compiled import compiled
from ...quadrature import LARGEST_SCALE
from ...schedules import Schedule
from ...targets import BimodalTarget
from .contour import _overlap_integrals
from .equations import _mode

__all__ = ["annealed_formula", "annealed_probability"]

FloatArray = NDArray[np.float64]
EXPLICIT = 3000  # steps; some hundred suffice where the noise is small


@compiled
def _linear_stage(y, beta, r, logit, d, step):
    """d/dt of y = (log v, Q_12, log Var a, Var s/Var a, E[s]/√Var a); `step` is h/B."""
    v, q, variance, ratio, pushed = math.exp(y[0]), y[1], math.exp(y[2]), y[3], y[4]
    kappa = 2 * (r * r - q) / v
    overlap, pull, _, _, _ = _overlap_integrals(-math.log(2.0), 0.0, 1.0, kappa, d)
    plus, half_slope = _mode(0.0, v, r, logit)
    tilt, slope = 2 * plus - 1, 4 * half_slope
    push = pull / (v * beta)
    fit = 1 / (beta * v)  # 1 where v has followed the target

    # A step's noise, along the parts common and opposite to both means (Eqs. 11.17, 11.18): in
    # directions across μ*, and along it, where the target's pull answers to the noise.
    apart = 1 - 4 * overlap
    answer = r * r * (1 - slope - tilt * tilt) / v - 2 * r * r * slope
    common = 0.25 * step * v
    opposite = max(0.25 * step * v * ((1 - fit) ** 2 + apart * fit * (2 - fit)), 0.0)
    common_along = max(0.25 * step * v * (1 + answer), 0.0)
    opposite_along = (1 - fit) ** 2 + r * r * (1 - slope) / v
    opposite_along += -2 * (1 - fit) * r * r * slope
    opposite_along += apart * fit * (2 - fit - 2 * r * r * slope)
    opposite_along = max(0.25 * step * v * opposite_along, 0.0)
    decay = 0.5 * d * (common + opposite) / (r * r)

    grow = 0.5 * r * r * slope - decay
    grow_a = grow + push * (1 + q / (r * r))
    grow_s = grow - push * (1 - q / (r * r))
    rate_a = grow_a + 0.5 * r * r * opposite_along / variance  # of √Var a
    return np.array(
        [
            fit - 1 + r * r * slope / d - kappa * pull * fit / d,
            -2 * push * (r * r - q * q / (r * r)) + d * (common - opposite) - 2 * q * decay,
            2 * rate_a,
            2 * (grow_s - rate_a) * ratio + r * r * common_along / variance,
            0.5 * r * r * tilt / math.sqrt(variance) + (grow_s - rate_a) * pushed,
        ]
    )


def annealed_probability(
    target: BimodalTarget,
    schedule: Schedule,
    *,
    time: float | None = None,
    step_size: float = 0.0,
    batch: int = 1,
) -> float:
    """Probability of collapse in the linear stage, in the setting of this module (Eq. 11.15).

    Parameters
    ----------
    schedule : in the unit of time; not adaptive.
    time : when to stop; default 5 after the schedule's end, when nothing changes any more.
    step_size, batch : of the descent; 0 is gradient flow.  The noise of a batch (the full pathwise
        gradient, each sample's component drawn at random) turns the means at random while β is
        small, so that what they had gained by then is lost.

    Good to 0.07 on random problems with β_i r² ≤ 0.1 and r ≥ 3 (figure 6e).  Too small where β_i
    is larger, for the means then fall one by one, in a stage that is not linear; and by up to 0.2
    where r < 4, |logit π| is near r/2 and d is in the thousands.

    >>> from modecollapse import target
    >>> from modecollapse.schedules import schedule
    >>> p = target(separation=3.0, dimension=512, weight=0.8)
    >>> slow = schedule("exponential", beta_initial=1e-3, time=40.0)
    >>> round(annealed_probability(p, slow), 2)
    0.05
    """
    require(not schedule.needs_kl, "schedule", schedule, "one that does not wait for the fit")
    within("separation", target.separation, 0, LARGEST_SCALE / 2, closed="]")
    end = schedule.end
    time = within("time", end + 5.0 if time is None else time, 0)
    noise = within("step_size", step_size, 0, closed="[") / integer("batch", batch, 1)
    r, d, logit = target.separation, float(target.dimension), abs(target.logit)

    beta = float(schedule.beta(0.0))
    state = np.array([-math.log(beta), 0.0, math.log(r**4 / (2 * d)), 1.0, 0.0])
    # Just before `end` the schedule has not jumped yet: two stretches keep the steps smooth.
    for low, high in ((0.0, min(end, time)), (min(end, time), time)):
        if high > low:
            inside = np.nextafter(high, low) if high == end else high

            def rate(t, y, inside=inside):
                return _linear_stage(y, float(schedule.beta(min(t, inside))), r, logit, d, noise)

            state = _integrated(rate, low, high, state)
    _, _, log_variance, ratio, pushed = state
    bias = pushed + 0.5 * logit * math.exp(-0.5 * log_variance)
    return _same_side(bias, ratio)


def _integrated(
    rate: Callable[[float, FloatArray], FloatArray], low: float, high: float, state: FloatArray
) -> FloatArray:
    """The state at `high`.

    A batch's noise turns small means fast, at a rate of d h v/(B r²): where an explicit method has
    to follow that in many steps, one for stiff equations takes over.
    """
    accuracy = {"rtol": 1e-6, "atol": 1e-9}
    solver = RK45(rate, low, state, high, **accuracy)
    for _ in range(EXPLICIT):
        solver.step()
        if solver.status != "running":
            return np.asarray(solver.y)
    rest = solve_ivp(rate, (solver.t, high), solver.y, method="LSODA", **accuracy)
    return np.asarray(rest.y[:, -1])


def _same_side(bias: float, ratio: float) -> float:
    """P(|a| < |s|) for a ~ N(0, 1) and s ~ N(`bias`, `ratio`), by Owen's T."""
    if ratio <= 0:
        return math.erf(abs(bias) / math.sqrt(2))
    return float(1 - 4 * owens_t(bias / math.sqrt(1 + ratio), 1 / math.sqrt(ratio)))


def annealed_formula(target: BimodalTarget, beta_initial: float, time: float) -> float:
    r"""Probability of collapse under the exponential schedule, in closed form (Eq. 11.16).

    With K = t0/log(1/β_i) and u = K/(K − 1), by which v lags behind 1/β,

    .. math:: P = \operatorname{erf}\Big(\frac{|\operatorname{logit} π|}{2 r^2} \sqrt{d/2}\;
              E[e^{−Γ(β_c)}]\Big), \quad
              Γ(β) = r^2 K \operatorname{arsinh}\sqrt{2β/(π r^2 u)} \Big|_{β_i}^{β}

    where β_c is when the components last touched: events at the rate (K/2u) F(4r²β/u) d log β, with
    F(x) = e^{−x/8}/√(1 + x/4).  It depends on t0 and β_i through K alone as β_i → 0.  It needs
    K > 1, a schedule that the variances can follow, and β_i r² ≪ 1.

    >>> from modecollapse import target
    >>> round(annealed_formula(target(3.0, 512, 0.8), beta_initial=1e-3, time=40.0), 2)
    0.05
    """
    beta_initial = within("beta_initial", beta_initial, 0, 1)
    time = within("time", time, 0)
    r, slowness = target.separation, -time / math.log(beta_initial)
    allowed = f"more than log(1/beta_initial) = {-math.log(beta_initial):.4g}"
    require(slowness > 1, "time", time, allowed)
    lag = slowness / (slowness - 1)

    log_beta = np.linspace(math.log(beta_initial), 0, 2001)
    beta = np.exp(log_beta)
    gain = np.arcsinh(np.sqrt(2 * beta / (math.pi * r * r * lag)))
    kept = np.exp(-r * r * slowness * (gain - gain[0]))
    x = 4 * r * r * beta / lag
    touching = slowness / (2 * lag) * np.exp(-x / 8) / np.sqrt(1 + x / 4)
    panels = 0.5 * (touching[1:] + touching[:-1]) * np.diff(log_beta)
    later = np.append(np.cumsum(panels[::-1])[::-1], 0.0)  # touches still to come
    never_again = np.exp(-later)
    mean_kept = never_again[0] + float(np.sum(0.5 * (kept[1:] + kept[:-1]) * np.diff(never_again)))
    return math.erf(abs(target.logit) / (2 * r * r) * math.sqrt(target.dimension / 2) * mean_kept)
