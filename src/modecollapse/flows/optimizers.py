"""The optimisers of flows, by name.

The classes of ``torch.optim`` load torch's compiler when they are first used, which takes a second;
its functions, which these call, do not.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Protocol

import torch
from torch import Tensor
from torch.optim.adam import adam

__all__ = ["OPTIMIZERS", "Optimizer"]


class Optimizer(Protocol):
    """Steps of one tensor θ down its gradient, ``θ.grad``."""

    def __init__(self, theta: Tensor) -> None: ...

    @property
    def state(self) -> dict[str, Tensor]:
        """What the next step depends on besides θ, its gradient and the rate; changed in place."""

    def step(self, rate: float) -> None:
        """One step at this learning rate."""


class Adam:
    """Kingma and Ba's Adam, decays 0.9 and 0.999, ε = 1e-8, in one kernel for all flows."""

    def __init__(self, theta: Tensor) -> None:
        self.theta = theta
        self.state = {
            "step": torch.zeros((), dtype=torch.float32, device=theta.device),
            "exp_avg": torch.zeros_like(theta, requires_grad=False),
            "exp_avg_sq": torch.zeros_like(theta, requires_grad=False),
        }

    def step(self, rate: float) -> None:
        number, first, second = self.state.values()
        with torch.no_grad():
            adam(
                [self.theta],
                [_gradient(self.theta)],
                [first],
                [second],
                [],
                [number],
                fused=True,
                lr=rate,
                beta1=0.9,
                beta2=0.999,
                weight_decay=0.0,
                eps=1e-8,
                amsgrad=False,
                maximize=False,
            )


class GradientDescent:
    """Plain gradient descent on fresh batches."""

    def __init__(self, theta: Tensor) -> None:
        self.theta = theta
        self.state: dict[str, Tensor] = {}

    def step(self, rate: float) -> None:
        with torch.no_grad():
            self.theta.add_(_gradient(self.theta), alpha=-rate)


def _gradient(theta: Tensor) -> Tensor:
    assert theta.grad is not None, "a step before any gradient"
    return theta.grad


OPTIMIZERS: Mapping[str, type[Optimizer]] = MappingProxyType({"adam": Adam, "sgd": GradientDescent})
