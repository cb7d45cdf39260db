"""KL(p‖q) by exact samples of p: maximum likelihood."""

from __future__ import annotations

from collections.abc import Callable

from torch import Tensor

from ...targets import Density
from ..architectures.base import Architecture, log_density

__all__ = ["forward_kl"]


def forward_kl(
    architecture: Architecture, density: Density
) -> Callable[[Tensor, Tensor, Tensor], Tensor]:
    """The function (θ, x, β) -> E[log p(x) − log q(x)] over samples x of p, (S,) (Eq. 12.11)."""

    def loss(theta: Tensor, x: Tensor, beta: Tensor) -> Tensor:
        return (density.log_density(x) - log_density(architecture, theta, x)).mean(-1)

    return loss
