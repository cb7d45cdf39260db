r"""Where theory and simulation speak of the same thing: z = (simulation − theory) / standard error.

A simulation with step size h differs from the gradient flow by a bias c h + O(h²), its own noise
included (docs/simulation.md, Section 4).  So each setting is simulated with the step sizes h and
h/2, in independent runs from one start, and the means are extrapolated,

.. math:: \hat E = 2 E_{h/2} - E_h, \qquad
          \mathrm{se}^2 = (4 \mathrm{Var}_{h/2} + \mathrm{Var}_h) / n.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import product
from types import MappingProxyType
from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ..checks import require
from ..overlaps import Overlaps, random_start
from ..targets import BimodalTarget
from ..trajectory import Trajectory
from .columns import common
from .kinds import (
    Batch,
    Components,
    Count,
    Device,
    Dimensions,
    Estimators,
    Etas,
    Positives,
    Repeats,
    Seed,
    Separation,
    Starts,
    StepSize,
    Weights,
)
from .share import Share, stream

__all__ = ["UNITS", "Setting", "Settings", "compare", "compute"]

log = logging.getLogger(__name__)

QUANTITIES = ("m1", "m2", "q11", "q12", "q22", "kl", "mass_plus")

UNITS: Mapping[str, str] = MappingProxyType(
    {
        "source": "theory and simulation",
        "setting": "number of the setting",
        **common("target_weight", "eta", "dimension"),
        "start": "law of the start",
        "estimator": "estimator of the gradient",
        "components": "how components are chosen",
        "quantity": "the compared statistic",
        "time": "gradient-flow time (step size × steps)",
        "theory": "value from the closed equations, in the unit of the statistic",
        "simulation": "mean over runs, extrapolated to step size 0, in the unit of the statistic",
        "standard_error": "of simulation, in the unit of the statistic",
        "z": "(simulation − theory) / standard_error, 1",
    }
)


@dataclass(frozen=True)
class Settings:
    """Every combination of the lists is a setting, with a random start of its own.

    Each is simulated `runs` times with `step_size` and as often with half of it, and compared at
    `times`.
    """

    seed: Seed
    separation: Separation
    target_weights: Weights
    etas: Etas
    dimensions: Dimensions
    starts: Starts
    estimators: Estimators
    components: Components
    times: Positives
    step_size: StepSize
    batch: Batch
    runs: Repeats
    evaluation_samples: Count
    device: Device

    def __post_init__(self) -> None:
        counts = np.array(self.times) / self.step_size
        steps = counts.round()
        whole = np.allclose(counts, steps) and steps[0] > 0 and not (steps % steps[0]).any()
        ordered = bool((np.diff(self.times) > 0).all())
        allowed = "increasing multiples of the first, which is a multiple of step_size"
        require(bool(whole) and ordered, "times", self.times, allowed)


class Setting(NamedTuple):
    """One combination."""

    target_weight: float
    eta: float
    dimension: int
    start: str
    estimator: str
    components: str


def compute(settings: Settings, share: Share) -> pd.DataFrame:
    """A row for each setting of the share, each quantity and each time."""
    grid = product(
        settings.target_weights,
        settings.etas,
        settings.dimensions,
        settings.starts,
        settings.estimators,
        settings.components,
    )
    tables = [
        compare(settings, index, Setting(*point))
        for index, point in share.progress(list(enumerate(grid)))
    ]
    return pd.concat(tables, ignore_index=True)[list(UNITS)] if tables else _empty()


def compare(settings: Settings, index: int, setting: Setting) -> pd.DataFrame:
    """The rows of one setting."""
    from ..theory.integration import integrate

    rng = stream(settings.seed, index)
    target = BimodalTarget(settings.separation, setting.dimension, setting.target_weight)
    start = random_start(target, 1, rng, law=setting.start)
    seeds = rng.integers(2**31, size=2).tolist()
    coarse, fine = (
        _simulate(settings, setting, target, start, part, seed)
        for part, seed in zip((1, 2), seeds, strict=True)
    )
    theory = integrate(target, start, settings.times, eta=setting.eta)
    tables = []
    for name in (*QUANTITIES, "weight") if setting.eta > 0 else QUANTITIES:
        one, two = (_at(run, settings.times, name) for run in (coarse, fine))
        mean = 2 * two.mean(0) - one.mean(0)
        error = np.sqrt((4 * two.var(0, ddof=1) + one.var(0, ddof=1)) / settings.runs)
        exact = theory.statistics[name][0]
        columns = {"quantity": name, "time": theory.times, "theory": exact}
        columns |= {"simulation": mean, "standard_error": error, "z": (mean - exact) / error}
        tables.append(pd.DataFrame(columns))
    table = pd.concat(tables, ignore_index=True)
    known = np.isfinite(table[["theory", "simulation", "z"]]).all(axis=1)
    if not known.all():
        log.warning("left out %d rows of %s: a run did not finish", (~known).sum(), setting)
    table = table[known]
    return table.assign(source="theory and simulation", setting=index, **setting._asdict())


def _simulate(
    settings: Settings,
    setting: Setting,
    target: BimodalTarget,
    start: Overlaps,
    part: int,
    seed: int,
) -> Trajectory:
    """Independent runs from one start with the step size divided by `part`."""
    from ..simulation.full import simulate

    step_size = settings.step_size / part
    return simulate(
        target,
        start[np.zeros(settings.runs, dtype=int)],
        step_size=step_size,
        steps=round(settings.times[-1] / step_size),
        batch=settings.batch,
        eta=setting.eta,
        estimator=setting.estimator,
        components=setting.components,
        log_every=round(settings.times[0] / step_size),
        evaluation_samples=settings.evaluation_samples,
        seed=seed,
        device=settings.device,
    )


def _at(run: Trajectory, times: tuple[float, ...], name: str) -> NDArray[np.float64]:
    """A statistic at the compared times, (runs, times)."""
    places = np.searchsorted(run.times, np.array(times) - 1e-9)
    return run.statistics[name][:, places]


def _empty() -> pd.DataFrame:
    return pd.DataFrame(columns=list(UNITS))
