"""Autoregressive flows from zuko behind the ensemble's interface.

x_i = f(z_i; φ_i(z_1, …, z_{i−1})), the order reversed from one layer to the next; f is affine
(the inverse autoregressive flow of D. Kingma and others, 2016) or a monotone rational-quadratic
spline (C. Durkan and others, 2019), the identity outside [−bound, bound].  zuko's transforms are
taken from noise to data, the direction that costs one pass.
"""

from __future__ import annotations

from functools import partial
from typing import Any, final

import numpy as np
import torch
import zuko
from torch import Tensor, nn
from torch.func import functional_call, vmap
from zuko.transforms import MonotonicRQSTransform

from .architecture import stacked

__all__ = ["Autoregressive"]

BINS = 8


class _Map(nn.Module):
    """A zuko transform as a module that a vector of parameters can be put into."""

    def __init__(self, transform: nn.Module) -> None:
        super().__init__()
        self.transform = transform

    def forward(self, points: Tensor, inverse: bool) -> tuple[Tensor, Tensor]:
        transform = self.transform()
        return (transform.inv if inverse else transform).call_and_ladj(points)


@final
class Autoregressive:
    """L autoregressive layers in R^d, d ≥ 2; see :class:`~.architecture.Architecture`.

    Parameters
    ----------
    couplings, hidden, depth : number of layers; width and number of each network's hidden layers.
    bound : half the width of the splines' interval; None for affine maps.
    device : of the parameters that it will be called with.
    """

    def __init__(
        self,
        dimension: int,
        couplings: int,
        hidden: int,
        depth: int,
        bound: float | None = None,
        device: torch.device | str = "cpu",
    ) -> None:
        self.dimension = dimension
        spline: dict[str, Any] = {}
        if bound is not None:
            spline["univariate"] = partial(MonotonicRQSTransform, bound=bound)
            spline["shapes"] = [(BINS,), (BINS,), (BINS - 1,)]
        widths = [hidden] * depth
        with torch.random.fork_rng(devices=[]):  # zuko draws parameters, which are never used
            flow = zuko.flows.MAF(dimension, transforms=couplings, hidden_features=widths, **spline)
        self._map = _Map(flow.transform).requires_grad_(False).to(device)
        named = dict(self._map.named_parameters())
        self._names = list(named)
        self.shapes = [parameter.shape for parameter in named.values()]
        # Each bias follows its weight (out, in), and starts as wide.
        fans = [shape[1] for shape in self.shapes[::2]]
        sizes = [shape.numel() for shape in self.shapes]
        self.bounds = np.repeat(1 / np.sqrt(np.repeat(fans, 2)), sizes)

    def forward(self, theta: Tensor, z: Tensor) -> tuple[Tensor, Tensor]:
        return self._apply(theta, z, inverse=False)

    def inverse(self, theta: Tensor, x: Tensor) -> tuple[Tensor, Tensor]:
        return self._apply(theta, x, inverse=True)

    def _apply(self, theta: Tensor, points: Tensor, inverse: bool) -> tuple[Tensor, Tensor]:
        parameters = dict(zip(self._names, stacked(theta, self.shapes), strict=True))

        def one(values: dict[str, Tensor], its_points: Tensor) -> tuple[Tensor, Tensor]:
            return functional_call(self._map, values, (its_points, inverse))

        return vmap(one)(parameters, points)
