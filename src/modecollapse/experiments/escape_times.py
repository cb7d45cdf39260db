"""How many steps stochastic descent needs to leave collapse, measured and forecast."""

from __future__ import annotations

import logging
import math
from dataclasses import dataclass
from itertools import product
from typing import TYPE_CHECKING, Annotated, Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from pydantic import Field
from scipy.special import gammaincinv

from ..targets import BimodalTarget
from .columns import common
from .kinds import Batches, Component, Count, Estimators, Repeats, Seed, from_to, several
from .share import Share

if TYPE_CHECKING:
    from ..theory.escape.normal_form import NormalForm
    from ..theory.escape.survival import Escape

__all__ = ["UNITS", "Settings", "compute", "survival_error"]

UNITS = {
    "source": "simulation or reduced simulation",
    "optimizer": "sgd, momentum or adam",
    "estimator": "pathwise or sticking-the-landing",
    "components": "stratified or sampled",
    **common("separation", "dimension"),
    "step_size": "h, 1",
    "batch": "B, samples a step",
    "steps": "mean number of steps to leave collapse: all steps taken, over the runs that left",
    "low": "lower end of its 95 % interval",
    "high": "upper end of its 95 % interval",
    "n_runs": "runs",
    "n_left": "runs that left",
    "survival_error": "largest gap of the part still collapsed from the forecast, over time",
    "forecast": "mean number of steps, Eqs. 16.4 to 16.6; of Adam with a step size of Eq. 16.9",
    "gaussian": "the same, were the noise of the batches Gaussian",
    "normal_form": "mean number of steps, Eq. 16.7",
    "exponent": "Φ B/h, of Adam with that step size; 0 below the fold",
}
LEAST_LEAVING = 0.15  # a point of which fewer would leave, by the forecast, is left out
LOOKS = 50  # at a run in all coordinates, in the mean time forecast
MOST_LOOKS = 20000  # at it in all
log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Settings:
    """Every combination of the lists; `runs` runs from the collapsed state, with at most so many
    `evaluations` of p each.

    road : "line", where all that moves is on the line of the modes, or "full", all coordinates.
    """

    seed: Seed
    road: Annotated[Literal["line", "full"], Field(description="line or full")]
    optimizers: Annotated[
        tuple[
            Annotated[
                Literal["sgd", "momentum", "adam"], Field(description="sgd, momentum or adam")
            ],
            ...,
        ],
        several("a list of one or more of sgd, momentum and adam", 3),
    ]
    estimators: Estimators
    components: Component
    dimension: Annotated[int, from_to(1, 10**6, "a whole number from 1 to 1e6; 1 on the line")]
    separations: Annotated[
        tuple[Annotated[float, from_to(2.1, 2.8, "a number from 2.1 to 2.8")], ...],
        several("a list of one or more different numbers from 2.1 to 2.8"),
    ]
    step_sizes: Annotated[
        tuple[Annotated[float, from_to(1e-3, 0.5, "a number from 0.001 to 0.5")], ...],
        several("a list of one or more different numbers from 0.001 to 0.5"),
    ]
    batches: Batches
    runs: Repeats
    evaluations: Count

    def __post_init__(self) -> None:
        if self.road == "line" and self.dimension > 1:
            raise ValueError(f"dimension: got {self.dimension}; allowed: 1, where road is line")
        odd = [b for b in self.batches if b % 2]
        if odd and self.components == "stratified":
            raise ValueError(f"batches: got {odd[0]}; allowed: even numbers, where stratified")
        least, most = (
            min(self.step_sizes) / max(self.batches),
            max(self.step_sizes) / min(self.batches),
        )
        if least < 1e-3:
            raise ValueError(f"step_sizes, batches: got h/B = {least:g}; allowed: 0.001 and more")
        if "pathwise" in self.estimators and (self.dimension - 1) * most > 0.2:
            raise ValueError(
                f"dimension: got (d - 1) h/B = {(self.dimension - 1) * most:g};"
                " allowed: at most 0.2, where pathwise"
            )


