r"""The probability of collapse from a random start, in closed form (docs/theory.md, section 7).

In high dimension a run begins next to the repeller, the merged fixed point x* between the modes:
relative to it, the half-sum X and the half-difference Y of the two positions along μ* are
independent, N(h, 1) and N(0, 1) in units of s/√(2d), with s the norm of a start.  X grows at the
rate (σ − 1)/2, Y at (σ − γ)/2, where σ = rT'(x*), and what is left across μ* decides γ.  A run
collapses when Y falls behind, κ|Y| < |X|, and the probability of these two wedges is

    P = 1 − 4 T(h/√(1 + κ²), κ),   T: Owen's function.                                (7.5)

It does not depend on whether the start is on a sphere or Gaussian.
"""

from __future__ import annotations

import math

import numpy as np
from scipy.integrate import solve_ivp
from scipy.special import erf, ndtr, owens_t

from ..checks import count, integer, made, within
from ..overlaps import Overlaps
from ..targets import BimodalTarget
from .equilibria import FixedPoint, _merge, _settings, fixed_points
from .integration import integrate
from .invariant_line import gap, step_moments

__all__ = ["collapse_probability", "separatrix_probability", "separatrix_slope"]

LINEAR = 0.25  # of r/σ, where the linear growth of the leading mean is taken to end
LARGEST_SCALE = 25.0
SMALLEST_DIMENSION = 16  # for the separatrix: below, a Gaussian law of the positions is too wide
BISECTIONS = 12


def collapse_probability(target: BimodalTarget, scale: float | None = None) -> float:
    """P(collapse) with fixed equal weights from a random start of norm `scale` (default r).

    The closed formula, Eq. 7.5, in which a mode on which no stable collapsed state exists takes no
    runs.  For d from 2 to 10⁵ it is good to 0.02 for r >= 4 and to 0.07 for r >= 3.  Next to the
    critical separation it is an upper estimate, by up to 0.26, because the wedges are bent there;
    :func:`separatrix_probability` is not.  Where the heavy mode is so heavy that nothing repels, it
    is 1, which holds for d >= 64 (docs/theory.md, section 7, has the table).

    Parameters
    ----------
    target : r in [0.05, 19], d and π.
    scale : s, the norm of a start on the sphere, or the root mean square norm of a Gaussian one.

    Examples
    --------
    >>> [round(collapse_probability(BimodalTarget(4.0, d, 0.6)), 2) for d in (64, 1024, 10**5)]
    [0.47, 0.52, 1.0]
    """
    target = made("target", target, BimodalTarget, "a target, such as target(3.0, 64)")
    weight = max(target.weight, 1 - target.weight)
    r, target_logit, _ = _settings(target.separation, weight, 0.5)
    norm = r if scale is None else within("scale", scale, 0, LARGEST_SCALE)
    stable = [point for point in fixed_points(r, weight) if point.stable]
    collapsed = [point for point in stable if point.outcome.is_collapse]
    if len(collapsed) == len(stable):
        return 1.0
    roots = sorted(_merge(r, target_logit))
    heavy, light = _exists(collapsed, 1), _exists(collapsed, -1)
    if len(roots) < 3:  # nothing repels: every start is drawn to the heavy mode first
        return float(heavy)
    unit = norm / math.sqrt(2 * target.dimension)
    h = (target_logit / (2 * r) - roots[1]) / unit
    kappa = separatrix_slope(r, roots[1], norm, math.sqrt(2) * unit * math.hypot(1, h))
    offset = h / math.hypot(1, kappa)
    rest = 2 * owens_t(offset, kappa)
    return float(heavy * (ndtr(offset) - rest) + light * (ndtr(-offset) - rest))


