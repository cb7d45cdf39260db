"""torch.compile where it works and is right, and plain torch with one warning where it is not."""

from __future__ import annotations

import warnings
from collections.abc import Callable

import torch
from torch import Tensor

__all__ = ["compiled"]


def compiled(function: Callable[..., Tensor]) -> Callable[..., Tensor]:
    """The same function of θ and more, compiled; the function itself where that fails.

    The first call compares the gradient in θ with that of plain torch: torch 2.13 compiles some
    products with a dimension of one, as in flows in R², into a wrong gradient without a word.
    """
    fast = torch.compile(function)
    works: bool | None = None  # not known yet

    def call(theta: Tensor, *others: Tensor) -> Tensor:
        nonlocal works
        if works is None:
            try:
                reason = _difference(fast, function, theta, *others)
            except Exception as error:  # no compiler, no support: whatever it is, it is no loss
                reason = (str(error).strip().splitlines() or [type(error).__name__])[0]
            works = reason is None
            if not works:
                warnings.warn(f"compile: not possible here ({reason})", stacklevel=2)
        return fast(theta, *others) if works else function(theta, *others)

    return call


def _difference(
    fast: Callable[..., Tensor], plain: Callable[..., Tensor], theta: Tensor, *others: Tensor
) -> str | None:
    """What is wrong with the gradient of `fast`, or None where it is that of `plain`."""
    theta = theta.detach().requires_grad_()
    found, right = (torch.autograd.grad(f(theta, *others).sum(), theta)[0] for f in (fast, plain))
    allowed = torch.finfo(theta.dtype).eps ** 0.5 * right.abs().max()
    if bool((found - right).abs().max() <= allowed):
        return None
    return "the compiled gradient is wrong"
