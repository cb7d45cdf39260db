"""Up to which separation D_α lets a collapsed mixture go, when it is followed by finite batches."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache, partial
from itertools import product
from typing import Annotated, Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from pydantic import Field

from ..checks import require
from ..counting import counted
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
    "estimator": "pathwise, or sticking-the-landing, without the score of q",
    "time": "gradient-flow time at which one looks",
    "n_runs": "runs from the collapsed state at each separation",
    "n_tried": "separations tried",
    "critical_separation": "r_c(α) of gradient flow, standard deviations of a mode",
    "separation": "the largest, on a grid of `resolution`, at which at least half of the runs have "
    "left the collapsed state; 0 where there is none, standard deviations of a mode",
    "low": "the largest up to `separation` at which more than half leave by a 95 % Wilson interval "
    "of their probability; 0 where there is none, standard deviations of a mode",
    "high": "the smallest above at which less than half do; beyond the grid where there is none, "
    "standard deviations of a mode",
    "flow_separation": "likewise of gradient flow from the same start",
    "resolution": "distance of the separations tried, standard deviations of a mode",
    "stopped": "whether a larger separation was tried, at which they have not",
}
FloatArray = NDArray[np.float64]
LISTS = {"min_length": 1, "max_length": 1000}


@dataclass(frozen=True)
class Settings:
    """Every α with every case, an entry of each list that has one for each batch.

    Two equal modes, equal fixed weights, both means near one of them at the start.  The largest
    separation that most of a case's `runs` leave is sought by halving on a grid from `lowest` on in
    steps of `resolution`, up to the first beyond r_c(α).
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
    estimators: Annotated[
        tuple[
            Annotated[
                Literal["pathwise", "sticking-the-landing"],
                Field(description="pathwise or sticking-the-landing"),
            ],
            ...,
        ],
        Field(**LISTS, description="a list of pathwise or sticking-the-landing, one a batch"),
    ]
    lowest: Separation
    resolution: Annotated[float, from_to(0.01, 5, "a number from 0.01 to 5")]
    runs: Annotated[
        tuple[Runs, ...], Field(**LISTS, description="a list of runs, a number for each batch")
    ]
    time: Positive
    step_size: StepSize

    def __post_init__(self) -> None:
        for name in ("dimensions", "weights", "estimators", "runs"):
            given = getattr(self, name)
            allowed = f"one entry for each of {len(self.batches)} batches"
            require(len(given) == len(self.batches), name, given, allowed)
        steps = self.time / self.step_size
        require(1 <= steps <= 1e7, "time", self.time, "from 1 to 1e7 steps")


def compute(settings: Settings, share: Share) -> pd.DataFrame:
    """A row for each α and case of the share."""
    from ..theory.critical import critical_separation

    cases = list(
        zip(
            settings.batches, settings.dimensions, settings.weights, settings.estimators,
            settings.runs, strict=True,
        )
    )  # fmt: skip
    rows = []
    flows: dict[float, float] = {}
    for alpha, case in share.progress(list(product(settings.alphas, cases))):
        critical = critical_separation(alpha=alpha)
        grid = _grid(settings, critical)
        if alpha not in flows:
            flows[alpha] = _searched(grid, partial(_flow_left, settings, alpha))["separation"]
        batch, dimension, weights, estimator, runs = case
        rows.append(
            {
                "source": "simulation",
                "alpha": alpha,
                "batch": batch,
                "dimension": dimension,
                "weights": weights,
                "estimator": estimator,
                "time": settings.time,
                "n_runs": runs,
                "critical_separation": critical,
                **_searched(grid, partial(_left, settings, alpha, case)),
                "flow_separation": flows[alpha],
                "resolution": settings.resolution,
            }
        )
    return pd.DataFrame(rows, columns=list(UNITS))


def _grid(settings: Settings, critical: float) -> FloatArray:
    """The separations that may be tried, the last of them beyond r_c(α)."""
    steps = np.arange(max(0, np.ceil((critical - settings.lowest) / settings.resolution)) + 1)
    return settings.lowest + settings.resolution * steps


def _searched(grid: FloatArray, left: Callable[[float], tuple[int, int]]) -> dict[str, Any]:
    """Where most runs cease to leave, as the columns of the table; `left` counts those that leave
    a separation, and all."""
    tried = cache(lambda place: counted(*left(float(grid[place]))))
    low, high = -1, len(grid)
    while high - low > 1:
        middle = (low + high) // 2
        if tried(middle)["probability"] >= 0.5:
            low = middle
        else:
            high = middle
    surely, never = low, high
    while surely >= 0 and tried(surely)["low"] <= 0.5:
        surely -= 1
    while never < len(grid) and tried(never)["high"] >= 0.5:
        never += 1
    ends = np.array([0.0, *grid, 2 * grid[-1] - grid[-2] if len(grid) > 1 else 2 * grid[-1]])
    return {
        "separation": ends[low + 1],
        "low": ends[surely + 1],
        "high": ends[never + 1],
        "stopped": high < len(grid),
        "n_tried": tried.cache_info().currsize,
    }


APART = 0.2  # of each mean from the mode at the start, so that one may leave


def _start(separation: float, runs: int) -> Overlaps:
    """Both means near the mode at +μ*, on the line of the modes."""
    x = separation + np.array([[APART, -APART]] * runs)
    q = np.stack([x[:, 0] ** 2, x[:, 0] * x[:, 1], x[:, 1] ** 2], axis=1)
    return Overlaps(separation * x, q, np.zeros(runs))


def _flow_left(settings: Settings, alpha: float, separation: float) -> tuple[int, int]:
    """Whether gradient flow has found the lost mode: it would in each of a thousand runs."""
    from ..theory.divergence import integrate_divergence

    p, start = BimodalTarget(separation, 2), _start(separation, 1)
    run = integrate_divergence(p, start, [settings.time], alpha=alpha, rtol=1e-6)
    return 1000 * int((run.finished & ~run.collapsed).sum()), 1000


def _left(
    settings: Settings, alpha: float, case: tuple[int, int, str, str, int], separation: float
) -> tuple[int, int]:
    """How many of the runs have found the lost mode, and all; those that diverged have not."""
    from ..simulation.reduced import simulate_reduced

    batch, dimension, weights, estimator, runs = case
    steps = round(settings.time / settings.step_size)
    run = simulate_reduced(
        BimodalTarget(separation, dimension),
        _start(separation, runs),
        step_size=settings.step_size,
        steps=steps,
        batch=batch,
        seed=settings.seed,
        estimator=estimator,
        alpha=alpha,
        self_normalised=weights == "self-normalised",
        log_every=steps,
        evaluation_samples=1024,
    )
    return int((run.finished & ~run.collapsed).sum()), runs
