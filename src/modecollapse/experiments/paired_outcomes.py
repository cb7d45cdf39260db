"""Where theory and simulation speak of the same ends: outcomes from the same starts, late.

Once it is decided which modes are lost, a mean over runs with finite steps says little, for a run
near the border of two basins ends in either.  So each start is followed twice, by gradient flow and
by one run of stochastic descent, and what is compared is what became of the two.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import product
from types import MappingProxyType
from typing import NamedTuple

import numpy as np
import pandas as pd

from ..checks import require
from ..counting import COUNT_UNITS, counted
from ..targets import BimodalTarget
from .columns import common
from .ends import MOVED, Ends, halving_times
from .kinds import (
    Batch,
    Device,
    Dimensions,
    Estimators,
    Etas,
    Law,
    Positive,
    Runs,
    Seed,
    Separation,
    Size,
    StepSize,
    Weights,
)
from .share import Share, stream
from .starts import START_UNITS, check_starts, draw_start, start_columns

__all__ = ["UNITS", "Settings", "compute"]

UNITS: Mapping[str, str] = MappingProxyType(
    {
        "source": "theory and simulation",
        **common("separation", "dimension", "target_weight", "eta"),
        **START_UNITS,
        "estimator": "of the gradient of the simulation",
        "time": "gradient-flow time at which one looks",
        "n_runs": "starts from which both finished",
        "n_same": "of these, starts from which both have the same outcome",
        "probability": "n_same / n_runs",
        "low": COUNT_UNITS["low"],
        "high": COUNT_UNITS["high"],
        "n_theory": "starts from which gradient flow alone collapsed",
        "n_simulation": "starts from which the simulation alone collapsed",
        "n_both": "starts from which both collapsed",
        "n_moving": f"runs of gradient flow whose KL changed by more than {MOVED:g} nats since "
        "half the time",
    }
)


@dataclass(frozen=True)
class Settings:
    """Every combination of the lists, `runs` starts each, to `time` in steps of `step_size`."""

    seed: Seed
    separation: Separation
    target_weights: Weights
    etas: Etas
    dimensions: Dimensions
    estimators: Estimators
    law: Law
    size: Size
    time: Positive
    step_size: StepSize
    batch: Batch
    runs: Runs
    device: Device

    def __post_init__(self) -> None:
        check_starts((self.law,), (self.size,))
        steps = self.time / self.step_size
        whole = steps > 0.5 and abs(steps - round(steps)) < 1e-6
        require(whole, "time", self.time, "a whole number of steps of step_size")


class Point(NamedTuple):
    """One combination."""

    target_weight: float
    eta: float
    dimension: int
    estimator: str


def compute(settings: Settings, share: Share) -> pd.DataFrame:
    """A row for each combination of the share."""
    lists = settings.target_weights, settings.etas, settings.dimensions, settings.estimators
    rows = []
    for index, point in share.progress(list(enumerate(product(*lists)))):
        rows += _row(settings, index, Point(*point), share.threads)
    return pd.DataFrame(rows, columns=list(UNITS))


def _row(settings: Settings, index: int, point: Point, threads: int) -> list[dict[str, object]]:
    """The row of one combination; none where from no start both finished."""
    from ..simulation.full import simulate
    from ..theory.integration import integrate

    rng = stream(settings.seed, index)
    target = BimodalTarget(settings.separation, point.dimension, point.target_weight)
    start = draw_start(target, settings.runs, rng, settings.law, settings.size)
    times = halving_times([settings.time])
    flow = integrate(target, start, times, eta=point.eta, threads=threads)
    steps = round(settings.time / settings.step_size)
    run = simulate(
        target,
        start,
        step_size=settings.step_size,
        steps=steps,
        batch=settings.batch,
        eta=point.eta,
        estimator=point.estimator,
        log_every=steps,
        seed=int(rng.integers(2**31)),
        device=settings.device,
    )
    both = flow.finished & run.finished
    theory, simulation = (Ends.of(each, target).outcome for each in (flow, run))
    theory, simulation = theory[both[flow.finished]], simulation[both[run.finished]]
    if not len(theory):
        return []
    kl = Ends.of(flow, target)
    lost = [np.array([o.is_collapse for o in each], bool) for each in (theory, simulation)]
    same = counted(int((theory == simulation).sum()), len(theory))
    row = {
        "source": "theory and simulation",
        "separation": target.separation,
        "dimension": target.dimension,
        "target_weight": target.weight,
        "eta": point.eta,
        **start_columns(target, settings.law, settings.size),
        "estimator": point.estimator,
        "time": settings.time,
        **{name: same[name] for name in ("n_runs", "probability", "low", "high")},
        "n_same": same["n_collapsed"],
        "n_theory": int((lost[0] & ~lost[1]).sum()),
        "n_simulation": int((lost[1] & ~lost[0]).sum()),
        "n_both": int((lost[0] & lost[1]).sum()),
        "n_moving": int((np.abs(kl.kl - kl.earlier) > MOVED).sum()),
    }
    return [row]
