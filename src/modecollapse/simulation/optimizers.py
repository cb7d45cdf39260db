"""How a gradient becomes a step: plain descent, momentum and Adam, elementwise over all runs.

``torch.optim`` has one learning rate for a whole tensor, whereas here each run of a batch may have
its own η; so an optimizer only turns the gradient g into a direction u, and the caller takes the
step θ ← θ − step_size · rate · u.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import ClassVar

import torch
from torch import Tensor

from .settings import DECAYS, EPSILON

__all__ = ["OPTIMIZERS", "Adam", "GradientDescent", "Momentum", "Optimizer"]


OPTIMIZERS: dict[str, type[Optimizer]] = {}


class Optimizer(ABC):
    """The direction u of one tensor of parameters; holds `copies` tensors of that size.

    A subclass with a `name` can be asked for by it.
    """

    name: ClassVar[str]
    copies: ClassVar[int]

    def __init_subclass__(cls) -> None:
        if "name" in cls.__dict__:
            OPTIMIZERS[cls.name] = cls

    @abstractmethod
    def direction(self, gradient: Tensor) -> Tensor:
        """u for the next step, the shape of `gradient`."""


class GradientDescent(Optimizer):
    """u = g."""

    name = "sgd"
    copies = 0

    def direction(self, gradient: Tensor) -> Tensor:
        return gradient


class Momentum(Optimizer):
    """u ← γ u + (1 − γ) g with γ = 0.9, u = 0 at the start.

    This is the heavy ball of ``torch.optim.SGD(momentum=γ)`` at the learning rate
    (1 − γ) step_size, so that small steps follow the same gradient flow in the same time.
    """

    name = "momentum"
    copies = 1
    decay: ClassVar[float] = DECAYS[0]

    def __init__(self) -> None:
        self._average: Tensor | None = None

    def direction(self, gradient: Tensor) -> Tensor:
        if self._average is None:
            self._average = torch.zeros_like(gradient)
        return self._average.lerp_(gradient, 1 - self.decay)


class Adam(Optimizer):
    """Kingma and Ba's Adam, decays 0.9 and 0.999, ε = 1e-8, as ``torch.optim.Adam``.

    The direction does not scale with the gradient, so step_size × steps is not a gradient-flow
    time.
    """

    name = "adam"
    copies = 2
    decays: ClassVar[tuple[float, float]] = DECAYS
    epsilon: ClassVar[float] = EPSILON

    def __init__(self) -> None:
        self._steps = 0
        self._first: Tensor | None = None
        self._second: Tensor | None = None

    def direction(self, gradient: Tensor) -> Tensor:
        if self._first is None or self._second is None:
            self._first, self._second = torch.zeros_like(gradient), torch.zeros_like(gradient)
        self._steps += 1
        one, two = self.decays
        self._first.lerp_(gradient, 1 - one)
        self._second.mul_(two).addcmul_(gradient, gradient, value=1 - two)
        unbiased = (self._second / (1 - two**self._steps)).sqrt_().add_(self.epsilon)
        return self._first / (1 - one**self._steps) / unbiased
