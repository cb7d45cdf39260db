"""The optimisers of flows, by name."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType

import torch
from torch import Tensor

__all__ = ["OPTIMIZERS"]


def adam(theta: Tensor, learning_rate: float) -> torch.optim.Optimizer:
    """Adam, in one kernel for all flows."""
    return torch.optim.Adam([theta], lr=learning_rate, fused=True)


def sgd(theta: Tensor, learning_rate: float) -> torch.optim.Optimizer:
    """Plain gradient descent on fresh batches."""
    return torch.optim.SGD([theta], lr=learning_rate)


OPTIMIZERS: Mapping[str, Callable[[Tensor, float], torch.optim.Optimizer]] = MappingProxyType(
    {"adam": adam, "sgd": sgd}
)
