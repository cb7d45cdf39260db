"""Histograms of x·μ*/r under two flows of one ensemble while they train: the worst and the best."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np
import pandas as pd

from .columns import common
from .flow_extremes import worst_and_best
from .kinds import (
    Batch,
    Count,
    Couplings,
    Device,
    Dimension,
    Points,
    Runs,
    Seed,
    Separation,
    Steps,
    StepSize,
    Weight,
)
from .share import Share

__all__ = ["UNITS", "Settings", "compute"]

REACH = 4.0  # standard deviations beyond a mode that the histogram covers

UNITS: Mapping[str, str] = MappingProxyType(
    {
        "source": "flow",
        "case": "the flow whose heavier-lost mode keeps least, or most, of its weight",
        "outcome": "of that flow, at the end",
        **common("separation", "dimension", "target_weight"),
        "step": "optimisation steps",
        "position": "x·μ*/r, standard deviations of a mode",
        "density": "of the position under q, 1 / standard deviation of a mode",
    }
)


@dataclass(frozen=True)
class Settings:
    """One ensemble of RealNVPs, μ* in a direction drawn for each; `samples` a histogram."""

    seed: Seed
    separation: Separation
    dimension: Dimension
    target_weight: Weight
    seeds: Runs
    couplings: Couplings
    hidden: Count
    depth: Count
    steps: Steps
    batch: Batch
    learning_rate: StepSize
    logs: Count
    samples: Batch
    bins: Points
    device: Device


def compute(settings: Settings, share: Share) -> pd.DataFrame:
    """Both flows; the work of one ensemble is not shared between jobs."""
    found = worst_and_best(settings, share, settings.logs, ensemble_size=settings.seeds)
    if found is None:
        return pd.DataFrame(columns=list(UNITS))
    target, run, worst, best = found
    reach = target.separation + REACH
    edges = np.linspace(-reach, reach, settings.bins + 1)
    tables = []
    for case, k in (("worst", worst), ("best", best)):
        for step, samples in zip(run.times, run.diagnostics["projection"][k], strict=True):
            counts, _ = np.histogram(samples[:, 0], edges)
            picture = {
                "source": "flow",
                "case": case,
                "outcome": str(run.outcome[k]),
                "separation": target.separation,
                "dimension": target.dimension,
                "target_weight": target.weight,
                "step": int(step),
                "position": (edges[1:] + edges[:-1]) / 2,
                "density": counts / (settings.samples * (edges[1] - edges[0])),
            }
            tables.append(pd.DataFrame(picture))
    return pd.concat(tables, ignore_index=True)
