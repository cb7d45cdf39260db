r"""How long collapse lasts where it is not for ever (docs/theory.md, section 8).

A state on one mode can be left in three ways, and each has its law:

- a little below the fold, through the bottleneck that the vanished fixed point leaves behind
  (:func:`fold_delay`): time ∝ |r − r_c|^{−1/2};
- with trained weights, by the slow drift of the weights towards the outer component
  (:func:`collapsed_lifetime`): time ∝ e^{5r²/4}/η;
- a component that lost its weight before it arrived moves at a speed w_1 → 0
  (:func:`dead_component_lifetime`): time ∝ e^{c(η) r²}.

The target has two equal modes.  A run has *recovered* when KL stays below ½ log 2, half of what a
lost mode costs.  Each function returns a table with the time measured by integration (the
`horizon`, with `recovered` false, where it takes longer), and the law.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import product

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.integrate import solve_ivp

from ..checks import integer, require, within
from ..overlaps import Overlaps
from ..targets import BimodalTarget
from .bifurcations import collapse_fold
from .drift import asymptotic_drift, drift_time
from .equilibria import fixed_points
from .integration import integrate
from .rhs import kl_divergence, velocity

__all__ = [
    "collapsed_lifetime",
    "dead_component_exponent",
    "dead_component_lifetime",
    "fold_delay",
]

FloatArray = NDArray[np.float64]

HORIZON = 1e9
GRID = 4000  # logged times; a recovery time is interpolated between two of them
RTOL = 1e-9
FARTHEST = 5.2  # of collapsed_lifetime: beyond, the drift is as small as rounding
KL_RECOVERED = 0.5 * math.log(2)


def fold_delay(distances: Sequence[float], horizon: float = HORIZON) -> pd.DataFrame:
    """Recovery time at fixed equal weights, r = r_c − distance, from the vanished fixed point.

    Along the null direction v of the Hessian at the fold, du/dt = a (r_c − r) + b u²; a run from
    u = 0 crosses half of the bottleneck, in the time (Eq. 8.2)

        T = (π/2) (a b (r_c − r))^{−1/2},    a = |v·∂_r f|,   b = |v·∂²f(v, v)|/2.

    Returns
    -------
    Columns separation, distance, time, recovered, law.

    >>> table = fold_delay([1e-6])
    >>> bool(abs(table.time[0] / table.law[0] - 1) < 0.01)
    True
    """
    fold = collapse_fold(0.0)
    x = np.array(fold.positions)
    rows = [within("distances", d, 0, fold.separation - 0.5) for d in distances]
    radii = [fold.separation - d for d in rows]
    starts = [_on_the_line(x, r) for r in radii]
    times, recovered = _recovery(radii, starts, [0.0] * len(radii), horizon)
    a, b = _normal_form(x, fold.separation)
    law = 0.5 * math.pi / np.sqrt(a * b * np.array(rows))
    columns = {"separation": radii, "distance": rows, "time": times, "recovered": recovered}
    return pd.DataFrame(columns | {"law": law})


def collapsed_lifetime(
    separations: Sequence[float], etas: Sequence[float], horizon: float = HORIZON
) -> pd.DataFrame:
    """Recovery time with trained weights from the state that is collapsed at equal weights.

    With trained weights that state is not a fixed point: ℓ drifts along the curve of collapsed
    states x(ℓ), towards the outer component, until the inner one is so light that the state ends in
    a fold at ℓ_f (Eq. 8.4):

        law = ∫_0^{ℓ_f} dℓ / |dℓ/dt|  at x(ℓ),      asymptote = 6π / (η r (π r φ(r))^{5/2}).

    Returns
    -------
    Columns separation, eta, time, recovered, law, asymptote; separations up to 5.2.

    >>> table = collapsed_lifetime([3.0], [0.1])
    >>> bool(abs(table.time[0] / table.law[0] - 1) < 0.1)
    True
    """
    grid = _grid(separations, etas, high=FARTHEST)
    starts = []
    for r, _ in grid:
        states = [p for p in fixed_points(r) if p.stable and min(p.positions) > 0]
        require(bool(states), "separations", r, "separations above the critical one, 2.2596")
        starts.append(_on_the_line(np.array(states[0].positions), r))
    times, recovered = _recovery(*_columns(grid, starts), horizon)
    drift = {r: drift_time(r) for r in dict(grid)}
    rows = [
        (r, eta, t, done, drift[r] / eta, asymptotic_drift(r) / eta)
        for (r, eta), t, done in zip(grid, times, recovered, strict=True)
    ]
    names = ["separation", "eta", "time", "recovered", "law", "asymptote"]
    return pd.DataFrame(rows, columns=names)


def dead_component_exponent(eta: float) -> float:
    """c(η) = (η/2)^{−2/(η − 2)}, at which log T grows with r² for d → ∞ (Eq. 8.8); c(2) = 1/e.

    >>> round(dead_component_exponent(10.0), 4), round(dead_component_exponent(2.0), 4)
    (0.6687, 0.3679)
    """
    eta = within("eta", eta, 0)
    excess = eta / 2 - 1
    return math.exp(-1 if excess == 0 else -math.log1p(excess) / excess)


def dead_component_lifetime(
    separations: Sequence[float],
    etas: Sequence[float],
    dimension: int = 64,
    horizon: float = HORIZON,
) -> pd.DataFrame:
    """Recovery time where one component has found its mode and the other has not moved yet.

    The second component starts at +μ*, the first where a random start on the sphere of radius r
    leaves it, x_1 = −r/√d with the rest across μ*; both weights are one half.  The first loses
    weight until its worse place is paid for, and its mean moves at a speed w_1.

    Returns
    -------
    Columns separation, eta, time, recovered, smallest_weight (of component 1), law, exponent: the
    law is Eq. 8.7, with component 2 at rest; exponent is (1 − 1/√d) c(η) r² (Eq. 8.8), which log T
    approaches to leading order in r².

    >>> table = dead_component_lifetime([4.0], [10.0])
    >>> bool(abs(table.time[0] / table.law[0] - 1) < 1e-3)
    True
    """
    d = integer("dimension", dimension, 2)
    place = 1 - 1 / math.sqrt(d)
    grid = _grid(separations, etas)
    starts = []
    for r, _ in grid:
        x = -r / math.sqrt(d)
        starts.append(Overlaps(np.array([[r * x, r * r]]), np.array([[r * r, r * x, r * r]])))
    smallest: list[float] = []
    times, recovered = _recovery(*_columns(grid, starts), horizon, smallest)
    rows = [
        (
            r,
            eta,
            t,
            done,
            least,
            _own_time_law(r, eta, d),
            place * dead_component_exponent(eta) * r * r,
        )
        for (r, eta), t, done, least in zip(grid, times, recovered, smallest, strict=True)
    ]
    names = ["separation", "eta", "time", "recovered", "smallest_weight", "law", "exponent"]
    return pd.DataFrame(rows, columns=names)


def _grid(
    separations: Sequence[float], etas: Sequence[float], high: float = 10.0
) -> list[tuple[float, float]]:
    values = [within("separations", r, 0, high, closed="]") for r in separations]
    rates = [within("etas", eta, 0) for eta in etas]
    return list(product(values, rates))


def _columns(
    grid: list[tuple[float, float]], starts: list[Overlaps]
) -> tuple[list[float], list[Overlaps], list[float]]:
    return [r for r, _ in grid], starts, [eta for _, eta in grid]


def _on_the_line(x: FloatArray, r: float) -> Overlaps:
    return Overlaps(r * x[None], np.array([[x[0] * x[0], x[0] * x[1], x[1] * x[1]]]))


def _recovery(
    radii: list[float],
    starts: list[Overlaps],
    etas: list[float],
    horizon: float,
    smallest: list[float] | None = None,
) -> tuple[FloatArray, NDArray[np.bool_]]:
    """When KL falls below ½ log 2 for good in each run (0 where it lies below from the start), and
    whether it does by `horizon`."""
    times = np.geomspace(1e-2, within("horizon", horizon, 1.0), GRID)
    start = Overlaps(
        np.concatenate([s.m for s in starts]),
        np.concatenate([s.q for s in starts]),
        np.concatenate([s.logit for s in starts]),
    )
    targets = [BimodalTarget(r, 3) for r in radii]
    run = integrate(targets, start, times, eta=etas, rtol=RTOL)
    if smallest is not None:
        smallest += run.statistics["weight"].min(axis=1).tolist()
    found, recovered = np.full(len(radii), times[-1]), np.zeros(len(radii), dtype=bool)
    for k, kl in enumerate(run.statistics["kl"]):
        last = _first_below(kl)
        if last == 0:
            found[k], recovered[k] = 0.0, True
        elif last < GRID:
            inside = np.linspace(times[last - 1], times[last], GRID)
            again = integrate(targets[k], starts[k], inside, eta=etas[k], rtol=RTOL)
            found[k] = _crossing(inside, again.statistics["kl"][0])
            recovered[k] = True
    return found, recovered


def _crossing(times: FloatArray, kl: FloatArray) -> float:
    """When KL falls below ½ log 2 for good, by a straight line between the times around it.

    A time of the grid itself would jump by its spacing where rounding moves KL across the level.
    """
    after = max(_first_below(kl), 1)
    before = after - 1
    part = (kl[before] - KL_RECOVERED) / (kl[before] - kl[after])
    return float(times[before] + part * (times[after] - times[before]))


def _first_below(kl: FloatArray) -> int:
    """The index from which on KL stays below ½ log 2."""
    above = np.flatnonzero(kl >= KL_RECOVERED)
    return int(above[-1]) + 1 if above.size else 0


def _normal_form(x: FloatArray, r: float) -> tuple[float, float]:
    """a and b of Eq. 8.1 at the fold, by differences of the velocity along μ*."""

    def f(u: FloatArray, r: float) -> FloatArray:
        y = [r * u[0], r * u[1], u[0] * u[0], u[0] * u[1], u[1] * u[1], 0.0]
        return velocity(y, r)[:2] / r

    h = 1e-4
    hessian = [(f(x + h * e, r) - f(x - h * e, r)) / (2 * h) for e in np.eye(2)]
    values, vectors = np.linalg.eigh(0.5 * (np.array(hessian) + np.array(hessian).T))
    v = vectors[:, np.abs(values).argmin()]
    by_r = v @ (f(x, r + h) - f(x, r - h)) / (2 * h)
    bend = v @ (f(x + h * v, r) - 2 * f(x, r) + f(x - h * v, r)) / (2 * h * h)
    return abs(float(by_r)), abs(float(bend))


def _own_time_law(r: float, eta: float, d: int) -> float:
    """∫ ds/w_1 along Eq. 8.7, in the component's own time ds = w_1 dt, with component 2 at μ*.

    :func:`.slow.slow_kl` follows many runs by the same equations in t itself, whose digits give out
    at 1e15; a lifetime at r = 10 is 1e24.
    """

    def overlaps(state: FloatArray) -> list[float]:
        x, p, l, _ = state
        return [r * x, r * r, x * x + max(p, 0.0), r * x, r * r, l]

    def rate(_: float, state: FloatArray) -> list[float]:
        y, x, w = overlaps(state), state[0], 1 / (1 + math.exp(-state[2]))
        dm1, _, dq11, _, _, dl = velocity(y, r, eta=eta) / w
        dx = dm1 / r
        return [dx, dq11 - 2 * x * dx, dl, 1 / w]

    def excess(_: float, state: FloatArray) -> float:
        return float(kl_divergence(overlaps(state), r)) - KL_RECOVERED

    x = -r / math.sqrt(d)
    excess.terminal, excess.direction = True, -1.0  # type: ignore[attr-defined]
    start = [x, r * r - x * x, 0.0, 0.0]
    if excess(0.0, np.array(start)) <= 0:
        return 0.0
    path = solve_ivp(rate, (0, 1e3), start, "LSODA", rtol=1e-8, atol=1e-10, events=excess)
    return float(path.y[3, -1])
