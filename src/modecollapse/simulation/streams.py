"""Random streams: each run has its own, so that it is the same run whoever runs beside it.

A stream is keyed by (seed, run, purpose) through :class:`numpy.random.SeedSequence`.  On the CPU
the normals come from numpy: torch's generator keeps only 32 bits of its seed there, too few to tell
ten thousand runs apart.  On a GPU they come from torch, on the device.
"""

from __future__ import annotations

from enum import IntEnum
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from ..compiled import compiled

__all__ = ["NormalStream", "Purpose", "generator"]


class Purpose(IntEnum):
    """What a stream of a run is for; its order is part of the seed."""

    NOISE = 0
    COMPONENTS = 1
    EVALUATION = 2
    DIRECTIONS = 3


def generator(seed: int, run: int, purpose: Purpose) -> np.random.Generator:
    """The numpy generator of one purpose of one run.

    >>> one, other = generator(1, 0, Purpose.NOISE), generator(1, 1, Purpose.NOISE)
    >>> bool(one.random() == other.random())
    False
    """
    return np.random.Generator(np.random.SFC64(_key(seed, run, purpose)))


class NormalStream:
    """Standard normals of one run, written into a tensor on `device`."""

    def __init__(self, seed: int, run: int, device: torch.device) -> None:
        self._numpy = generator(seed, run, Purpose.NOISE)
        self._torch: torch.Generator | None = None
        if device.type != "cpu":
            word = int(_key(seed, run, Purpose.NOISE).generate_state(1, np.uint64)[0])
            self._torch = torch.Generator(device).manual_seed(word >> 1)

    def fill(self, out: torch.Tensor) -> None:
        """Overwrite a contiguous tensor with the stream's next standard normals."""
        if self._torch is not None:
            out.normal_(generator=self._torch)
        else:
            _fill(self._numpy, out.numpy().reshape(-1))


@compiled
def _fill(rng: np.random.Generator, out: NDArray[Any]) -> None:
    """The bits of ``rng.standard_normal``, in a third of the time: no call for each number."""
    for i in range(out.size):
        out[i] = rng.standard_normal()


def _key(seed: int, run: int, purpose: Purpose) -> np.random.SeedSequence:
    return np.random.SeedSequence(seed, spawn_key=(run, int(purpose)))
