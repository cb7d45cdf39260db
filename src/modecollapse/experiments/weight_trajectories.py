"""Weights and means of one start for several learning-rate ratios η."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

import numpy as np
import pandas as pd
from pydantic import Field

from ..targets import BimodalTarget
from ..trajectory import UNITS as STATISTIC_UNITS
from .basins import DIMENSION, orthogonal_start
from .columns import common
from .kinds import Etas, Points, Positive, Separation, Tolerance, Weight, from_to
from .share import Share

__all__ = ["UNITS", "Settings", "compute"]

COLUMNS = ("time", "m1", "m2", "weight", "kl", "mass_plus")
UNITS = {
    "source": "theory",
    **common("eta", "separation"),
    **{name: STATISTIC_UNITS[name] for name in COLUMNS},
    "outcome": "outcome at the end",
}


SignedCosine = Annotated[float, from_to(-0.7, 0.7, "a number from -0.7 to 0.7")]


@dataclass(frozen=True)
class Settings:
    """One start, its means at `cosines` with μ*, on the sphere; `points` times to `time`."""

    separation: Separation
    target_weight: Weight
    cosines: Annotated[
        tuple[SignedCosine, ...],
        Field(
            min_length=2,
            max_length=2,
            description="a list of two numbers from -0.7 to 0.7, the means' cosines with μ*",
        ),
    ]
    etas: Etas
    time: Positive
    points: Points
    rtol: Tolerance


def compute(settings: Settings, share: Share) -> pd.DataFrame:
    """A row for each η of the share and each time."""
    from ..theory.integration import integrate

    target = BimodalTarget(settings.separation, DIMENSION, settings.target_weight)
    start = orthogonal_start(target, np.array([settings.cosines]))
    times = np.linspace(0, settings.time, settings.points)
    tables = []
    for eta in share.progress(settings.etas):
        run = integrate(target, start, times, eta=eta, rtol=settings.rtol)
        table = run.table().assign(eta=eta, separation=target.separation)
        tables.append(table.assign(outcome=str(run.outcome[0]))[list(UNITS)])
    return pd.concat(tables, ignore_index=True) if tables else pd.DataFrame(columns=list(UNITS))
