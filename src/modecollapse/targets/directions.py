"""Directions in R^d: of the bimodal target, and of the widest spread of some points."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ..checks import choice

__all__ = ["DIRECTIONS", "MARGIN", "directions", "principal"]

FloatArray = NDArray[np.float64]
MARGIN = 6.0  # standard deviations beyond a mode's centre that hold all its mass
TIE = 1e-6  # of the spread: what tells directions of equal spread apart, and nothing else
DIRECTIONS = ("random", "axis", "diagonal")


def directions(kind: str, dimension: int, rng: np.random.Generator) -> FloatArray:
    """The unit vector of μ* and a random unit vector orthogonal to it, shape (2, d).

    >>> directions("diagonal", 4, np.random.default_rng(0))[0]
    array([0.5, 0.5, 0.5, 0.5])
    """
    choice("kind", kind, DIRECTIONS)
    first, second = rng.standard_normal((2, dimension))
    if kind == "axis":
        first = np.eye(dimension)[0]
    elif kind == "diagonal":
        first = np.ones(dimension)
    first = first / np.linalg.norm(first)
    second = second - (second @ first) * first
    return np.stack([first, second / np.linalg.norm(second)])


def principal(points: FloatArray) -> FloatArray:
    """The two orthonormal vectors along which `points` (K, d), d ≥ 2, spread most, shape (2, d).

    Of directions in which they spread the same, that of the points that come first: left to the
    rounding, it would be another one on another processor.  The largest entry of each is positive.

    >>> principal(np.array([[0.0, 3.0], [0.0, -3.0]])).round(6) + 0.0
    array([[0., 1.],
           [1., 0.]])
    """
    centred = points - points.mean(axis=0)
    order = 1 - TIE * np.arange(len(points))
    axes = np.diag([1.0, 0.5]) @ np.eye(2, points.shape[1]) * max(float(np.abs(centred).max()), 1.0)
    vectors = np.linalg.svd(np.vstack([centred * order[:, None], TIE * axes]))[2][:2]
    largest = np.take_along_axis(vectors, np.abs(vectors).argmax(axis=1)[:, None], axis=1)
    return vectors * np.sign(largest) + 0.0
