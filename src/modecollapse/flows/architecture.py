"""What every flow offers, so that training and measurement need not know which one it is.

A flow with P parameters maps noise z ~ N(0, I_d) to x = g_θ(z); an ensemble of S flows is a matrix
θ (S, P), a row for each, and every operation works on all rows at once:

    log q(x) = log N(z; 0, I) − log |det ∂g_θ(z)/∂z|                   (docs/theory.md, Eq. 12.1)
"""

from __future__ import annotations

import math
from typing import Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ..checks import require

__all__ = ["Architecture", "base_log_density", "initial", "log_density", "push_forward"]


class Architecture(Protocol):
    """A family of flows in R^d, by its two directions."""

    dimension: int
    bounds: NDArray[np.float64]  # (P,), the half-width of each parameter's uniform initial law

    def forward(self, theta: Tensor, z: Tensor) -> tuple[Tensor, Tensor]:
        """x = g_θ(z), (S, B, d), and log |det ∂x/∂z|, (S, B), for θ (S, P) and z (S, B, d)."""
        ...

    def inverse(self, theta: Tensor, x: Tensor) -> tuple[Tensor, Tensor]:
        """z = g_θ⁻¹(x), (S, B, d), and log |det ∂z/∂x|, (S, B)."""
        ...


def initial(architecture: Architecture, rng: np.random.Generator) -> NDArray[np.float64]:
    """Random initial parameters of one flow, (P,): U(−1, 1)/√fan-in for weights and biases."""
    return rng.uniform(-1, 1, architecture.bounds.size) * architecture.bounds


def base_log_density(z: Tensor) -> Tensor:
    """log N(z; 0, I_d), shape (...), for z (..., d)."""
    return -0.5 * (z.square().sum(-1) + z.shape[-1] * math.log(2 * math.pi))


def push_forward(architecture: Architecture, theta: Tensor, z: Tensor) -> tuple[Tensor, Tensor]:
    """Samples x = g_θ(z), (S, B, d), and their log q(x), (S, B) (Eq. 12.1)."""
    x, log_det = architecture.forward(theta, z)
    return x, base_log_density(z) - log_det


def log_density(architecture: Architecture, theta: Tensor, x: Tensor) -> Tensor:
    """log q(x), (S, B), at any points x (S, B, d), by the inverse map."""
    require(x.shape[-1] == architecture.dimension, "x", tuple(x.shape), "points (S, B, d)")
    z, log_det = architecture.inverse(theta, x)
    return base_log_density(z) + log_det


def stacked(theta: Tensor, shapes: list[torch.Size]) -> list[Tensor]:
    """The parameters of all flows, (S, *shape) for each shape: views of the rows of θ."""
    pieces = theta.split([shape.numel() for shape in shapes], dim=1)
    return [piece.view(-1, *shape) for piece, shape in zip(pieces, shapes, strict=True)]
