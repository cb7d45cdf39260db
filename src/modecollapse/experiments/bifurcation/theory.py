"""Branches of fixed points with equal fixed weights, followed through their folds."""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd

from ..kinds import Weights
from ..share import Share
from ..span import Interval
from . import UNITS

__all__ = ["UNITS", "Settings", "compute"]


@dataclass(frozen=True)
class Settings(Interval):
    """For each target weight."""

    target_weights: Weights


def compute(settings: Settings, share: Share) -> pd.DataFrame:
    """The branches of the share's target weights, then their folds."""
    tables = [_branches(weight, settings) for weight in share.progress(settings.target_weights)]
    return pd.concat(tables, ignore_index=True) if tables else pd.DataFrame(columns=list(UNITS))


def _branches(weight: float, settings: Settings) -> pd.DataFrame:
    from ...theory.branches import branches

    table = branches((settings.lowest, settings.highest), weight)
    table = table.rename(columns={"position_1": "position1", "position_2": "position2"})
    table = table.assign(source="theory", target_weight=weight)
    table["kind"] = table["stable"].map({True: "stable", False: "unstable"})
    folds = table[table["fold"]].assign(kind="fold")
    return pd.concat([table, folds], ignore_index=True)[list(UNITS)]
