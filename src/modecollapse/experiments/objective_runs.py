"""Runs under D_α(q‖p), and with a share λ of KL(p‖q), on both sides of where collapse is born."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product
from typing import Annotated

import pandas as pd

from ..overlaps import random_start
from ..targets import BimodalTarget
from .columns import common
from .ends import END_UNITS, Ends, best_kl, halving_times
from .kinds import Dimension, Positive, Runs, Seed, Strengths, Tolerance, Weight, from_to, several
from .share import Share, stream

__all__ = ["UNITS", "Settings", "compute"]

UNITS = {
    "source": "theory",
    "objective": "alpha (D_α) or share (λ of the forward KL)",
    "strength": "α or λ, 1",
    **common("separation", "dimension", "target_weight"),
    **END_UNITS,
    "n_collapsed_states": "stable collapsed fixed points found by Newton's method from a grid",
}


@dataclass(frozen=True)
class Settings:
    """`runs` starts on the sphere of radius r, equal fixed weights, for each objective and r."""

    seed: Seed
    target_weight: Weight
    dimension: Dimension
    alphas: Strengths
    shares: Strengths
    separations: Annotated[
        tuple[Annotated[float, from_to(0.1, 8, "a number from 0.1 to 8")], ...],
        several("a list of one or more different numbers from 0.1 to 8"),
    ]
    runs: Runs
    time: Positive
    rtol: Tolerance


def compute(settings: Settings, share: Share) -> pd.DataFrame:
    """A row for each objective and separation of the share."""
    from ..theory.divergence import integrate_divergence
    from ..theory.divergence_folds import divergence_fixed_points

    rows = []
    objectives = [("alpha", alpha) for alpha in settings.alphas]
    objectives += [("share", strength) for strength in settings.shares]
    grid = list(enumerate(product(objectives, settings.separations)))
    for index, ((objective, strength), separation) in share.progress(grid):
        target = BimodalTarget(separation, settings.dimension, settings.target_weight)
        start = random_start(target, settings.runs, stream(settings.seed, index))
        alpha, mixed = (strength, 0.0) if objective == "alpha" else (0.0, strength)
        times, rtol = halving_times([settings.time]), settings.rtol
        run = integrate_divergence(target, start, times, alpha=alpha, share=mixed, rtol=rtol)
        ends = Ends.of(run, target)
        if not ends.counts_for((objective, strength, separation)):
            continue
        states = divergence_fixed_points(separation, target.weight, alpha, mixed)
        rest = states["stable"] & (states["outcome"] != "both modes")
        rows.append(
            {
                "source": "theory",
                "objective": objective,
                "strength": strength,
                "separation": separation,
                "dimension": target.dimension,
                "target_weight": target.weight,
                **ends.columns(settings.time, best_kl(target)),
                "n_collapsed_states": int(rest.sum()),
            }
        )
    return pd.DataFrame(rows, columns=list(UNITS))
