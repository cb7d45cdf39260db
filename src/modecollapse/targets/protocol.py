"""What flows can be trained on: any target that offers these few things."""

from __future__ import annotations

from typing import Any, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray
from torch import Generator, Tensor

__all__ = ["Density", "Target"]


class Density(Protocol):
    """A target in torch, as S flows see it: p_s, s = 1..S, for it may lie differently for each."""

    def log_density(self, x: Tensor) -> Tensor:
        """log p_s(x) + log Z, shape (S, B), for x (S, B, d)."""
        ...

    def masses(self, x: Tensor) -> tuple[Tensor, ...]:
        """P(mode k | x) for each mode, (S, B) each; none where the modes are not known."""
        ...

    def projection(self, x: Tensor) -> Tensor:
        """x·u_s along the line that the modes lie on, or their widest spread, (S, B)."""
        ...

    def log_partition(self, beta: Tensor) -> Tensor:
        """log ∫ p_s^β dx, (S,), for β (S,); ValueError where it is not known."""
        ...

    def sample(self, generators: list[Generator], out: Tensor) -> Tensor:
        """`out` (S, B, d) filled with exact samples; ValueError where there are none."""
        ...


@runtime_checkable
class Target(Protocol):
    """A target p in R^d.

    `weights` (K,) are those of its modes, and `mode_names` what they are called; None and () where
    they are not known.  `log_z` is log ∫ exp(log_density), None where that is not known.  `reach`
    is how far from the origin p has mass.  `axes` draws two orthonormal vectors (2, d) for a run,
    the first along the line of the modes; only the bimodal target lies in a direction of choice.
    A new family also has ``density(axes)``, its :class:`Density` for runs with axes (S, 2, d), in
    their dtype and on their device; those that the theory needs have theirs in densities.py.
    """

    @property
    def dimension(self) -> int: ...

    @property
    def weights(self) -> NDArray[np.float64] | None: ...

    @property
    def mode_names(self) -> tuple[str, ...]: ...

    @property
    def log_z(self) -> float | None: ...

    @property
    def reach(self) -> float: ...

    def axes(self, direction: str, rng: np.random.Generator) -> NDArray[np.float64]: ...

    def description(self) -> dict[str, Any]:
        """What it is, as plain values, name by name."""
        ...
