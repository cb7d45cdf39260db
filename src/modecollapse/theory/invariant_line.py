r"""Fixed points on the invariant line μ_i = x_i μ*/r: the curve of all targets.

Every fixed point of the bimodal equations lies on this line (docs/theory.md, section 6).  In the
coordinates ξ_i = x_i + λ/2r, λ = logit π, the target's weight drops out of everything but one sum:
with T(ξ) = E tanh(r(ξ + Z)), the gap γ = E_1[r_1] − E_2[r_1] and the split δ = ξ_1 − ξ_2 > 0,

    γ(δ) δ = r (T(ξ_1) − T(ξ_2)),                                                     (6.5)
    λ = Λ := 2r Σ_i w_i (ξ_i − r T(ξ_i)).                                             (6.6)

The first equation, free of λ, is one curve in the plane of the centre c = (ξ_1 + ξ_2)/2 and the
split.  :class:`TargetCurve` follows it, so the fixed points of *every* target weight are the
crossings of one function of its arc length, Λ(t) = λ; folds are extrema of Λ, and a cusp is an
inflexion with Λ' = Λ'' = 0.

The split is exponentially small in r² at a collapsed state, so the functions here keep its relative
precision: T(ξ_1) − T(ξ_2) and γ are integrals of positive functions, never small differences.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import brentq, minimize_scalar

from ..compiled import compiled
from ..quadrature import LARGEST_SCALE, _sigmoid_moments

__all__ = ["TargetCurve"]

FloatArray = NDArray[np.float64]

STEP = 0.04  # of arc length; Λ varies on scales of 0.5 and above
_NODES, _NODE_WEIGHTS = np.polynomial.legendre.leggauss(10)


@compiled
def step_moments(xi: float, r: float) -> tuple[float, float, float]:
    """1 − T, T' and T'' of T(ξ) = E tanh(r(ξ + Z)); the first two to full relative precision."""
    s0, s1, s2 = _sigmoid_moments(-2 * r * xi, 2 * r)
    return 2 * s0, 4 * r * s1, -8 * r * r * s2


@compiled
def window(c: float, split: float, r: float) -> tuple[float, float]:
    """W = T(c + δ/2) − T(c − δ/2) and ∂W/∂c, without cancellation for c >= 0."""
    if r * split < 1:  # Gauss-Legendre on T' and T'': relative error below 1e-15
        value = slope = 0.0
        for k in range(_NODES.size):
            _, t1, t2 = step_moments(c + 0.5 * split * _NODES[k], r)
            value += 0.5 * split * _NODE_WEIGHTS[k] * t1
            slope += 0.5 * split * _NODE_WEIGHTS[k] * t2
        return value, slope
    upper, slope_upper, _ = step_moments(c + 0.5 * split, r)
    lower, slope_lower, _ = step_moments(c - 0.5 * split, r)
    return lower - upper, slope_upper - slope_lower


@compiled
def gap(split: float, logit: float) -> tuple[float, float]:
    """γ = E_1[r_1] − E_2[r_1] and ∂γ/∂δ for two components at a distance δ (Eq. 6.4)."""
    a, l = 0.5 * split * split, -abs(logit)
    upper, slope_upper, curvature_upper = _sigmoid_moments(l + a, split)
    lower, slope_lower, curvature_lower = _sigmoid_moments(l - a, split)
    slope = split * (slope_upper + slope_lower + curvature_upper - curvature_lower)
    if split >= 1:
        return upper - lower, slope
    value = 0.0
    for k in range(_NODES.size):
        value += a * _NODE_WEIGHTS[k] * _sigmoid_moments(l + a * _NODES[k], split)[1]
    return value, slope


@compiled
def split_from(s: float) -> float:
    """δ = 2 log(1 + e^s): logarithmic for a small split, linear for a large one."""
    return 2 * (max(s, 0.0) + math.log1p(math.exp(-abs(s))))