def compute(settings: Settings, share: Share) -> pd.DataFrame:
    """A row for each point of the share that enough runs leave."""
    from ..theory.escape.survival import escape_law

    rows = []
    grid = product(
        settings.optimizers,
        settings.estimators,
        settings.separations,
        settings.step_sizes,
        settings.batches,
    )
    for index, (optimizer, estimator, r, h, batch) in share.progress(list(enumerate(grid))):
        point: dict[str, Any] = {
            "optimizer": optimizer,
            "estimator": estimator,
            "components": settings.components,
            "separation": r,
            "dimension": settings.dimension,
            "step_size": h,
            "batch": batch,
        }
        speed, score = h * _speed(point), estimator == "pathwise"
        spread = (settings.dimension - 1) * h / batch if score else 0.0
        stratified = settings.components == "stratified"
        law = escape_law(r, speed / batch, score, stratified, spread)
        most = settings.evaluations // batch
        if law.survival(most * speed) > 1 - LEAST_LEAVING:
            log.warning("left out %s: a mean of %.3g steps", point, law.mean / speed)
            continue
        look = max(1, int(law.mean / speed / LOOKS), most // MOST_LOOKS)
        steps, left = _passages(settings, point, (most, look), index, share.threads)
        if not left.any():
            log.warning("left out %s: no run left", point)
            continue
        error = survival_error(steps, left, law.survival(np.sort(steps) * speed))
        source = "simulation" if settings.road == "full" else "reduced simulation"
        measured = _mean_steps(steps, left) | {"survival_error": error}
        rows.append({"source": source} | point | measured | _forecast(point, law, speed))
    return pd.DataFrame(rows, columns=list(UNITS))


def _forecast(point: dict[str, Any], law: Escape, step_size: float) -> dict[str, float]:
    """What theory says of the number of steps."""
    near = _form(point).time(point["separation"], step_size, point["batch"]) / step_size
    return {
        "forecast": law.mean / step_size,
        "gaussian": law.gaussian / step_size,
        "normal_form": near,
        "exponent": law.exponent,
    }


def _speed(point: dict[str, Any]) -> float:
    """By how much Adam lengthens a step along the null direction (Eq. 16.9); 1 for the others."""
    from ..theory.escape.noise import noise

    if point["optimizer"] != "adam":
        return 1.0
    score, v = point["estimator"] == "pathwise", np.array(_form(point).direction)
    start = _start(point["separation"], score)
    _, c = noise(start, point["separation"], score, point["components"] == "stratified")
    return math.sqrt(point["batch"] / float(v @ c @ v))


def _form(point: dict[str, Any]) -> NormalForm:
    from ..theory.escape.normal_form import normal_form

    return normal_form(point["estimator"] == "pathwise", point["components"] == "stratified")


def _start(separation: float, score: bool) -> tuple[float, float]:
    """The collapsed state, or where it was born."""
    from ..theory.escape.normal_form import normal_form
    from ..theory.escape.path import find_exit

    exit = find_exit(separation, score)
    if exit is None:
        return normal_form(score).positions
    return float(exit.state[0]), float(exit.state[1])


def _passages(
    settings: Settings, point: dict[str, Any], steps: tuple[int, int], index: int, threads: int
) -> tuple[NDArray[np.int_], NDArray[np.bool_]]:
    """The steps of each run, and whether it left; `steps`: the most, and those between two looks at
    a run in all coordinates."""
    from ..simulation.passage import first_passages
    from ..simulation.settings import Descent

    r = point["separation"]
    start = _start(r, point["estimator"] == "pathwise")
    if settings.road == "full":
        return _in_all_coordinates(settings, point, start, steps, index)
    descent = Descent(
        point["step_size"],
        steps[0],
        point["batch"],
        settings.seed,
        point["estimator"],
        settings.components,
        point["optimizer"],
        first_run=index * settings.runs,
    )
    return first_passages(r, start, descent, settings.runs, threads)


def _in_all_coordinates(
    settings: Settings,
    point: dict[str, Any],
    start: tuple[float, float],
    steps: tuple[int, int],
    index: int,
) -> tuple[NDArray[np.int_], NDArray[np.bool_]]:
    from ..overlaps import Overlaps
    from ..simulation import simulate

    r, (x, y), n = point["separation"], start, settings.runs
    overlaps = Overlaps(
        np.tile([r * x, r * y], (n, 1)), np.tile([x * x, x * y, y * y], (n, 1)), np.zeros(n)
    )
    run = simulate(
        BimodalTarget(r, settings.dimension),
        overlaps,
        step_size=point["step_size"],
        steps=steps[0],
        batch=point["batch"],
        seed=settings.seed,
        estimator=point["estimator"],
        components=settings.components,
        optimizer=point["optimizer"],
        log_every=steps[1],
        evaluation_samples=4,
        first_run=index * n,
    )
    across = np.minimum(run.statistics["m1"], run.statistics["m2"]) <= 0
    left = np.asarray(across.any(1))
    place = np.where(left, across.argmax(1), across.shape[1] - 1)
    return np.round(run.times[place] / point["step_size"]).astype(int), left


def _mean_steps(steps: NDArray[np.int_], left: NDArray[np.bool_]) -> dict[str, float]:
    """Steps per exit, with the interval that exponential times have: 2 × exits is χ²."""
    n, total = int(left.sum()), float(steps.sum())
    low = total / gammaincinv(n + 1, 0.975)
    high = total / gammaincinv(n, 0.025)
    return {"steps": total / n, "low": low, "high": high, "n_runs": len(steps), "n_left": n}


def survival_error(
    steps: NDArray[np.int_], left: NDArray[np.bool_], forecast: NDArray[np.float64]
) -> float:
    """The largest gap between the part of the runs that is still there and the forecast."""
    order = np.argsort(steps)
    gone = np.cumsum(left[order]) / len(steps)
    before = gone - left[order] / len(steps)
    gaps = np.maximum(np.abs(1 - gone - forecast), np.abs(1 - before - forecast))
    return float(gaps[left[order]].max(initial=0.0))
