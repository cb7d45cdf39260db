"""RealNVP by reverse KL on p^β, β = β_i^(1 − t/t0), and on p alone."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product

import pandas as pd

from ..counting import COUNT_UNITS, counted
from ..schedules import Exponential, NoAnnealing, Schedule
from ..targets import BimodalTarget
from .columns import common
from .kinds import (
    Batch,
    Betas,
    Count,
    Counts,
    Couplings,
    Device,
    Dimension,
    Runs,
    Seed,
    Separation,
    Steps,
    StepSize,
    Weight,
)
from .share import Share, any_finished, stream

__all__ = ["UNITS", "Settings", "compute"]

UNITS = {
    "source": "flow",
    **common("separation", "dimension", "target_weight"),
    "beta_initial": "β_i, inverse temperature at the start, 1 (1: no annealing)",
    "anneal_steps": "t0, optimisation steps (0: no annealing)",
    "step": "optimisation steps after which one looks",
    **COUNT_UNITS,
    **common("mean_kl"),
}


@dataclass(frozen=True)
class Settings:
    """Every combination of the lists, and training without annealing for as long as the longest.

    `seeds` runs each, trained `ensemble` at once, `extra_steps` more steps at β = 1.
    """

    seed: Seed
    separation: Separation
    dimension: Dimension
    target_weight: Weight
    beta_initials: Betas
    anneal_steps: Counts
    extra_steps: Steps
    seeds: Runs
    ensemble: Runs
    couplings: Couplings
    hidden: Count
    depth: Count
    batch: Batch
    learning_rate: StepSize
    samples: Batch
    device: Device


def compute(settings: Settings, share: Share) -> pd.DataFrame:
    """A row for each cell of the share."""
    cells = [(1.0, 0), *product(settings.beta_initials, settings.anneal_steps)]
    rows = []
    for index, cell in share.progress(list(enumerate(cells))):
        rows += _row(settings, share, index, cell)
    return pd.DataFrame(rows, columns=list(UNITS))


def _row(
    settings: Settings, share: Share, index: int, cell: tuple[float, int]
) -> list[dict[str, object]]:
    """The row of one cell; none where no run finishes."""
    from ..flows.training import train

    beta, annealing = cell
    target = BimodalTarget(settings.separation, settings.dimension, settings.target_weight)
    schedule: Schedule = Exponential(beta, float(annealing)) if annealing else NoAnnealing()
    steps = (annealing or max(settings.anneal_steps)) + settings.extra_steps
    run = train(
        target,
        checkpoint=share.checkpoint((settings, index)),
        seed=int(stream(settings.seed, index).integers(2**31)),
        seeds=settings.seeds,
        ensemble_size=settings.ensemble,
        couplings=settings.couplings,
        hidden=settings.hidden,
        depth=settings.depth,
        batch=settings.batch,
        learning_rate=settings.learning_rate,
        steps=steps,
        log_every=steps,
        schedule=schedule,
        evaluation_samples=settings.samples,
        device=settings.device,
    )
    if not any_finished(run, beta_initial=beta, anneal_steps=annealing):
        return []
    row = {
        "source": run.source,
        "separation": target.separation,
        "dimension": target.dimension,
        "target_weight": target.weight,
        "beta_initial": beta,
        "anneal_steps": annealing,
        "step": steps,
        **counted(int(run.collapsed.sum()), int(run.finished.sum())),
        "mean_kl": float(run.final("kl")[run.finished].mean()),
    }
    return [row]
