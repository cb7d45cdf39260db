"""Flows over a grid of targets and architectures: a row for each run and logged step.

The tables of flows differ only in the lists that span their grid.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import product
from types import MappingProxyType
from typing import TYPE_CHECKING

import pandas as pd

from ..outcomes import outcome
from ..targets import BimodalTarget
from ..trajectory import UNITS as STATISTICS
from ..trajectory import Trajectory
from .columns import common
from .kinds import (
    Architectures,
    Batch,
    Count,
    Counts,
    Device,
    Dimensions,
    Directions,
    ManyCouplings,
    Optimizer,
    Runs,
    Seed,
    Separations,
    Steps,
    StepSize,
    Weights,
)
from .share import Share, stream

if TYPE_CHECKING:
    from ..flows.settings import FlowSettings

__all__ = ["UNITS", "Settings", "compute", "rows"]

MEASURED = (
    "mass_plus",
    "mass_minus",
    "kl",
    "kl_se",
    "ess",
    "projection_mean",
    "projection_std",
    "loss",
)
UNITS: Mapping[str, str] = MappingProxyType(
    {
        "source": "flow",
        **common("separation", "dimension", "target_weight"),
        "direction": "of μ* against the coordinates that the layers act on",
        "architecture": "realnvp, maf or nsf",
        "couplings": "layers of the flow, 1",
        "hidden": "width of each layer's network, 1",
        "depth": "hidden layers of each layer's network, 1",
        "optimizer": "adam or sgd",
        "run": "number of the run in its setting",
        "step": "optimisation steps",
        **{name: STATISTICS[name] for name in MEASURED},
        "outcome": "at this step, by docs/theory.md, section 5",
        "status": "how the run ended",
    }
)


@dataclass(frozen=True)
class Settings:
    """Every combination of the lists, `seeds` runs each, trained `ensemble` at once.

    `logs` is the number of measurements after the start, evenly spaced.
    """

    seed: Seed
    separations: Separations
    dimensions: Dimensions
    target_weights: Weights
    directions: Directions
    architectures: Architectures
    couplings: ManyCouplings
    hidden: Counts
    depths: Counts
    optimizer: Optimizer
    seeds: Runs
    ensemble: Runs
    steps: Steps
    batch: Batch
    learning_rate: StepSize
    logs: Count
    samples: Batch
    device: Device


@dataclass(frozen=True)
class Point:
    """One combination, and some of its runs."""

    target: BimodalTarget
    flow: FlowSettings


def compute(settings: Settings, share: Share) -> pd.DataFrame:
    """The rows of this job's share; a share is made of ensembles."""
    from ..flows.training import train

    tables = [pd.DataFrame(columns=list(UNITS))]
    for point in share.progress(points(settings)):
        run = train(
            point.target,
            point.flow,
            checkpoint=share.checkpoint(point),
        )
        tables.append(rows(point.target, point.flow, run))
    return pd.concat(tables[1:] or tables, ignore_index=True)


def points(settings: Settings) -> list[Point]:
    """The combinations in order, each cut into ensembles; streams belong to the combination."""
    targets = product(settings.separations, settings.dimensions, settings.target_weights)
    flows = product(
        settings.directions,
        settings.architectures,
        settings.couplings,
        settings.hidden,
        settings.depths,
    )
    found = []
    for index, (target, flow) in enumerate(product(targets, list(flows))):
        seed = int(stream(settings.seed, index).integers(2**31))
        for first in range(0, settings.seeds, settings.ensemble):
            runs = min(settings.ensemble, settings.seeds - first)
            found.append(Point(BimodalTarget(*target), _flow(settings, flow, seed, first, runs)))
    return found


def _flow(
    settings: Settings, flow: tuple[str, str, int, int, int], seed: int, first: int, runs: int
) -> FlowSettings:
    from ..flows.settings import FlowSettings

    direction, architecture, couplings, hidden, depth = flow
    return FlowSettings.of(
        seeds=runs,
        first_seed=first,
        seed=seed,
        direction=direction,
        architecture=architecture,
        couplings=couplings,
        hidden=hidden,
        depth=depth,
        optimizer=settings.optimizer,
        steps=settings.steps,
        batch=settings.batch,
        learning_rate=settings.learning_rate,
        log_every=max(1, settings.steps // settings.logs),
        evaluation_samples=settings.samples,
        device=settings.device,
        ensemble_size=settings.ensemble,
    )


def rows(target: BimodalTarget, flow: FlowSettings, run: Trajectory) -> pd.DataFrame:
    """A row for each run and logged step; a run that diverged has rows up to there."""
    table = run.table(flow.first_seed).rename(columns={"time": "step"})
    masses = table[["mass_plus", "mass_minus"]].to_numpy()
    described = {
        "separation": target.separation,
        "dimension": target.dimension,
        "target_weight": target.weight,
        "direction": flow.direction,
        "architecture": flow.architecture.name,
        **{name: vars(flow.architecture)[name] for name in ("couplings", "hidden", "depth")},
        "optimizer": flow.optimizer,
        "step": table["step"].astype(int),
        "outcome": [str(o) for o in outcome(masses, target.weights)],
        "status": [str(run.status[k - flow.first_seed]) for k in table["run"]],
    }
    return table.assign(**described)[list(UNITS)]
