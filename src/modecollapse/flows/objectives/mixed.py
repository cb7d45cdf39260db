"""½ KL(q‖p^β) + ½ KL(p‖q), by samples of q and, in equal numbers, exact samples of p."""

from __future__ import annotations

from collections.abc import Callable

from torch import Tensor

from ...targets import Density
from ..architectures.base import Architecture
from .maximum_likelihood import forward_kl
from .reverse_kl import reverse_kl

__all__ = ["mixed_kl"]


def mixed_kl(
    architecture: Architecture, density: Density
) -> Callable[[Tensor, Tensor, Tensor], Tensor]:
    """The function (θ, (z, x), β) -> mean of both divergences, (S,): a share λ = ½ of the forward
    KL (docs/remedies.md, Eq. 14.11).  The first half of a batch is noise, the second samples."""
    reverse, forward = reverse_kl(architecture, density), forward_kl(architecture, density)

    def loss(theta: Tensor, batch: Tensor, beta: Tensor) -> Tensor:
        half = batch.shape[1] // 2
        z, x = batch[:, :half], batch[:, half:]
        return 0.5 * (reverse(theta, z, beta) + forward(theta, x, beta))

    return loss
