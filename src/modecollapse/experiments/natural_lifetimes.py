"""How long a state that is collapsed lives, run by run, against its law: weights of any speed."""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import product
from typing import Annotated, Any, NamedTuple

import numpy as np
import pandas as pd

from ..geometries import metric_of
from ..outcomes import Outcome
from ..overlaps import Overlaps, random_start
from ..targets import BimodalTarget
from .columns import common
from .kinds import Dimensions, Geometries, Horizon, Positive, Rates, Runs, Seed, from_to, several
from .share import Share, stream

__all__ = ["UNITS", "Settings", "compute"]

UNITS = {
    "source": "theory",
    "start": "random (both means on one side, on the sphere of this norm, once they are aligned) "
    "or light (one component at its mode, the other without weight)",
    "geometry": "euclidean, wasserstein or natural",
    **common("separation", "eta", "dimension"),
    "norm": "norm of the means at the start, standard deviations of a mode",
    "run": "number of the run",
    "logit": "log-odds of the outer component's weight at the beginning (light: of the other's)",
    "time": "time from there until KL stays below ½ log 2, gradient-flow time",
    "recovered": "whether it does within the horizon",
    "law": "the time that Eq. 13.9 gives from this logit (light: Eq. 13.8), gradient-flow time",
}


@dataclass(frozen=True)
class Settings:
    """Two equal modes.  Of every combination of geometry, r, η, d and norm `runs` random starts
    with both means on one side, of which those count that are aligned after a time of `settle`; and
    in the natural geometry, for each r and η, a component of each of `light` decades of 1/w."""

    seed: Seed
    geometries: Geometries
    separations: Annotated[
        tuple[Annotated[float, from_to(2.26, 5.2, "a number from 2.26 to 5.2")], ...],
        several("a list of one or more different numbers from 2.26 to 5.2"),
    ]
    etas: Rates
    dimensions: Dimensions
    sizes: Annotated[
        tuple[Annotated[float, from_to(1e-3, 3, "a number from 0.001 to 3, in units of r")], ...],
        several("a list of one or more different numbers from 0.001 to 3, norms in units of r"),
    ]
    runs: Runs
    settle: Positive
    light: Annotated[
        tuple[Annotated[float, from_to(1, 280, "a number from 1 to 280, decades of 1/w")], ...],
        several("a list of one or more different numbers from 1 to 280, decades of 1/w"),
    ]
    horizon: Horizon


class _Point(NamedTuple):
    """A setting, and from what it starts."""

    number: int
    geometry: str
    separation: float
    eta: float
    dimension: int = 64
    size: float = 1.0
    light: bool = False


def compute(settings: Settings, share: Share) -> pd.DataFrame:
    """A row for each run of the share's points that counts."""
    grid = product(
        settings.geometries,
        settings.separations,
        settings.etas,
        settings.dimensions,
        settings.sizes,
    )
    points = [_Point(number, *point) for number, point in enumerate(grid)]
    each = product(("natural",), settings.separations, settings.etas)
    points += [_Point(len(points) + n, *point, light=True) for n, point in enumerate(each)]
    rows: list[dict[str, Any]] = []
    for point in share.progress(points):
        rows += _light(settings, point) if point.light else _aligned(settings, point)
    return pd.DataFrame(rows, columns=list(UNITS))


def _aligned(settings: Settings, point: _Point) -> list[dict[str, Any]]:
    """The random starts that are aligned once they have settled."""
    from ..theory.drift import drift_time
    from ..theory.geometry import integrate_geometry

    target = BimodalTarget(point.separation, point.dimension)
    rng, norm = stream(settings.seed, point.number), point.size * point.separation
    start = random_start(target, 16 * settings.runs, rng, scale=norm)
    chosen = np.flatnonzero((start.m > 0).all(axis=1))[: settings.runs]
    if not chosen.size:
        return []
    run = integrate_geometry(
        target, start[chosen], [settings.settle], eta=point.eta, geometry=point.geometry
    )
    aligned = run.outcome == Outcome.MEAN_ALIGNMENT
    if not aligned.any():
        return []
    m, q = (
        np.stack([run.final(name)[aligned] for name in names], axis=-1)
        for names in (("m1", "m2"), ("q11", "q12", "q22"))
    )
    logit = run.final("logit")[aligned]
    outer = np.where(m[:, 0] > m[:, 1], logit, -logit)
    power = metric_of(point.geometry).weights
    laws = [drift_time(point.separation, power, begin) / point.eta for begin in outer]
    return _rows(settings, point, Overlaps(m, q, logit), norm, outer, laws)


def _light(settings: Settings, point: _Point) -> list[dict[str, Any]]:
    """One component at its mode, the other at x = −r/√d without weight, its norm r."""
    from ..theory.geometry_lifetime import light_component_law

    r, logits = point.separation, math.log(10) * np.array(sorted(settings.light))
    x, ones = -r / math.sqrt(point.dimension), np.ones(len(logits))
    start = Overlaps(
        np.stack([r * x * ones, r * r * ones], axis=-1),
        np.stack([r * r * ones, r * x * ones, r * r * ones], axis=-1),
        -logits,
    )
    laws = [light_component_law(logit, r, point.eta) for logit in logits]
    return _rows(settings, point, start, r, logits, laws)


def _rows(
    settings: Settings, point: _Point, start: Overlaps, norm: float, logits: Any, laws: Any
) -> list[dict[str, Any]]:
    """A row for each of these states."""
    from ..theory.geometry_lifetime import recovery_times

    target = BimodalTarget(point.separation, point.dimension)
    times, done = recovery_times(target, start, point.eta, point.geometry, settings.horizon)
    return [
        {
            "source": "theory",
            "start": "light" if point.light else "random",
            "geometry": point.geometry,
            "separation": point.separation,
            "eta": point.eta,
            "dimension": point.dimension,
            "norm": norm,
            "run": run,
            "logit": float(logits[run]),
            "time": float(times[run]),
            "recovered": bool(done[run]),
            "law": float(laws[run]),
        }
        for run in range(len(start))
    ]
