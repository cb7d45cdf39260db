"""Fixed points followed in the separation, through folds: bifurcation diagrams."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from ..checks import require
from .equilibria import _settings, _split
from .invariant_line import TargetCurve, equilibrium, fold_condition

__all__ = ["branches", "newton", "solve_fold"]

FloatArray = NDArray[np.float64]

BRANCH_STEP = 0.02  # of arc length in (c, s, r)


def branches(separations: ArrayLike, target_weight: float = 0.5) -> pd.DataFrame:
    """The split fixed points followed in the separation, through folds: a bifurcation diagram.

    Pseudo-arclength continuation of γδ = rW, Λ = λ (Eqs. 6.5, 6.6) in the centre, the split and r,
    from every fixed point at either end of the interval, so that a branch which turns back at a
    fold is followed around it.  The weights of q are equal.

    Parameters
    ----------
    separations : the two ends of the interval of r.
    target_weight : as in :func:`fixed_points`.

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
    _, target_logit, _ = _settings(low, target_weight, 0.5)
    _settings(high, target_weight, 0.5)
    rows: list[dict[str, object]] = []
    for number, path in enumerate(_paths(low, high, target_logit)):
        for (c, s, r), fold in path:
            point = _split(c, s, 1.0, r, target_weight, 0.5)
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
    return pd.DataFrame(rows)


def _paths(low: float, high: float, target_logit: float) -> Iterator[list[tuple[FloatArray, bool]]]:
    """Every branch with low <= r <= high once: points (c, s, r), and whether each is a fold."""
    starts = [
        np.array([*curve.point(t), r])
        for r in (high, low)
        for curve in [TargetCurve(r, 0.0)]
        for t in curve.crossings(target_logit)
    ]
    while starts:
        path = _follow(starts.pop(0), low, high, target_logit)
        starts = [start for start in starts if np.abs(start - path[-1]).max() > 1e-6]
        points = [(path[0], False)]
        for k in range(1, len(path)):
            points.append((path[k], False))
            if (
                k + 1 < len(path)
                and (path[k][2] - path[k - 1][2]) * (path[k + 1][2] - path[k][2]) < 0
            ):
                points[-1] = (solve_fold(path[k], target_logit, 0.0), True)
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


def _follow(start: FloatArray, low: float, high: float, target_logit: float) -> FloatArray:
    """The branch from `start`, at one end of the interval of r, until it leaves the interval."""

    def miss(u: FloatArray) -> FloatArray:
        f, _, _, lam, _, _ = equilibrium(u[0], u[1], u[2], 0.0)
        return np.array([f, (lam - target_logit) / (2 * u[2])])

    def slopes(u: FloatArray) -> FloatArray:
        _, f_c, f_s, _, lam_c, lam_s = equilibrium(u[0], u[1], u[2], 0.0)
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
