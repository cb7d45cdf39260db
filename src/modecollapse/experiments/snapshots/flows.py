"""Two RealNVPs of one ensemble: that which covers the target worst, and that which does best."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ..flow_extremes import worst_and_best
from ..kinds import (
    Batch,
    Count,
    Device,
    Dimension,
    Fractions,
    Points,
    Runs,
    Seed,
    Separation,
    Steps,
    StepSize,
    Weight,
)
from ..share import Share
from . import UNITS, grid, logged, rows

__all__ = ["UNITS", "Settings", "compute"]

LOGS = 40
KERNEL = 0.35  # standard deviations of a mode: narrow beside a mode, wide beside a cell


@dataclass(frozen=True)
class Settings:
    """An ensemble of flows on one target; μ* lies in a random direction for each."""

    seed: Seed
    separation: Separation
    dimension: Dimension
    target_weight: Weight
    seeds: Runs
    couplings: Count
    hidden: Count
    depth: Count
    steps: Steps
    batch: Batch
    learning_rate: StepSize
    device: Device
    samples: Batch
    fractions: Fractions
    points: Points


def compute(settings: Settings, share: Share) -> pd.DataFrame:
    """The pictures of both flows; the work of one ensemble is not shared between jobs."""
    found = worst_and_best(settings, share, LOGS)
    if found is None:
        return pd.DataFrame(columns=list(UNITS))
    target, run, worst, best = found
    pictures = []
    for case, shown in (("RealNVP, worst", worst), ("RealNVP, best", best)):
        for k in logged(run.times, settings.fractions):
            samples = run.diagnostics["projection"][shown, k].astype(float)
            density = _density(samples, target.separation, settings.points)
            outcome, time = str(run.outcome[shown]), float(run.times[k])
            pictures.append(rows("flow", case, outcome, target.separation, time, density))
    return pd.concat(pictures, ignore_index=True)


def _density(samples: NDArray[np.float64], separation: float, points: int) -> NDArray[np.float64]:
    """A histogram of the samples (N, 2) on the grid of the plane, smoothed by a Gaussian kernel."""
    from scipy.ndimage import gaussian_filter

    axis = np.unique(grid(separation, points)[0])
    width = axis[1] - axis[0]
    edges = np.append(axis - width / 2, axis[-1] + width / 2)
    counts, _, _ = np.histogram2d(samples[:, 0], samples[:, 1], bins=(edges, edges))
    density = counts / (len(samples) * width**2)
    return gaussian_filter(density, KERNEL / width, mode="constant").ravel()
