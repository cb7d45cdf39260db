"""(1 − λ) KL(q‖p^β) + λ KL(p‖q), by samples of q and exact samples of p in that proportion."""

from __future__ import annotations

from collections.abc import Callable

from torch import Tensor

from ...targets import Density
from ..architectures.base import Architecture
from .maximum_likelihood import forward_kl
from .reverse_kl import reverse_kl

__all__ = ["mixed_kl"]


def mixed_kl(
    architecture: Architecture, density: Density, share: float
) -> Callable[[Tensor, Tensor, Tensor], Tensor]:
    """The function (θ, (z, x), β) -> (1 − λ) reverse + λ forward, (S,), λ = `share`
    (docs/remedies.md, Eq. 14.11).  The end of a batch, λ of it rounded, is samples of p."""
    reverse, forward = reverse_kl(architecture, density), forward_kl(architecture, density)

    def loss(theta: Tensor, batch: Tensor, beta: Tensor) -> Tensor:
        own = round(batch.shape[1] * (1 - share))
        z, x = batch[:, :own], batch[:, own:]
        return (1 - share) * reverse(theta, z, beta) + share * forward(theta, x, beta)

    return loss
