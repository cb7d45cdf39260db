"""Flows on targets of any kind: where each run started, what it was early, and how it ended."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import numpy as np
import pandas as pd

from ..outcomes import modes_found
from ..trajectory import Trajectory
from .blocks import Targets, check_targets, label
from .kinds import Architecture, Batch, Count, Couplings, Device, Runs, Seed, Steps, StepSize
from .share import Share, stream

__all__ = ["EARLY", "UNITS", "Settings", "compute"]

EARLY = 0.02  # of the steps, after which a forecast is made
UNITS: Mapping[str, str] = MappingProxyType(
    {
        "source": "flow",
        "kind": "of the target",
        "target": "its kind and parameters",
        "dimension": "d, 1",
        "n_modes": "K, modes of the target, 1",
        "separation": "r, the least half distance of two modes in their own metric, 1",
        "barrier": "the r of two even unit Gaussians with the lowest barrier between modes, 1",
        "modes_seen": "modes that find_modes finds, 1",
        "run": "number of the run in its setting",
        "start": "mean of x·u under q before the first step, u the direction of the modes",
        "early_step": "optimisation steps after which the forecast is made",
        "early": "least A_k/π_k over the modes by then, 1",
        "early_mode": "the mode that has most, A_k/π_k, by then, its number",
        "step": "optimisation steps at the end",
        "least": "least A_k/π_k over the modes at the end, 1",
        "heaviest": "the mode that has most, A_k/π_k, at the end, its number",
        "n_found": "modes found at the end, 1",
        "outcome": "at the end, by docs/theory.md, section 5",
        "status": "how the run ended",
    }
)


@dataclass(frozen=True)
class Settings:
    """Each of the targets, `seeds` runs trained at once; `starts` ascents to find its modes."""

    seed: Seed
    targets: Targets
    architecture: Architecture
    couplings: Couplings
    hidden: Count
    depth: Count
    seeds: Runs
    steps: Steps
    batch: Batch
    learning_rate: StepSize
    samples: Batch
    starts: Runs
    device: Device

    def __post_init__(self) -> None:
        check_targets(self.targets)


def compute(settings: Settings, share: Share) -> pd.DataFrame:
    """A row for each run on each target of the share."""
    tables = [pd.DataFrame(columns=list(UNITS))]
    for index, block in share.progress(list(enumerate(settings.targets))):
        table = _rows(settings, share, index, block)
        if len(table):
            tables.append(table)
    return pd.concat(tables[1:] or tables, ignore_index=True)


def _rows(settings: Settings, share: Share, index: int, block: Mapping[str, Any]) -> pd.DataFrame:
    from ..flows.training import train
    from ..targets import find_modes, named

    target = named(**block)
    modes = find_modes(target, starts=settings.starts, samples=2, seed=settings.seed)
    early = max(1, round(EARLY * settings.steps))
    run = train(
        target,
        checkpoint=share.checkpoint((settings, index)),
        seed=int(stream(settings.seed, index).integers(2**31)),
        seeds=settings.seeds,
        ensemble_size=settings.seeds,
        architecture=settings.architecture,
        couplings=settings.couplings,
        hidden=settings.hidden,
        depth=settings.depth,
        steps=settings.steps,
        batch=settings.batch,
        learning_rate=settings.learning_rate,
        log_every=early,
        evaluation_samples=settings.samples,
        device=settings.device,
    )
    described = {
        "source": "flow",
        "kind": block["kind"],
        "target": label(block),
        "dimension": target.dimension,
        "n_modes": len(target.mode_names),
        "separation": modes.separation,
        "barrier": modes.barrier_separation,
        "modes_seen": len(modes),
    }
    return _ends(run, target).assign(**described)[list(UNITS)]


def _ends(run: Trajectory, target: Any) -> pd.DataFrame:
    """A row for each run that finished: its start, and A_k/π_k early and at the end."""
    masses = np.stack([run.statistics[f"mass_{name}"] for name in target.mode_names], -1)
    done = np.flatnonzero(run.finished)
    ratios = masses[done] / target.weights
    early = min(1, len(run.times) - 1)
    found = modes_found(masses[done, -1], target.weights)
    return pd.DataFrame(
        {
            "run": done,
            "start": run.statistics["projection_mean"][done, 0],
            "early_step": int(run.times[early]),
            "early": ratios[:, early].min(-1),
            "early_mode": ratios[:, early].argmax(-1),
            "step": int(run.times[-1]),
            "least": ratios[:, -1].min(-1),
            "heaviest": ratios[:, -1].argmax(-1),
            "n_found": found.sum(-1),
            "outcome": [str(run.outcome[k]) for k in done],
            "status": [str(run.status[k]) for k in done],
        }
    )
