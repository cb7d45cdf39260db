"""How often q collapses by a time, against separation, dimension, target weight and start."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import product
from types import MappingProxyType
from typing import Any, NamedTuple

from ...targets import BimodalTarget
from ..columns import common
from ..ends import END_UNITS
from ..kinds import Dimensions, Laws, Seed, Separations, Sizes, Weights
from ..starts import START_UNITS, check_starts, start_columns

__all__ = ["UNITS", "Grid", "Point", "points", "row"]

UNITS: Mapping[str, str] = MappingProxyType(
    {
        "source": "theory, simulation or reduced simulation",
        **common("separation", "dimension", "target_weight"),
        **START_UNITS,
        "effective_dimension": "d of gradient flow from the same starts that the noise of the "
        "batches leaves (docs/theory.md, Eq. 10.14), where the means do not overlap at first, 1",
        **END_UNITS,
    }
)


@dataclass(frozen=True)
class Grid:
    """Every combination of targets and starts; equal fixed weights, unit variances.

    The starts are the entries of `laws` and `sizes` in turn.
    """

    seed: Seed
    target_weights: Weights
    separations: Separations
    dimensions: Dimensions
    laws: Laws
    sizes: Sizes

    def __post_init__(self) -> None:
        check_starts(self.laws, self.sizes)


class Point(NamedTuple):
    """A target and a start."""

    target: BimodalTarget
    law: str
    size: float


def points(settings: Grid) -> list[tuple[int, Point]]:
    """Every point of the grid with its number."""
    starts = zip(settings.laws, settings.sizes, strict=True)
    grid = product(settings.target_weights, settings.separations, settings.dimensions, starts)
    return [
        (i, Point(BimodalTarget(r, d, weight), *start))
        for i, (weight, r, d, start) in enumerate(grid)
    ]


def row(
    source: str, point: Point, ends: Mapping[str, Any], effective_dimension: float
) -> dict[str, Any]:
    """One row of the table."""
    target = point.target
    return {
        "source": source,
        "separation": target.separation,
        "dimension": target.dimension,
        "target_weight": target.weight,
        **start_columns(*point),
        "effective_dimension": effective_dimension,
        **ends,
    }
