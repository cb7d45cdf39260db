"""The map by stochastic gradient descent with finite batches, in d dimensions at a cost free of d.

The full pathwise gradient with the score term, each sample's component drawn at random.
"""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd

from ...counting import Looks
from ...overlaps import Overlaps
from ...trajectory import Trajectory
from ..ends import Ends, count_on
from ..kinds import Batch, HalfWidth, Runs
from ..share import Share, stream
from ..starts import draw_start
from . import START, UNITS, Cell, Map, cells, ends_of, row

__all__ = ["UNITS", "Settings", "compute"]

EVALUATION_SAMPLES = 1 << 15  # so that the error of KL is small against what counts as moving


@dataclass(frozen=True)
class Settings(Map):
    """`batch` samples a step; see :class:`Looks` for the runs."""

    first_runs: Runs
    most_runs: Runs
    half_width: HalfWidth
    batch: Batch

    def __post_init__(self) -> None:
        _ = self.looks

    @property
    def looks(self) -> Looks:
        return Looks(self.first_runs, self.most_runs, self.half_width)


def compute(settings: Settings, share: Share) -> pd.DataFrame:
    """A row for each cell of the share; runs are added until its interval is narrow."""
    rows = []
    for cell in share.progress(cells(settings)):
        rng = stream(settings.seed, cell.number)
        seed, variance = int(rng.integers(2**31)), 1 / cell.beta_initial
        start = draw_start(settings.target, settings.most_runs, rng, *START, variance=variance)
        aligned: list[int] = []

        def train(low: int, high: int, cell=cell, start=start, seed=seed, kept=aligned) -> Ends:
            run = _descent(settings, cell, start[low:high], seed, low, share.threads)
            ends, count = ends_of(settings, cell, run)
            kept.append(count)
            return ends

        ends = count_on(settings.looks, train)
        if ends.counts_for(cell):
            found = (ends, sum(aligned), settings.looks)
            rows.append(row(settings, cell, "reduced simulation", *found))
    return pd.DataFrame(rows, columns=list(UNITS))


def _descent(
    settings: Settings, cell: Cell, start: Overlaps, seed: int, first: int, threads: int
) -> Trajectory:
    from ...simulation.reduced import simulate_reduced

    return simulate_reduced(
        settings.target,
        start,
        step_size=settings.step_size,
        steps=cell.total(settings),
        batch=settings.batch,
        seed=seed,
        first_run=first,
        estimator="pathwise",
        components="sampled",
        variances="bures",
        schedule=cell.schedule(settings),
        speed_over_beta=True,
        sphere=True,
        log_every=max(settings.extra_steps // 2, 1),
        evaluation_samples=EVALUATION_SAMPLES,
        threads=threads,
    )
