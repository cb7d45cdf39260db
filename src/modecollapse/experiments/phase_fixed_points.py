"""All fixed points with equal fixed weights, with the exchange of the two components."""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd

from .columns import common
from .kinds import Separation, Weight
from .share import Share

__all__ = ["UNITS", "Settings", "compute"]

UNITS = {
    "source": "theory",
    **common("position1", "position2"),
    "stability": "stable or unstable, to every perturbation",
    "outcome": "what a run that ends here is called",
    "kl": "KL(q‖p), nats",
}


@dataclass(frozen=True)
class Settings:
    """The target of the phase portrait."""

    separation: Separation
    target_weight: Weight


def compute(settings: Settings, share: Share) -> pd.DataFrame:
    """A row for each fixed point."""
    from ..theory.equilibria import fixed_points

    rows = [
        {
            "source": "theory",
            "position1": first,
            "position2": second,
            "stability": "stable" if point.stable else "unstable",
            "outcome": str(point.outcome),
            "kl": point.kl,
        }
        for point in share.progress(fixed_points(settings.separation, settings.target_weight))
        for first, second in sorted({point.positions, point.positions[::-1]})
    ]
    return pd.DataFrame(rows, columns=list(UNITS))
