"""Random streams: each run has its own, so that it is the same run whoever runs beside it.

A stream is keyed by (seed, run, purpose) through :class:`numpy.random.SeedSequence`.
"""

from __future__ import annotations

from enum import IntEnum, unique

import numpy as np

__all__ = ["Purpose", "generator", "key"]


@unique
class Purpose(IntEnum):
    """What a stream of a run is for; its order is part of the seed."""

    NOISE = 0
    COMPONENTS = 1
    EVALUATION = 2
    DIRECTIONS = 3
    REDUCED_NOISE = 4
    REDUCED_EVALUATION = 5
    MODES = 6


def generator(seed: int, run: int, purpose: Purpose) -> np.random.Generator:
    """The numpy generator of one purpose of one run.

    >>> one, other = generator(1, 0, Purpose.NOISE), generator(1, 1, Purpose.NOISE)
    >>> bool(one.random() == other.random())
    False
    """
    return np.random.Generator(np.random.SFC64(key(seed, run, purpose)))


def key(seed: int, run: int, purpose: Purpose) -> np.random.SeedSequence:
    """The seed of one purpose of one run."""
    return np.random.SeedSequence(seed, spawn_key=(run, int(purpose)))
