"""The part of random starts that is collapsed at a time, by the geometry of the descent."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product
from typing import Annotated

import pandas as pd

from ..overlaps import random_start
from ..targets import BimodalTarget
from .columns import common
from .ends import END_UNITS, Ends, best_kl, halving_times
from .kinds import (
    Dimension,
    Eta,
    Geometries,
    Rates,
    Runs,
    Seed,
    Tolerance,
    Weight,
    from_to,
    several,
)
from .share import Share, stream

__all__ = ["UNITS", "Settings", "compute"]

UNITS = {
    "source": "theory",
    "geometry": "euclidean, wasserstein or natural",
    **common("separation", "dimension", "target_weight", "eta"),
    **END_UNITS,
}


@dataclass(frozen=True)
class Settings:
    """`runs` starts on the sphere of radius r for each separation and geometry, read at `times`."""

    seed: Seed
    target_weight: Weight
    dimension: Dimension
    eta: Eta
    separations: Annotated[
        tuple[Annotated[float, from_to(0.05, 12, "a number from 0.05 to 12")], ...],
        several("a list of one or more different numbers from 0.05 to 12"),
    ]
    geometries: Geometries
    times: Rates
    runs: Runs
    rtol: Tolerance


def compute(settings: Settings, share: Share) -> pd.DataFrame:
    """A row for each separation and geometry of the share and each time."""
    from ..theory.geometry import integrate_geometry

    rows = []
    times, eta = sorted(settings.times), settings.eta
    grid = list(enumerate(product(settings.separations, settings.geometries)))
    for index, (separation, geometry) in share.progress(grid):
        target = BimodalTarget(separation, settings.dimension, settings.target_weight)
        start = random_start(target, settings.runs, stream(settings.seed, index))
        logged = halving_times(times)
        run = integrate_geometry(
            target, start, logged, eta=eta, geometry=geometry, rtol=settings.rtol
        )
        point = {
            "source": "theory",
            "geometry": geometry,
            "separation": separation,
            "dimension": target.dimension,
            "target_weight": target.weight,
            "eta": eta,
        }
        best = best_kl(target, eta)
        for time in times:
            ends = Ends.of(run, target, time)
            if ends.counts_for(point):
                rows.append(point | ends.columns(time, best))
    return pd.DataFrame(rows, columns=list(UNITS))
