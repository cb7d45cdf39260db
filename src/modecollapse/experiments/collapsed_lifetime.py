"""Recovery with trained weights from the state that is collapsed with fixed ones."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

import pandas as pd

from .columns import common
from .kinds import Horizon, Rates, from_to, several
from .share import Share

__all__ = ["UNITS", "Settings", "compute"]

UNITS = {
    "source": "theory",
    **common("separation", "eta"),
    "time": "time until KL stays below ½ log 2, gradient-flow time",
    "recovered": "whether it does within the horizon",
    "law": "Eq. 8.4, gradient-flow time",
}


@dataclass(frozen=True)
class Settings:
    """Separations above the critical one, and the longest time to wait."""

    separations: Annotated[
        tuple[Annotated[float, from_to(2.26, 5.2, "a number from 2.26 to 5.2")], ...],
        several("a list of one or more different numbers from 2.26 to 5.2"),
    ]
    etas: Rates
    horizon: Horizon


def compute(settings: Settings, share: Share) -> pd.DataFrame:
    """A row for each separation of the share and each η."""
    from ..theory.metastability import collapsed_lifetime

    separations = share.of(settings.separations)
    if not separations:
        return pd.DataFrame(columns=list(UNITS))
    table = collapsed_lifetime(separations, settings.etas, settings.horizon)
    return table.assign(source="theory")[list(UNITS)]
