"""torch.compile where it works, and plain torch with one warning where it does not."""

from __future__ import annotations

import warnings
from collections.abc import Callable

import torch
from torch import Tensor

__all__ = ["compiled"]


def compiled(function: Callable[..., Tensor]) -> Callable[..., Tensor]:
    """The same function compiled; the function itself once compiling it has failed."""
    fast = torch.compile(function)
    works = True

    def call(*arguments: Tensor) -> Tensor:
        nonlocal works
        if works:
            try:
                return fast(*arguments)
            except Exception as error:  # no compiler, no support: whatever it is, it is no loss
                works = False
                reason = str(error).strip().splitlines()[0] if str(error).strip() else type(error)
                warnings.warn(f"compile: not possible here ({reason})", stacklevel=2)
        return function(*arguments)

    return call
