"""The map by gradient flow, from the annealed equations."""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd

from ..kinds import Runs, Tolerance
from ..share import Share, stream
from ..starts import draw_start
from . import START, UNITS, Map, cells, ends_of, row

__all__ = ["UNITS", "Settings", "compute"]


@dataclass(frozen=True)
class Settings(Map):
    """`runs` starts a cell, integrated with relative error `rtol` a step."""

    runs: Runs
    rtol: Tolerance


def compute(settings: Settings, share: Share) -> pd.DataFrame:
    """A row for each cell of the share."""
    from ...theory.annealed import integrate_annealed

    rows, target = [], settings.target
    for cell in share.progress(cells(settings)):
        rng = stream(settings.seed, cell.number)
        start = draw_start(target, settings.runs, rng, *START, variance=1 / cell.beta_initial)
        steps = (cell.anneal_steps + settings.extra_steps / 2, cell.total(settings))
        run = integrate_annealed(
            target,
            start,
            [settings.step_size * k for k in steps],
            schedule=cell.schedule(settings),
            sphere=True,
            variances="bures",
            speed_over_beta=True,
            rtol=settings.rtol,
            threads=share.threads,
        )
        ends, aligned = ends_of(settings, cell, run)
        if ends.counts_for(cell):
            rows.append(row(settings, cell, run.source, ends, aligned))
    return pd.DataFrame(rows, columns=list(UNITS))
