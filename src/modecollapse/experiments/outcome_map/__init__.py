"""How often each outcome comes about, over (η, separation)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import product
from typing import Any

import pandas as pd

from ...checks import require
from ...outcomes import Outcome
from ...overlaps import Overlaps, random_start
from ...targets import BimodalTarget
from ...trajectory import Trajectory
from ..columns import common
from ..kinds import Dimension, Etas, Runs, Seed, Separations, Weight
from ..share import Share, any_finished, stream

__all__ = ["UNITS", "Grid", "agree", "tabulate"]

UNITS = {
    "source": "theory or simulation",
    **common("eta", "separation", "dimension", "target_weight"),
    "n_runs": "runs that finished",
    "both_modes": "part of the runs that found both modes, 1",
    "mean_alignment": "part of the runs that collapsed by mean alignment, 1",
    "vanishing_weight": "part of the runs that collapsed by vanishing weight, 1",
    **common("mean_kl"),
}


@dataclass(frozen=True)
class Grid:
    """The points of the map, and how many starts on the sphere each has."""

    seed: Seed
    target_weight: Weight
    dimension: Dimension
    etas: Etas
    separations: Separations
    runs: Runs


def agree(settings: Mapping[str, Any]) -> None:
    """What the settings of the two sources have in common; the figure puts one beside the other."""
    theory, simulation = settings["theory"], settings["simulation"]
    for name in ("etas", "separations"):
        known, given = getattr(theory, name), getattr(simulation, name)
        allowed = f"some of theory's, {list(known)}"
        require(set(given) <= set(known), f"simulation.{name}", list(given), allowed)


def tabulate(
    settings: Grid,
    share: Share,
    train: Callable[[BimodalTarget, Overlaps, float, int], Trajectory],
) -> pd.DataFrame:
    """A row for each (η, separation) of the share: random starts on the sphere.

    `train` is given the target, the starts, η and a seed of its own.
    """
    rows = []
    grid = list(enumerate(product(settings.etas, settings.separations)))
    for index, (eta, separation) in share.progress(grid):
        target = BimodalTarget(separation, settings.dimension, settings.target_weight)
        rng = stream(settings.seed, index)
        start = random_start(target, settings.runs, rng)
        run = train(target, start, eta, int(rng.integers(2**31)))
        if any_finished(run, eta=eta, separation=separation):
            rows.append(_row(run, eta, target))
    return pd.DataFrame(rows, columns=list(UNITS))


def _row(run: Trajectory, eta: float, target: BimodalTarget) -> dict[str, Any]:
    """The frequencies of the three outcomes among the runs that finished."""
    done = run.finished
    outcomes = run.outcome[done]
    return {
        "source": run.source,
        "eta": eta,
        "separation": target.separation,
        "dimension": target.dimension,
        "target_weight": target.weight,
        "n_runs": int(done.sum()),
        "both_modes": float((outcomes == Outcome.BOTH_MODES).mean()),
        "mean_alignment": float((outcomes == Outcome.MEAN_ALIGNMENT).mean()),
        "vanishing_weight": float((outcomes == Outcome.VANISHING_WEIGHT).mean()),
        "mean_kl": float(run.final("kl")[done].mean()),
    }
