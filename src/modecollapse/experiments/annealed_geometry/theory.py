"""By gradient flow, from the annealed equations."""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd

from ..kinds import Tolerance
from ..share import Share
from . import UNITS, Annealed, cases, row

__all__ = ["UNITS", "Settings", "compute"]


@dataclass(frozen=True)
class Settings(Annealed):
    """Integrated with relative error `rtol` a step."""

    rtol: Tolerance


def compute(settings: Settings, share: Share) -> pd.DataFrame:
    """A row for each case of the share."""
    from ...theory.annealed import integrate_annealed

    rows = []
    for case in share.progress(cases(settings)):
        run = integrate_annealed(
            settings.target,
            settings.start(),
            [settings.since, settings.time],
            rtol=settings.rtol,
            threads=share.threads,
            **case.dynamics(settings),
        )
        rows += row(settings, case, run)
    return pd.DataFrame(rows, columns=list(UNITS))
