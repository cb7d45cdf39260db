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

from .stored import Check, tensor

__all__ = ["OPTIMIZERS", "Optimizer", "within_reach"]

COUNTED = 2**24  # steps, beyond which a float32 counts no further
LARGEST_STEP = 7.4  # of Adam: (1 − β₁)/√(1 − β₂)/√(1 − β₁²/β₂), by Cauchy and Schwarz
ROUNDED = 1.01  # times a bound, for what rounding adds up to


class Optimizer(Protocol):
    """Steps of one tensor θ down its gradient, ``θ.grad``."""

    def __init__(self, theta: Tensor) -> None: ...

    @property
    def state(self) -> dict[str, Tensor]:
        """What the next step depends on besides θ, its gradient and the rate; changed in place."""

    def step(self, rate: float) -> None:
        """One step at this learning rate."""

    def pattern(self, time: int, clip: float) -> dict[str, Check]:
        """What its `state` consists of after so many steps down gradients of norm ≤ `clip`."""

    def longest(self, clip: float) -> float:
        """How far a step moves an entry of θ at most, over the learning rate."""


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

    def pattern(self, time: int, clip: float) -> dict[str, Check]:
        first, second = f"a number up to clip = {clip:g}", f"a number from 0 to {clip:g}²"
        counted = min(time, COUNTED)
        most = ROUNDED * clip

        def squares(v: Tensor) -> Tensor:
            return (v >= 0) & (v.double() <= _representable(most**2, v.dtype))

        shape, dtype = tuple(self.theta.shape), self.theta.dtype
        return {
            "step": tensor((), torch.float32, lambda n: n == counted, f"{counted}, the steps done"),
            "exp_avg": tensor(shape, dtype, lambda m: m.double().abs() <= most, first),
            "exp_avg_sq": tensor(shape, dtype, squares, second),
        }

    def longest(self, clip: float) -> float:
        return LARGEST_STEP


class GradientDescent:
    """Plain gradient descent on fresh batches."""

    def __init__(self, theta: Tensor) -> None:
        self.theta = theta
        self.state: dict[str, Tensor] = {}

    def step(self, rate: float) -> None:
        with torch.no_grad():
            self.theta.add_(_gradient(self.theta), alpha=-rate)

    def pattern(self, time: int, clip: float) -> dict[str, Check]:
        return {}

    def longest(self, clip: float) -> float:
        return clip


def _representable(value: float, dtype: torch.dtype) -> float:
    """A bound on numbers of this type: infinite where they overflow before they reach it."""
    return value if value < torch.finfo(dtype).max else torch.inf


def within_reach(start: Tensor, distance: float) -> Check:
    """A check for parameters that have moved by so much at most, or may have overflowed."""
    furthest = ROUNDED * (start.detach().double().cpu().abs() + distance)
    overflow = furthest >= torch.finfo(start.dtype).max

    def fits(theta: Tensor) -> Tensor:
        return overflow | (theta.double().abs() <= furthest)

    allowed = f"what a way of {distance:.3g} can have led to from the start"
    return tensor(tuple(start.shape), start.dtype, fits, allowed)


def _gradient(theta: Tensor) -> Tensor:
    assert theta.grad is not None, "a step before any gradient"
    return theta.grad


OPTIMIZERS: Mapping[str, type[Optimizer]] = MappingProxyType({"adam": Adam, "sgd": GradientDescent})
