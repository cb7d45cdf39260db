r"""Four differences between simulation and gradient flow, and the exponents of their power laws.

==================== =========================================================================
series               what is measured, and its law (docs/simulation.md, Section 4)
==================== =========================================================================
bias                 mean of Q_11 less that of the closed equations at one time: ∝ h
spread               standard deviation of m_1 over runs: ∝ B^{−1/2}; ∝ d^0 without score term
floor                KL where SGD comes to rest around the target, d h/4B: ∝ h, B^{−1}, d
==================== =========================================================================

Each exponent is the slope of a weighted fit to the logarithms, with a 95 % interval from the
standard errors of the points.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ..checks import require
from ..overlaps import Overlaps, random_start
from ..targets import BimodalTarget
from ..trajectory import Trajectory
from .kinds import (
    Batch,
    Batches,
    Device,
    Dimension,
    Dimensions,
    Positive,
    Repeats,
    Seed,
    Separation,
    StepSize,
    StepSizes,
)
from .share import Share, stream

__all__ = ["UNITS", "Settings", "compute"]

FloatArray = NDArray[np.float64]
log = logging.getLogger(__name__)

UNITS: Mapping[str, str] = MappingProxyType(
    {
        "source": "simulation",
        "series": "bias, spread or floor",
        "estimator": "estimator of the gradient",
        "variable": "what is varied: step_size, batch or dimension",
        "x": "its value, in its unit",
        "value": "the difference: Q_11 (bias), m_1 (spread) or nats (floor)",
        "standard_error": "of value",
        "exponent": "slope of log value against log x, 1",
        "low": "lower end of the 95 % interval of the exponent",
        "high": "upper end of the 95 % interval of the exponent",
        "expected": "the exponent that is expected, 1",
    }
)


@dataclass(frozen=True)
class Settings:
    """A balanced target with fixed equal weights, and the lists along which one of its numbers is
    varied.

    Bias and spread are measured at `time`, from one start; the floor between `floor_time`/2 and
    `floor_time`, from the target itself.
    """

    seed: Seed
    separation: Separation
    dimension: Dimension
    step_size: StepSize
    batch: Batch
    time: Positive
    floor_time: Positive
    bias_runs: Repeats
    spread_runs: Repeats
    floor_runs: Repeats
    step_sizes: StepSizes
    batches: Batches
    dimensions: Dimensions
    device: Device

    def __post_init__(self) -> None:
        for name in ("step_sizes", "batches", "dimensions"):
            given = getattr(self, name)
            require(len(given) > 1, name, given, "two or more, for a slope")
        rank = min(3, self.dimension)
        allowed = (
            f"numbers >= {rank}, the rank of the start's overlaps in dimension = {self.dimension}"
        )
        require(min(self.dimensions) >= rank, "dimensions", self.dimensions, allowed)
        longest = max(self.step_size, *self.step_sizes)
        for name in ("time", "floor_time"):
            allowed = f"a number >= {longest}, the largest step"
            require(getattr(self, name) >= longest, name, getattr(self, name), allowed)


class Point(NamedTuple):
    """Where a difference is measured."""

    step_size: float
    batch: int
    dimension: int


class Series(NamedTuple):
    """A difference, what it is measured along, and the exponent that is expected."""

    name: str
    estimator: str
    variable: str
    expected: float


SERIES = (
    Series("bias", "sticking-the-landing", "step_size", 1.0),
    Series("spread", "pathwise", "batch", -0.5),
    Series("spread", "sticking-the-landing", "dimension", 0.0),
    Series("floor", "pathwise", "step_size", 1.0),
    Series("floor", "pathwise", "batch", -1.0),
    Series("floor", "pathwise", "dimension", 1.0),
)


def compute(settings: Settings, share: Share) -> pd.DataFrame:
    """A row for each point of the series of the share."""
    tables = [
        _measure(settings, index, series)
        for index, series in share.progress(list(enumerate(SERIES)))
    ]
    empty = pd.DataFrame(columns=list(UNITS))
    tables = [table for table in tables if len(table)]
    return pd.concat(tables, ignore_index=True)[list(UNITS)] if tables else empty


def _measure(settings: Settings, index: int, series: Series) -> pd.DataFrame:
    """The points of one series and their exponent."""
    base = Point(settings.step_size, settings.batch, settings.dimension)
    along: tuple[Any, ...] = {
        "step_size": settings.step_sizes,
        "batch": settings.batches,
        "dimension": settings.dimensions,
    }[series.variable]
    rows = []
    for place, x in enumerate(along):
        seed = int(stream(settings.seed, index, place).integers(2**31))
        point = base._replace(**{series.variable: x})
        value, error = MEASURES[series.name](settings, point, series.estimator, seed)
        if np.isfinite([value, error]).all() and min(value, error) > 0:
            rows.append({"x": float(x), "value": value, "standard_error": error})
        else:
            log.warning(
                "left out %s at %s = %s: %s ± %s", series.name, series.variable, x, value, error
            )
    if len(rows) < 2:
        return pd.DataFrame(columns=list(UNITS))
    table = pd.DataFrame(rows)
    slope, slope_error = _slope(*(table[n].to_numpy() for n in ("x", "value", "standard_error")))
    reach = 1.96 * slope_error
    about: dict[str, Any] = {"exponent": slope, "low": slope - reach, "high": slope + reach}
    about |= {"series": series.name, "estimator": series.estimator, "variable": series.variable}
    return table.assign(source="simulation", expected=series.expected, **about)


def _bias(settings: Settings, point: Point, estimator: str, seed: int) -> tuple[float, float]:
    """|mean of Q_11 − theory| and its standard error."""
    from ..theory.integration import integrate

    target, start = _start(settings, point)
    exact = integrate(target, start, [settings.time]).final("q11")[0]
    many = start[np.zeros(settings.bias_runs, dtype=int)]
    q11 = _simulate(settings, target, many, point, estimator, seed).final("q11")
    return abs(q11.mean() - exact), q11.std(ddof=1) / np.sqrt(len(q11))


def _spread(settings: Settings, point: Point, estimator: str, seed: int) -> tuple[float, float]:
    """Standard deviation of m_1 over runs, and its standard error."""
    target, start = _start(settings, point)
    many = start[np.zeros(settings.spread_runs, dtype=int)]
    spread = _simulate(settings, target, many, point, estimator, seed).final("m1").std(ddof=1)
    return spread, spread / np.sqrt(2 * (settings.spread_runs - 1))


def _floor(settings: Settings, point: Point, estimator: str, seed: int) -> tuple[float, float]:
    """Mean KL while SGD rests around the target, and its standard error over runs."""
    target, n = BimodalTarget(settings.separation, point.dimension), settings.floor_runs
    square = settings.separation**2
    fit = Overlaps(np.tile([square, -square], (n, 1)), np.tile([square, -square, square], (n, 1)))
    run = _simulate(settings, target, fit, point, estimator, seed, settings.floor_time, logs=10)
    late = run.times >= settings.floor_time / 2
    each = run.statistics["kl"][:, late].mean(1)
    return each.mean(), each.std(ddof=1) / np.sqrt(n)


MEASURES: Mapping[str, Callable[[Settings, Point, str, int], tuple[float, float]]] = (
    MappingProxyType({"bias": _bias, "spread": _spread, "floor": _floor})
)


def _start(settings: Settings, point: Point) -> tuple[BimodalTarget, Overlaps]:
    """One start, of the same overlaps in every dimension."""
    target = BimodalTarget(settings.separation, settings.dimension)
    start = random_start(target, 1, stream(settings.seed))
    return replace(target, dimension=point.dimension), start


def _simulate(
    settings: Settings,
    target: BimodalTarget,
    start: Overlaps,
    point: Point,
    estimator: str,
    seed: int,
    time: float | None = None,
    logs: int = 1,
) -> Trajectory:
    """Runs to `time`, default that of the settings, logged `logs` times after the start."""
    from ..simulation.full import simulate

    steps = round((settings.time if time is None else time) / point.step_size)
    return simulate(
        target,
        start,
        step_size=point.step_size,
        steps=steps,
        batch=point.batch,
        estimator=estimator,
        log_every=max(1, steps // logs),
        evaluation_samples=1024,
        seed=seed,
        device=settings.device,
    )


def _slope(x: FloatArray, value: FloatArray, error: FloatArray) -> tuple[float, float]:
    """Weighted least-squares slope of log value against log x, and its standard error."""
    weight = (value / error) ** 2
    log_x, log_value = np.log(x), np.log(value)
    centred = log_x - np.average(log_x, weights=weight)
    precision = float((weight * centred**2).sum())
    return float((weight * centred * log_value).sum()) / precision, precision**-0.5
