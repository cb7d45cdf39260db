"""What to do: how often training would collapse, what that costs, and how slow annealing must be.

Collapse costs something only where the state on both modes is the better fit: :func:`recommend`
refuses where it is not (:mod:`.regret`).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd

from ..checks import integer, require, within
from ..overlaps import Overlaps, random_start
from ..schedules import Exponential
from ..targets import BimodalTarget
from ..trajectory import Trajectory
from .annealed import integrate_annealed
from .annealed.probability import annealed_probability
from .integration import integrate
from .ranking import rank_remedies
from .regret import best_fit, best_fit_with_variances, regret_line

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
LAW, WEIGHTS = "sphere", "equal"  # of the start, ‖μ‖ = r, and of the components, fixed


@dataclass(frozen=True)
class Recommendation:
    """The answer of :func:`recommend`.

    Attributes
    ----------
    without_annealing : probability of collapse without annealing at the time `horizon`, standard
        error at most 0.025.
    with_annealing : with annealing from `beta_initial` over `time`, at the time `annealed_horizon`,
        likewise.
    regret_without, regret_with : the mean of KL at these times, minus the least KL that the weights
        allow (and, with annealing, trained variances), nats.
    beta_initial, time : of the exponential schedule; the number of steps is `time` / step size.
    horizon, annealed_horizon : gradient-flow time.
    law, weights : of the start, on the sphere of radius r, and of the components, equal and fixed.
    """

    target: BimodalTarget
    without_annealing: float
    with_annealing: float
    regret_without: float
    regret_with: float
    beta_initial: float
    time: float
    horizon: float = PLAIN_TIME
    law: str = LAW
    weights: str = WEIGHTS

    @property
    def annealed_horizon(self) -> float:
        """When the annealed runs are looked at: `time`, and 15 to settle."""
        return self.time + SETTLING

    @property
    def ranking(self) -> pd.DataFrame:
        """All remedies by their regret at equal cost, the best first, on the nearer of the two
        problems that were tried; the column `problem` names it (:func:`.ranking.rank_remedies`)."""
        return rank_remedies(self._nearer)

    @property
    def flow_ranking(self) -> pd.DataFrame:
        """The same of flows: shares of samples of p, other bases, annealing and restarts."""
        return rank_remedies(self._nearer, flows=True)

    @property
    def _nearer(self) -> str:
        return "equal modes" if self.target.weight == 0.5 else "unequal modes"

    def noise(self, step_size: float, batch: int) -> float:
        """dh/(2Bβ_i r²), to be ≪ 1: how far the batch's noise drives the means from antipodes.

        >>> recommend(3.0, 512, 0.7, time=40.0).noise(step_size=0.05, batch=8192) < 0.1
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
    are frequencies among 400 random starts of the closed equations, that is in gradient flow, at
    the time 10⁴ without annealing and 15 after its end with it; for what finite batches add see
    :meth:`Recommendation.noise`.

    Parameters
    ----------
    separation, dimension, target_weight : r in [3, 8], d in [16, 4096], π up to the line from which
        collapse is the better fit, 0.79973 at r = 3 and 0.8 beyond r = 5 (``regret_line``).
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
    >>> advice.regret_without > 0.1 > 0.05 > advice.regret_with
    True
    >>> advice.beta_initial, 5 < advice.time < 20
    (0.00625, True)
    """
    r = within("separation", separation, *VALIDATED["separation"], closed="[]")
    dimension = integer("dimension", dimension, *map(int, VALIDATED["dimension"]))
    target = BimodalTarget(r, dimension, within("target_weight", target_weight, 0, 1))
    _check_weight(target, target_weight)
    within("collapse", collapse, 0.01, 1, closed="[")
    hottest, coolest = (heat / r**2 for heat in VALIDATED["heat"])
    beta = HEAT / r**2 if beta_initial is None else beta_initial
    beta = within("beta_initial", beta, hottest, coolest, closed="[]")
    fastest, slowest = (k * math.log(1 / beta) for k in VALIDATED["slowness"])

    def probability(t0: float) -> float:
        return _collapsed(_annealed(target, beta, t0))

    if time is None:
        time = _shortest(target, beta, probability, collapse, (fastest, slowest))
    time = within("time", time, fastest, slowest, closed="[]")
    plain = integrate(target, _starts(target, 1.0), [PLAIN_TIME], rtol=1e-6)
    annealed = _annealed(target, beta, time)
    best = best_fit(r, target.weight, WEIGHTS).kl
    return Recommendation(
        target,
        without_annealing=_collapsed(plain),
        with_annealing=_collapsed(annealed),
        regret_without=_mean_kl(plain) - best,
        regret_with=_mean_kl(annealed) - best_fit_with_variances(target, WEIGHTS),
        beta_initial=beta,
        time=time,
    )


def _check_weight(target: BimodalTarget, given: float) -> None:
    """Refuse a target weight at which collapse is the better fit, or out of the range validated."""
    validated = 1 / (1 + math.exp(-2 * VALIDATED["tilt"][1] * target.separation))
    line = float(regret_line([target.separation]).target_weight[0])
    heaviest = math.floor(1e5 * min(line, validated)) / 1e5
    allowed = (
        f"at this separation a number in [{1 - heaviest:.5g}, {heaviest:.5g}]; beyond, with equal"
        " fixed weights, collapse on the heavier mode is the better fit and nothing to prevent"
    )
    fair = 1 - heaviest <= target.weight <= heaviest
    require(fair, "target_weight", given, allowed)


def _starts(target: BimodalTarget, variance: float) -> Overlaps:
    """The same random starts each time, so that frequencies differ by what is asked alone."""
    return random_start(target, RUNS, np.random.default_rng(0), law=LAW, variance=variance)


def _collapsed(run: Trajectory) -> float:
    """The part of the finished runs that collapsed."""
    return float(run.collapsed[run.finished].mean())


def _mean_kl(run: Trajectory) -> float:
    return float(run.final("kl")[run.finished].mean())


def _annealed(target: BimodalTarget, beta_initial: float, time: float) -> Trajectory:
    """The runs from these starts with annealing."""
    return integrate_annealed(
        target,
        _starts(target, 1 / beta_initial),
        [time + SETTLING],
        schedule=Exponential(beta_initial, time),
        sphere=True,
        variances="bures",
        speed_over_beta=True,
        rtol=1e-6,
    )


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
