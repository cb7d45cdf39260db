r"""RealNVP: alternating affine couplings (L. Dinh, J. Sohl-Dickstein, S. Bengio, 2017).

The coordinates are split in two halves, x = (a, b).  A coupling leaves a as it is and moves b by
an affine map whose coefficients depend on a; then the halves change roles:

.. math:: b' = b \odot e^{λ(a)} + t(a), \qquad λ = c \tanh(s(a)/c),     (docs/theory.md, Eq. 12.2)

with (s, t) from a ReLU network.  The log-determinant is the sum of all entries of λ.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import ClassVar, final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ...checks import count, integer, within
from .base import MOST_LAYERS, stacked, uniform
from .fused import CompiledCouplings, applies
from .kernels import Plan

__all__ = ["Couplings", "RealNVP"]


@dataclass(frozen=True)
class Couplings:
    """RealNVP: `couplings` layers with networks of `depth` hidden layers, `hidden` wide each.

    `scale_bound` is c > 0: a coupling scales a coordinate by less than e^c either way.
    """

    name: ClassVar[str] = "realnvp"
    couplings: int = 8
    hidden: int = 64
    depth: int = 2
    scale_bound: float = 2.0

    def __post_init__(self) -> None:
        integer("couplings", self.couplings, 2, MOST_LAYERS)
        count("hidden", self.hidden)
        integer("depth", self.depth, 1, MOST_LAYERS)
        within("scale_bound", self.scale_bound, 0)

    def build(self, dimension: int, reach: float, device: torch.device | str) -> RealNVP:
        bound = float(self.scale_bound)  # torch takes no whole number beyond 64 bits
        return RealNVP(dimension, self.couplings, self.hidden, self.depth, bound)

    def footprint(self) -> tuple[int, int]:
        return self.hidden, self.couplings * (self.depth + 2)


@final
class RealNVP:
    """L affine couplings in R^d, d ≥ 2; see :class:`~.base.Architecture`.

    Parameters
    ----------
    dimension : d; the first half has ⌈d/2⌉ coordinates.
    couplings : L ≥ 2, so that every coordinate moves.
    hidden, depth : width and number of the hidden layers of each coupling's network.
    scale_bound : c.

    Examples
    --------
    >>> flow = RealNVP(dimension=3, couplings=2, hidden=4, depth=1)
    >>> theta = torch.zeros(5, flow.bounds.size)
    >>> x, log_det = flow.forward(theta, torch.ones(5, 7, 3))
    >>> tuple(x.shape), float(log_det.abs().max())
    ((5, 7, 3), 0.0)
    """

    def __init__(
        self,
        dimension: int,
        couplings: int,
        hidden: int,
        depth: int,
        scale_bound: float = 2.0,
    ) -> None:
        self.scale_bound = scale_bound
        self.dimension = integer("dimension", dimension, 2)
        self.couplings = integer("couplings", couplings, 2)
        halves = [dimension - dimension // 2, dimension // 2]
        self.halves = halves
        widths = [integer("hidden", hidden, 1)] * integer("depth", depth, 1)
        self.shapes: list[torch.Size] = []
        for number in range(couplings):
            given, moved = halves if number % 2 == 0 else halves[::-1]
            for fan_in, fan_out in pairwise([given, *widths, 2 * moved]):
                self.shapes += [torch.Size([fan_in, fan_out]), torch.Size([1, fan_out])]
        self.bounds = uniform(self.shapes, fan=0)
        self.layers = depth + 1
        sizes = [shape.numel() for shape in self.shapes]
        begins = np.cumsum([0, *sizes])[:: 2 * self.layers]
        plan = Plan(scale_bound, (halves[0], halves[1]), hidden, depth, begins)
        self._fused = CompiledCouplings(plan)

    def initial(self, rng: np.random.Generator) -> NDArray[np.float64]:
        return rng.uniform(-1, 1, self.bounds.size) * self.bounds

    def forward(self, theta: Tensor, z: Tensor) -> tuple[Tensor, Tensor]:
        if applies(theta, z):
            return self._fused.map(theta, z, back=False)
        given, moved = z.split(self.halves, dim=-1)
        log_det = z.new_zeros(z.shape[:-1])
        for network in self.networks(theta):
            log_scale, shift = self._coefficients(network, given)
            given, moved = torch.addcmul(shift, moved, log_scale.exp()), given
            log_det = log_det + log_scale.sum(-1)
        halves = [given, moved] if self.couplings % 2 == 0 else [moved, given]
        return torch.cat(halves, dim=-1), log_det

    def inverse(self, theta: Tensor, x: Tensor) -> tuple[Tensor, Tensor]:
        if applies(theta, x):
            return self._fused.map(theta, x, back=True)
        first, second = x.split(self.halves, dim=-1)
        given, moved = (first, second) if self.couplings % 2 == 0 else (second, first)
        log_det = x.new_zeros(x.shape[:-1])
        for network in reversed(self.networks(theta)):
            log_scale, shift = self._coefficients(network, moved)
            given, moved = moved, (given - shift) * (-log_scale).exp()
            log_det = log_det - log_scale.sum(-1)
        return torch.cat([given, moved], dim=-1), log_det

    def networks(self, theta: Tensor) -> list[list[Tensor]]:
        """Weights and biases by turns, (S, in, out) and (S, 1, out), for each coupling."""
        parts = stacked(theta, self.shapes)
        size = 2 * self.layers
        return [parts[size * number : size * (number + 1)] for number in range(self.couplings)]

    def _coefficients(self, network: list[Tensor], given: Tensor) -> tuple[Tensor, Tensor]:
        """λ and t of a coupling, each of the shape of the half that it moves."""
        hidden = given
        for weight, bias in zip(network[:-2:2], network[1:-2:2], strict=True):
            hidden = torch.relu_(torch.baddbmm(bias, hidden, weight))
        raw, shift = torch.baddbmm(network[-1], hidden, network[-2]).chunk(2, dim=-1)
        return self.scale_bound * torch.tanh(raw / self.scale_bound), shift
