"""The part of the runs with trained weights that is still collapsed, by three roads.

One follows every run by the closed equations up to the last time.  The others know its state at
`begin`: the slow equations (Eq. 16.10), and the own time of the lighter component (8.7).
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product
from typing import Annotated, Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ..targets import BimodalTarget
from ..trajectory import Trajectory
from .columns import common
from .kinds import (
    Dimensions,
    Laws,
    Positive,
    Positives,
    Rates,
    Runs,
    Seed,
    Sizes,
    Tolerance,
    from_to,
    several,
)
from .share import Share, any_finished, stream
from .starts import START_UNITS, check_starts, draw_start, start_columns

__all__ = ["UNITS", "Settings", "compute"]

FEWEST = 10  # collapsed runs, of which a half-life is told
UNITS = {
    "source": "theory",
    **common("separation", "dimension", "target_weight", "eta"),
    **START_UNITS,
    "begin": "time from whose state one forecasts",
    "time": "gradient-flow time",
    "n_runs": "number of runs that finished by all three",
    "n_collapsed": "runs whose KL is above half of what the lost mode costs, by integration",
    "n_slow": "the same by the slow equations (Eq. 16.10) from the states at begin",
    "n_own": "the same by the own time of the lighter component (Eq. 8.7)",
    "half_life": "time by which half of those collapsed at begin have healed, by the closed "
    f"equations, interpolated in its logarithm; 0 where fewer than {FEWEST} were, or half have not",
    "drift_law": "log of the lifetime from equal weights at π = 1/2, at these r and η (Eq. 8.4)",
    "frozen_law": "log of that of a frozen component, to leading order in r (Eq. 8.8)",
}


@dataclass(frozen=True)
class Settings:
    """`runs` starts for every combination of the lists; a law has its size.  Of the `times` those
    after `begin` count, and `begin` itself."""

    seed: Seed
    separations: Annotated[
        tuple[Annotated[float, from_to(2.3, 5.5, "a number from 2.3 to 5.5")], ...],
        several("a list of one or more different numbers from 2.3 to 5.5"),
    ]
    dimensions: Dimensions
    target_weights: Annotated[
        tuple[Annotated[float, from_to(0.05, 0.95, "a number from 0.05 to 0.95")], ...],
        several("a list of one or more different numbers from 0.05 to 0.95"),
    ]
    etas: Rates
    laws: Laws
    sizes: Sizes
    begin: Positive
    times: Positives
    runs: Runs
    rtol: Tolerance

    def __post_init__(self) -> None:
        check_starts(self.laws, self.sizes)


class Point(NamedTuple):
    """One combination, and its number among all."""

    number: int
    target: BimodalTarget
    eta: float
    start: tuple[str, float]


def points(settings: Settings) -> Iterator[Point]:
    """Every combination of the lists."""
    starts = list(zip(settings.laws, settings.sizes, strict=True))
    lists = (settings.target_weights, settings.separations, settings.dimensions, settings.etas)
    for number, (weight, r, d, eta, start) in enumerate(product(*lists, starts)):
        yield Point(number, BimodalTarget(r, d, weight), eta, start)


def compute(settings: Settings, share: Share) -> pd.DataFrame:
    """A row for each point of the share and each time from `begin` on."""
    rows: list[dict[str, Any]] = []
    for point in share.progress(list(points(settings))):
        rows += rows_of(settings, point, share.threads)
    return pd.DataFrame(rows, columns=list(UNITS))


def rows_of(settings: Settings, point: Point, threads: int) -> list[dict[str, Any]]:
    """All roads from the same starts."""
    from ..theory.integration import integrate

    target, eta = point.target, point.eta
    start = draw_start(target, settings.runs, stream(settings.seed, point.number), *point.start)
    times = np.unique([settings.begin, *(t for t in settings.times if t >= settings.begin)])
    run = integrate(target, start, times, eta=eta, rtol=settings.rtol, threads=threads)
    named: dict[str, Any] = {"separation": target.separation, "dimension": target.dimension}
    named |= {"target_weight": target.weight, "eta": eta, **start_columns(target, *point.start)}
    if not any_finished(run, **named):
        return []
    collapsed = roads(run, target, eta, threads)
    named |= {"source": run.source, "begin": settings.begin, "n_runs": collapsed.shape[1]}
    counts = collapsed.sum(axis=1).T
    named |= {"half_life": half_life(times, counts[:, 0]), **laws(target, eta)}
    return [
        named | {"time": t, **dict(zip(("n_collapsed", "n_slow", "n_own"), n, strict=True))}
        for t, n in zip(times, counts.tolist(), strict=True)
    ]


def roads(run: Trajectory, target: BimodalTarget, eta: float, threads: int) -> NDArray[np.bool_]:
    """Which runs are collapsed at each time, (3, n, T): by the closed equations, and from their
    first state by the slow ones, and by those with the heavier component held at its mode."""
    from ..theory.rhs import overlaps_to_axial
    from ..theory.slow import slow_kl

    names = ("m1", "m2", "q11", "q12", "q22", "logit")
    first = np.stack([run.statistics[n][:, 0] for n in names], axis=-1)
    states, level = overlaps_to_axial(first, target.separation), half_cost(run.statistics, target)
    there, done = run.statistics["kl"] > level, run.finished.copy()
    lost = np.flatnonzero(there[:, 0] & done)
    levels, collapsed = level[lost, 0], np.zeros((3, *there.shape), dtype=bool)
    collapsed[0] = there
    for road, held in ((1, False), (2, True)):
        kl, finished = slow_kl(states[lost], run.times, target, eta, levels, held, threads)
        collapsed[road, lost] = kl > levels[:, None]
        done[lost] &= finished
    return collapsed[:, done]


def half_life(times: NDArray[np.float64], left: NDArray[np.int_]) -> float:
    """When half of the runs that are left at first are gone, 0 where it is not known.

    >>> times = np.array([1e2, 1e3, 1e4])
    >>> round(half_life(times, np.array([20, 15, 5])) / 1e3, 4)  # half a decade after 10³
    3.1623
    """
    parts = left / max(left[0], 1)
    if left[0] < FEWEST or parts[-1] >= 0.5:
        return 0.0
    k = int((parts < 0.5).argmax())
    return float(np.exp(np.interp(-0.5, -parts[k - 1 : k + 1], np.log(times[k - 1 : k + 1]))))


def half_cost(statistics: Any, target: BimodalTarget) -> NDArray[np.float64]:
    """Half of −log of the weight of the mode that is kept, above which a run is collapsed."""
    kept = statistics["mass_plus"] >= statistics["mass_minus"]
    return np.asarray(-0.5 * np.log(np.where(kept, target.weight, 1 - target.weight)))


def laws(target: BimodalTarget, eta: float) -> dict[str, float]:
    """The logarithm of the lifetime, by the law of each of the two clocks."""
    from ..theory.drift import drift_time
    from ..theory.metastability import dead_component_exponent

    r = target.separation
    far = (1 - target.dimension**-0.5) * r * r
    return {
        "drift_law": math.log(drift_time(r) / eta),
        "frozen_law": far * dead_component_exponent(eta),
    }
