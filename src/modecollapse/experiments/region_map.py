"""The region of each (π, r), with equal fixed weights."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

import numpy as np
import pandas as pd

from .columns import common
from .kinds import from_to
from .share import Share
from .span import Span

__all__ = ["UNITS", "Settings", "compute"]

UNITS = {
    "source": "theory",
    **common("target_weight", "separation"),
    "attractors": "stable fixed points, up to the exchange of the components",
    "region": "both modes only, both and collapse, or collapse only",
}


@dataclass(frozen=True)
class Settings(Span):
    """`points` target weights from 1/2 to `heaviest` too."""

    heaviest: Annotated[
        float, from_to(0.501, 0.999, "a number > 0.5 and at most 0.999 (from 0.501)")
    ]


def compute(settings: Settings, share: Share) -> pd.DataFrame:
    """A row for each point; the share is one of the separations."""
    from ..theory.bifurcations import regions

    weights = np.linspace(0.5, settings.heaviest, settings.points)
    return settings.tabulate(share, UNITS, lambda r: regions(weights, [r]))
