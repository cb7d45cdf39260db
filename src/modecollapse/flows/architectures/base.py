"""What every flow offers, so that training and measurement need not know which one it is.

A flow with P parameters maps noise z ~ N(0, I_d), or that of another base (:mod:`.bases`), to
x = g_θ(z); an ensemble of S flows is a matrix θ (S, P), a row for each, and every operation works
on all rows at once:

    log q(x) = log N(z; 0, I) − log |det ∂g_θ(z)/∂z|                   (docs/theory.md, Eq. 12.1)
"""

from __future__ import annotations

import math
from typing import ClassVar, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ...checks import require

__all__ = [
    "MOST_LAYERS",
    "Architecture",
    "FlowKind",
    "base_log_density",
    "base_noise",
    "least_parameters",
    "log_density",
    "push_forward",
    "stacked",
    "uniform",
]

MOST_LAYERS = 1000  # of couplings in a flow, and of hidden layers in each


class Architecture(Protocol):
    """A family of flows in R^d, by its two directions."""

    dimension: int

    def initial(self, rng: np.random.Generator) -> NDArray[np.float64]:
        """Random initial parameters of one flow, (P,)."""
        ...

    def forward(self, theta: Tensor, z: Tensor) -> tuple[Tensor, Tensor]:
        """x = g_θ(z), (S, B, d), and log |det ∂x/∂z|, (S, B), for θ (S, P) and z (S, B, d)."""
        ...

    def inverse(self, theta: Tensor, x: Tensor) -> tuple[Tensor, Tensor]:
        """z = g_θ⁻¹(x), (S, B, d), and log |det ∂z/∂x|, (S, B)."""
        ...


class FlowKind(Protocol):
    """The settings of one kind of flow: a frozen dataclass of plain values, checked when made."""

    name: ClassVar[str]

    def build(self, dimension: int, reach: float, device: torch.device | str) -> Architecture:
        """The flow in R^d, for a target whose mass lies within `reach` of the origin."""
        ...

    def footprint(self) -> tuple[int, int]:
        """Numbers that the widest layer keeps for each sample, and how many layers there are."""
        ...


def least_parameters(kind: FlowKind, dimension: int) -> float:
    """About how many parameters a flow of this kind has, fewer rather than more, before any of it
    is made."""
    width, layers = kind.footprint()
    depth = getattr(kind, "depth", 1)
    return float(width) * (layers // (depth + 2)) * (dimension + max(depth - 1.0, 0.0) * width)


def uniform(shapes: list[torch.Size], fan: int) -> NDArray[np.float64]:
    """Half-widths of the initial law U(−1, 1)/√fan-in of weights and biases by turns, (P,).

    `fan` is the axis of a weight that its inputs are on; each bias is as wide as its weight.
    """
    fans = [shape[fan] for shape in shapes[::2]]
    sizes = [shape.numel() for shape in shapes]
    return np.repeat(1 / np.sqrt(np.repeat(fans, 2)), sizes)


def base_noise(
    architecture: Architecture, theta: Tensor, noise: Tensor, generators: list[torch.Generator]
) -> Tensor:
    """Samples z of the flow's base in place of standard normals (S, B, d), which they are where
    the flow has no base of its own (:mod:`.bases`)."""
    place = getattr(architecture, "place", None)
    return noise if place is None else place(theta, noise, generators)


def base_log_density(architecture: Architecture, theta: Tensor, z: Tensor) -> Tensor:
    """The log-density of the flow's base at z (S, B, d), shape (S, B): N(0, I) unless it has one
    of its own."""
    own = getattr(architecture, "base_log_density", None)
    if own is not None:
        return own(theta, z)
    return -0.5 * (z.square().sum(-1) + z.shape[-1] * math.log(2 * math.pi))


def push_forward(architecture: Architecture, theta: Tensor, z: Tensor) -> tuple[Tensor, Tensor]:
    """Samples x = g_θ(z), (S, B, d), and their log q(x), (S, B) (Eq. 12.1)."""
    x, log_det = architecture.forward(theta, z)
    return x, base_log_density(architecture, theta, z) - log_det


def log_density(architecture: Architecture, theta: Tensor, x: Tensor) -> Tensor:
    """log q(x), (S, B), at any points x (S, B, d), by the inverse map."""
    require(x.shape[-1] == architecture.dimension, "x", tuple(x.shape), "points (S, B, d)")
    z, log_det = architecture.inverse(theta, x)
    return base_log_density(architecture, theta, z) + log_det


def stacked(theta: Tensor, shapes: list[torch.Size]) -> list[Tensor]:
    """The parameters of all flows, (S, *shape) for each shape: views of the rows of θ."""
    pieces = theta.split([shape.numel() for shape in shapes], dim=1)
    return [piece.view(-1, *shape) for piece, shape in zip(pieces, shapes, strict=True)]
