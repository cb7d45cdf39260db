"""Flows on a target of unequal volumes, annealed on each path: what they put on each mode."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import numpy as np
import pandas as pd

from ..checks import require
from ..schedules import Exponential, NoAnnealing
from .blocks import Targets, check_targets, label
from .kinds import Batch, Beta, Count, Couplings, Device, Runs, Seed, Steps, StepSize
from .share import Share, any_finished, stream

__all__ = ["PATHS", "UNITS", "Settings", "compute"]

PATHS = ("none", "tempered", "weights kept", "weights evened")
UNITS: Mapping[str, str] = MappingProxyType(
    {
        "source": "flow",
        "target": "its kind and parameters",
        "dimension": "d, 1",
        "path": "of the annealing: none, tempered, weights kept, or weights evened",
        "beta_initial": "β_i, inverse temperature at the start, 1 (1: no annealing)",
        "step": "optimisation steps at the end",
        "run": "number of the run in its setting",
        "mode": "number of the mode, the heaviest first",
        "weight": "π_k, 1",
        "heated_weight": "weight of the mode in p^β_i, by Eq. 17.3, 1",
        "mass": "A_k, mass of q on the mode at the end, 1",
        "outcome": "at the end, by docs/theory.md, section 5",
        "kl": "KL(q‖p) at the end, nats",
        "ess": "reverse effective sample size, part of the sample",
        "forward_ess": "forward effective sample size, by samples of p, part of the sample",
        "upper_bound": "evidence upper bound, by samples of p, nats; log Z = 0",
        "log_z": "estimate of log Z by samples of q, nats",
        "log_z_se": "standard error of log_z, nats",
        "mode_weight_error": "half the sum of |A_k − π_k|, 1",
        "mode_entropy": "entropic mode coverage, 1",
    }
)


@dataclass(frozen=True)
class Settings:
    """Each of the targets on each path; `seeds` runs trained at once, annealed for `anneal_steps`.

    Its modes are those that ascents from the target's own places find.
    """

    seed: Seed
    targets: Targets
    beta_initial: Beta
    anneal_steps: Steps
    couplings: Couplings
    hidden: Count
    depth: Count
    seeds: Runs
    steps: Steps
    batch: Batch
    learning_rate: StepSize
    samples: Batch
    device: Device

    def __post_init__(self) -> None:
        check_targets(self.targets)
        for one in self.targets:
            fits = one["kind"] in ("uneven", "anisotropic", "simplex", "heavy-tailed")
            require(fits, "targets", dict(one), "uneven, anisotropic, simplex or heavy-tailed")


def compute(settings: Settings, share: Share) -> pd.DataFrame:
    """A row for each mode of each run, on each target and path of the share."""
    every = [(block, path) for block in settings.targets for path in PATHS]
    tables = []
    for index, (block, path) in share.progress(list(enumerate(every))):
        table = _rows(settings, share, index, block, path)
        if len(table):
            tables.append(table)
    empty = pd.DataFrame(columns=list(UNITS))
    return pd.concat(tables, ignore_index=True) if tables else empty


def _rows(
    settings: Settings, share: Share, index: int, block: Mapping[str, Any], path: str
) -> pd.DataFrame:
    from ..flows.judged import judge
    from ..flows.training import train
    from ..targets import correct_path, find_modes, named

    target: Any = named(**block)
    modes = find_modes(target, starts=target.places, seed=settings.seed)
    cold = path == "none"
    schedule = NoAnnealing() if cold else Exponential(settings.beta_initial, settings.anneal_steps)
    way = correct_path(target, modes, path.split()[1]) if path.startswith("weights") else target
    run = train(
        way,
        checkpoint=share.checkpoint((settings, index)),
        seed=int(stream(settings.seed, index // len(PATHS)).integers(2**31)),
        seeds=settings.seeds,
        ensemble_size=settings.seeds,
        couplings=settings.couplings,
        hidden=settings.hidden,
        depth=settings.depth,
        steps=settings.steps,
        batch=settings.batch,
        learning_rate=settings.learning_rate,
        schedule=schedule,
        log_every=settings.steps,
        evaluation_samples=settings.samples,
        device=settings.device,
    )
    if not any_finished(run, target=block, path=path):
        return pd.DataFrame()
    heated = modes.heated(1.0 if cold else settings.beta_initial)
    judged = judge(run, target, settings.samples, settings.seed).iloc[np.flatnonzero(run.finished)]
    shown = judged.drop(columns=["lower_bound", "lower_bound_se", "upper_bound_se"])
    for name in ("kl", "ess"):
        shown[name] = run.final(name)[run.finished]
    shown["outcome"] = [str(one) for one in run.outcome[run.finished]]
    rows = [
        shown.assign(
            mode=k,
            weight=modes.weights[k],
            heated_weight=heated[k],
            mass=run.final(f"mass_{k}")[run.finished],
        )
        for k in range(len(modes))
    ]
    return pd.concat(rows).assign(
        source="flow",
        target=label(block),
        dimension=target.dimension,
        path=path,
        beta_initial=1.0 if cold else settings.beta_initial,
        step=settings.steps,
    )[list(UNITS)]
