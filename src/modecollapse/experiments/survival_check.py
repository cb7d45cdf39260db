"""How far `survival` is from simulated descents, at random points of its range."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any

import numpy as np
import pandas as pd

from ..targets import BimodalTarget
from .columns import common
from .escape_times import survival_error
from .kinds import Count, Repeats, Seed, from_to, several
from .share import Share, stream

if TYPE_CHECKING:
    from ..theory.escape.survival import Escape

__all__ = ["UNITS", "Settings", "compute"]

UNITS = {
    "source": "reduced simulation",
    "side": "above or below the critical separation",
    "estimator": "pathwise or sticking-the-landing",
    "components": "stratified or sampled",
    **common("separation", "dimension"),
    "step_size": "h, 1",
    "batch": "B, samples a step",
    "temperature": "h/B, 1",
    "forecast": "mean number of steps, Eqs. 16.4 to 16.6",
    "exponent": "Φ B/h; 0 below the fold",
    "n_runs": "runs",
    "n_left": "runs that left within eight times the forecast",
    "survival_error": "largest gap of the part still collapsed from `survival`, over time",
}
SIDES = ("above", "below")
STEP_SIZES, LOG_BATCHES = (0.01, 0.5), 6  # h log-uniform, B = 2 to 64
FARTHEST = 0.5  # r − r_c: beyond, no time is short enough
TRIES, GRIDS = 1000, 2  # until a point is given up, and of them those that need the grid
MOST = 8  # times the forecast, after which a run is stopped
log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Settings:
    """`points` on each side of the critical separation in each dimension, where the mean time is
    forecast to cost at most so many `evaluations` of p; `runs` runs each."""

    seed: Seed
    dimensions: Annotated[
        tuple[Annotated[int, from_to(1, 200, "a whole number from 1 to 200")], ...],
        several("a list of one or more different whole numbers from 1 to 200"),
    ]
    points: Annotated[int, from_to(1, 1000, "a whole number from 1 to 1000")]
    runs: Repeats
    evaluations: Count


def compute(settings: Settings, share: Share) -> pd.DataFrame:
    """A row for each point of the share; none where no point of a side is that cheap."""
    grid = [
        (d, side, number)
        for d in settings.dimensions
        for side in range(len(SIDES))
        for number in range(settings.points)
    ]
    rows = []
    for index, (d, side, number) in share.progress(list(enumerate(grid))):
        found = _drawn(settings, d, SIDES[side], stream(settings.seed, d, side, number))
        if found is None:
            log.warning("left out d = %d, %s: no time as short", d, SIDES[side])
            continue
        rows.append(_row(settings, *found, index, share.threads))
    return pd.DataFrame(rows, columns=list(UNITS))


def _drawn(
    settings: Settings, d: int, side: str, rng: np.random.Generator
) -> tuple[dict[str, Any], Escape] | None:
    """A point of the range with a time as short as is asked for, and its law."""
    from ..theory.escape.normal_form import normal_form
    from ..theory.escape.survival import escape

    grids = 0
    for _ in range(TRIES):
        h = float(np.exp(rng.uniform(*np.log(STEP_SIZES))))
        batch = int(2 * 2 ** rng.integers(LOG_BATCHES))
        score = bool(rng.integers(2)) or d > 1  # without it every d is the same
        stratified = bool(rng.integers(2))
        form = normal_form(score, stratified)
        away, u = form.separation - 2.1, float(rng.random())
        r = form.separation + (FARTHEST * u**3 if side == "above" else -away * u)
        with np.errstate(over="ignore"):
            near = form.time(r, h, batch)
        if near * batch / h > settings.evaluations:  # Eq. 16.7: no need for the grid
            continue
        given: dict[str, Any] = {
            "step_size": h,
            "batch": batch,
            "estimator": "pathwise" if score else "sticking-the-landing",
            "components": "stratified" if stratified else "sampled",
        }
        try:
            law = escape(BimodalTarget(r, d), **given)
        except ValueError:  # h/B or (d − 1) h/B outside
            continue
        if law.mean * batch / h <= settings.evaluations:
            return given | {"separation": r, "dimension": d, "side": side}, law
        grids += 1
        if grids == GRIDS:
            break
    return None


def _row(
    settings: Settings, point: dict[str, Any], law: Escape, index: int, threads: int
) -> dict[str, Any]:
    """The forecast against `runs` runs."""
    from ..simulation.passage import first_passages
    from ..simulation.settings import Descent

    h, batch = point["step_size"], point["batch"]
    descent = Descent(
        h,
        int(MOST * law.mean / h) + 1,
        batch,
        settings.seed,
        point["estimator"],
        point["components"],
        first_run=index * settings.runs,
    )
    r, d = point["separation"], point["dimension"]
    steps, left = first_passages(r, law.start, descent, settings.runs, threads, d)
    return point | {
        "source": "reduced simulation",
        "temperature": h / batch,
        "forecast": law.mean / h,
        "exponent": law.exponent,
        "n_runs": len(steps),
        "n_left": int(left.sum()),
        "survival_error": survival_error(steps, left, law.survival(np.sort(steps) * h)),
    }
