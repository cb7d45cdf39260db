"""How long collapse lasts under noisy batches, and the chance that a run is still collapsed."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import gammaincc

from ...checks import choice, integer, numbers_of, require, within
from ...dynamics import targets_of
from ...targets import BimodalTarget
from .normal_form import normal_form
from .passage import passage
from .path import Exit, barrier, find_exit

__all__ = ["Escape", "escape", "escape_law", "survival"]

ESTIMATORS = ("pathwise", "sticking-the-landing")
COMPONENTS = ("stratified", "sampled")
SEPARATIONS = (2.1, 2.8)
LARGEST_STEP = 0.5
TEMPERATURES = (1e-3, 0.25)  # h/B below the fold's reach, where the grid resolves the noise
LARGEST_SPREAD = 0.2
HIGH, LOWER = 14.0, 9.0  # of Φ_G B/h: beyond HIGH the prefactor is extrapolated from both
LONGEST = 600.0  # of the logarithm of that growth: a time that is a number still


@dataclass(frozen=True)
class Escape:
    """The law of the time at which a descent leaves collapse, in units of step size × steps.

    Attributes
    ----------
    mean, deviation : of that time.
    exponent : Φ B/h of Eq. 16.4, the part of log(mean) that grows with the batch; 0 below the fold.
    gaussian : the mean, were the noise of the batches Gaussian.
    start : the positions of the means along μ* from which it leaves.
    """

    mean: float
    deviation: float
    exponent: float
    gaussian: float
    start: tuple[float, float]

    def survival(self, time: ArrayLike) -> NDArray[np.float64]:
        """The chance of being collapsed still at each time: that of a gamma law of these moments,
        exponential where the barrier is high."""
        shape = (self.mean / self.deviation) ** 2
        return gammaincc(shape, shape * np.asarray(time, dtype=float) / self.mean)


def escape(
    target: BimodalTarget,
    *,
    step_size: float,
    batch: int,
    estimator: str = "pathwise",
    components: str = "stratified",
) -> Escape:
    r"""When stochastic descent leaves the collapsed state of two equal modes, equal fixed weights.

    Its law is that of the diffusion (Eq. 16.6), with times multiplied by e^{(Φ − Φ_G) B/h}: Φ is
    the barrier of the batches' own law (Eq. 16.5), Φ_G that of Gaussian noise.  What stands before
    e^{Φ_G B/h} has a limit for h/B → 0, and is extrapolated to it from Φ_G B/h = 9 and 14 on.  A
    run begins at the collapsed state, or below the critical separation where it was born, and has
    left when a mean crosses the midpoint.

    Parameters
    ----------
    target : π = ½ and r from 2.1 to 2.8.
    step_size : h, at most 0.5.
    batch : B ≥ 2, even where stratified; h/B from 0.001 to 0.25 below the critical separation,
        2.2596, and at most 0.25 above it.
    estimator : "pathwise" or "sticking-the-landing"; with the first, (d − 1) h/B is at most 0.2.
    components : "stratified" or "sampled".

    Raises
    ------
    ValueError : naming what is outside this range.

    >>> p, noisy = BimodalTarget(2.4, 64), {"step_size": 0.1, "batch": 4}
    >>> law = escape(p, **noisy, estimator="sticking-the-landing")
    >>> round(law.exponent, 2)
    4.63
    """
    r, h, b = _checked(target, step_size, batch, estimator, components)
    score, stratified = estimator == "pathwise", components == "stratified"
    spread = (target.dimension - 1) * h / b if score else 0.0
    return escape_law(r, h / b, score, stratified, spread)


@lru_cache(maxsize=1024)
def escape_law(
    r: float, temperature: float, score: bool, stratified: bool = True, spread: float = 0.0
) -> Escape:
    """As :func:`escape`, by h/B = `temperature` and Δ = `spread`, unchecked."""
    exit = find_exit(r, score, stratified, spread)
    if exit is None:
        born = normal_form(score, stratified).positions
        law = passage(np.array(born), r, temperature, score, stratified, spread)
        return Escape(law.mean, law.deviation, 0.0, law.mean, born)
    cost = barrier(exit, gaussian=True)
    own, gaussian = barrier(exit) / temperature, cost / temperature
    law = passage(exit.state, r, max(temperature, cost / HIGH), score, stratified, spread)
    beyond = _prefactor_beyond(exit, cost, law.mean, gaussian) if gaussian > HIGH else 1.0

    def factor(exponent: float) -> float:
        return beyond * math.exp(min(exponent - min(gaussian, HIGH), LONGEST))

    mean, deviation = (value * factor(own) for value in law)
    start = float(exit.state[0]), float(exit.state[1])
    return Escape(mean, deviation, own, law.mean * factor(gaussian), start)


def _prefactor_beyond(exit: Exit, cost: float, mean: float, gaussian: float) -> float:
    """What stands before e^{Φ_G B/h} at Φ_G B/h = `gaussian`, over the same at 14, where the mean
    is `mean`: its logarithm is linear in h/B for h/B → 0.  Right to 6 % up to `gaussian` = 25."""
    options = exit.score, exit.stratified, exit.spread
    lower = passage(exit.state, exit.separation, cost / LOWER, *options).mean
    slope = (math.log(mean / lower) + LOWER - HIGH) / (1 / LOWER - 1 / HIGH)
    return math.exp(slope * (1 / HIGH - 1 / gaussian))


def survival(
    target: BimodalTarget,
    steps: ArrayLike,
    *,
    step_size: float,
    batch: int,
    estimator: str = "pathwise",
    components: str = "stratified",
) -> NDArray[np.float64]:
    """The probability that a collapsed run is collapsed still after each number of steps.

    Two equal modes, equal fixed weights, plain stochastic descent from the collapsed state (from
    where it was born, below the critical separation).  The mean time is right to a factor of 1.35
    where Φ B/h is below 8, where it was measured (d = 1).  Against simulated descents with B up to
    64 whose mean time costs up to 20,000 evaluations of p, the probability is right to 0.15 above
    the critical separation (d = 1 and 4), below it (d up to 64) to 0.15 where h/B is 0.01 and more,
    else to 0.3: with little noise all runs leave at nearly one time, which the grid smears
    (docs/theory/16-survival.md).

    Parameters
    ----------
    target, step_size, batch, estimator, components : and their range, as in :func:`escape`.
    steps : numbers ≥ 0.

    Returns
    -------
    The shape of `steps`.

    >>> p = BimodalTarget(2.4, 64)
    >>> survival(p, [1e3, 1e5, 1e7], step_size=0.1, batch=64).round(2).tolist()
    [1.0, 1.0, 1.0]
    >>> noisy = {"step_size": 0.1, "batch": 4, "estimator": "sticking-the-landing"}
    >>> survival(p, [1e3, 1e5, 1e7], **noisy).round(1).tolist()
    [1.0, 0.3, 0.0]
    """
    allowed = "finite numbers >= 0"
    steps = numbers_of("steps", steps, allowed)
    fine = bool((np.isfinite(steps) & (steps >= 0)).all())
    require(fine, "steps", steps, allowed)
    law = escape(
        target, step_size=step_size, batch=batch, estimator=estimator, components=components
    )
    return law.survival(steps * step_size)


def _checked(
    target: BimodalTarget, step_size: float, batch: int, estimator: str, components: str
) -> tuple[float, float, int]:
    (target,) = targets_of(target, 1)
    choice("estimator", estimator, ESTIMATORS)
    choice("components", components, COMPONENTS)
    require(target.weight == 0.5, "target.weight", target.weight, "0.5, two equal modes")
    r = within("target.separation", target.separation, *SEPARATIONS, closed="[]")
    h = within("step_size", step_size, 0, LARGEST_STEP, closed="]")
    b = integer("batch", batch, 2)
    require(components == "sampled" or b % 2 == 0, "batch", b, "an even number where stratified")
    low = TEMPERATURES[0] if r <= normal_form(False).separation else 0.0
    within("step_size / batch", h / b, low, TEMPERATURES[1], closed="[]")
    if estimator == "pathwise":
        spread = (target.dimension - 1) * h / b
        within("(d - 1) step_size / batch", spread, 0, LARGEST_SPREAD, closed="[]")
    return r, h, b
