"""Collapse frequency of mixtures by the closed equations, with fixed and with trained weights."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import product
from types import MappingProxyType

import numpy as np
import pandas as pd

from ..counting import COUNT_UNITS, counted
from ..overlaps import random_start
from ..targets import BimodalTarget
from .columns import common
from .kinds import Dimensions, Etas, Positive, Runs, Seed, Separations, Tolerance, Weights
from .share import Share, any_finished, stream

__all__ = ["UNITS", "Settings", "compute"]

UNITS: Mapping[str, str] = MappingProxyType(
    {
        "source": "theory",
        **common("separation", "dimension", "target_weight"),
        "eta": "η, learning-rate ratio of the weights, 1; 0: equal fixed weights",
        **COUNT_UNITS,
    }
)


@dataclass(frozen=True)
class Settings:
    """Every combination of the lists; `runs` starts on the sphere each, up to `time`."""

    seed: Seed
    separations: Separations
    dimensions: Dimensions
    target_weights: Weights
    etas: Etas
    runs: Runs
    time: Positive
    rtol: Tolerance


def compute(settings: Settings, share: Share) -> pd.DataFrame:
    """A row for each combination of the share; all η of a target have the same starts."""
    from ..theory.integration import integrate

    targets = product(settings.separations, settings.dimensions, settings.target_weights)
    grid = [(i, *target, eta) for i, target in enumerate(targets) for eta in settings.etas]
    rows = []
    for index, separation, dimension, weight, eta in share.progress(grid):
        target = BimodalTarget(separation, dimension, weight)
        start = random_start(target, settings.runs, stream(settings.seed, index))
        times = np.array([settings.time])
        run = integrate(target, start, times, eta=eta, rtol=settings.rtol, threads=share.threads)
        if not any_finished(run, target=target, eta=eta):
            continue
        named = (("separation", separation), ("dimension", dimension), ("target_weight", weight))
        counts = counted(int(run.collapsed.sum()), int(run.finished.sum()))
        rows.append({"source": "theory", **dict(named), "eta": eta, **counts})
    return pd.DataFrame(rows, columns=list(UNITS))
