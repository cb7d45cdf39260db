"""What to do: how often training would collapse, and how slow annealing must be to prevent it."""

from __future__ import annotations

import math
from dataclasses import dataclass

from scipy.optimize import brentq

from ..checks import require, within
from ..mixtures import BimodalTarget
from ..schedules import Exponential
from .annealed_probability import annealed_probability
from .probability import collapse_probability

__all__ = ["VALIDATED", "Recommendation", "recommend"]

# Where predictions were compared with integration (figure 6): closed intervals.
VALIDATED = {
    "separation": (3.0, 8.0),
    "dimension": (16, 4096),
    "tilt": (0.0, 0.25),  # |logit π| / 2r
    "heat": (1e-3, 0.1),  # β_i r²
    "slowness": (1.3, 10.0),  # t0 / log(1/β_i)
}
ERROR = 0.07  # the largest difference found there from the frequency among 200 random starts
HEAT = 0.1  # of β_i r², where nothing else is asked for


@dataclass(frozen=True)
class Recommendation:
    """The answer of :func:`recommend`.

    Attributes
    ----------
    without_annealing : probability of collapse without annealing, good to 0.07.
    with_annealing : with annealing from `beta_initial` over `time`, good to 0.07.
    beta_initial, time : of the exponential schedule; the number of steps is `time` / step size.
    """

    target: BimodalTarget
    without_annealing: float
    with_annealing: float
    beta_initial: float
    time: float

    def noise(self, step_size: float, batch: int) -> float:
        """dh/(2Bβ_i r²), to be ≪ 1: how far the batch's noise drives the means from antipodes.

        >>> recommend(3.0, 512, 0.8).noise(step_size=0.05, batch=8192) < 0.1
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
    """Predict how often two components collapse, and the annealing time that prevents it.

    Two components of equal fixed weight start on the sphere of radius r.  Without annealing their
    variance is 1.  With it, the target is p^β, β = β_i^(1 − t/t0); the variances start at 1/β_i and
    follow the Bures clock, the means stay on the sphere, every speed is divided by β.

    Parameters
    ----------
    separation, dimension, target_weight : r in [3, 8], d in [16, 4096], π with |logit π| <= r/2.
    collapse : the probability of collapse to allow, in (0, 1); sets the time.
    beta_initial : β_i in [10⁻³, 0.1]/r²; default 0.1/r².
    time : t0, in [1.3, 10] log(1/β_i); default the shortest that is predicted to do.

    Raises
    ------
    ValueError : naming the argument that is outside the range where predictions were validated, or
        `collapse` where no time within it is enough.

    >>> advice = recommend(separation=3.0, dimension=512, target_weight=0.8)
    >>> round(advice.without_annealing, 2), round(advice.with_annealing, 2)
    (0.99, 0.05)
    >>> 25 < advice.time < 40
    True
    """
    target = BimodalTarget(separation, dimension, target_weight)
    r = target.separation
    within("separation", r, *VALIDATED["separation"], closed="[]")
    within("dimension", target.dimension, *VALIDATED["dimension"], closed="[]")
    heaviest = 1 / (1 + math.exp(-2 * VALIDATED["tilt"][1] * r))
    allowed = f"at this separation a number in [{1 - heaviest:.4g}, {heaviest:.4g}]"
    fair = 1 - heaviest <= target.weight <= heaviest
    require(fair, "target_weight", target_weight, allowed)
    within("collapse", collapse, 0, 1)
    hottest, coolest = (heat / r**2 for heat in VALIDATED["heat"])
    beta = HEAT / r**2 if beta_initial is None else beta_initial
    within("beta_initial", beta, hottest, coolest, closed="[]")
    fastest, slowest = (k * math.log(1 / beta) for k in VALIDATED["slowness"])

    def probability(t0: float) -> float:
        return annealed_probability(target, Exponential(beta, t0))

    if time is None:
        time = _shortest(probability, collapse, fastest, slowest)
    within("time", time, fastest, slowest, closed="[]")
    return Recommendation(target, collapse_probability(target), probability(time), beta, time)


def _shortest(probability, collapse: float, fastest: float, slowest: float) -> float:
    """The shortest time in the range after which `probability` is at most `collapse`."""
    if probability(fastest) <= collapse:
        return fastest
    least = probability(slowest)
    allowed = f"here at least {least:.2g}, that after the longest annealing validated"
    require(least <= collapse, "collapse", collapse, allowed)
    found = brentq(lambda t0: probability(t0) - collapse, fastest, slowest, rtol=1e-3)
    return min(1.002 * found, slowest)
