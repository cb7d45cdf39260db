r"""Fixed points of the bimodal equations with fixed weights: all of them, with their stability.

Every fixed point has both means on the line of μ* (docs/theory.md, section 6).  It is *merged*,
μ_1 = μ_2, and then a saddle for every target; or *split*, and then one of the crossings that
:class:`~.invariant_line.TargetCurve` finds.  Across μ* a split fixed point is always stable, so its
stability is decided by two eigenvalues along μ*.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from scipy.optimize import brentq

from ..checks import require, within
from ..outcomes import Outcome, arrived, outcome
from ..overlaps import Overlaps
from .invariant_line import (
    TargetCurve,
    equilibrium,
    fold_condition,
    gap,
    split_from,
    step_moments,
    window,
)
from .rhs import kl_divergence, mode_masses

__all__ = ["FixedPoint", "branches", "fixed_points"]

FloatArray = NDArray[np.float64]

SEPARATIONS = (0.05, 19.0)
SMALLEST_TARGET_WEIGHT = 1e-12
SMALLEST_COMPONENT_WEIGHT = 1e-6
BRANCH_STEP = 0.02  # of arc length in (c, s, r)


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
    """All fixed points of the closed equations with fixed weights, by increasing KL.

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


def branches(
    separations: ArrayLike, target_weight: float = 0.5, component_weight: float = 0.5
) -> pd.DataFrame:
    """The split fixed points followed in the separation, through folds: a bifurcation diagram.

    Pseudo-arclength continuation of γδ = rW, Λ = λ (Eqs. 6.5, 6.6) in the centre, the split and r,
    from every fixed point at either end of the interval, so that a branch which turns back at a
    fold is followed around it.

    Parameters
    ----------
    separations : the two ends of the interval of r.
    target_weight, component_weight : as in :func:`fixed_points`.

    Returns
    -------
    A row per point, in order along each branch: branch (a whole number), separation, position_1,
    position_2, kl, stable, outcome, fold (whether the branch turns back exactly here).

    >>> table = branches((2.0, 3.0))
    >>> table[table.fold].separation.round(6).tolist()  # the collapse on either mode
    [2.259608, 2.259608]
    """
    low, high = (float(r) for r in np.asarray(separations, dtype=float))
    require(low < high, "separations", (low, high), "two numbers, the smaller first")
    _, target_logit, logit = _settings(low, target_weight, component_weight)
    _settings(high, target_weight, component_weight)
    rows: list[dict[str, object]] = []
    number = 0
    for order in (1.0,) if logit == 0 else (1.0, -1.0):
        for path in _paths(low, high, target_logit, order * logit):
            for (c, s, r), fold in path:
                point = _split(c, s, order, r, target_weight, component_weight)
                rows.append(
                    {
                        "branch": number,
                        "separation": r,
                        "position_1": point.positions[0],
                        "position_2": point.positions[1],
                        "kl": point.kl,
                        "stable": point.stable,
                        "outcome": str(point.outcome),
                        "fold": fold,
                    }
                )
            number += 1
    return pd.DataFrame(rows)


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


def _paths(
    low: float, high: float, target_logit: float, logit: float
) -> Iterator[list[tuple[FloatArray, bool]]]:
    """Every branch with low <= r <= high once: points (c, s, r), and whether each is a fold."""
    starts = [
        np.array([*curve.point(t), r])
        for r in (high, low)
        for curve in [TargetCurve(r, logit)]
        for t in curve.crossings(target_logit)
    ]
    while starts:
        path = _follow(starts.pop(0), low, high, target_logit, logit)
        starts = [start for start in starts if np.abs(start - path[-1]).max() > 1e-6]
        points = [(path[0], False)]
        for k in range(1, len(path)):
            points.append((path[k], False))
            if (
                k + 1 < len(path)
                and (path[k][2] - path[k - 1][2]) * (path[k + 1][2] - path[k][2]) < 0
            ):
                points[-1] = (solve_fold(path[k], target_logit, logit), True)
        yield points


def solve_fold(u: FloatArray, target_logit: float, outer_logit: float) -> FloatArray:
    """The fold (c, s, r) next to `u`: γδ = rW, Λ = λ, dΛ/dt = 0 (Eqs. 6.5, 6.6, 6.10)."""

    def miss(u: FloatArray) -> FloatArray:
        c, s, r = u
        f, _, _, lam, _, _ = equilibrium(c, s, r, outer_logit)
        return np.array([f, (lam - target_logit) / (2 * r), fold_condition(c, s, r, outer_logit)])

    return newton(miss, u)


def newton(miss: Callable[[FloatArray], FloatArray], u: FloatArray) -> FloatArray:
    """The root next to `u` of three functions of three unknowns, with a differenced Jacobian."""
    h = 1e-6
    for _ in range(30):
        columns = [(miss(u + h * e) - miss(u - h * e)) / (2 * h) for e in np.eye(3)]
        move = np.linalg.solve(np.column_stack(columns), miss(u))
        u = u - move
        if np.abs(move).max() < 1e-12:
            return u
    residual = float(np.abs(miss(u)).max())
    if residual > 1e-10:
        raise ArithmeticError(f"Newton's method ends at a residual of {residual:.1e} near {u}")
    return u


def _follow(
    start: FloatArray, low: float, high: float, target_logit: float, logit: float
) -> FloatArray:
    """The branch from `start`, at one end of the interval of r, until it leaves the interval."""

    def miss(u: FloatArray) -> FloatArray:
        f, _, _, lam, _, _ = equilibrium(u[0], u[1], u[2], logit)
        return np.array([f, (lam - target_logit) / (2 * u[2])])

    def slopes(u: FloatArray) -> FloatArray:
        _, f_c, f_s, _, lam_c, lam_s = equilibrium(u[0], u[1], u[2], logit)
        step = np.array([0.0, 0.0, 1e-6])
        by_r = (miss(u + step) - miss(u - step)) / 2e-6
        return np.array([[f_c, f_s, by_r[0]], [lam_c / (2 * u[2]), lam_s / (2 * u[2]), by_r[1]]])

    def corrected(u: FloatArray, normal: FloatArray) -> FloatArray:
        for _ in range(10):
            move = np.linalg.solve(np.vstack([slopes(u), normal]), np.append(miss(u), 0.0))
            u = u - move
            if np.abs(move).max() < 1e-13 * (1 + np.abs(u).max()):
                break
        return u

    points = [start]
    previous = np.array([0.0, 0.0, -1.0 if start[2] > 0.5 * (low + high) else 1.0])
    while True:
        tangent = np.cross(*slopes(points[-1]))
        tangent *= math.copysign(1 / np.linalg.norm(tangent), tangent @ previous)
        point = corrected(points[-1] + BRANCH_STEP * tangent, tangent)
        if not low < point[2] < high:
            end = low if point[2] <= low else high
            share = (end - points[-1][2]) / (point[2] - points[-1][2])
            across = np.array([0.0, 0.0, 1.0])
            guess = points[-1] + share * (point - points[-1])
            guess[2] = end
            points.append(corrected(guess, across))
            return np.array(points)
        points.append(point)
        previous = tangent
