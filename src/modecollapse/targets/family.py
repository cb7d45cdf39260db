"""What the families share that only flows need: their density in torch, from three methods."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Generator, Tensor

from .directions import directions, principal

__all__ = ["Family", "FamilyDensity"]

FloatArray = NDArray[np.float64]


class Family(ABC):
    """A target that says its log-density and what is known of its modes; see
    :class:`~.protocol.Target` for the rest.

    A subclass is a frozen dataclass of plain values with a `dimension` and a `reach`.
    """

    dimension: int
    log_z: float | None = None

    @abstractmethod
    def log_density(self, x: Tensor) -> Tensor:
        """log p(x) + log Z, (...), for x (..., d)."""

    @property
    @abstractmethod
    def reach(self) -> float: ...

    @property
    def places(self) -> FloatArray | None:
        """Where the modes are, (K, d), about; None where that is not known."""
        return None

    @property
    def weights(self) -> FloatArray | None:
        """π_k, (K,); None where they are not known."""
        return None

    @property
    def mode_names(self) -> tuple[str, ...]:
        return () if self.places is None else tuple(str(k) for k in range(len(self.places)))

    def masses(self, x: Tensor) -> Sequence[Tensor]:
        """P(mode k | x) for each mode, (...) each; none where the modes are not known."""
        return ()

    def draw(self, generator: Generator, out: Tensor) -> Tensor:
        """`out` (B, d) filled with exact samples."""
        kind = type(self).__name__
        allowed = "a target with exact samples, for this"
        raise ValueError(f"target: got a {kind}, which has none; allowed: {allowed}")

    def axes(self, direction: str, rng: np.random.Generator) -> FloatArray:
        """The directions in which the modes spread most, or random ones, (2, d)."""
        drawn = directions("random", self.dimension, rng)  # in any case: the rest draws after it
        return drawn if self.places is None or len(self.places) < 2 else principal(self.places)

    def density(self, axes: Tensor) -> FamilyDensity:
        """The target as S flows see it, for axes (S, 2, d)."""
        return FamilyDensity(self, axes[:, 0].contiguous())

    def description(self) -> dict[str, Any]:
        """Its kind and its fields, as plain values."""
        values = {f.name: getattr(self, f.name) for f in fields(self)}  # type: ignore[arg-type]
        plain = {k: v.tolist() if isinstance(v, np.ndarray) else v for k, v in values.items()}
        return {"family": type(self).__name__, "dimension": self.dimension, **plain}


@dataclass(frozen=True, eq=False)
class FamilyDensity:
    """A family's target, the same for all flows; see :class:`~.protocol.Density`."""

    family: Family
    directions: Tensor

    def log_density(self, x: Tensor) -> Tensor:
        return self.family.log_density(x)

    def masses(self, x: Tensor) -> tuple[Tensor, ...]:
        return tuple(self.family.masses(x))

    def projection(self, x: Tensor) -> Tensor:
        return torch.bmm(x, self.directions.unsqueeze(-1)).squeeze(-1)

    def log_partition(self, beta: Tensor) -> Tensor:
        allowed = "any other, for this target"
        raise ValueError(f"schedule: got one that needs log ∫ p^β; allowed: {allowed}")

    def sample(self, generators: list[Generator], out: Tensor) -> Tensor:
        for generator, row in zip(generators, out, strict=True):
            self.family.draw(generator, row)
        return out
