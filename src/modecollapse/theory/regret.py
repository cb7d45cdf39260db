r"""Regret: how far a fit is above the best that its constraints allow (docs/theory.md, section 6).

With fixed weights the family may not hold the target, and then the state on both modes need not be
the best fit.  KL grows without bound as the means leave, so its global minimum is one of the fixed
points, and those are all known (:mod:`.equilibria`).  Far apart modes, r → ∞, leave the closed form

    both modes    w log w/π + (1 − w) log (1 − w)/(1 − π)
    exchanged     w log w/(1 − π) + (1 − w) log (1 − w)/π        each component on the other's mode
    collapsed     −log π on the mode at +μ*, −log(1 − π) on that at −μ*

so that with equal weights collapse on the heavier mode is the better fit from π = 4/5 on.  Trained
weights leave q = p, KL = 0.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from scipy.optimize import brentq
from scipy.special import expit

from ..checks import choice, numbers_of, require, within
from ..overlaps import Overlaps
from ..targets import BimodalTarget
from .annealed import integrate_annealed
from .bifurcations import cusp
from .equilibria import SEPARATIONS, FixedPoint, _split, fixed_points
from .invariant_line import TargetCurve

__all__ = [
    "WEIGHTS",
    "End",
    "Ending",
    "best_fit",
    "best_fit_with_variances",
    "endings",
    "regret_line",
]

FloatArray = NDArray[np.float64]

WEIGHTS = ("equal", "target", "trained")
SETTLED = 200.0  # gradient-flow time in which the variances of an end come to rest


class Ending(StrEnum):
    """Where a run can stay for ever, or the best place to be."""

    BOTH_MODES = "both modes"
    HEAVIER = "collapsed on the heavier mode"
    LIGHTER = "collapsed on the lighter mode"
    EXCHANGED = "exchanged"  # each component on the mode that the other one's weight fits

    @property
    def is_collapse(self) -> bool:
        return self in (Ending.HEAVIER, Ending.LIGHTER)


@dataclass(frozen=True)
class End:
    """A stable state: what it is called, its KL in nats, w_1, and (x_1, x_2) along μ*."""

    ending: Ending
    kl: float
    component_weight: float
    positions: tuple[float, float]


def endings(
    separation: float, target_weight: float = 0.5, weights: str | float = "equal"
) -> tuple[End, ...]:
    """All stable states, by increasing KL: the first is the global minimum of KL(q‖p).

    Parameters
    ----------
    separation : r >= 0.05; beyond 19 the limit r → ∞ is returned, which is then exact to rounding.
    target_weight : π in [1e-12, 1 − 1e-12].
    weights : of q: "equal" and fixed; fixed to those of the "target"; "trained"; or a fixed w_1.

    At π = 1/2 the mode at +μ* counts as the heavier one.  With "trained" weights only q = p is left
    (docs/theory.md, section 6).  For unequal fixed weights there is one collapsed state for each
    order of the components, and both are returned.

    >>> [str(end.ending) for end in endings(4.0, 0.8, "target")][:2]
    ['both modes', 'collapsed on the heavier mode']
    >>> [round(end.kl, 3) for end in endings(4.0, 0.8, "target") if end.ending == "exchanged"]
    [0.832]
    """
    r = within("separation", separation, SEPARATIONS[0], closed="[")
    pi = within("target_weight", target_weight, 1e-12, 1 - 1e-12, closed="[]")
    w = component_weight(pi, weights)
    if weights == "trained":
        return (End(Ending.BOTH_MODES, 0.0, pi, (r, -r)),)
    ends = _far_apart(r, pi, w) if r > SEPARATIONS[1] else _stable(r, pi, w)
    return tuple(sorted(ends, key=lambda end: end.kl))


def best_fit(separation: float, target_weight: float = 0.5, weights: str | float = "equal") -> End:
    """The global minimum of KL, and which state it is; arguments as in :func:`endings`.

    >>> str(best_fit(6.0, 0.95).ending), round(best_fit(6.0, 0.95).kl, 3)
    ('collapsed on the heavier mode', 0.051)
    """
    r = within("separation", separation, SEPARATIONS[0], closed="[")
    pi = within("target_weight", target_weight, 1e-12, 1 - 1e-12, closed="[]")
    named = isinstance(weights, str)
    return _best_fit(r, pi, weights if named else within("weights", weights, 0, 1))


@lru_cache(maxsize=1024)
def _best_fit(separation: float, target_weight: float, weights: str | float) -> End:
    return endings(separation, target_weight, weights)[0]


def best_fit_with_variances(target: BimodalTarget, weights: str | float = "equal") -> float:
    """The least KL where each component's isotropic variance is trained too, nats.

    Gradient flow of means and variances from every end with unit variances, which it leaves by
    little: to change a variance costs d times as much as to change a position.

    >>> best_fit_with_variances(BimodalTarget(3.0, 64)) < 1e-12
    True
    """
    ends = endings(target.separation, target.weight, weights)
    if weights == "trained":
        return 0.0
    x = np.array([end.positions for end in ends])
    w = np.array([end.component_weight for end in ends])
    q = np.stack([x[:, 0] ** 2, x[:, 0] * x[:, 1], x[:, 1] ** 2], axis=1)
    start = Overlaps(target.separation * x, q, np.log(w) - np.log1p(-w))
    run = integrate_annealed(target, start, [SETTLED], variances="bures", rtol=1e-6)
    return float(min(run.final("kl").min(), ends[0].kl))


def regret_line(separations: ArrayLike) -> pd.DataFrame:
    """The π above which collapse is the better fit, with equal fixed weights, at each separation.

    The two states have the same KL there, by root finding between the folds in which they are born
    and die.  The line begins at the cusp (π = 0.786654, r = 1.604367) and tends to π = 4/5.

    Returns
    -------
    A row per separation above the cusp's: separation, target_weight, kl (of either state, nats).

    >>> regret_line([12.0]).target_weight.round(9).tolist()
    [0.8]
    """
    least, most = cusp().separation, SEPARATIONS[1]
    radii = np.atleast_1d(numbers_of("separations", separations))
    require(radii.size > 0, "separations", separations, "one or more numbers")
    rows = []
    for r in (within("separations", r, SEPARATIONS[0], most, closed="[]") for r in radii.tolist()):
        if r > least:
            rows.append((r, *_equal_kl(r)))
    return pd.DataFrame(rows, columns=["separation", "target_weight", "kl"])


def component_weight(target_weight: float, weights: str | float) -> float:
    """w_1 as :func:`endings` reads it, or ValueError."""
    if isinstance(weights, str):
        choice("weights", weights, WEIGHTS)
        return 0.5 if weights == "equal" else target_weight
    return within("weights", weights, 0, 1)


def _equal_kl(r: float) -> tuple[float, float]:
    """The target weight at which the state on both modes and the collapsed one have the same KL."""
    curve = TargetCurve(r)
    folds = [value for t, value in curve.turning_points if t > 0]
    high = min(folds[0], 3.0)
    low = max(folds[1], 0.0) if len(folds) > 1 else 0.0
    margin = 1e-9 * (high - low)

    def pair(logit: float) -> tuple[FixedPoint, FixedPoint]:
        times = curve.crossings(logit)
        both, collapsed = min(times, key=abs), max(times)
        pi = float(expit(logit))
        first, second = (_split(*curve.point(t), 1.0, r, pi, 0.5) for t in (both, collapsed))
        return first, second

    def gap(logit: float) -> float:
        both, collapsed = pair(logit)
        return both.kl - collapsed.kl

    logit = brentq(gap, low + margin, high - margin, xtol=1e-13)
    return float(expit(logit)), pair(logit)[0].kl


def _stable(r: float, pi: float, w: float) -> Iterator[End]:
    """The stable fixed points by name; those of each order of the components stand on one curve."""
    points = [point for point in fixed_points(r, pi, w) if point.stable]
    for order in (1, -1):
        group = [p for p in points if order * p.split > 0]  # positions may agree to rounding
        group.sort(key=lambda p: -abs(p.split))
        for k, point in enumerate(group):
            alone = len(group) == 1
            spread = k == 0 and not (alone and point.aligned and point.outcome.is_collapse)
            name = _spread(order, pi, w) if spread else _collapsed(point.masses, pi)
            yield End(name, point.kl, w, point.positions)


def _spread(order: int, pi: float, w: float) -> Ending:
    """The name of a state with component 1 on the mode at `order`·μ*."""
    fits = order * (w - 0.5) * (pi - 0.5) >= 0
    return Ending.BOTH_MODES if fits else Ending.EXCHANGED


def _collapsed(masses: tuple[float, float], pi: float) -> Ending:
    heavy = (masses[0] > masses[1]) == (pi >= 0.5)
    return Ending.HEAVIER if heavy else Ending.LIGHTER


def _far_apart(r: float, pi: float, w: float) -> Iterator[End]:
    """The limit r → ∞."""
    for order, mode in ((1, pi), (-1, 1 - pi)):
        kl = w * math.log(w / mode) + (1 - w) * math.log((1 - w) / (1 - mode))
        if order > 0 or w != 0.5:
            yield End(_spread(order, pi, w), kl, w, (order * r, -order * r))
        masses = (1.0, 0.0) if order > 0 else (0.0, 1.0)
        yield End(_collapsed(masses, pi), -math.log(mode), w, (order * r, order * r))
