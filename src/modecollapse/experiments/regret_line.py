"""Where collapse and both modes fit equally well, with equal fixed weights."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from ..checks import require
from .columns import common
from .kinds import Points, Separation
from .share import Share

__all__ = ["UNITS", "Settings", "compute"]

UNITS = {
    "source": "theory",
    **common("separation"),
    "target_weight": "π above which collapse on the heavier mode is the better fit, 1",
    "kl": "KL(q‖p) of either state there, nats",
}


@dataclass(frozen=True)
class Settings:
    """`points` separations between two ends; below the cusp there is no line."""

    lowest: Separation
    highest: Separation
    points: Points

    def __post_init__(self) -> None:
        allowed = f"a number > lowest = {self.lowest}"
        require(self.highest > self.lowest, "highest", self.highest, allowed)


def compute(settings: Settings, share: Share) -> pd.DataFrame:
    """A row for each separation of the share."""
    from ..theory import regret

    separations = np.linspace(settings.lowest, settings.highest, settings.points).tolist()
    tables = [regret.regret_line([r]) for r in share.progress(separations)]
    if not tables:
        return pd.DataFrame(columns=list(UNITS))
    return pd.concat(tables, ignore_index=True).assign(source="theory")[list(UNITS)]
