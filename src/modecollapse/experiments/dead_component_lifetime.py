"""Recovery where one component has found its mode and the other has not moved yet."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

import pandas as pd

from .columns import common
from .kinds import Dimension, Horizon, Rates, from_to, several
from .share import Share

__all__ = ["UNITS", "Settings", "compute"]

UNITS = {
    "source": "theory",
    **common("separation", "eta"),
    "smallest_weight": "the least weight of the dying component on its way, 1",
    "time": "time until KL stays below ½ log 2, gradient-flow time",
    "recovered": "whether it does within the horizon",
    "law": "Eq. 8.7, gradient-flow time",
}


@dataclass(frozen=True)
class Settings:
    """Separations, learning-rate ratios, the dimension, and the longest time to wait."""

    separations: Annotated[
        tuple[Annotated[float, from_to(1.25, 9.9, "a number from 1.25 to 9.9")], ...],
        several("a list of one or more different numbers from 1.25 to 9.9"),
    ]
    etas: Rates
    dimension: Dimension
    horizon: Horizon


def compute(settings: Settings, share: Share) -> pd.DataFrame:
    """A row for each separation of the share and each η."""
    from ..theory.metastability import dead_component_lifetime

    separations = share.of(settings.separations)
    if not separations:
        return pd.DataFrame(columns=list(UNITS))
    table = dead_component_lifetime(
        separations, settings.etas, settings.dimension, settings.horizon
    )
    return table.assign(source="theory")[list(UNITS)]