@compiled
def equilibrium(
    c: float, s: float, r: float, logit: float
) -> tuple[float, float, float, float, float, float]:
    """F, F_c, F_s, Λ, Λ_c, Λ_s at (c, s), where F = log γδ − log rW vanishes on the curve."""
    split, stretch = split_from(s), 2 / (1 + math.exp(-s))
    side, c = (1.0, c) if c >= 0 else (-1.0, -c)  # W is even in c
    w, w_c = window(c, split, r)
    c, w_c = side * c, side * w_c
    g, g_split = gap(split, logit)
    complement1, slope1, _ = step_moments(c + 0.5 * split, r)
    complement2, slope2, _ = step_moments(c - 0.5 * split, r)
    w1, w2 = 1 / (1 + math.exp(-logit)), 1 / (1 + math.exp(logit))
    f = math.log(g * split / (r * w))
    f_split = g_split / g + 1 / split - 0.5 * (slope1 + slope2) / w
    mean = 1 - w1 * complement1 - w2 * complement2
    lam = 2 * r * (c + 0.5 * (w1 - w2) * split - r * mean)
    lam_c = 2 * r * (1 - r * (w1 * slope1 + w2 * slope2))
    lam_split = r * (w1 - w2 - r * (w1 * slope1 - w2 * slope2))
    return f, -w_c / w, f_split * stretch, lam, lam_c, lam_split * stretch


@compiled
def _unit_tangent(c: float, s: float, r: float, logit: float) -> tuple[float, float]:
    _, f_c, f_s, _, _, _ = equilibrium(c, s, r, logit)
    norm = math.hypot(f_c, f_s)
    return f_s / norm, -f_c / norm


@compiled
def _advance(c: float, s: float, h: float, r: float, logit: float) -> tuple[float, float]:
    """The point of the curve at a distance h along the tangent at (c, s), corrected across it."""
    t_c, t_s = _unit_tangent(c, s, r, logit)
    c, s = c + h * t_c, s + h * t_s
    for _ in range(20):
        f, f_c, f_s, _, _, _ = equilibrium(c, s, r, logit)
        move = -f / (f_s * t_c - f_c * t_s)  # along the normal (−t_s, t_c)
        c, s = c - move * t_s, s + move * t_c
        if abs(move) < 1e-15 * (1 + abs(c) + abs(s)):
            break
    return c, s


@compiled
def _top(r: float, logit: float) -> float:
    """The s of the largest split, where c = 0: γδ = 2rT(δ/2), by bisection of a monotone ratio."""
    low, high = -2.0, math.log(math.expm1(0.5 * LARGEST_SCALE))
    while equilibrium(0.0, low, r, logit)[0] > 0:
        low -= 2
    for _ in range(200):
        middle = 0.5 * (low + high)
        if equilibrium(0.0, middle, r, logit)[0] > 0:
            high = middle
        else:
            low = middle
        if high - low < 1e-15 * (1 + abs(high)):
            break
    return 0.5 * (low + high)


@compiled
def _trace(r: float, logit: float, bound: float) -> FloatArray:
    """Nodes (c, s) from the largest split on, until the inner mean has ξ_2 > `bound`."""
    c, s = 0.0, _top(r, logit)
    nodes = np.empty((256, 2))
    n = 0
    while True:
        if n == len(nodes):
            nodes = np.concatenate((nodes, np.empty((n, 2))))
        nodes[n] = c, s
        n += 1
        if not c - 0.5 * split_from(s) <= bound:
            return nodes[:n].copy()
        c, s = _advance(c, s, STEP, r, logit)


@compiled
def fold_condition(c: float, s: float, r: float, logit: float) -> float:
    """dΛ/dt along the curve: zero at a fold, and of the sign of det ∇²KL elsewhere (Eq. 6.10)."""
    _, f_c, f_s, _, lam_c, lam_s = equilibrium(c, s, r, logit)
    return (lam_c * f_s - lam_s * f_c) / math.hypot(f_c, f_s)


@compiled
def _slopes(nodes: FloatArray, r: float, logit: float) -> FloatArray:
    """dΛ/dt at the nodes and at their mirror images, by increasing t."""
    n = len(nodes)
    slopes = np.empty(2 * n - 1)
    for k in range(n):
        slopes[n - 1 - k] = fold_condition(-nodes[k, 0], nodes[k, 1], r, logit)
        slopes[n - 1 + k] = fold_condition(nodes[k, 0], nodes[k, 1], r, logit)
    return slopes


