"""Annealing towards two modes of unequal volume: how often the narrow one is lost, by each path."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Annotated, Any

import numpy as np

from ...checks import require
from ...counting import COUNT_UNITS, counted
from ...dynamics import Dynamics
from ...outcomes import COVERAGE
from ...overlaps import Overlaps, random_start
from ...schedules import Exponential, NoAnnealing
from ...targets import BimodalTarget, GaussianMixture, mixture
from ...trajectory import Trajectory
from ..columns import common
from ..kinds import Beta, Dimensions, Positive, Runs, Seed, Separation, Weight, from_to, several
from ..share import stream

__all__ = ["PATHS", "UNITS", "Point", "Settings", "points", "row"]

PATHS = ("none", "tempered", "weights kept")
SPREAD = 0.5  # of the middle of the two means from that of the modes, a coordinate
UNITS: Mapping[str, str] = MappingProxyType(
    {
        "source": "theory or simulation",
        **common("separation", "target_weight", "dimension"),
        "log_volumes": "½ log |Σ_2|/|Σ_1|, of the broad mode over the narrow one, nats",
        "variance": "of the narrow mode, variances of the broad one",
        "path": "of the annealing: none, tempered, or weights kept",
        **common("beta_initial"),
        "anneal_time": "t0, gradient-flow time, every speed over β",
        "time": "gradient-flow time at which one looks",
        "start": "law of the means at the start: blob (N(0, ¼) in each coordinate, and N(0, 1) "
        "apart), variances 1/β_i",
        **COUNT_UNITS,
        "n_lost": "runs that have lost the narrow mode",
        "kl": "mean of KL(q‖p) over the runs, nats",
    }
)


@dataclass(frozen=True)
class Settings:
    """Every combination of `dimensions` and `log_volumes`, by each path.

    The modes have the variances e^{−2·log_volume/d}, weight `target_weight`, and 1; components have
    equal fixed weights and trained variances, by the Bures clock.
    """

    seed: Seed
    separation: Separation
    target_weight: Weight
    dimensions: Dimensions
    log_volumes: Annotated[
        tuple[Annotated[float, from_to(0, 50, "a number from 0 to 50, nats")], ...],
        several("a list of different numbers from 0 to 50, nats"),
    ]
    beta_initial: Beta
    anneal_time: Positive
    time: Positive
    runs: Runs

    def __post_init__(self) -> None:
        allowed = f"a number >= anneal_time = {self.anneal_time:g}"
        require(self.time >= self.anneal_time, "time", self.time, allowed)


@dataclass(frozen=True, eq=False)
class Point:
    """One combination: the target, the path, and what the runs follow."""

    dimension: int
    log_volume: float
    path: str

    def target(self, settings: Settings) -> GaussianMixture:
        means = np.zeros((2, self.dimension))
        means[:, 0] = settings.separation, -settings.separation
        pi = settings.target_weight
        narrow = float(np.exp(-2 * self.log_volume / self.dimension))
        return mixture(means, [pi, 1 - pi], [narrow, 1.0])

    def dynamics(self, settings: Settings) -> Dynamics:
        cold = self.path == "none"
        path = NoAnnealing() if cold else Exponential(settings.beta_initial, settings.anneal_time)
        return Dynamics(variances="bures", schedule=path, speed_over_beta=True)

    def start(self, settings: Settings, frame: BimodalTarget, index: int) -> Overlaps:
        """The same means for each path; as wide as the heated target is."""
        variance = 1.0 if self.path == "none" else 1 / settings.beta_initial
        rng = stream(settings.seed, index // len(PATHS))
        return random_start(
            frame, settings.runs, rng, law="blob", scale=SPREAD, spread=1.0, variance=variance
        )


def points(settings: Settings) -> list[tuple[int, Point]]:
    """Every point, numbered; paths go fastest."""
    every = [
        Point(d, volume, path)
        for d in settings.dimensions
        for volume in settings.log_volumes
        for path in PATHS
    ]
    return list(enumerate(every))


def row(settings: Settings, point: Point, run: Trajectory) -> dict[str, Any]:
    """One row: what was run, and what became of it."""
    done = run.finished
    lost = run.final("mass_0")[done] < COVERAGE * settings.target_weight
    return {
        "source": run.source,
        "separation": settings.separation,
        "target_weight": settings.target_weight,
        "dimension": point.dimension,
        "log_volumes": point.log_volume,
        "variance": float(point.target(settings).variances[0]),
        "path": point.path,
        "beta_initial": 1.0 if point.path == "none" else settings.beta_initial,
        "anneal_time": 0.0 if point.path == "none" else settings.anneal_time,
        "time": settings.time,
        "start": "blob",
        **counted(int(run.collapsed.sum()), int(done.sum())),
        "n_lost": int(lost.sum()),
        "kl": float(run.final("kl")[done].mean()),
    }
