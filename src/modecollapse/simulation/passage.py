"""How long stochastic descent stays collapsed: runs on the line of the modes, until they leave.

Where all means lie on the line through ±μ*, x·μ* is all that a step needs of a sample x.  Means
stay on that line for ever in one dimension, and without the score term in any (docs/theory.md,
section 10): what is simulated here is then exact in law, and a step costs a small part of what it
costs ``kernel``.  The optimizers are those of ``optimizers``, for two numbers.  With the score term
batches drive the means off that line in d > 1: there the steps are those of ``kernel``.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import numpy as np
from numpy.typing import NDArray

from ..checks import MOST_THREADS, choice, count, integer
from ..compiled import compiled
from ..geometries import GEOMETRIES
from .kernel import AXES, descend
from .points import Setting, respond, view_from
from .settings import DECAYS, EPSILON, OPTIMIZERS, Descent
from .streams import Purpose, generator

__all__ = ["first_passages"]

DECAY, SECOND_DECAY = DECAYS


def first_passages(
    separation: float,
    positions: tuple[float, float],
    descent: Descent,
    runs: int,
    threads: int = 1,
    dimension: int = 1,
) -> tuple[NDArray[np.int_], NDArray[np.bool_]]:
    r"""The steps after which runs with two equal modes and equal fixed weights leave collapse.

    A run starts from μ_i = `positions`[i] μ*/r, both above zero, and has left when one of the two
    positions has crossed the midpoint between the modes.

    Parameters
    ----------
    separation : r.
    positions : of the two means along μ*.
    descent : its ``steps`` are the most that are taken.
    runs : how many; run k has the stream ``first_run`` + k of ``seed``.
    threads : how many threads share them.
    dimension : d; above 1 by plain descent alone.

    Returns
    -------
    steps, (n,), taken until a run left, or all of them; and left, (n,), whether it did.

    >>> steps, left = first_passages(2.3, (2.72, 1.44), Descent(0.5, 10**5, 2, seed=1), runs=4)
    >>> left.tolist()
    [True, True, True, True]
    """
    count("runs", runs)
    alone = integer("dimension", dimension, 1) == 1
    choice("optimizer", descent.optimizer, OPTIMIZERS if alone else OPTIMIZERS[:1])
    aside = descent.score and not alone
    setting = _setting(separation, descent, dimension if aside else 1)
    kind = OPTIMIZERS.index(descent.optimizer)

    def follow(k: int) -> tuple[int, bool]:
        rng = generator(descent.seed, descent.first_run + k, Purpose.REDUCED_NOISE)
        means = np.zeros((2, AXES if aside else 3))
        means[:, 0] = positions
        if aside:
            return _until_it_leaves_the_line(rng, means, descent.steps, setting)
        return _until_it_leaves(rng, means, np.ones(2), descent.steps, kind, setting)

    with ThreadPoolExecutor(integer("threads", threads, 1, MOST_THREADS)) as pool:
        found = list((pool.map if threads > 1 else map)(follow, range(runs)))
    return np.array([steps for steps, _ in found]), np.array([left for _, left in found])


def _setting(separation: float, descent: Descent, dimension: int) -> Setting:
    """What compiled code needs to know: two equal modes, equal fixed weights."""
    given = {
        "separation": separation,
        "log_minus": float(np.log(0.5)),
        "dimension": dimension,
        "step_size": descent.step_size,
        "batch": descent.batch,
        "score": descent.score,
        "stratified": descent.stratified,
        "metric": GEOMETRIES["euclidean"],
    }
    kinds = Setting.__annotations__
    unused = {name: 0.0 if kinds[name] == "float" else 0 for name in kinds if name not in given}
    return Setting(**given, **unused)  # type: ignore[arg-type]


@compiled
def _until_it_leaves(rng, means, variances, steps, kind, s):
    """Steps on the line, in place, until a mean crosses zero; their number, and whether it did."""
    average, square = np.zeros(2), np.zeros(2)
    gradient = np.empty(2)
    one_decay = two_decay = 1.0
    for k in range(steps):
        _gradient(rng, means, variances, gradient, s)
        one_decay, two_decay = one_decay * DECAY, two_decay * SECOND_DECAY
        for i in range(2):
            direction = gradient[i]
            if kind > 0:
                average[i] += (1 - DECAY) * (direction - average[i])
                direction = average[i]
            if kind == 2:
                square[i] += (1 - SECOND_DECAY) * (gradient[i] ** 2 - square[i])
                size = np.sqrt(square[i] / (1 - two_decay)) + EPSILON
                direction = direction / (1 - one_decay) / size
            means[i, 0] -= s.step_size * direction
        if not min(means[0, 0], means[1, 0]) > 0:
            return k + 1, True
    return steps, False


@compiled
def _until_it_leaves_the_line(rng, means, steps, s):
    """The same in all coordinates, by plain descent."""
    mixture, beta = np.array([0.0, 1.0, 1.0]), np.ones(1)
    for k in range(steps):
        descend(rng, means, mixture, beta, s)
        if not min(means[0, 0], means[1, 0]) > 0:
            return k + 1, True
    return steps, False


@compiled
def _gradient(rng, means, variances, gradient, s):
    """A batch's gradient along μ* with respect to both positions (Eq. 10.5 with β = v = 1)."""
    score = 1.0 if s.score else 0.0
    first = (s.batch + 1) // 2 if s.stratified else rng.binomial(s.batch, 0.5)
    gradient[:] = 0.0
    for i in range(2):
        n = first if i == 0 else s.batch - first
        share = 0.5 / n if s.stratified else 1 / s.batch
        view = view_from(means, 0.0, variances, i, s)
        own = other = 0.0
        for _ in range(n):
            z = rng.standard_normal()
            point = respond(view, z, 0.0, z * z, s)
            own += view.along - s.separation * point.tilt + score * point.own * z
            own -= point.other * view.gap_along
            other += score * point.other * (view.gap_along + z)
        gradient[i] += share * own
        gradient[1 - i] += share * other
