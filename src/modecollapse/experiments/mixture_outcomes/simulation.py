"""Frequencies of the outcomes of stochastic gradient descent in d dimensions."""

from __future__ import annotations

import math
from dataclasses import dataclass

import pandas as pd

from ...checks import require
from ...counting import Looks
from ...trajectory import Trajectory
from ..ends import Ends, count_on, halving_times
from ..kinds import Batch, Device, HalfWidth, Runs, StepSize
from ..share import Share, stream
from ..starts import draw_start
from . import UNITS, Grid, Point, ends_at, points, rows_of

__all__ = ["UNITS", "Settings", "compute"]


@dataclass(frozen=True)
class Settings(Grid):
    """Steps of `step_size`, each on `batch` samples; see :class:`Looks` for the runs."""

    first_runs: Runs
    most_runs: Runs
    half_width: HalfWidth
    step_size: StepSize
    batch: Batch
    device: Device

    def __post_init__(self) -> None:
        super().__post_init__()
        _ = self.looks
        for time in halving_times(self.times):
            steps = time / self.step_size
            whole = abs(steps - round(steps)) < 1e-6
            require(whole, "times", self.times, "even numbers of steps of step_size")

    @property
    def looks(self) -> Looks:
        return Looks(self.first_runs, self.most_runs, self.half_width)


def compute(settings: Settings, share: Share) -> pd.DataFrame:
    """A row for each point of the share and each time; runs are added until the last one's
    interval is narrow."""
    rows = []
    for point in share.progress(points(settings)):
        rng = stream(settings.seed, point.number)
        seed = int(rng.integers(2**31))
        start = draw_start(point.target, settings.most_runs, rng, settings.law, settings.size)
        batches: list[list[Ends]] = []

        def train(low: int, high: int, point=point, start=start, seed=seed, kept=batches) -> Ends:
            kept.append(ends_at(settings, point, _descent(settings, point, start, seed, low, high)))
            return kept[-1][-1]

        count_on(settings.looks, train)
        ends = [Ends.joined(parts) for parts in zip(*batches, strict=True)]
        rows += rows_of(settings, point, "simulation", ends, settings.looks)
    return pd.DataFrame(rows, columns=list(UNITS))


def _descent(settings: Settings, point: Point, start, seed: int, low: int, high: int) -> Trajectory:
    from ...simulation.full import simulate

    logged = [round(time / settings.step_size) for time in halving_times(settings.times)]
    return simulate(
        point.target,
        start[low:high],
        eta=point.eta,
        step_size=settings.step_size,
        steps=logged[-1],
        batch=settings.batch,
        device=settings.device,
        log_every=math.gcd(*logged),
        seed=seed,
        first_run=low,
    )
