"""Collapse frequency over random starts, trained by stochastic gradient descent.

In the full space up to the dimension `witness`, where theory is put to the test; above it by the
reduced simulation, which has the same law at a cost free of d.  Without the score term, whose noise
grows with d and would hide where the runs come to rest.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pandas as pd

from ...counting import Looks
from ...overlaps import Overlaps
from ...trajectory import Trajectory
from ..ends import Ends, best_kl, count_on
from ..kinds import Batch, Device, Dimension, HalfWidth, Runs, Steps, StepSize
from ..share import Share, stream
from ..starts import draw_start, start_columns
from . import UNITS, Grid, Point, points, row

__all__ = ["UNITS", "Settings", "compute"]


@dataclass(frozen=True)
class Settings(Grid):
    """`steps` steps of `step_size`, each on `batch` samples; see :class:`Looks` for the runs."""

    witness: Dimension
    first_runs: Runs
    most_runs: Runs
    half_width: HalfWidth
    steps: Steps
    step_size: StepSize
    batch: Batch
    device: Device

    def __post_init__(self) -> None:
        super().__post_init__()
        _ = self.looks

    @property
    def looks(self) -> Looks:
        return Looks(self.first_runs, self.most_runs, self.half_width)


def compute(settings: Settings, share: Share) -> pd.DataFrame:
    """A row for each point of the share."""
    time, rows = settings.steps * settings.step_size, []
    for index, point in share.progress(points(settings)):
        rng = stream(settings.seed, index)
        seed = int(rng.integers(2**31))
        start = draw_start(point.target, settings.most_runs, rng, point.law, point.size)

        def train(low: int, high: int, point=point, start=start, seed=seed) -> Ends:
            run = _descent(settings, point, start[low:high], seed, low, share.threads)
            return Ends.of(run, point.target)

        ends = count_on(settings.looks, train)
        if ends.counts_for(point):
            columns = ends.columns(time, best_kl(point.target), settings.looks)
            rows.append(row(_source(settings, point), point, columns, _left(settings, point)))
    return pd.DataFrame(rows, columns=list(UNITS))


def _left(settings: Settings, point: Point) -> float:
    """The effective dimension; d itself where means do not grow from zero."""
    from ...theory.finite_batch import effective_dimension, linear_stage

    if linear_stage(point.target).rate <= 0:
        return float(point.target.dimension)
    norm = start_columns(*point)["norm"]
    return effective_dimension(point.target, settings.step_size, settings.batch, norm)


def _source(settings: Settings, point: Point) -> str:
    full = point.target.dimension <= settings.witness
    return "simulation" if full else "reduced simulation"


def _descent(
    settings: Settings, point: Point, start: Overlaps, seed: int, first: int, threads: int
) -> Trajectory:
    from ...simulation.full import simulate
    from ...simulation.reduced import simulate_reduced

    given: dict[str, Any] = {
        "estimator": "sticking-the-landing",
        "step_size": settings.step_size,
        "steps": settings.steps,
        "batch": settings.batch,
        "log_every": max(settings.steps // 2, 1),
        "seed": seed,
        "first_run": first,
    }
    if _source(settings, point) == "simulation":
        return simulate(point.target, start, device=settings.device, **given)
    return simulate_reduced(point.target, start, threads=threads, **given)
