r"""How long collapse lasts in each geometry, with trained weights and two equal modes.

The collapsed state of equal fixed weights is no fixed point when the weights are trained: ℓ drifts
along the curve of collapsed states x(ℓ), which is the same in every geometry, up to its fold ℓ_f
(docs/theory.md, Eq. 8.4).  Only the speed on it differs (docs/remedies.md, Eq. 13.9).  A component
without weight waits for a time ∝ 1/w where the mean's velocity carries its weight, and for one of
order √log(1/w) where it does not (Eqs. 13.7 and 13.8).
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.integrate import solve_ivp

from ..checks import integer, require, within
from ..geometries import Metric, metric_of
from ..overlaps import Overlaps
from ..targets import BimodalTarget
from .drift import asymptotic_drift, drift_time
from .equilibria import fixed_points
from .geometry import _geometric_velocity
from .geometry_runs import axial_start
from .metastability import FARTHEST
from .rhs import axial_to_overlaps, kl_divergence

__all__ = ["aligned_lifetime", "dead_component_wait", "light_component_law", "recovery_times"]

FloatArray = NDArray[np.float64]

HORIZON = 1e9
RTOL = 1e-9
KL_RECOVERED = 0.5 * math.log(2)


def aligned_lifetime(
    separations: Sequence[float],
    etas: Sequence[float],
    geometry: str = "natural",
    horizon: float = HORIZON,
) -> pd.DataFrame:
    """Time from the state collapsed at equal weights to KL = ½ log 2, two equal modes.

    Parameters
    ----------
    separations : r, each in (2.2596, 6].
    etas : η > 0, the speeds of the weights.
    geometry : one of :data:`.geometries.GEOMETRIES`.
    horizon : the longest time that is integrated.

    Returns
    -------
    Columns separation, eta, geometry, time, recovered (whether by the horizon), law and asymptote:

        law = (1/η) ∫_0^{ℓ_f} s(ℓ) dℓ / |∂KL/∂ℓ|,     s = (w_1 w_2)^b     (Eq. 13.9)
        asymptote = c π / (η r (π r φ(r))^{5/2}),      c = 6, or 3/4 where b = 1         (Eq. 13.10)

    >>> table = aligned_lifetime([3.0], [0.1])
    >>> bool(abs(table.time[0] / table.law[0] - 1) < 0.1)
    True
    """
    chosen = metric_of(geometry)
    rows = []
    for r in separations:
        r = within("separations", r, 0, FARTHEST, closed="]")
        states = [p for p in fixed_points(r) if p.stable and min(p.positions) > 0]
        require(bool(states), "separations", r, "separations above the critical one, 2.2596")
        start = np.array([*states[0].positions, 0.0, 0.0, 0.0, 0.0])
        drift, far = drift_time(r, chosen.weights), asymptotic_drift(r, chosen.weights)
        for eta in etas:
            eta = within("etas", eta, 0)
            time, done = _recovery(start, r, eta, chosen, horizon)
            rows.append((r, eta, geometry, time, done, drift / eta, far / eta))
    names = ["separation", "eta", "geometry", "time", "recovered", "law", "asymptote"]
    return pd.DataFrame(rows, columns=names)


def dead_component_wait(
    separations: Sequence[float],
    etas: Sequence[float],
    geometry: str = "natural",
    dimension: int = 64,
    horizon: float = HORIZON,
) -> pd.DataFrame:
    """Time to KL = ½ log 2 where one component has found its mode and the other has not moved yet.

    The start of :func:`.metastability.dead_component_lifetime`: the second component at +μ*, the
    first at x_1 = −r/√d with the rest of its norm r across μ*, both weights one half.

    Returns
    -------
    Columns separation, eta, geometry, time, recovered.

    >>> table = dead_component_wait([4.0], [10.0])
    >>> bool(table.time[0] < 5)  # 2.4e3 in the Euclidean geometry
    True
    """
    chosen = metric_of(geometry)
    d = integer("dimension", dimension, 2)
    rows = []
    for r in separations:
        r = within("separations", r, 0, 10, closed="]")
        x = -r / math.sqrt(d)
        start = np.array([x, r, r * r - x * x, 0.0, 0.0, 0.0])
        for eta in etas:
            time, done = _recovery(start, r, within("etas", eta, 0), chosen, horizon)
            rows.append((r, eta, geometry, time, done))
    return pd.DataFrame(rows, columns=["separation", "eta", "geometry", "time", "recovered"])


def recovery_times(
    target: BimodalTarget,
    start: Overlaps,
    eta: float,
    geometry: str = "natural",
    horizon: float = HORIZON,
) -> tuple[FloatArray, NDArray[np.bool_]]:
    """When each of n states has KL = ½ log 2, and whether it has by the horizon, (n,) each.

    >>> from modecollapse import random_start, target
    >>> p = target(3.0, dimension=64)
    >>> start = random_start(p, 2, np.random.default_rng(1))
    >>> recovery_times(p, start, 1.0)[1].tolist()
    [True, True]
    """
    equal = isinstance(target, BimodalTarget) and target.weight == 0.5
    require(equal, "target", target, "two equal modes")
    eta, chosen = within("eta", eta, 0), metric_of(geometry)
    x, r, _ = axial_start(target, start)
    times, done = zip(*[_recovery(state, r, eta, chosen, horizon) for state in x], strict=True)
    return np.array(times, dtype=float), np.array(done, dtype=bool)


def light_component_law(log_ratio: float, separation: float, eta: float) -> float:
    """About how long a component with log 1/w = `log_ratio` takes in the natural geometry, while
    the other one is at its mode (docs/remedies.md, Eq. 13.8).

    >>> [round(light_component_law(decades * math.log(10), 4.0, 1.0), 1) for decades in (20, 260)]
    [4.0, 8.9]
    """
    l = within("log_ratio", log_ratio, 0)
    r, eta = within("separation", separation, 0), within("eta", eta, 0)
    away, followed = math.sqrt(2 * l / (1 + eta)), (1 + 2 * eta) * r
    back = max(away - followed, 0.0) / (2 * eta * r)
    rest = math.log1p(0.5 * min(away, followed) ** 2) / min(eta, 2.0)
    return away / (2 * r) + back + rest


def _recovery(
    start: FloatArray, r: float, eta: float, metric: Metric, horizon: float
) -> tuple[float, bool]:
    """When KL falls below ½ log 2, for good since it never rises (docs/remedies.md, Eq. 13.2)."""

    def rhs(_: float, x: FloatArray) -> FloatArray:
        out = np.empty(6)
        _geometric_velocity(x, r, 0.0, eta, metric, out)
        return out

    def excess(_: float, x: FloatArray) -> float:
        return float(kl_divergence(axial_to_overlaps(x, r), r)) - KL_RECOVERED

    excess.terminal = True  # type: ignore[attr-defined]
    span = (0.0, within("horizon", horizon, 0))
    run = solve_ivp(rhs, span, start, "LSODA", rtol=RTOL, atol=RTOL / 100, events=excess)
    done = run.status == 1
    return (float(run.t_events[0][0]) if done else float(run.t[-1])), done
