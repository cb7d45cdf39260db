"""The flow on the invariant plane where both means lie along μ*, with equal fixed weights."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from .columns import common
from .kinds import Points, Positive, Separation, Weight
from .share import Share

__all__ = ["UNITS", "Settings", "compute"]

UNITS = {
    "source": "theory",
    **common("separation", "target_weight", "position1", "position2"),
    "velocity1": "speed of position1, standard deviations of a mode per unit of time",
    "velocity2": "speed of position2, standard deviations of a mode per unit of time",
    "kl": "KL(q‖p), nats",
}


@dataclass(frozen=True)
class Settings:
    """A grid of `points` × `points` positions from −`extent` to `extent`."""

    separation: Separation
    target_weight: Weight
    extent: Positive
    points: Points


def compute(settings: Settings, share: Share) -> pd.DataFrame:
    """A row for each pair of positions, for the share's positions of mean 1."""
    from ..theory.rhs import kl_divergence, velocity

    axis = np.linspace(-settings.extent, settings.extent, settings.points)
    mine = np.array(share.of(axis.tolist()))
    first, second = (x.ravel() for x in np.meshgrid(mine, axis, indexing="ij"))
    r = settings.separation
    overlaps = np.stack(
        [r * first, r * second, first**2, first * second, second**2, np.zeros_like(first)], axis=-1
    )
    speed = velocity(overlaps, r, settings.target_weight)
    return pd.DataFrame(
        {
            "source": "theory",
            "separation": r,
            "target_weight": settings.target_weight,
            "position1": first,
            "position2": second,
            "velocity1": speed[:, 0] / r,
            "velocity2": speed[:, 1] / r,
            "kl": kl_divergence(overlaps, r, settings.target_weight),
        }
    )