@dataclass(frozen=True, eq=False)
class TargetCurve:
    """The split fixed points of every target weight at one separation and one component weight.

    Component 1 is the outer one, ξ_1 > ξ_2; the other order is the same curve at −`logit`.

    Parameters
    ----------
    separation : r in [0.05, 19].
    logit : ℓ = logit w_1.
    reach : the largest |λ| for which :meth:`crossings` is to be complete, at most 30.

    Attributes
    ----------
    turning_points : (t, Λ) of the extrema of Λ along the curve, by increasing arc length t; the
        largest split (c = 0) has t = 0, and t has the sign of c.

    Examples
    --------
    A perfect fit, w_1 = π with means at ±μ*, is the crossing with δ = 2r:

    >>> curve = TargetCurve(3.0, logit=0.5)
    >>> [round(curve.split(t), 9) for t in curve.crossings(0.5) if curve.split(t) > 5.9]
    [6.0]
    """

    separation: float
    logit: float = 0.0
    reach: float = 30.0
    turning_points: tuple[tuple[float, float], ...] = field(init=False)
    _nodes: FloatArray = field(init=False, repr=False)

    def __post_init__(self) -> None:
        r = float(self.separation)
        nodes = _trace(r, float(self.logit), r + self.reach / (2 * r))
        object.__setattr__(self, "separation", r)
        object.__setattr__(self, "logit", float(self.logit))
        object.__setattr__(self, "_nodes", nodes)
        object.__setattr__(self, "turning_points", self._turning_points())

    @property
    def end(self) -> float:
        """The arc length up to which the curve was followed, on both sides."""
        return STEP * (len(self._nodes) - 1)

    def point(self, t: float) -> tuple[float, float]:
        """(c, s) at arc length t, on the curve to rounding."""
        node = min(int(abs(t) / STEP), len(self._nodes) - 1)
        c, s = self._nodes[node]
        c, s = _advance(c, s, abs(t) - node * STEP, self.separation, self.logit)
        return math.copysign(c, t), s

    def split(self, t: float) -> float:
        """δ = ξ_1 − ξ_2 > 0."""
        return split_from(self.point(t)[1])

    def value(self, t: float) -> float:
        """Λ, the logit of the target weight whose fixed point this is (Eq. 6.6)."""
        return equilibrium(*self.point(t), self.separation, self.logit)[3]

    def slope(self, t: float) -> float:
        """dΛ/dt."""
        return fold_condition(*self.point(t), self.separation, self.logit)

    def crossings(self, target_logit: float) -> list[float]:
        """Every t with Λ(t) = `target_logit`: one at most between two turning points."""
        ends = [-self.end, *(t for t, _ in self.turning_points), self.end]
        miss = [self.value(t) - target_logit for t in ends]
        return [
            brentq(lambda t: self.value(t) - target_logit, low, high, xtol=1e-15, rtol=1e-15)
            for low, high, a, b in zip(ends[:-1], ends[1:], miss[:-1], miss[1:], strict=True)
            if a * b < 0
        ]

    def _turning_points(self) -> tuple[tuple[float, float], ...]:
        n = len(self._nodes)
        times = STEP * np.arange(1 - n, n)
        slopes = _slopes(self._nodes, self.separation, self.logit)
        size, sign = np.abs(slopes), np.sign(slopes)
        dips = (size[1:-1] <= size[:-2]) & (size[1:-1] <= size[2:])
        dips &= (sign[1:-1] == sign[:-2]) & (sign[1:-1] == sign[2:])
        dips &= size[1:-1] < size[:-2] + size[2:] - 2 * size[1:-1]
        for k in np.flatnonzero(dips) + 1:  # two zeros of the slope may hide between nodes
            lowest = minimize_scalar(
                lambda t, up=sign[k]: up * self.slope(t),
                bounds=(times[k - 1], times[k + 1]),
                method="bounded",
                options={"xatol": 1e-9},
            )
            if lowest.fun < 0:
                times[k], slopes[k] = lowest.x, sign[k] * lowest.fun
        change = np.flatnonzero(slopes[:-1] * slopes[1:] < 0)
        roots = [brentq(self.slope, times[k], times[k + 1], xtol=1e-15, rtol=1e-15) for k in change]
        return tuple((t, self.value(t)) for t in roots)
