"""Whether a component dies while the target is annealed, by the geometry of the descent."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import product
from types import MappingProxyType
from typing import Any, NamedTuple

from ...overlaps import Overlaps
from ...schedules import Exponential
from ...targets import BimodalTarget
from ...trajectory import Trajectory
from ..columns import common
from ..ends import END_UNITS, Ends
from ..kinds import (
    Beta,
    Dimension,
    Geometries,
    Law,
    Positive,
    Rates,
    Runs,
    Seed,
    Separation,
    Size,
    Weight,
)
from ..share import stream
from ..starts import START_UNITS, check_starts, draw_start, start_columns

__all__ = ["UNITS", "Annealed", "Case", "cases", "row"]

UNITS: Mapping[str, str] = MappingProxyType(
    {
        "source": "theory (gradient flow) or reduced simulation (finite batches)",
        **common("separation", "dimension", "target_weight", "beta_initial"),
        "anneal_time": "t0, gradient-flow time",
        "geometry": "euclidean, wasserstein or natural",
        **common("eta"),
        **START_UNITS,
        **END_UNITS,
    }
)


@dataclass(frozen=True)
class Annealed:
    """Weights trained throughout while β rises from `beta_initial` over `anneal_time`, then `rest`
    at β = 1; variances from 1/β_i by the Bures clock, every speed divided by β, means free.

    Every η in every geometry, from the same `runs` starts of `law` and `size` (see :mod:`.starts`).
    """

    seed: Seed
    separation: Separation
    dimension: Dimension
    target_weight: Weight
    law: Law
    size: Size
    beta_initial: Beta
    anneal_time: Positive
    rest: Positive
    etas: Rates
    geometries: Geometries
    runs: Runs

    def __post_init__(self) -> None:
        check_starts((self.law,), (self.size,))

    @property
    def target(self) -> BimodalTarget:
        return BimodalTarget(self.separation, self.dimension, self.target_weight)

    @property
    def since(self) -> float:
        """Half the time at β = 1."""
        return self.anneal_time + self.rest / 2

    @property
    def time(self) -> float:
        """When one looks."""
        return self.anneal_time + self.rest

    def start(self) -> Overlaps:
        """The start of all cases."""
        rng = stream(self.seed)
        law = (self.law, self.size)
        return draw_start(self.target, self.runs, rng, *law, variance=1 / self.beta_initial)


class Case(NamedTuple):
    """One way to train."""

    geometry: str
    eta: float

    def dynamics(self, settings: Annealed) -> dict[str, Any]:
        """What both roads are told."""
        return {
            "schedule": Exponential(settings.beta_initial, settings.anneal_time),
            "eta": self.eta,
            "variances": "bures",
            "speed_over_beta": True,
            "geometry": self.geometry,
        }


def cases(settings: Annealed) -> list[Case]:
    """Every geometry with every η."""
    return [Case(*case) for case in product(settings.geometries, settings.etas)]


def row(settings: Annealed, case: Case, run: Trajectory) -> list[dict[str, Any]]:
    """The row of a case, or none where no run finished."""
    target, ends = settings.target, Ends.of(run, settings.target, since=settings.since)
    if not ends.counts_for(case):
        return []
    return [
        {
            "source": run.source,
            "separation": target.separation,
            "dimension": target.dimension,
            "target_weight": target.weight,
            "beta_initial": settings.beta_initial,
            "anneal_time": settings.anneal_time,
            **case._asdict(),
            **start_columns(target, settings.law, settings.size),
            **ends.columns(settings.time, 0.0),  # trained weights fit p exactly
        }
    ]
