"""Recovery below the fold, from where the collapsed state vanished."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

import pandas as pd

from .columns import common
from .kinds import Horizon, from_to, several
from .share import Share

__all__ = ["UNITS", "Settings", "compute"]

UNITS = {
    "source": "theory",
    **common("separation"),
    "distance": "r_c − r, standard deviations of a mode",
    "time": "time until KL stays below ½ log 2, gradient-flow time",
    "recovered": "whether it does within the horizon",
    "law": "Eq. 8.2, gradient-flow time",
}


@dataclass(frozen=True)
class Settings:
    """Distances below the critical separation, and the longest time to wait."""

    distances: Annotated[
        tuple[Annotated[float, from_to(1e-10, 1.7, "a number from 1e-10 to 1.7")], ...],
        several("a list of one or more different numbers from 1e-10 to 1.7"),
    ]
    horizon: Horizon


def compute(settings: Settings, share: Share) -> pd.DataFrame:
    """A row for each distance of the share."""
    from ..theory.metastability import fold_delay

    distances = share.of(settings.distances)
    if not distances:
        return pd.DataFrame(columns=list(UNITS))
    table = fold_delay(distances, settings.horizon)
    return table.assign(source="theory")[list(UNITS)]
