"""Mixtures, with fixed and with trained weights, trained in d dimensions.

The marginal of q in a plane is a mixture of the same weights.  The plane is that of μ* and, at each
time, the part of μ_1 orthogonal to it, so that m and Q place both means.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ...outcomes import Outcome
from ...overlaps import Overlaps, random_start
from ...targets import BimodalTarget, mixture
from ...trajectory import Trajectory
from ..kinds import (
    Batch,
    Device,
    Dimension,
    Eta,
    Fractions,
    Points,
    Runs,
    Seed,
    Separation,
    Steps,
    StepSize,
    Weight,
)
from ..share import Share, any_finished, stream
from . import UNITS, grid, logged, rows

__all__ = ["UNITS", "Settings", "compute"]

WANTED = {
    "mixture, fixed weights": Outcome.MEAN_ALIGNMENT,
    "mixture, trained weights": Outcome.VANISHING_WEIGHT,
}


@dataclass(frozen=True)
class Settings:
    """`runs` starts on the sphere for fixed weights, and as many for weights trained with `eta`.

    Of each the first run that ends in the wanted outcome is shown, else that of the highest KL.
    """

    seed: Seed
    separation: Separation
    dimension: Dimension
    target_weight: Weight
    eta: Eta
    runs: Runs
    steps: Steps
    step_size: StepSize
    batch: Batch
    device: Device
    fractions: Fractions
    points: Points


def compute(settings: Settings, share: Share) -> pd.DataFrame:
    """The pictures of the share's cases."""
    target = BimodalTarget(settings.separation, settings.dimension, settings.target_weight)
    pictures = [
        picture
        for index, case in share.progress(list(enumerate(WANTED)))
        for picture in _pictures(target, settings, index, case)
    ]
    return pd.concat(pictures, ignore_index=True) if pictures else pd.DataFrame(columns=list(UNITS))


def _pictures(
    target: BimodalTarget, settings: Settings, index: int, case: str
) -> list[pd.DataFrame]:
    from ...simulation.full import simulate

    rng = stream(settings.seed, index)
    run = simulate(
        target,
        random_start(target, settings.runs, rng),
        step_size=settings.step_size,
        steps=settings.steps,
        batch=settings.batch,
        device=settings.device,
        eta=settings.eta * index,
        log_every=max(1, settings.steps // 100),
        seed=int(rng.integers(2**31)),
    )
    if not any_finished(run, case=case):
        return []
    shown = _shown(run, WANTED[case])
    return [
        rows(
            "simulation",
            case,
            str(run.outcome[shown]),
            target.separation,
            float(run.times[k]),
            _density(run, shown, k, target, settings.points),
        )
        for k in logged(run.times, settings.fractions)
    ]


def _shown(run: Trajectory, wanted: Outcome) -> int:
    matches = np.flatnonzero([o is wanted for o in run.outcome])
    final = np.where(run.finished, run.final("kl"), -np.inf)
    return int(matches[0] if len(matches) else final.argmax())


def _density(
    run: Trajectory, row: int, k: int, target: BimodalTarget, points: int
) -> NDArray[np.float64]:
    """The marginal density of q at logged time k, on the grid of the plane."""
    at = {name: values[row, k] for name, values in run.statistics.items()}
    m, q = (np.array([[at[n] for n in names.split()]]) for names in ("m1 m2", "q11 q12 q22"))
    state = Overlaps(m, q)
    means = state.vectors(target)[0, :, :2]
    shown = mixture(means, [at["weight"], 1 - at["weight"]])
    return np.exp(shown.log_density(np.stack(grid(target.separation, points), axis=-1)))
