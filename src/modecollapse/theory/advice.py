"""What to do: how often training would collapse, and how slow annealing must be to prevent it."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from ..checks import integer, require, within
from ..overlaps import Overlaps, random_start
from ..schedules import Exponential
from ..targets import BimodalTarget
from .annealed import integrate_annealed
from .annealed.probability import annealed_probability
from .integration import integrate

__all__ = ["VALIDATED", "Recommendation", "recommend"]

# Closed intervals, from which figure 6e draws its problems.
VALIDATED = {
    "separation": (3.0, 8.0),
    "dimension": (16, 4096),
    "tilt": (0.0, 0.25),  # |logit π| / 2r
    "heat": (1e-3, 0.1),  # β_i r²
    "slowness": (1.3, 10.0),  # t0 / log(1/β_i)
}
RUNS = 400  # random starts behind each probability
HEAT = 0.1  # of β_i r², where nothing else is asked for
STRIDE = 1.2  # factor between annealing times that are tried first
PLAIN_TIME, SETTLING = 1e4, 15.0  # gradient-flow time without annealing, and after it


@dataclass(frozen=True)
class Recommendation:
    """The answer of :func:`recommend`.

    Attributes
    ----------
    without_annealing : probability of collapse without annealing, standard error at most 0.025.
    with_annealing : with annealing from `beta_initial` over `time`, likewise.
    beta_initial, time : of the exponential schedule; the number of steps is `time` / step size.
    """

    target: BimodalTarget
    without_annealing: float
    with_annealing: float
    beta_initial: float
    time: float

    def noise(self, step_size: float, batch: int) -> float:
        """dh/(2Bβ_i r²), to be ≪ 1: how far the batch's noise drives the means from antipodes.

        >>> recommend(3.0, 512, 0.8, time=40.0).noise(step_size=0.05, batch=8192) < 0.1
        True
        """
        r2 = self.target.separation**2
        h, b = within("step_size", step_size, 0), within("batch", batch, 0)
        return self.target.dimension * h / (2 * b * self.beta_initial * r2)


def recommend(
    separation: float,
    dimension: int,
    target_weight: float = 0.5,
    *,
    collapse: float = 0.05,
    beta_initial: float | None = None,
    time: float | None = None,
) -> Recommendation:
    """How often two components collapse, and the annealing time that prevents it.

    Two components of equal fixed weight start on the sphere of radius r.  Without annealing their
    variance is 1.  With it, the target is p^β, β = β_i^(1 − t/t0); the variances start at 1/β_i and
    follow the Bures clock, the means stay on the sphere, and every speed is divided by β: the
    settings ``variances="bures", sphere=True, speed_over_beta=True`` of
    :func:`~modecollapse.simulate`.  With other settings annealing may do nothing.  Probabilities
    are frequencies among 400 random starts of the closed equations, that is in gradient flow; for
    what finite batches add see :meth:`Recommendation.noise`.

    Parameters
    ----------
    separation, dimension, target_weight : r in [3, 8], d in [16, 4096], π with |logit π| <= r/2.
    collapse : the probability of collapse to allow, in [0.01, 1); it sets the time where none is
        given, and is not looked at where one is.
    beta_initial : β_i in [10⁻³, 0.1]/r²; default 0.1/r².
    time : t0, in [1.3, 10] log(1/β_i); default the shortest that will do, to some percent.

    Raises
    ------
    ValueError : naming the argument that is outside the range of figure 6e, or `collapse` where
        no time within it is enough.

    >>> advice = recommend(separation=4.0, dimension=64, target_weight=0.7, collapse=0.1)
    >>> 0.3 < advice.without_annealing < 0.7, advice.with_annealing <= 0.1
    (True, True)
    >>> advice.beta_initial, 5 < advice.time < 20
    (0.00625, True)
    """
    r = within("separation", separation, *VALIDATED["separation"], closed="[]")
    dimension = integer("dimension", dimension, *map(int, VALIDATED["dimension"]))
    target = BimodalTarget(r, dimension, within("target_weight", target_weight, 0, 1))
    heaviest = 1 / (1 + math.exp(-2 * VALIDATED["tilt"][1] * r))
    allowed = f"at this separation a number in [{1 - heaviest:.4g}, {heaviest:.4g}]"
    fair = 1 - heaviest <= target.weight <= heaviest
    require(fair, "target_weight", target_weight, allowed)
    within("collapse", collapse, 0.01, 1, closed="[")
    hottest, coolest = (heat / r**2 for heat in VALIDATED["heat"])
    beta = HEAT / r**2 if beta_initial is None else beta_initial
    within("beta_initial", beta, hottest, coolest, closed="[]")
    fastest, slowest = (k * math.log(1 / beta) for k in VALIDATED["slowness"])

    def probability(t0: float) -> float:
        return _frequency(target, beta, t0)

    if time is None:
        time = _shortest(target, beta, probability, collapse, (fastest, slowest))
    within("time", time, fastest, slowest, closed="[]")
    plain = integrate(target, _starts(target, 1.0), [PLAIN_TIME], rtol=1e-6)
    without = float(plain.collapsed[plain.finished].mean())
    return Recommendation(target, without, probability(time), beta, time)


def _starts(target: BimodalTarget, variance: float) -> Overlaps:
    """The same random starts each time, so that frequencies differ by what is asked alone."""
    return random_start(target, RUNS, np.random.default_rng(0), variance=variance)


def _frequency(target: BimodalTarget, beta_initial: float, time: float) -> float:
    """How many of the starts collapse in spite of annealing, as a part of all."""
    run = integrate_annealed(
        target,
        _starts(target, 1 / beta_initial),
        [time + SETTLING],
        schedule=Exponential(beta_initial, time),
        sphere=True,
        variances="bures",
        speed_over_beta=True,
        rtol=1e-6,
    )
    return float(run.collapsed[run.finished].mean())


def _shortest(
    target: BimodalTarget,
    beta: float,
    probability: Callable[[float], float],
    collapse: float,
    ends: tuple[float, float],
) -> float:
    """The shortest time between `ends` after which `probability` is at most `collapse`, to 2 %.

    The linear stage says where to look.
    """
    fastest, slowest = ends
    grid = np.geomspace(fastest, slowest, 40)
    expected = (annealed_probability(target, Exponential(beta, float(t))) for t in grid)
    time = next((float(t) for t, p in zip(grid, expected, strict=True) if p <= collapse), slowest)
    while probability(time) > collapse:
        if time >= slowest:
            allowed = f"here at least {probability(slowest):.2g}, that after the longest annealing"
            require(False, "collapse", collapse, f"{allowed} validated")
        time = min(STRIDE * time, slowest)
    while time > fastest and probability(max(time / STRIDE, fastest)) <= collapse:
        time = max(time / STRIDE, fastest)
    if time == fastest:
        return fastest
    low = max(time / STRIDE, fastest)
    while time > 1.02 * low:
        middle = math.sqrt(low * time)
        low, time = (low, middle) if probability(middle) <= collapse else (middle, time)
    return time
