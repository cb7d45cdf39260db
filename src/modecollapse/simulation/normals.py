"""Standard normals of a run, on the CPU or on a GPU.

On the CPU they come from numpy: torch's generator keeps only 32 bits of its seed there, too few to
tell ten thousand runs apart.  On a GPU they come from torch, on the device.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from ..compiled import compiled
from .streams import Purpose, generator, key

__all__ = ["NormalStream"]


class NormalStream:
    """Standard normals of one run, written into a tensor on `device`."""

    def __init__(self, seed: int, run: int, device: torch.device) -> None:
        self.generator = generator(seed, run, Purpose.NOISE)  # on the CPU
        self._torch: torch.Generator | None = None
        if device.type != "cpu":
            word = int(key(seed, run, Purpose.NOISE).generate_state(1, np.uint64)[0])
            self._torch = torch.Generator(device).manual_seed(word >> 1)

    def fill(self, out: torch.Tensor) -> None:
        """Overwrite a contiguous tensor with the stream's next standard normals."""
        if self._torch is not None:
            out.normal_(generator=self._torch)
        else:
            _fill(self.generator, out.numpy().reshape(-1))


@compiled
def _fill(rng: np.random.Generator, out: NDArray[Any]) -> None:
    """The bits of ``rng.standard_normal``, in a third of the time: no call for each number."""
    for i in range(out.size):
        out[i] = rng.standard_normal()
