"""The region of each (π, r), with equal fixed weights."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

import numpy as np
import pandas as pd
from pydantic import Field

from ..checks import require
from .columns import common
from .kinds import Points, Separation
from .share import Share

__all__ = ["UNITS", "Settings", "compute"]

UNITS = {
    "source": "theory",
    **common("target_weight", "separation"),
    "attractors": "stable fixed points, up to the exchange of the components",
    "region": "both modes only, both and collapse, or collapse only",
}


@dataclass(frozen=True)
class Settings:
    """`points` target weights from 1/2 to `heaviest`, `points` separations between two ends."""

    heaviest: Annotated[
        float, Field(gt=0.5, le=0.999, description="a number > 0.5 and at most 0.999")
    ]
    lowest: Separation
    highest: Separation
    points: Points

    def __post_init__(self) -> None:
        allowed = f"a number > lowest = {self.lowest}"
        require(self.highest > self.lowest, "highest", self.highest, allowed)


def compute(settings: Settings, share: Share) -> pd.DataFrame:
    """A row for each point; the share is one of the separations."""
    from ..theory.bifurcations import regions

    weights = np.linspace(0.5, settings.heaviest, settings.points)
    separations = np.linspace(settings.lowest, settings.highest, settings.points)
    tables = [regions(weights, [r]) for r in share.progress(separations.tolist())]
    if not tables:
        return pd.DataFrame(columns=list(UNITS))
    table = pd.concat(tables, ignore_index=True).assign(source="theory")
    return table[list(UNITS)]
