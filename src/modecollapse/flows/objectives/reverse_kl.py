"""KL(q‖p^β) by samples of q, with the gradient that automatic differentiation gives."""

from __future__ import annotations

from collections.abc import Callable

from torch import Tensor

from ...targets import Density
from ...targets.densities import tempered
from ..architectures.base import Architecture, push_forward

__all__ = ["reverse_kl"]


def reverse_kl(
    architecture: Architecture, density: Density
) -> Callable[[Tensor, Tensor, Tensor], Tensor]:
    """The function (θ, z, β) -> E[log q(x) − β log p(x)] over x = g_θ(z), shape (S,) (Eq. 12.3)."""

    def loss(theta: Tensor, z: Tensor, beta: Tensor) -> Tensor:
        x, log_q = push_forward(architecture, theta, z)
        return (log_q - tempered(density, x, beta)).mean(-1)

    return loss
