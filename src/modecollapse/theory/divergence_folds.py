r"""Where the collapsed state is born under other objectives than the reverse KL.

Equal fixed weights.  The state with both means near one mode is born in a fold: grad = 0 and
det(Hessian) = 0 in (x_1, x_2, r) (docs/remedies.md, Eq. 14.12).  It is followed from the fold of
the reverse KL (:func:`.bifurcations.collapse_fold`) as the objective changes, and from equal modes
as the target's weight does.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from itertools import product

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.optimize import brentq, root

from ..checks import choice, within
from ..outcomes import arrived, outcome
from .bifurcations import NoFoldError, collapse_fold
from .divergence_line import objective, on_the_line
from .rhs import kl_divergence, mode_masses

__all__ = [
    "DivergenceFold",
    "divergence_critical_separation",
    "divergence_fixed_points",
    "divergence_fold",
    "far_separation",
    "largest_share",
]

FloatArray = NDArray[np.float64]
Setting = Callable[[float], tuple[float, tuple[tuple[float, float], ...]]]

LARGEST = 50.0  # separation up to which a fold is followed
STEP = 0.1  # of the path's parameter
RESIDUAL = 1e-10  # of the gradient and of the determinant
JUMP = 0.3  # relative change of a separation in a step, beyond which it is another fold
MODES = ("heavy", "light")
PULL, TORN = 0.253226, -1.826586  # g and y_2 of Eq. 14.14: where the inner mean is torn off


@dataclass(frozen=True)
class DivergenceFold:
    """The fold in which the collapsed state of an objective is born.

    Attributes
    ----------
    separation, target_weight : r, and π of the mode that is collapsed on.
    alpha, share : the objective, see :func:`.divergence_line.objective`.
    positions : (outer, inner), along μ*, in standard deviations of a mode.
    """

    separation: float
    target_weight: float
    alpha: float
    share: float
    positions: tuple[float, float]


def largest_share(target_weight: float = 0.5) -> float:
    """λ* = ½ / (½ + 1 − π) beyond which no separation collapses on the mode π (Eq. 14.15).

    >>> largest_share(0.5)
    0.5
    """
    lost = 1 - within("target_weight", target_weight, 0, 1)
    return 0.5 / (0.5 + lost)


def far_separation(alpha: float) -> float:
    """r_c = ρ − y_2/2, ρ² (1 − α) = ½ log(2ρ/g): the limit as α → 1, two equal modes (Eq. 14.14).

    >>> round(far_separation(0.95), 3)
    7.157
    """
    rest = 1 - within("alpha", alpha, 0, 1, closed="[")
    low = 0.5 / math.sqrt(rest)  # where the difference is least, and below zero
    rho = brentq(
        lambda rho: rho * rho * rest - 0.5 * math.log(2 * rho / PULL), low, 20 * low, xtol=1e-12
    )
    return float(rho) - 0.5 * TORN


def divergence_critical_separation(
    target_weight: float = 0.5, alpha: float = 0.0, share: float = 0.0, mode: str = "heavy"
) -> float:
    """The r = ‖μ*‖ at which the state collapsed on a mode is born, to 1e-8 of itself.

    Equal fixed weights; the objective is D_α(q‖p) or (1 − λ) KL(q‖p) + λ KL(p‖q).

    Parameters
    ----------
    target_weight : π in [1e-12, 1 − 1e-12].
    alpha : α in [0, 1]; 0 is the reverse KL.
    share : λ in [0, 1); not together with `alpha`.
    mode : "heavy" or "light", the mode that is collapsed on.

    Raises
    ------
    NoFoldError
        No separation up to 50 is one: the objective has no collapsed state (α = 1, λ ≥ λ*), or the
        only state at small r turns into it without a fold (a heavy mode, as at α = 0).

    Examples
    --------
    >>> [round(divergence_critical_separation(alpha=alpha), 7) for alpha in (0.0, 0.5)]
    [2.2596076, 2.7083087]
    """
    choice("mode", mode, MODES)
    weight = within("target_weight", target_weight, 1e-12, 1 - 1e-12, closed="[]")
    heavy = max(weight, 1 - weight)
    light = max(1 - heavy, 1e-12)  # 1 − (1 − 1e-12) is less, by rounding
    return divergence_fold(heavy if mode == "heavy" else light, alpha, share).separation


def divergence_fold(
    target_weight: float = 0.5, alpha: float = 0.0, share: float = 0.0
) -> DivergenceFold:
    """The fold in which the state collapsed on the mode of weight `target_weight` is born."""
    weight = within("target_weight", target_weight, 1e-12, 1 - 1e-12, closed="[]")
    objective(alpha, share)
    if alpha == 1:
        raise NoFoldError(
            "alpha: got 1.0; allowed: numbers below 1, the forward KL, which has none"
        )
    edge = largest_share(weight)
    if share >= edge:
        raise NoFoldError(
            f"share: got {share}; allowed: less than {edge:.6g}, from where on no separation"
            f" collapses on a mode of weight {weight:g}"
        )
    first = collapse_fold(0.0)
    u = np.array([*first.positions, first.separation])
    end = -math.log1p(-alpha)
    u = _follow(u, end, lambda s: (0.0, objective(alpha=-math.expm1(-s))), ("alpha", alpha))
    if share > 0:  # up to λ* of equal modes, in which r is about linear in 1/(λ* − λ)
        if share >= largest_share():
            u = _over_the_edge(weight, share)
        else:
            end = -math.log1p(-share / largest_share())
            u = _follow(u, end, _shares(0.0, 0.5), ("share", share))
    logit = math.log(weight) - math.log1p(-weight)
    parts = objective(alpha, share)
    if share < largest_share():
        given = ("target_weight", weight)
        u = _follow(u, abs(logit), lambda s: (math.copysign(s, logit), parts), given)
    return DivergenceFold(float(u[2]), weight, alpha, share, (float(u[0]), float(u[1])))


def _over_the_edge(weight: float, share: float) -> FloatArray:
    """The fold at λ ≥ ½: by the target's weight first, then by the share."""
    edge, first = largest_share(weight), divergence_fold(weight)
    u = np.array([*first.positions, first.separation])
    logit = math.log(weight) - math.log1p(-weight)
    end = -math.log1p(-share / edge)
    return _follow(u, end, _shares(logit, edge), ("share", share))


