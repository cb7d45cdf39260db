"""How often each outcome comes about by some times, over targets and learning-rate ratios η."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from types import MappingProxyType
from typing import Any, NamedTuple

from ...checks import require, within
from ...counting import Looks
from ...targets import BimodalTarget
from ...trajectory import Trajectory
from ..columns import common
from ..ends import END_UNITS, Ends, best_kl
from ..kinds import Dimensions, Etas, Law, Positives, Seed, Separations, Size, Weights
from ..starts import START_UNITS, check_starts, start_columns

__all__ = ["UNITS", "Grid", "Point", "agree", "ends_at", "points", "rows_of"]

UNITS: Mapping[str, str] = MappingProxyType(
    {
        "source": "theory or simulation",
        **common("eta", "separation", "dimension", "target_weight"),
        **START_UNITS,
        **END_UNITS,
    }
)


@dataclass(frozen=True)
class Grid:
    """Every combination of targets and η (0: equal fixed weights), looked at at `times`.

    The start is `law` with `size`, see :mod:`..starts`; all η of a target have the same starts.
    """

    seed: Seed
    target_weights: Weights
    dimensions: Dimensions
    separations: Separations
    etas: Etas
    law: Law
    size: Size
    times: Positives

    def __post_init__(self) -> None:
        check_starts((self.law,), (self.size,))
        for time in self.times:
            within("times", time, 0)
        increasing = list(self.times) == sorted(set(self.times)) and len(self.times) > 0
        require(increasing, "times", self.times, "increasing numbers > 0")


def agree(settings: Mapping[str, Any]) -> None:
    """What the settings of the two sources have in common; the figure puts one beside the other."""
    if len(settings) < 2:
        return
    theory, simulation = settings["theory"], settings["simulation"]
    for name in ("target_weights", "dimensions", "etas", "separations"):
        known, given = getattr(theory, name), getattr(simulation, name)
        allowed = f"some of theory's, {list(known)}"
        require(set(given) <= set(known), f"simulation.{name}", list(given), allowed)


class Point(NamedTuple):
    """A target, its number, and η."""

    number: int
    target: BimodalTarget
    eta: float


def points(settings: Grid) -> list[Point]:
    """Every point of the grid."""
    grid = product(settings.target_weights, settings.dimensions, settings.separations)
    targets = [BimodalTarget(r, d, weight) for weight, d, r in grid]
    return [Point(i, target, eta) for i, target in enumerate(targets) for eta in settings.etas]


def rows_of(
    settings: Grid, point: Point, source: str, ends: Sequence[Ends], looks: Looks | None = None
) -> list[dict[str, Any]]:
    """A row for each time; none where no run finished."""
    target = point.target
    where = {
        "source": source,
        "eta": point.eta,
        "separation": target.separation,
        "dimension": target.dimension,
        "target_weight": target.weight,
        **start_columns(target, settings.law, settings.size),
    }
    best = best_kl(target, point.eta)
    return [
        {**where, **end.columns(time, best, looks)}
        for time, end in zip(settings.times, ends, strict=True)
        if end.counts_for(point)
    ]


def ends_at(settings: Grid, point: Point, run: Trajectory) -> list[Ends]:
    """What became of the runs by each time."""
    return [Ends.of(run, point.target, time) for time in settings.times]
