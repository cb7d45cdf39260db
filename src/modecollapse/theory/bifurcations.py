r"""Where collapse begins: folds, cusps, and the map of what can happen (docs/theory.md, section 6).

At fixed weights and separation, the fixed points of every target weight lie on one curve, and a
fold is an extremum of λ = Λ along it (:mod:`.invariant_line`).  On the side of the mode at +μ*
(c > 0), Λ rises to a maximum, above which no state covers both modes, falls to a minimum, below
which no state is collapsed on that mode, and rises again.  The two merge in a cusp as r falls.
The other mode follows by reflection, μ → −μ, π → 1 − π, which also exchanges the order in which the
two components stand along μ*.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from scipy.optimize import brentq, minimize_scalar
from scipy.special import expit

from ..checks import choice, numbers_of, within
from .branches import newton, solve_fold
from .equilibria import SEPARATIONS, FixedPoint, _settings, _split
from .invariant_line import TargetCurve, _unit_tangent, equilibrium, fold_condition, split_from

__all__ = [
    "Fold",
    "NoFoldError",
    "collapse_fold",
    "critical_separation",
    "cusp",
    "fold_lines",
    "regions",
]

FloatArray = NDArray[np.float64]

MODES = ("heavy", "light")
REACH = 10.0  # no birth needs a larger target logit, for the weights allowed here
WEIGHTS = (1e-3, 1 - 1e-3)  # of a component; beyond, the collapsed state itself may fold again
NEAR_CUSP = 0.05  # in r: there the line of births rises a little before it falls


class NoFoldError(ValueError):
    """The collapsed fixed point is not born in a fold: it is there at every separation."""


@dataclass(frozen=True)
class Fold:
    """A fold, or a cusp, of the fixed points with fixed weights.

    Attributes
    ----------
    separation, target_weight : r and π at which it happens; the mode at +μ* is collapsed on.
    outer_weight : the weight of the component with the larger position.
    positions : (outer, inner), along μ*, in standard deviations of a mode.
    """

    separation: float
    target_weight: float
    outer_weight: float
    positions: tuple[float, float]


def critical_separation(
    target_weight: float = 0.5, component_weight: float = 0.5, mode: str = "heavy"
) -> float:
    """The r = ‖μ*‖ at which the state collapsed on a mode is born in a fold, to 1e-9.

    Both means are near that mode; below it no such fixed point exists.  With unequal component
    weights there are two, one for each component as the outer one, and the first birth is returned.
    With a target weight of one half the two modes are the same.

    Parameters
    ----------
    target_weight : π in [1e-12, 1 − 1e-12].
    component_weight : w_1 in [1e-3, 1 − 1e-3], fixed.
    mode : "heavy" or "light", the mode that is collapsed on.

    Raises
    ------
    NoFoldError
        The state is not born in a fold: coming from a small r, the only attractor turns into it
        without a bifurcation.  For equal weights this is the heavy mode beyond π = 0.7867 (next
        to the cusp, :func:`cusp`).

    Examples
    --------
    >>> round(critical_separation(), 6)
    2.259608
    """
    choice("mode", mode, MODES)
    weight = within("component_weight", component_weight, *WEIGHTS, closed="[]")
    _, target_logit, logit = _settings(1.0, target_weight, weight)
    side = abs(target_logit) if mode == "heavy" else -abs(target_logit)
    return min(collapse_fold(side, order).separation for order in {logit, -logit})


def collapse_fold(target_logit: float, outer_logit: float = 0.0) -> Fold:
    """The fold in which the state collapsed on the mode at +μ* is born, as r grows.

    The root of the extended system γδ = rW, Λ = λ, dΛ/dt = 0 in (c, s, r) (Eqs. 6.5, 6.6, 6.10).

    Parameters
    ----------
    target_logit : λ = logit π, of either sign.
    outer_logit : logit of the weight of the outer component, |outer_logit| <= 6.9.
    """
    r_low, highest = _highest_birth(outer_logit)
    if target_logit > highest:
        raise NoFoldError(
            f"target_weight: got {expit(target_logit):.9g} for the mode collapsed on; allowed: that"
            f" state is born in a fold only up to {expit(highest):.9g}, at separation {r_low:.6f};"
            " above, the only attractor at small separations turns into it without a fold"
        )
    r = brentq(
        lambda r: (_birth(r, outer_logit)[1] if r > r_low else highest) - target_logit,
        r_low,
        SEPARATIONS[1],
        xtol=1e-8,
    )
    r = max(r, r_low + 1e-8)

    start = TargetCurve(r, outer_logit, REACH).point(_birth(r, outer_logit)[0])
    return _fold(solve_fold(np.array([*start, r]), target_logit, outer_logit), outer_logit)


def cusp() -> Fold:
    """The cusp in which the folds of the collapse on +μ* and of the state on both modes meet.

    For equal weights.  Below its separation there is no fold on that side; to 1e-9 in both
    coordinates.

    >>> point = cusp()
    >>> round(point.target_weight, 6), round(point.separation, 6)
    (0.786654, 1.604367)
    """
    return _fold(np.array(_cusp(0.0)[:3]), 0.0)


def fold_lines(separations: ArrayLike) -> pd.DataFrame:
    """The fold lines on the side of +μ*, equal weights, one row per separation beyond the cusp.

    Columns: separation; collapse_above, the target weight π above which a state collapsed on +μ*
    exists; both_below, the π below which a state on both modes exists; and the logits of the two.
    For the other mode, take 1 − π.

    >>> fold_lines([2.5]).round(4)[["collapse_above", "both_below"]].values.tolist()
    [[0.2819, 0.9758]]
    """
    rows = []
    for r in np.atleast_1d(numbers_of("separations", separations)):
        folds = _folds_at(_settings(r, 0.5, 0.5)[0], 0.0)
        if folds:
            both, birth = folds[0][1], min(value for _, value in folds[1::2])
            rows.append((r, expit(birth), expit(both), birth, both))
    names = ["collapse_above", "both_below", "collapse_above_logit", "both_below_logit"]
    return pd.DataFrame(rows, columns=["separation", *names])


def regions(target_weights: ArrayLike, separations: ArrayLike) -> pd.DataFrame:
    """What can happen at each (π, r) with equal weights: what the stable fixed points are.

    Returns
    -------
    A row per pair: target_weight; separation; attractors, the number of stable fixed points (up
    to the exchange of the components); aligned, how many of them have both means
    on one side of the midpoint; both_modes, collapse_plus, collapse_minus, whether a stable state
    covers both modes, or only that at ±μ*, by the definition of :mod:`modecollapse.outcomes`;
    region, "both modes only", "both and collapse" or "collapse only", after these three.

    The number of attractors changes at folds alone.  The region also changes where a state loses a
    mode gradually: near the cusp, where the modes overlap, both attractors may cover both modes.

    >>> regions([0.5, 0.9], [2.0, 3.0]).region.tolist()
    ['both modes only', 'both and collapse', 'collapse only', 'both and collapse']
    """
    weights = np.atleast_1d(numbers_of("target_weights", target_weights))
    radii = np.atleast_1d(numbers_of("separations", separations))
    found = {}
    for r in radii:
        _settings(r, 0.5, 0.5)
        curve = TargetCurve(r, 0.0)
        for weight in weights:
            _, target_logit, _ = _settings(r, weight, 0.5)
            points = [
                _split(*curve.point(t), 1.0, float(r), float(weight), 0.5)
                for t in curve.crossings(target_logit)
            ]
            found[weight, r] = [point for point in points if point.stable]
    rows = [_region(w, r, found[w, r]) for w in weights for r in radii]
    return pd.DataFrame(rows)


def _region(weight: float, r: float, stable: list[FixedPoint]) -> dict[str, object]:
    collapsed = [point for point in stable if point.outcome.is_collapse]
    both = len(collapsed) < len(stable)
    name = "both and collapse" if both else "collapse only"
    return {
        "target_weight": weight,
        "separation": r,
        "attractors": len(stable),
        "aligned": sum(point.aligned for point in stable),
        "both_modes": both,
        "collapse_plus": any(point.masses[0] > point.masses[1] for point in collapsed),
        "collapse_minus": any(point.masses[0] < point.masses[1] for point in collapsed),
        "region": name if collapsed else "both modes only",
    }


def _folds_at(r: float, logit: float) -> list[tuple[float, float]]:
    """(t, Λ) of the turning points on the side of +μ*: a maximum, a minimum, …"""
    return [(t, value) for t, value in TargetCurve(r, logit, REACH).turning_points if t > 0]


def _birth(r: float, logit: float) -> tuple[float, float]:
    """(t, Λ) of the lowest minimum on the side of +μ*: the target logit that collapse needs."""
    return min(_folds_at(r, logit)[1::2], key=lambda fold: fold[1])


@lru_cache(maxsize=64)
def _highest_birth(logit: float) -> tuple[float, float]:
    """(r, λ) where the line of births is highest: the cusp, or a little beyond it."""
    _, _, r, lam = _cusp(logit)
    top = minimize_scalar(
        lambda r: -_birth(r, logit)[1],
        bounds=(r + 1e-6, r + NEAR_CUSP),
        method="bounded",
        options={"xatol": 1e-9},
    )
    return (top.x, -top.fun) if -top.fun > lam else (r, lam)


@lru_cache(maxsize=64)
def _cusp(logit: float) -> tuple[float, float, float, float]:
    """(c, s, r, λ) where γδ = rW and dΛ/dt = d²Λ/dt² = 0 on the side of +μ*."""
    low = 1.0
    while not _folds_at(low + 0.1, logit):
        low += 0.1
    high = low + 0.1
    while high - low > 1e-3:
        middle = 0.5 * (low + high)
        low, high = (low, middle) if _folds_at(middle, logit) else (middle, high)
    (t1, _), (t2, _) = _folds_at(high, logit)[:2]
    start = np.array([*TargetCurve(high, logit, REACH).point(0.5 * (t1 + t2)), high])

    def miss(u: FloatArray) -> FloatArray:
        c, s, r = u
        t_c, t_s = _unit_tangent(c, s, r, logit)
        # d²Λ/dt², by a difference of fourth order along the tangent
        h, weights = 2e-3, {-2: 1, -1: -8, 1: 8, 2: -1}
        bend = sum(
            k * fold_condition(c + i * h * t_c, s + i * h * t_s, r, logit)
            for i, k in weights.items()
        )
        f = equilibrium(c, s, r, logit)[0]
        return np.array([f, fold_condition(c, s, r, logit), bend / (12 * h)])

    c, s, r = newton(miss, start)
    return float(c), float(s), float(r), equilibrium(c, s, r, logit)[3]


def _fold(u: FloatArray, logit: float) -> Fold:
    c, s, r = (float(v) for v in u)
    lam = equilibrium(c, s, r, logit)[3]
    half, shift = 0.5 * split_from(s), lam / (2 * r)
    positions = (c + half - shift, c - half - shift)
    return Fold(r, float(expit(lam)), float(expit(logit)), positions)
