"""Recovery with trained weights from the state that is collapsed with fixed ones."""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd

from .columns import common
from .kinds import Positive, Positives, Separations
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

    separations: Separations
    etas: Positives
    horizon: Positive


def compute(settings: Settings, share: Share) -> pd.DataFrame:
    """A row for each separation of the share and each η."""
    from ..theory.metastability import collapsed_lifetime

    separations = share.of(settings.separations)
    if not separations:
        return pd.DataFrame(columns=list(UNITS))
    table = collapsed_lifetime(separations, settings.etas, settings.horizon)
    return table.assign(source="theory")[list(UNITS)]
