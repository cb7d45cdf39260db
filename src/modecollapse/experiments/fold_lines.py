"""Folds with equal fixed weights, from the cusp on."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from .columns import common
from .kinds import Points, Separation
from .share import Share

__all__ = ["UNITS", "Settings", "compute"]

UNITS = {
    "source": "theory",
    "line": "heavy or light: collapse on that mode is born; both: the state on both modes is",
    "target_weight": "π, weight of the heavier mode, 1",
    **common("separation"),
}


@dataclass(frozen=True)
class Settings:
    """`points` separations from the cusp to `highest`."""

    highest: Separation
    points: Points


def compute(settings: Settings, share: Share) -> pd.DataFrame:
    """A row for each line and separation; in the first share the cusp and π = 1/2 too."""
    from ..theory.bifurcations import critical_separation, cusp, fold_lines

    tip, birth = cusp(), critical_separation()
    steps = np.linspace(0, 1, settings.points)[1:] ** 2  # the lines part like a square root
    separations = tip.separation + (settings.highest - tip.separation) * steps
    lines = fold_lines(share.of(separations.tolist()))
    rows = []
    if share.index == 0:
        rows += [(line, tip.target_weight, tip.separation) for line in ("heavy", "both")]
        rows += [(line, 0.5, birth) for line in ("heavy", "light")]
    for at in lines.itertuples():
        born = at.collapse_above
        mode = "heavy" if born >= 0.5 else "light"
        rows += [(mode, max(born, 1 - born), at.separation), ("both", at.both_below, at.separation)]
    return pd.DataFrame(rows, columns=list(UNITS)[1:]).assign(source="theory")[list(UNITS)]