def separatrix_probability(
    target: BimodalTarget, scale: float | None = None, nodes: int = 65
) -> float:
    """P(collapse) as :func:`collapse_probability`, with the separatrix found by integration.

    With means of norm s that are orthogonal to each other, the half-sum X and the half-difference Y
    of the positions, in units of s/√(2d), decide alone.  At each of `nodes` values of X the largest
    Y that still collapses, B(X), is found by bisection of runs, and (Eq. 7.9)

        P = ∫ φ(X) erf(B(X)/√2) dX.

    What it leaves out is the overlap of the two starts, O(1/√d); it agrees with integration from
    2,000 random starts within their standard error, 0.01, for d >= 64 at every r and π tried.

    Parameters
    ----------
    target : r in [0.05, 19], d >= 16 and π.
    scale : s; default r.

    >>> round(separatrix_probability(BimodalTarget(2.4, 512, 0.6)), 1)
    0.4
    """
    r, _, _ = _settings(target.separation, target.weight, 0.5)
    norm = r if scale is None else within("scale", scale, 0, LARGEST_SCALE)
    d = integer("dimension", target.dimension, SMALLEST_DIMENSION)
    reach = min(5.0, 0.99 * math.sqrt(d))
    x = np.linspace(-reach, reach, count("nodes", nodes, 3))
    low, high = np.zeros(nodes), np.sqrt(np.minimum(0.99 * d - x * x, 64.0))
    for _ in range(BISECTIONS):
        middle = 0.5 * (low + high)
        means = norm / math.sqrt(2 * d) * np.stack([x + middle, x - middle], axis=-1)
        q = np.tile([norm * norm, 0.0, norm * norm], (nodes, 1))
        collapsed = integrate(target, Overlaps(r * means, q), times=[1e4], rtol=1e-5).collapsed
        low, high = np.where(collapsed, middle, low), np.where(collapsed, high, middle)
    density = np.exp(-x * x / 2) / math.sqrt(2 * math.pi)
    return float(np.trapezoid(density * erf(low / math.sqrt(2)), x))


def separatrix_slope(r: float, repeller: float, norm: float, lead: float) -> float:
    """κ, the lead of the half-sum over the half-difference with which collapse begins (Eq. 7.8).

    Parameters
    ----------
    r : the separation.
    repeller : ξ* = x* + λ/2r of the merged fixed point between the modes.
    norm : of both means across μ* at the start.
    lead : the distance of the leading mean from the repeller along μ* at the start.
    """
    sigma = r * step_moments(repeller, r)[1]
    end = LINEAR * r / sigma
    q, gain = 2 * norm * norm, 0.0
    if lead < end:
        q, gain = _linear_stage(q, 2 / (sigma - 1) * math.log(end / lead))
        lead = end
    behind = _following_stage(r, repeller, sigma, q, lead) / lead
    return math.exp(gain) * (1 + behind) / (1 - behind) if behind < 1 else math.inf


def _linear_stage(q: float, duration: float) -> tuple[float, float]:
    """The squared distance across μ* at its end, and ½ ∫ (1 − γ) dt (Eq. 7.6)."""

    def rate(_: float, state: np.ndarray) -> list[float]:
        overlap = 1 - gap(math.sqrt(state[0]), 0.0)[0]
        return [-(1 - overlap) * state[0], 0.5 * overlap]

    path = solve_ivp(rate, (0, duration), [q, 0.0], rtol=1e-8, atol=1e-10)
    return float(path.y[0, -1]), float(path.y[1, -1])


def _following_stage(r: float, repeller: float, sigma: float, q: float, lead: float) -> float:
    """How far behind the leading mean the other may just be, to follow it (Eq. 7.7)."""

    def rate(_: float, state: np.ndarray) -> list[float]:
        u, q, growth, _ = state
        pull = 0.25 * (1 - gap(math.sqrt(u * u + q), 0.0)[0])
        drift = u - r * (step_moments(repeller, r)[0] - step_moments(repeller + u, r)[0])
        return [
            pull * u - 0.5 * drift,
            -(1 - 4 * pull) * q,
            0.5 * (sigma - 1) + pull,
            math.exp(-growth) * pull * u,
        ]

    start = [lead, q, 0.0, 0.0]
    path = solve_ivp(rate, (0, 100 / (sigma - 1)), start, "LSODA", rtol=1e-8, atol=1e-12)
    return float(path.y[3, -1])


def _exists(collapsed: list[FixedPoint], side: int) -> bool:
    """Whether one of the collapsed states is on the mode at +μ* (`side` 1) or −μ* (−1)."""
    return any(side * (point.masses[0] - point.masses[1]) > 0 for point in collapsed)
