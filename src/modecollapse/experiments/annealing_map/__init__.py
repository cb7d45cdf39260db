"""How often annealed mixtures collapse, over the initial β and the time of annealing."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import product
from types import MappingProxyType
from typing import Any, NamedTuple

from ...counting import Looks
from ...schedules import Exponential
from ...targets import BimodalTarget
from ...trajectory import Trajectory
from ..annealed_ends import best_annealed_kl
from ..columns import common
from ..ends import END_UNITS, Ends
from ..kinds import Betas, Counts, Dimension, Seed, Separation, Steps, StepSize, Weight
from ..starts import START_UNITS, start_columns

__all__ = ["UNITS", "Cell", "Map", "cells", "ends_of", "row"]

UNITS: Mapping[str, str] = MappingProxyType(
    {
        "source": "theory (gradient flow) or reduced simulation (finite batches)",
        **common("separation", "dimension", "target_weight"),
        "step_size": "gradient-flow time of a step",
        **common("beta_initial"),
        "anneal_steps": "t0, steps",
        **START_UNITS,
        **END_UNITS,
        "n_aligned": "runs whose means end with a positive overlap, μ_1·μ_2 > 0",
    }
)
START = ("modes", 1.0)  # the sphere of radius r


@dataclass(frozen=True)
class Map:
    """Equal fixed weights, means on the sphere, variances from 1/β_i by the Bures clock, every
    speed divided by β = β_i^(1 − t/t0); `extra_steps` more steps at β = 1."""

    seed: Seed
    separation: Separation
    dimension: Dimension
    target_weight: Weight
    beta_initials: Betas
    anneal_steps: Counts
    extra_steps: Steps
    step_size: StepSize

    @property
    def target(self) -> BimodalTarget:
        return BimodalTarget(self.separation, self.dimension, self.target_weight)


class Cell(NamedTuple):
    """One cell of the map: its number, β_i and t0 in steps."""

    number: int
    beta_initial: float
    anneal_steps: int

    def schedule(self, settings: Map) -> Exponential:
        """In gradient-flow time."""
        return Exponential(self.beta_initial, settings.step_size * self.anneal_steps)

    def total(self, settings: Map) -> int:
        """The number of steps."""
        return self.anneal_steps + settings.extra_steps


def cells(settings: Map) -> list[Cell]:
    """Every cell."""
    grid = product(settings.beta_initials, settings.anneal_steps)
    return [Cell(i, beta, steps) for i, (beta, steps) in enumerate(grid)]


def ends_of(settings: Map, cell: Cell, run: Trajectory) -> tuple[Ends, int]:
    """What became of the runs, and how many have means with a positive overlap."""
    since = settings.step_size * (cell.anneal_steps + settings.extra_steps / 2)
    ends = Ends.of(run, settings.target, since=since)
    return ends, int((run.final("q12")[run.finished] > 0).sum())


def row(
    settings: Map, cell: Cell, source: str, ends: Ends, aligned: int, looks: Looks | None = None
) -> dict[str, Any]:
    """One row of the table."""
    target = settings.target
    time = settings.step_size * cell.total(settings)
    return {
        "source": source,
        "separation": target.separation,
        "dimension": target.dimension,
        "target_weight": target.weight,
        "step_size": settings.step_size,
        "beta_initial": cell.beta_initial,
        "anneal_steps": cell.anneal_steps,
        **start_columns(target, *START),
        **ends.columns(time, best_annealed_kl(target, sphere=True), looks),
        "n_aligned": aligned,
    }
