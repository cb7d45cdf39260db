"""How long two states take to recover, by the geometry of the descent."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product
from typing import Annotated

import pandas as pd

from .columns import common
from .kinds import Dimension, Geometries, Horizon, Rate, from_to, several
from .share import Share

__all__ = ["UNITS", "Settings", "compute"]

UNITS = {
    "source": "theory",
    "start": "one at its mode (the other not moved yet) or aligned (collapsed at fixed weights)",
    "geometry": "euclidean, wasserstein or natural",
    **common("separation", "eta"),
    "time": "time until KL stays below ½ log 2, gradient-flow time",
    "recovered": "whether it does within the horizon",
}


@dataclass(frozen=True)
class Settings:
    """Separations for each of the two starts; the dimension says how far the first is to go."""

    geometries: Geometries
    separations: Annotated[
        tuple[Annotated[float, from_to(1.25, 9.9, "a number from 1.25 to 9.9")], ...],
        several("a list of one or more different numbers from 1.25 to 9.9"),
    ]
    aligned_separations: Annotated[
        tuple[Annotated[float, from_to(2.26, 5.2, "a number from 2.26 to 5.2")], ...],
        several("a list of one or more different numbers from 2.26 to 5.2"),
    ]
    eta: Rate
    dimension: Dimension
    horizon: Horizon


def compute(settings: Settings, share: Share) -> pd.DataFrame:
    """A row for each geometry, start and separation of the share."""
    from ..theory.geometry_lifetime import aligned_lifetime, dead_component_wait

    starts = [("one at its mode", r) for r in settings.separations]
    starts += [("aligned", r) for r in settings.aligned_separations]
    tables = []
    for geometry, (start, r) in share.progress(list(product(settings.geometries, starts))):
        if start == "aligned":
            table = aligned_lifetime([r], [settings.eta], geometry, settings.horizon)
        else:
            dimension, horizon = settings.dimension, settings.horizon
            table = dead_component_wait([r], [settings.eta], geometry, dimension, horizon)
        tables.append(table.assign(start=start, source="theory")[list(UNITS)])
    return pd.concat(tables, ignore_index=True) if tables else pd.DataFrame(columns=list(UNITS))
