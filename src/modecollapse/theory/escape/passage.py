r"""When descent leaves collapse, by the backward equation on the plane of the two positions.

With L = f·∇ + (h/2B) C:∇∇ of the diffusion (16.1), the time to leave from a start at a has the
moments

    L τ_1 = −1,      L τ_2 = −2 τ_1,      τ_1 = τ_2 = 0 where a mean crosses the midpoint.   (16.6)

L is replaced by the generator of a jump process on a grid of spacing Δx, exponentially fitted: its
rates to the right and to the left are

    D/Δx² · β(∓f Δx/D),     β(u) = u/(e^u − 1),     D = h C_ii/2B,

positive whatever Δx, and exact for constant f and D in one dimension.  The two means may be
exchanged, so that a state is an unordered pair of positions.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.interpolate import RegularGridInterpolator
from scipy.sparse import coo_array, csc_array
from scipy.sparse.linalg import splu

from .noise import noise

__all__ = ["Passage", "passage"]

FloatArray = NDArray[np.float64]

MARGIN = 2.5  # how far beyond its mode a mean may go, in standard deviations of the mode
POINTS = 100  # a side; the time is then right to 2 % where its logarithm is below 15
CHUNK = 512  # states whose samples are held at once


class Passage(NamedTuple):
    """The mean and the standard deviation of the time to leave, in units of step size × steps."""

    mean: float
    deviation: float


def passage(
    start: FloatArray,
    separation: float,
    temperature: float,
    score: bool,
    stratified: bool = True,
    spread: float = 0.0,
    points: int = POINTS,
) -> Passage:
    """The time after which a mean crosses the midpoint between the modes (Eq. 16.6).

    Parameters
    ----------
    start : (2,), positions along μ*, both above zero.
    separation : r.
    temperature : h/B.
    score, stratified, spread : as in :func:`.noise.noise`.
    points : of the grid, a side.
    """
    x = np.linspace(0, separation + MARGIN, points + 1)[1:]
    i, j = np.tril_indices(points)
    states = np.stack([x[i], x[j]], -1)
    f, c = np.empty((len(i), 2)), np.empty((len(i), 2, 2))
    for k in range(0, len(i), CHUNK):
        rows = slice(k, k + CHUNK)
        f[rows], c[rows] = noise(states[rows], separation, score, stratified, spread)
    solve = splu(_generator(i, j, f, 0.5 * temperature * c, x[1] - x[0])).solve
    first = solve(-np.ones(len(i)))
    second = solve(-2 * first)
    mean, square = (_at(start, x, values, i, j) for values in (first, second))
    return Passage(mean, float(np.sqrt(max(square - mean * mean, 0.0))))


def _generator(
    i: NDArray[np.int_], j: NDArray[np.int_], f: FloatArray, d: FloatArray, dx: float
) -> csc_array:
    """The generator among the pairs (i, j), i ≥ j, for drift f and diffusion d; it leaves below 0
    and is reflected above the last point."""
    points, states = int(i.max()) + 1, np.arange(len(i))
    number = np.empty((points, points), dtype=int)
    number[i, j] = number[j, i] = states
    jumps = []
    for axis, (a, b) in enumerate(((1, 0), (0, 1))):
        rate, ratio = d[:, axis, axis] / dx**2, f[:, axis] * dx / d[:, axis, axis]
        jumps += [(a, b, rate * _bernoulli(-ratio)), (-a, -b, rate * _bernoulli(ratio))]
    mixed = d[:, 0, 1] / (2 * dx * dx)
    jumps += [(1, 1, mixed), (-1, -1, mixed), (1, -1, -mixed), (-1, 1, -mixed)]
    rows, columns, values = [], [], []
    for a, b, rate in jumps:
        to, other = i + a, j + b
        allowed = (to < points) & (other < points)
        stays = allowed & (to >= 0) & (other >= 0)
        rows += [states[stays], states[allowed]]
        columns += [number[to[stays], other[stays]], states[allowed]]
        values += [rate[stays], -rate[allowed]]
    entries = np.concatenate(values), (np.concatenate(rows), np.concatenate(columns))
    return csc_array(coo_array(entries, shape=(len(i), len(i))))


def _bernoulli(u: FloatArray) -> FloatArray:
    """u/(e^u − 1)."""
    small = np.abs(u) < 1e-8
    safe = np.where(small, 1.0, np.clip(u, -700, 700))
    return np.where(small, 1 - 0.5 * u, safe / np.expm1(safe))


def _at(
    place: FloatArray, x: FloatArray, values: FloatArray, i: NDArray[np.int_], j: NDArray[np.int_]
) -> float:
    """The value at a place between the states."""
    table = np.empty((len(x), len(x)))
    table[i, j] = table[j, i] = values
    return float(RegularGridInterpolator((x, x), table)(place)[0])
