"""The order parameters and KL against time, from the closed equations and from simulation."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ...overlaps import Overlaps, random_start
from ...targets import BimodalTarget
from ...trajectory import Trajectory
from ..columns import common
from ..kinds import Dimensions, Eta, Positive, Seed, Separation, Weight
from ..share import Share, stream

__all__ = ["UNITS", "Course", "tabulate"]

QUANTITIES = ("m1", "m2", "q11", "q12", "q22", "weight", "kl")

UNITS: Mapping[str, str] = MappingProxyType(
    {
        "source": "theory or simulation",
        **common("dimension", "separation", "target_weight", "eta"),
        "runs": "runs from the one start",
        "quantity": "the statistic",
        "time": "gradient-flow time (step size × steps)",
        "value": "mean over runs, in the unit of the statistic",
        "low": "lower end of the 95 % interval of value (Student's t over runs)",
        "high": "upper end of the 95 % interval of value",
    }
)


@dataclass(frozen=True)
class Course:
    """One random start on the sphere in each dimension, the same for both sources."""

    start_seed: Seed
    separation: Separation
    target_weight: Weight
    eta: Eta
    dimensions: Dimensions
    time: Positive


def tabulate(
    settings: Course,
    share: Share,
    source: str,
    train: Callable[[BimodalTarget, Overlaps, int], Trajectory],
) -> pd.DataFrame:
    """A row for each dimension of the share, quantity and time; `train` is given the target, the
    start and the number of the dimension."""
    tables = []
    for index, dimension in share.progress(list(enumerate(settings.dimensions))):
        target = BimodalTarget(settings.separation, dimension, settings.target_weight)
        start = random_start(target, 1, stream(settings.start_seed, index))
        run = train(target, start, index)
        for name in QUANTITIES:
            table = pd.DataFrame({"time": run.times} | _mean(run.statistics[name]))
            table = table[np.isfinite(table).all(axis=1)]  # where a run diverged, up to there
            tables.append(table.assign(quantity=name, dimension=dimension, runs=len(run)))
    if not tables:
        return pd.DataFrame(columns=list(UNITS))
    where = {"separation": settings.separation, "target_weight": settings.target_weight}
    whole = pd.concat(tables, ignore_index=True).assign(source=source, eta=settings.eta, **where)
    return whole[list(UNITS)]


def _mean(values: NDArray[np.float64]) -> dict[str, NDArray[np.float64]]:
    """The mean over runs (n, T) with its interval, which is a point for one run."""
    from scipy.special import stdtrit

    n, mean = len(values), values.mean(0)
    if n == 1:
        return {"value": mean, "low": mean, "high": mean}
    reach = stdtrit(n - 1, 0.975) * values.std(0, ddof=1) / np.sqrt(n)
    return {"value": mean, "low": mean - reach, "high": mean + reach}
