"""How often q collapses, against separation, dimension and target weight."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import product
from types import MappingProxyType
from typing import Any

import pandas as pd

from ...counting import COUNT_UNITS, counted
from ...overlaps import Overlaps, random_start
from ...targets import BimodalTarget
from ...trajectory import Trajectory
from ..columns import common
from ..kinds import Dimensions, Runs, Seed, Separations, Weights
from ..share import Share, any_finished, stream

__all__ = ["UNITS", "Grid", "row", "tabulate", "targets"]

UNITS: Mapping[str, str] = MappingProxyType(
    {
        "source": "theory, simulation or formula",
        **common("separation", "dimension", "target_weight"),
        **COUNT_UNITS,
    }
)


@dataclass(frozen=True)
class Grid:
    """The targets, and how many starts on the sphere each has; equal fixed weights."""

    seed: Seed
    target_weights: Weights
    separations: Separations
    dimensions: Dimensions
    runs: Runs


def targets(settings: Grid) -> list[BimodalTarget]:
    """Every target of the grid."""
    grid = product(settings.target_weights, settings.separations, settings.dimensions)
    return [BimodalTarget(r, d, weight) for weight, r, d in grid]


def tabulate(
    settings: Grid,
    share: Share,
    source: str,
    train: Callable[[BimodalTarget, Overlaps, int], Trajectory],
) -> pd.DataFrame:
    """A row for each target of the share: random starts on the sphere, trained by `train`.

    `train` is given the target, the starts and a seed of its own.
    """
    rows = []
    for index, target in share.progress(list(enumerate(targets(settings)))):
        rng = stream(settings.seed, index)
        start = random_start(target, settings.runs, rng)
        run = train(target, start, int(rng.integers(2**31)))
        if any_finished(run, target=target):
            counts = counted(int(run.collapsed.sum()), int(run.finished.sum()))
            rows.append(row(source, target, counts))
    return pd.DataFrame(rows, columns=list(UNITS))


def row(source: str, target: BimodalTarget, counts: Mapping[str, Any]) -> dict[str, Any]:
    """One row of the table."""
    where = {
        "separation": target.separation,
        "dimension": target.dimension,
        "target_weight": target.weight,
    }
    return {"source": source, **where, **counts}
