r"""Expectations of softmax and log-sum-exp over a Gaussian, with an estimate of their error.

For z ~ N(0, I_m), a factor F (K, m) and biases b_i (K,),

.. math:: s_{ij} = E[softmax_j(b_i + F z)],   l_i = E[log Σ_j exp(b_{ij} + (F z)_j)].

The exponentials exp(F z) at the nodes serve every bias, so that I biases cost one table of K
exponentials a node and two matrix products.

Nodes come from a *ladder* of rules, from cheap to fine.  Its lower rungs are lattices: the softmax
is analytic within |Im z| < π/D, with D the largest ‖F_j − F_l‖, and the trapezoidal rule converges
like exp(−2π²/(D h)) (docs/theory.md, Eq. 9.7).  The even and the odd points of a lattice are two
rules of half its density; half their difference is the error of either.  That, the rate itself and
the mass outside the nodes' ball add up to the error estimate.  In m ≥ 3, where a lattice would take
more than `max_points` points, and always in m ≥ 4, scrambled Sobol points take over; the scatter of
their eight blocks estimates the error.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.special import chdtri, gammaln, ndtri

__all__ = ["Expectations", "Nodes", "expectations", "ladder"]

FloatArray = NDArray[np.float64]
BLOCKS = 8  # of a Sobol sequence
SIGMAS = 2.0  # standard errors in the error estimate of Sobol points
LATTICE_DIMENSION = 3  # above it the two halves can agree on a common error, see Eq. 9.9
LOST = 0.01  # the mass outside the ball of a lattice, as a part of the tolerance
REACH = 600.0  # largest exponent of a table: exp(REACH) times its inverse stays a float64


@dataclass(frozen=True, eq=False)
class Nodes:
    """Quadrature nodes of N(0, I_m) in groups, each a rule of its own.

    Attributes
    ----------
    points : (m, N).
    weights : (N,), sum 1.
    groups : slices of the N nodes.
    steps : (m,), of a lattice; None for Sobol points.
    lost : Gaussian mass outside the nodes' ball.
    """

    points: FloatArray
    weights: FloatArray
    groups: tuple[slice, ...]
    steps: FloatArray | None = None
    lost: float = 0.0

    def __len__(self) -> int:
        return len(self.weights)

    def scatter(self, values: FloatArray) -> FloatArray:
        """The error of a mean that its `values` in each group, (G, ...), tell of."""
        if len(values) == 1:
            return np.zeros(values.shape[1:])
        if self.steps is None:
            return SIGMAS * values.std(axis=0, ddof=1) / np.sqrt(len(values))
        return 0.5 * np.abs(values[0] - values[1])

    def common(self, factor: FloatArray) -> float:
        """The aliasing error that the two halves of a lattice may have in common, Eq. 9.8."""
        if self.steps is None or not self.steps.size:
            return 0.0
        return float(np.exp(-_decay(np.ptp(factor, axis=0), self.steps)).sum())


class Expectations(NamedTuple):
    """Softmax means (I, K), log-sum-exp means (I,), and the error of each; see the module."""

    softmax: FloatArray
    softmax_error: FloatArray
    logsumexp: FloatArray
    logsumexp_error: FloatArray


def ladder(factor: FloatArray, tolerance: float, max_points: int, seed: int) -> Iterator[Nodes]:
    """Rules for z ↦ softmax(b + F z), whatever b, from the one that should reach `tolerance` up.

    Each is built when it is asked for; the ladder ends with `max_points` points, or at once where
    ‖F_j − F_l‖ is so large that the exponentials would overflow.

    Parameters
    ----------
    factor : F, (K, m), best with orthogonal columns (each axis gets a step of its own).
    seed : of the scrambling.
    """
    m = factor.shape[1]
    if m == 0:
        yield Nodes(np.zeros((0, 1)), np.ones(1), (slice(0, 1),))
        return
    lost = LOST * tolerance
    radius = float(np.sqrt(chdtri(m, lost)))
    spreads = np.ptp(factor, axis=0)
    if np.linalg.norm(spreads) * radius > REACH:
        return
    # Half a lattice decays more slowly than the whole, by √m/2 in the exponent.
    decay = np.log(1 / tolerance) / (0.5 * np.sqrt(m))
    while m <= LATTICE_DIMENSION:
        steps = _steps(spreads, decay)
        if _lattice_size(steps, radius) > max_points:
            break
        yield _lattice(steps, radius, lost)
        decay *= 1.2
    if m >= 3:
        for exponent in range(12, int(np.log2(max_points)) + 1):
            yield _sobol(m, exponent, seed)


def expectations(
    nodes: Nodes,
    factor: FloatArray,
    biases: FloatArray,
    *,
    table: FloatArray | None = None,
    logs: bool = True,
) -> Expectations:
    """The expectations for each row of `biases` (I, K).

    `table` is exp(F z) at the nodes, (K, N), where it is at hand; without `logs` those of
    log-sum-exp are left out, as 0.
    """
    table = np.exp(factor @ nodes.points) if table is None else table
    top = biases.max(axis=1, keepdims=True)
    scale = np.exp(biases - top)
    total = scale @ table
    share = nodes.weights / total
    by_group = np.array([share[:, g] @ table[:, g].T for g in nodes.groups])
    parts = np.array([nodes.weights[g].sum() for g in nodes.groups])
    softmax = scale * by_group.sum(axis=0)
    common = nodes.common(factor)
    scatter = nodes.scatter(scale * by_group / parts[:, None, None])
    softmax_error = scatter + common + nodes.lost
    if not logs:
        return Expectations(softmax, softmax_error, np.zeros(len(biases)), np.zeros(len(biases)))
    # The linear part of log-sum-exp, by Stein's lemma E[softmax]·F z, has mean 0: leave it out.
    values = np.log(total) - (softmax @ factor) @ nodes.points
    by_group = np.array([values[:, g] @ nodes.weights[g] for g in nodes.groups])
    mean = by_group.sum(axis=0)
    beyond = nodes.lost * np.abs(values - mean[:, None]).max(axis=1)
    logsumexp_error = nodes.scatter(by_group / parts[:, None]) + common + beyond
    return Expectations(softmax, softmax_error, top[:, 0] + mean, logsumexp_error)


def _steps(spreads: FloatArray, decay: float) -> FloatArray:
    """The step on each axis with which the aliasing error is exp(−decay), Eq. 9.8."""
    with np.errstate(divide="ignore"):
        strip = np.minimum(np.pi / spreads, np.sqrt(2 * decay))
    return 2 * np.pi * strip / (decay + 0.5 * strip**2)


def _decay(spreads: FloatArray, steps: FloatArray) -> FloatArray:
    """The exponent of the aliasing error on each axis for these steps, Eq. 9.8 read backwards."""
    with np.errstate(divide="ignore"):
        strip = np.minimum(np.pi / spreads, 2 * np.pi / steps)
    return 2 * np.pi * strip / steps - 0.5 * strip**2


def _lattice_size(steps: FloatArray, radius: float) -> float:
    """About how many lattice points a ball holds."""
    m = len(steps)
    ball = 0.5 * m * np.log(np.pi) - gammaln(0.5 * m + 1) + m * np.log(radius)
    return float(np.exp(ball - np.log(steps).sum()))


def _lattice(steps: FloatArray, radius: float, lost: float) -> Nodes:
    """The points of a rectangular lattice in a ball, those of even index sum first."""
    ends = (radius / steps).astype(int)
    index = np.indices(tuple(2 * ends + 1)).reshape(len(ends), -1).T - ends
    index = index[((index * steps) ** 2).sum(axis=1) <= radius**2]
    odd = index.sum(axis=1) % 2
    index = index[np.argsort(odd, kind="stable")]
    points = np.ascontiguousarray((index * steps).T)
    weights = np.exp(-0.5 * (points**2).sum(axis=0))
    n_even = len(odd) - int(odd.sum())
    halves = (slice(0, n_even), slice(n_even, len(odd)))
    groups = halves if n_even < len(odd) else halves[:1]
    return Nodes(points, weights / weights.sum(), groups, steps, lost)


@lru_cache(maxsize=8)
def _sobol(m: int, exponent: int, seed: int) -> Nodes:
    """2^exponent scrambled Sobol points, made normal, in consecutive blocks (each a net)."""
    from scipy.stats import qmc  # takes half a second to load

    n = 2**exponent
    uniform = qmc.Sobol(m, scramble=True, bits=32, rng=np.random.default_rng([seed, m])).random(n)
    points = np.ascontiguousarray(ndtri(uniform + 2.0**-33).T)
    size = n // BLOCKS
    groups = tuple(slice(k * size, (k + 1) * size) for k in range(BLOCKS))
    return Nodes(points, np.full(n, 1 / n), groups)
