"""Flows from another base than N(0, I): a wider normal, or a mixture of them that stays as it is.

With z = c_k + s ε, ε ~ N(0, I), k uniform on 1..K, and x = g_θ(z) (docs/theory/12-flows.md, 12.12)

    log q(x) = log (1/K) Σ_k N(z; c_k, s² I) − log |det ∂g_θ(z)/∂z|.

Neither s nor the c_k nor the weights 1/K are trained, so that k and ε have a law without
parameters: the derivative along x = g_θ(c_k + s ε) at fixed k and ε is unbiased.
"""

from __future__ import annotations

import math
from typing import final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from .base import Architecture

__all__ = ["Based", "with_base"]


def with_base(flow: Architecture, scale: float, components: int, radius: float) -> Architecture:
    """The flow itself where the base is N(0, I), else the flow from that base."""
    plain = scale == 1 and components == 1
    return flow if plain else Based(flow, scale, components, radius)


@final
class Based:
    """A flow whose noise is a mixture of `components` normals of standard deviation `scale`.

    Their centres c_k lie on the sphere of `radius`, at the origin where there is one, in uniform
    directions that each flow draws for itself: the last K d entries of its row of θ, which get no
    gradient.
    """

    def __init__(self, flow: Architecture, scale: float, components: int, radius: float) -> None:
        self.dimension = flow.dimension
        self._flow, self._components = flow, components
        self._scale, self._radius = float(scale), float(radius)
        self._size = flow.initial(np.random.default_rng(0)).size

    def initial(self, rng: np.random.Generator) -> NDArray[np.float64]:
        own = self._flow.initial(rng)
        if self._components == 1:
            return own
        centres = rng.standard_normal((self._components, self.dimension))
        centres *= self._radius / np.linalg.norm(centres, axis=1, keepdims=True)
        return np.concatenate([own, centres.ravel()])

    def forward(self, theta: Tensor, z: Tensor) -> tuple[Tensor, Tensor]:
        return self._flow.forward(theta[:, : self._size], z)

    def inverse(self, theta: Tensor, x: Tensor) -> tuple[Tensor, Tensor]:
        return self._flow.inverse(theta[:, : self._size], x)

    def place(self, theta: Tensor, noise: Tensor, generators: list[torch.Generator]) -> Tensor:
        """Overwrite standard normals ε (S, B, d) by z, the component of each sample drawn by its
        flow's generator."""
        noise *= self._scale
        if self._components > 1:
            centres = self._centres(theta).to(noise.dtype)
            for generator, row, own in zip(generators, noise, centres, strict=True):
                chosen = torch.randint(
                    self._components, row.shape[:1], generator=generator, device=noise.device
                )
                row += own[chosen]
        return noise

    def base_log_density(self, theta: Tensor, z: Tensor) -> Tensor:
        """log (1/K) Σ_k N(z; c_k, s² I), (S, B), by the distances to all centres."""
        d, centres = self.dimension, self._centres(theta)
        squares = (z[:, None] - centres[:, :, None].to(z.dtype)).square().sum(-1)
        constant = d * math.log(self._scale) + 0.5 * d * math.log(2 * math.pi)
        parts = -0.5 * squares / self._scale**2 - constant - math.log(self._components)
        return torch.logsumexp(parts, 1)

    def _centres(self, theta: Tensor) -> Tensor:
        """(S, K, d), without a gradient."""
        if self._components == 1:
            return theta.new_zeros(len(theta), 1, self.dimension)
        return theta[:, self._size :].detach().view(len(theta), self._components, self.dimension)
