"""Where collapse and both modes fit equally well, with equal fixed weights."""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd

from .columns import common
from .share import Share
from .span import Span

__all__ = ["UNITS", "Settings", "compute"]

UNITS = {
    "source": "theory",
    **common("separation"),
    "target_weight": "π above which collapse on the heavier mode is the better fit, 1",
    "kl": "KL(q‖p) of either state there, nats",
}


@dataclass(frozen=True)
class Settings(Span):
    """Below the cusp there is no line."""


def compute(settings: Settings, share: Share) -> pd.DataFrame:
    """A row for each separation of the share."""
    from ..theory.regret import regret_line

    return settings.tabulate(share, UNITS, lambda r: regret_line([r]))