def _shares(logit: float, edge: float) -> Setting:
    """The path of λ from 0 to its `edge`, as s goes to infinity."""
    return lambda s: (logit, objective(share=-edge * math.expm1(-s)))


def _follow(
    u: FloatArray,
    end: float,
    setting: Setting,
    given: tuple[str, float],
) -> FloatArray:
    """The fold (x_1, x_2, r) at s = `end`, from that at s = 0, where `setting` is (logit π, …).

    `given` is the argument, and its value, that the path leads to.
    """
    s, step, previous = 0.0, STEP, u
    last = 0.0
    while s < end:
        step = min(step, end - s)
        guess = u + (u - previous) * (step / last if last > 0 else 0.0)
        new = _solved(guess, *setting(s + step))
        if new is None or abs(new[2] / u[2] - 1) > JUMP:
            step /= 2
            if step < 1e-5:
                raise NoFoldError(_lost(given, setting(s)[0]))
            continue
        previous, u, s, last = u, new, s + step, step
        step = min(1.5 * step, STEP)
        if u[2] > LARGEST:
            allowed = f"one at which the state is born below a separation of {LARGEST:g}"
            raise NoFoldError(f"{given[0]}: got {given[1]}; allowed: {allowed}, here it is not")
    return u


def _lost(given: tuple[str, float], logit: float) -> str:
    name, value = given
    said = f"{name}: got {value}; allowed: one at which the collapsed state is born in a fold"
    if name != "target_weight":
        return said
    heavy = 1 / (1 + math.exp(-logit))
    return (
        f"{said}, only up to about {heavy:.4g}; above, the only attractor at small separations"
        " turns into it without one"
    )


