"""What an architecture could do: flows fitted to samples of p by maximum likelihood."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import product
from types import MappingProxyType

import pandas as pd

from ..targets import BimodalTarget
from ..trajectory import UNITS as STATISTICS
from .columns import common
from .kinds import (
    Batch,
    Count,
    Couplings,
    Device,
    Dimensions,
    Runs,
    Seed,
    Separations,
    Steps,
    StepSize,
    Weight,
)
from .share import Share, stream

__all__ = ["UNITS", "Settings", "compute"]

PASSED = (
    "couplings",
    "hidden",
    "depth",
    "seeds",
    "steps",
    "batch",
    "learning_rate",
    "device",
)  # to the fits
MEASURED = ("kl", "kl_se", "forward_kl", "forward_kl_se", "mass_plus")
UNITS: Mapping[str, str] = MappingProxyType(
    {
        "source": "flow",
        **common("separation", "dimension", "target_weight"),
        "run": "number of the run in its setting",
        "step": "optimisation steps",
        **{name: STATISTICS[name] for name in MEASURED},
    }
)


@dataclass(frozen=True)
class Settings:
    """RealNVP on every combination of the lists, `seeds` fits each; `samples` for either KL."""

    seed: Seed
    separations: Separations
    dimensions: Dimensions
    target_weight: Weight
    couplings: Couplings
    hidden: Count
    depth: Count
    seeds: Runs
    steps: Steps
    batch: Batch
    learning_rate: StepSize
    samples: Batch
    device: Device


def compute(settings: Settings, share: Share) -> pd.DataFrame:
    """A row for each fit of the share that finished, at its end."""
    from ..flows.training import fit

    targets = list(enumerate(product(settings.separations, settings.dimensions)))
    tables = [pd.DataFrame(columns=list(UNITS))]
    for index, (separation, dimension) in share.progress(targets):
        run = fit(
            BimodalTarget(separation, dimension, settings.target_weight),
            checkpoint=share.checkpoint((settings, index)),
            forward_samples=settings.samples,
            evaluation_samples=settings.samples,
            seed=int(stream(settings.seed, index).integers(2**31)),
            log_every=settings.steps,
            ensemble_size=settings.seeds,
            **{name: getattr(settings, name) for name in PASSED},
        )
        last = run.table().rename(columns={"time": "step"}).query("step > 0")
        about = {"separation": separation, "dimension": dimension}
        last = last.assign(**about, target_weight=settings.target_weight)
        tables.append(last.astype({"step": int})[list(UNITS)])
    return pd.concat(tables[1:] or tables, ignore_index=True)
