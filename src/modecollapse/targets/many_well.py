"""The many-well density: independent pairs of a double well and a Gaussian.

Source: L. Midgley and others, Flow annealed importance sampling bootstrap, ICLR 2023
(arXiv:2208.01893), after F. Noé and others, Boltzmann generators (2019); their 32-dimensional
problem is ``ManyWell(wells=16)``, with log Z = 164.69568.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Generator, Tensor

from ..checks import integer, within
from .family import Family

__all__ = ["ManyWell"]

FloatArray = NDArray[np.float64]
MOST_NAMED = 6  # wells whose 2^k modes are told apart one by one
NODES = 2**15 + 1  # of the table of one well
LEFT = 60.0  # nats below the top where a well's table ends


@dataclass(frozen=True)
class ManyWell(Family):
    """log p(x) = Σ_i [a y_i + b y_i² − c y_i⁴ − z_i²/2] − log Z, x = (y_1, z_1, y_2, z_2, …).

    Each y has two wells, so that there are 2^k modes; mode number m has y_i in its upper well where
    bit i of m is set, the wells parted at the top of the barrier.

    Parameters
    ----------
    wells : k, half the dimension.  Beyond six, modes are not told apart (`weights` is None).
    tilt, bump, wall : a, b and c; as published, 1/2, 6 and 1.

    >>> p = ManyWell(wells=16)
    >>> p.dimension, round(p.log_z, 4)
    (32, 164.6957)
    """

    wells: int = 1
    tilt: float = 0.5
    bump: float = 6.0
    wall: float = 1.0

    def __post_init__(self) -> None:
        integer("wells", self.wells, 1)
        within("wall", self.wall, 0)
        within("bump", self.bump, 0)
        steepest = (2 / 3) ** 1.5 * math.sqrt(self.bump**3 / self.wall)
        within("tilt", self.tilt, -steepest, steepest)  # beyond, there is one well

    @property
    def dimension(self) -> int:  # type: ignore[override]
        return 2 * self.wells

    @cached_property
    def stationary(self) -> FloatArray:
        """The lower well, the top of the barrier and the upper well of one y, (3,)."""
        roots = np.roots([-4 * self.wall, 0, 2 * self.bump, self.tilt])
        return np.sort(roots.real)

    @cached_property
    def _table(self) -> tuple[FloatArray, FloatArray, float]:
        """Nodes of one y, its distribution function there, and the log of its integral."""
        top = self._well(self.stationary[[0, 2]]).max()
        end = 1.0
        while self._well(np.array([end, -end])).max() > top - LEFT:
            end *= 1.1
        y = np.linspace(-end, end, NODES)
        p = np.exp(self._well(y) - top)
        total = p.sum() * (y[1] - y[0])  # the trapezoidal rule, exponentially accurate here
        below = np.concatenate([[0.0], np.cumsum((p[1:] + p[:-1]) / 2) * (y[1] - y[0])])
        return y, below / below[-1], float(top + math.log(total))

    def _well(self, y: FloatArray) -> FloatArray:
        return self.tilt * y + self.bump * y**2 - self.wall * y**4

    @property
    def log_z(self) -> float:  # type: ignore[override]
        """By the trapezoidal rule on one well, to 1e-12."""
        return self.wells * (self._table[2] + 0.5 * math.log(2 * math.pi))

    @property
    def upper(self) -> float:
        """P(y above the barrier)."""
        y, below, _ = self._table
        return float(1 - np.interp(self.stationary[1], y, below))

    @property
    def _bits(self) -> NDArray[np.int64]:
        """Bit i of each mode's number, (2^k, k)."""
        return (np.arange(2**self.wells)[:, None] >> np.arange(self.wells)) & 1

    @property
    def places(self) -> FloatArray | None:
        if self.wells > MOST_NAMED:
            return None
        places = np.zeros((2**self.wells, self.dimension))
        places[:, ::2] = np.where(self._bits, self.stationary[2], self.stationary[0])
        return places

    @property
    def weights(self) -> FloatArray | None:
        if self.wells > MOST_NAMED:
            return None
        weights = np.where(self._bits, self.upper, 1 - self.upper).prod(-1)
        return weights / weights.sum()

    @property
    def reach(self) -> float:
        return math.sqrt(self.wells) * (float(abs(self.stationary).max()) + 6.0)

    def log_density(self, x: Tensor) -> Tensor:
        y, z = x[..., ::2], x[..., 1::2]
        square = y.square()
        well = y * self.tilt + square * (self.bump - self.wall * square)
        return (well - 0.5 * z.square()).sum(-1)

    def masses(self, x: Tensor) -> Sequence[Tensor]:
        if self.wells > MOST_NAMED:
            return ()
        powers = 2 ** torch.arange(self.wells, device=x.device)
        number = ((x[..., ::2] > self.stationary[1]) * powers).sum(-1)
        return tuple((number == m).to(x.dtype) for m in range(2**self.wells))

    def draw(self, generator: Generator, out: Tensor) -> Tensor:
        """By the inverse distribution function, whose table is right to 1e-7."""
        out.normal_(generator=generator)
        uniform = out.new_empty(len(out), self.wells).uniform_(generator=generator)
        y, below, _ = self._table
        drawn = np.interp(uniform.double().cpu().numpy(), below, y)
        out[:, ::2] = out.new_tensor(drawn)
        return out
