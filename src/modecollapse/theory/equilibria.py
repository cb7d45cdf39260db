r"""Fixed points of the bimodal equations with fixed weights: all of them, with their stability.

Every fixed point has both means on the line of μ* (docs/theory.md, section 6).  It is *merged*,
μ_1 = μ_2, and then a saddle for every target; or *split*, and then one of the crossings that
:class:`~.invariant_line.TargetCurve` finds.  Across μ* a split fixed point is always stable, so its
stability is decided by two eigenvalues along μ*.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import brentq

from ..checks import within
from ..outcomes import Outcome, arrived, outcome
from ..overlaps import Overlaps
from .invariant_line import (
    TargetCurve,
    gap,
    split_from,
    step_moments,
    window,
)
from .rhs import kl_divergence, mode_masses

__all__ = ["FixedPoint", "fixed_points"]

FloatArray = NDArray[np.float64]

SEPARATIONS = (0.05, 19.0)
SMALLEST_TARGET_WEIGHT = 1e-12
SMALLEST_COMPONENT_WEIGHT = 1e-6


@dataclass(frozen=True)
class FixedPoint:
    """A fixed point of the gradient flow with fixed weights: μ_i = `positions`[i] μ*/r.

    Attributes
    ----------
    separation, target_weight, component_weight : r, π and w_1.
    positions : (x_1, x_2), in standard deviations of a mode.
    split : x_1 − x_2 to its own relative precision (it may be as small as e^{−r²/4}).
    along : the two eigenvalues of the flow's Jacobian in (x_1, x_2), the larger last (Eq. 6.8).
    across : the two in the plane of the means' parts along one direction orthogonal to μ*, each
        (d − 1)-fold in d dimensions, the larger last (Eq. 6.7).
    kl : KL(q‖p), nats.
    masses : (A_+, A_−), the mass of q on each mode.
    outcome : what a run that ends here is called.
    """

    separation: float
    target_weight: float
    component_weight: float
    positions: tuple[float, float]
    split: float
    along: tuple[float, float]
    across: tuple[float, float]
    kl: float
    masses: tuple[float, float]
    outcome: Outcome

    @property
    def merged(self) -> bool:
        """Whether both means are the same."""
        return self.split == 0

    @property
    def aligned(self) -> bool:
        """Whether both means are on the same side of the midpoint between the modes.

        This says where the means are, not what is lost: where the modes overlap, an aligned state
        may still cover both of them, and its `outcome` is then "both modes".
        """
        return self.positions[0] * self.positions[1] > 0

    @property
    def stable(self) -> bool:
        """Whether every eigenvalue of the Jacobian is negative."""
        return max(*self.along, *self.across) < 0

    @property
    def eigenvalues(self) -> FloatArray:
        """Of the Jacobian in the order parameters (m_1, m_2, Q11, Q12, Q22), shape (5,), falling.

        Q − m mᵀ/r² is quadratic in the parts across μ*, so its three eigenvalues are the sums of
        two of `across`, and the dimension does not enter (Eq. 6.9).
        """
        slow, fast = self.across
        return np.sort([*self.along, 2 * slow, slow + fast, 2 * fast])[::-1]

    @property
    def overlaps(self) -> Overlaps:
        """The order parameters, a batch of one."""
        x = np.array(self.positions)
        logit = math.log(self.component_weight) - math.log1p(-self.component_weight)
        q = [[x[0] * x[0], x[0] * x[1], x[1] * x[1]]]
        return Overlaps(self.separation * x[None], np.array(q), np.array([logit]))


def fixed_points(
    separation: float, target_weight: float = 0.5, component_weight: float = 0.5
) -> tuple[FixedPoint, ...]:
    """Every place where both means of q can rest, stable or not, by increasing KL.

    All fixed points of the closed equations with fixed weights.

    With equal weights those that differ by the exchange of the two components count once, the
    component with the larger position being the first.

    Parameters
    ----------
    separation : r in [0.05, 19].
    target_weight : π, the weight of the mode at +μ*, in [1e-12, 1 − 1e-12].
    component_weight : w_1 in [1e-6, 1 − 1e-6], fixed.

    Examples
    --------
    >>> [(str(p.outcome), p.stable) for p in fixed_points(3.0) if not p.merged]
    ... # doctest: +NORMALIZE_WHITESPACE
    [('both modes', True), ('mean alignment', True), ('mean alignment', True),
     ('both modes', False), ('both modes', False)]
    """
    r, target_logit, logit = _settings(separation, target_weight, component_weight)
    found = [_merged(xi, r, target_weight, component_weight) for xi in _merge(r, target_logit)]
    for order in (1.0,) if logit == 0 else (1.0, -1.0):
        curve = TargetCurve(r, order * logit)
        found += [
            _split(*curve.point(t), order, r, target_weight, component_weight)
            for t in curve.crossings(target_logit)
        ]
    return tuple(sorted(found, key=lambda point: point.kl))


def _settings(
    separation: float, target_weight: float, component_weight: float
) -> tuple[float, float, float]:
    """r, λ and ℓ, checked."""
    r = within("separation", separation, *SEPARATIONS, closed="[]")
    least = SMALLEST_TARGET_WEIGHT
    pi = within("target_weight", target_weight, least, 1 - least, closed="[]")
    least = SMALLEST_COMPONENT_WEIGHT
    w = within("component_weight", component_weight, least, 1 - least, closed="[]")
    return r, math.log(pi) - math.log1p(-pi), math.log(w) - math.log1p(-w)


def _merge(r: float, target_logit: float) -> list[float]:
    """The ξ = x + λ/2r of every merged fixed point, x = rT: 2r(ξ − rT(ξ)) = λ."""

    def miss(xi: float) -> float:
        return 2 * r * (xi - r * (1 - step_moments(xi, r)[0])) - target_logit

    reach = r + abs(target_logit) / (2 * r) + 1
    ends = [-reach, reach]
    if r * step_moments(0.0, r)[1] > 1:  # T' falls on both sides of 0
        turn = brentq(lambda xi: r * step_moments(xi, r)[1] - 1, 0, reach, xtol=1e-15)
        ends = [-reach, -turn, turn, reach]
    return [
        brentq(miss, low, high, xtol=1e-15, rtol=1e-15)
        for low, high in pairwise(ends)
        if miss(low) * miss(high) < 0
    ]


def _merged(xi: float, r: float, target_weight: float, w: float) -> FixedPoint:
    x = xi - (math.log(target_weight) - math.log1p(-target_weight)) / (2 * r)
    slope = r * step_moments(xi, r)[1]
    squares = w * w + (1 - w) ** 2
    along = _roots(squares - slope, w * (1 - w) * slope * (slope - 1))
    return _record((x, x), 0.0, along, (-squares, 0.0), r, target_weight, w)


def _split(
    c: float, s: float, order: float, r: float, target_weight: float, w: float
) -> FixedPoint:
    """The fixed point at (c, s); `order` is 1 where component 1 is the outer one, else −1."""
    split = split_from(s)
    shift = (math.log(target_weight) - math.log1p(-target_weight)) / (2 * r)
    outer, inner = c + 0.5 * split - shift, c - 0.5 * split - shift
    w_outer, w_inner = (w, 1 - w) if order > 0 else (1 - w, w)
    both = w * (1 - w)
    g, g_split = gap(split, math.log(w_outer) - math.log(w_inner))
    slope_outer = step_moments(c + 0.5 * split, r)[1]
    slope_inner = step_moments(c - 0.5 * split, r)[1]
    difference = math.copysign(1.0, c) * window(abs(c), split, r)[1]
    h11 = 1 - r * (w_outer * slope_outer + w_inner * slope_inner)
    h12 = -r * both * difference
    h22 = both * (g + g_split * split - r * (w_inner * slope_outer + w_outer * slope_inner))
    squares = w * w + (1 - w) ** 2
    trace = h11 * squares + 2 * h12 * (w_outer - w_inner) + 2 * h22
    along = _roots(trace, h11 * h22 - h12 * h12)
    across = _roots(1 - 2 * both * (1 - g), both * g)
    positions = (outer, inner) if order > 0 else (inner, outer)
    return _record(positions, order * split, along, across, r, target_weight, w)


def _roots(trace: float, determinant: float) -> tuple[float, float]:
    """The eigenvalues of −H, the larger last, from the trace and determinant of H."""
    half = 0.5 * trace
    first = half + math.copysign(math.sqrt(max(half * half - determinant, 0.0)), half)
    second = determinant / first
    return -max(first, second), -min(first, second)


def _record(
    positions: tuple[float, float],
    split: float,
    along: tuple[float, float],
    across: tuple[float, float],
    r: float,
    target_weight: float,
    w: float,
) -> FixedPoint:
    x1, x2 = positions
    y = [r * x1, r * x2, x1 * x1, x1 * x2, x2 * x2, math.log(w) - math.log1p(-w)]
    masses = mode_masses(y, r, target_weight)
    there = arrived([r * x1, r * x2], r)
    label = outcome(masses, [target_weight, 1 - target_weight], [w, 1 - w], there)
    return FixedPoint(
        separation=r,
        target_weight=target_weight,
        component_weight=w,
        positions=positions,
        split=split,
        along=along,
        across=across,
        kl=float(kl_divergence(y, r, target_weight)),
        masses=(float(masses[0]), float(masses[1])),
        outcome=label.item(),
    )
