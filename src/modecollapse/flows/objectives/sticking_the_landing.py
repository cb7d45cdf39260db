"""KL(q‖p^β) by samples of q, with the gradient along the paths alone."""

from __future__ import annotations

from collections.abc import Callable

from torch import Tensor

from ...targets import Density
from ...targets.densities import tempered
from ..architectures.base import Architecture, log_density

__all__ = ["sticking_the_landing"]


def sticking_the_landing(
    architecture: Architecture, density: Density
) -> Callable[[Tensor, Tensor, Tensor], Tensor]:
    """The loss of :func:`.reverse_kl`, whose gradient lacks the score of q (Eq. 12.4).

    log q is evaluated at x = g_θ(z) by the inverse map, with parameters that are held fixed: one
    pass more, cheap for couplings; d passes for autoregressive flows.
    """

    def loss(theta: Tensor, z: Tensor, beta: Tensor) -> Tensor:
        x, _ = architecture.forward(theta, z)
        log_q = log_density(architecture, theta.detach(), x)
        return (log_q - tempered(density, x, beta)).mean(-1)

    return loss