def _solved(
    guess: FloatArray, logit: float, parts: tuple[tuple[float, float], ...]
) -> FloatArray | None:
    """The root of grad = 0, det = 0 next to `guess`, or None."""

    def miss(u: FloatArray) -> FloatArray:
        _, grad, hess = on_the_line(np.array([u[0], u[1], 0.0]), u[2], logit, parts)
        return np.array([grad[0], grad[1], hess[0, 0] * hess[1, 1] - hess[0, 1] ** 2])

    if not 0.3 < guess[2] < 1.5 * LARGEST:
        return None
    found = root(miss, guess, tol=1e-13)
    _, _, hess = on_the_line(np.array([*found.x[:2], 0.0]), found.x[2], logit, parts)
    fold = np.abs(found.fun).max() < RESIDUAL and hess[0, 0] + hess[1, 1] > 0
    return found.x if fold and found.x[0] > found.x[1] else None


def divergence_fixed_points(
    separation: float, target_weight: float = 0.5, alpha: float = 0.0, share: float = 0.0
) -> pd.DataFrame:
    """Fixed points with equal fixed weights, found by Newton's method from a grid of starts.

    All of them lie on the line of the modes and are stable across it (Eq. 14.8), but for the merged
    ones, which are never stable.  A grid may miss one that another is within 1e-5 of.

    Returns
    -------
    A row per fixed point, position_1 ≥ position_2, by increasing value: position_1, position_2,
    value (of the objective, nats), kl, mass_plus, mass_minus, stable, slowest (the largest
    eigenvalue of the flow along the line, per unit of time), outcome.

    >>> divergence_fixed_points(3.0, alpha=0.9).query("stable").outcome.tolist()
    ['both modes']
    """
    r = within("separation", separation, 0.05, 20, closed="[]")
    weight = within("target_weight", target_weight, 1e-12, 1 - 1e-12, closed="[]")
    logit = math.log(weight) - math.log1p(-weight)
    parts = objective(alpha, share)
    found: list[FloatArray] = []
    places = np.linspace(-r - 1, r + 1, max(15, int(4 * (r + 1))))
    for a, b in product(places, places):
        point = _newton(np.array([a, b]), r, logit, parts) if a >= b else None
        if point is not None and not any(np.abs(point - other).max() < 1e-5 for other in found):
            found.append(point)
    table = pd.DataFrame([_described(x, r, weight, parts) for x in found])
    return table.sort_values("value", ignore_index=True)


def _newton(
    x: FloatArray, r: float, logit: float, parts: Iterable[tuple[float, float]]
) -> FloatArray | None:
    """The fixed point that Newton's method ends at from x, the larger position first, or None."""
    for _ in range(40):
        _, grad, hess = on_the_line(np.array([*x, 0.0]), r, logit, tuple(parts))
        move = np.linalg.lstsq(hess[:2, :2], grad[:2], rcond=1e-14)[0]
        x = x - move * min(1.0, 1.0 / float(np.abs(move).max() + 1e-300))
        if not np.abs(x).max() < r + 5:
            return None
        if np.abs(move).max() < 1e-11:
            return np.sort(x)[::-1]
    return None


def _described(
    x: FloatArray, r: float, weight: float, parts: tuple[tuple[float, float], ...]
) -> dict[str, object]:
    logit = math.log(weight) - math.log1p(-weight)
    value, _, hess = on_the_line(np.array([*x, 0.0]), r, logit, parts)
    slowest = -float(np.linalg.eigvalsh(hess[:2, :2])[0])
    a, b = x
    y = np.array([r * a, r * b, a * a, a * b, b * b, 0.0])
    masses = mode_masses(y, r, weight)
    name = outcome(masses[None], [weight, 1 - weight], [[0.5, 0.5]], arrived(r * x[None], r))[0]
    return {
        "position_1": float(a),
        "position_2": float(b),
        "value": value,
        "kl": float(kl_divergence(y, r, weight)),
        "mass_plus": float(masses[0]),
        "mass_minus": float(masses[1]),
        "stable": slowest < 0 and a - b > 1e-5,
        "slowest": slowest,
        "outcome": str(name),
    }
