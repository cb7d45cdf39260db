"""Up to which separation D_α lets a collapsed mixture go, when it is followed by finite batches."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from itertools import product
from typing import Annotated, Literal

import numpy as np
import pandas as pd
from pydantic import Field

from ..checks import require
from ..overlaps import Overlaps
from ..targets import BimodalTarget
from .columns import common
from .kinds import Batch, Dimension, Positive, Runs, Seed, Separation, StepSize, from_to, several
from .share import Share

__all__ = ["UNITS", "Settings", "compute"]

UNITS = {
    "source": "simulation",
    "alpha": "α of D_α, 1",
    "batch": "samples of q a step",
    **common("dimension"),
    "weights": "self-normalised or plain, of the samples",
    "time": "gradient-flow time at which one looks",
    "n_runs": "runs from the collapsed state at each separation",
    "critical_separation": "r_c(α) of gradient flow, standard deviations of a mode",
    "separation": "the largest tried at which at least half of the runs have left the collapsed "
    "state, and at all smaller ones; 0 where there is none, standard deviations of a mode",
    "flow_separation": "likewise of gradient flow from the same start",
    "resolution": "distance of the separations tried, standard deviations of a mode",
    "stopped": "whether a larger separation was tried, at which they have not",
}
LISTS = {"min_length": 1, "max_length": 1000}


@dataclass(frozen=True)
class Settings:
    """Every α with every case, an entry of `batches`, `dimensions` and `weights` each.

    Two equal modes, equal fixed weights, both means near one of them at the start.  Separations are
    tried from `lowest` on in steps of `resolution`, until most of the `runs` stay or r_c(α) is
    passed by a step.
    """

    seed: Seed
    alphas: Annotated[
        tuple[Annotated[float, from_to(0.01, 0.99, "a number from 0.01 to 0.99")], ...],
        several("a list of one or more different numbers from 0.01 to 0.99"),
    ]
    batches: Annotated[
        tuple[Batch, ...], Field(**LISTS, description="a list of whole numbers from 2 to 1e7")
    ]
    dimensions: Annotated[
        tuple[Dimension, ...],
        Field(**LISTS, description="a list of whole numbers from 2 to 1e7, one for each batch"),
    ]
    weights: Annotated[
        tuple[
            Annotated[
                Literal["self-normalised", "plain"], Field(description="self-normalised or plain")
            ],
            ...,
        ],
        Field(**LISTS, description="a list of self-normalised or plain, one for each batch"),
    ]
    lowest: Separation
    resolution: Annotated[float, from_to(0.01, 5, "a number from 0.01 to 5")]
    runs: Runs
    time: Positive
    step_size: StepSize

    def __post_init__(self) -> None:
        for name in ("dimensions", "weights"):
            given = getattr(self, name)
            allowed = f"one entry for each of {len(self.batches)} batches"
            require(len(given) == len(self.batches), name, given, allowed)
        steps = self.time / self.step_size
        require(1 <= steps <= 1e7, "time", self.time, "from 1 to 1e7 steps")


def compute(settings: Settings, share: Share) -> pd.DataFrame:
    """A row for each α and case of the share."""
    from ..theory.critical import critical_separation

    cases = zip(settings.batches, settings.dimensions, settings.weights, strict=True)
    rows = []
    flows: dict[float, float] = {}
    for alpha, (batch, dimension, weights) in share.progress(list(product(settings.alphas, cases))):
        critical = critical_separation(alpha=alpha)
        if alpha not in flows:
            flows[alpha] = _reached(settings, critical, partial(_flow_left, settings, alpha))[0]
        case = (alpha, batch, dimension, weights == "self-normalised")
        reached, stopped = _reached(settings, critical, partial(_left, settings, case))
        rows.append(
            {
                "source": "simulation",
                "alpha": alpha,
                "batch": batch,
                "dimension": dimension,
                "weights": weights,
                "time": settings.time,
                "n_runs": settings.runs,
                "critical_separation": critical,
                "separation": reached,
                "flow_separation": flows[alpha],
                "resolution": settings.resolution,
                "stopped": stopped,
            }
        )
    return pd.DataFrame(rows, columns=list(UNITS))


def _reached(
    settings: Settings, critical: float, left: Callable[[float], float]
) -> tuple[float, bool]:
    """The last separation that at least half of the runs leave, and whether they stay at the next;
    `left` is the part that leaves."""
    reached, separation, place = 0.0, settings.lowest, 0
    while separation <= critical + settings.resolution:
        if left(separation) < 0.5:
            return reached, True
        place += 1
        reached, separation = separation, settings.lowest + place * settings.resolution
    return reached, False


APART = 0.2  # of each mean from the mode at the start, so that one may leave


def _flow_left(settings: Settings, alpha: float, separation: float) -> float:
    """1 where gradient flow has found the lost mode, else 0."""
    from ..theory.divergence import integrate_divergence

    x = separation + np.array([[APART, -APART]])
    q = np.stack([x[:, 0] ** 2, x[:, 0] * x[:, 1], x[:, 1] ** 2], axis=1)
    start = Overlaps(separation * x, q, np.zeros(1))
    run = integrate_divergence(
        BimodalTarget(separation, 2), start, [settings.time], alpha=alpha, rtol=1e-6
    )
    return float((run.finished & ~run.collapsed).mean())


def _left(settings: Settings, case: tuple[float, int, int, bool], separation: float) -> float:
    """The part of the runs that have found the lost mode; those that diverged have not."""
    from ..simulation.mixtures import MixtureStart, simulate_mixture
    from ..simulation.settings import Descent, Objective

    alpha, batch, dimension, normalised = case
    means = np.zeros((settings.runs, 2, dimension))
    means[:, :, 0] = separation + np.array([APART, -APART])
    steps = round(settings.time / settings.step_size)
    run = simulate_mixture(
        BimodalTarget(separation, dimension).mixture(),
        MixtureStart(means),
        Descent(settings.step_size, steps, batch, settings.seed),
        [steps],
        objective=Objective(alpha, normalised),
    )
    return float((run.finished & ~run.collapsed).mean())
