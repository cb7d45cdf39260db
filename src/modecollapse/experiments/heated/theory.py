"""How often the narrow mode is lost, by the closed equations."""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd

from ..kinds import Tolerance
from ..share import Share, any_finished
from . import UNITS, points, row
from . import Settings as Shared

__all__ = ["UNITS", "Settings", "compute"]


@dataclass(frozen=True)
class Settings(Shared):
    """As for both sources; `rtol` of the integration."""

    rtol: Tolerance


def compute(settings: Settings, share: Share) -> pd.DataFrame:
    """A row for each point of the share."""
    from ...theory.annealed.volumes import frame, integrate_volumes

    rows = []
    for index, point in share.progress(points(settings)):
        target = point.target(settings)
        run = integrate_volumes(
            target,
            point.start(settings, frame(target), index),
            [settings.time],
            point.dynamics(settings),
            path="tempered" if point.path == "none" else point.path,
            rtol=settings.rtol,
            threads=share.threads,
        )
        if any_finished(run, dimension=point.dimension, path=point.path):
            rows.append(row(settings, point, run))
    return pd.DataFrame(rows, columns=list(UNITS))
