"""The bimodal target of the paper, p = π N(μ*, I) + (1 − π) N(−μ*, I).

Its *separation* r = ‖μ*‖ is half the distance between its modes.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..checks import integer, numbers_of, require, within
from .directions import MARGIN, directions
from .mixtures import GaussianMixture

__all__ = ["BimodalTarget", "target"]

FloatArray = NDArray[np.float64]


@dataclass(frozen=True)
class BimodalTarget:
    """p = π N(μ*, I_d) + (1 − π) N(−μ*, I_d), the paper's target, by its three numbers.

    Parameters
    ----------
    separation : r = ‖μ*‖ > 0, in units of a mode's standard deviation.  The closed equations take
        r ≤ 20, their fixed points r in [0.05, 19].
    dimension : d ≥ 1.
    weight : π = P(+) in (0, 1), the weight of the mode at +μ*.

    Examples
    --------
    >>> BimodalTarget(separation=3.0, dimension=8).mixture().means[:, 0]
    array([ 3., -3.])
    """

    separation: float
    dimension: int
    weight: float = 0.5

    def __post_init__(self) -> None:
        object.__setattr__(self, "separation", within("separation", self.separation, 0))
        object.__setattr__(self, "dimension", integer("dimension", self.dimension, 1))
        object.__setattr__(self, "weight", within("weight", self.weight, 0, 1))

    @property
    def weights(self) -> FloatArray:
        """(π, 1 − π): the weights of the modes at +μ* and −μ*."""
        return np.array([self.weight, 1 - self.weight])

    @property
    def logit(self) -> float:
        """log π/(1 − π)."""
        return float(np.log(self.weight) - np.log1p(-self.weight))

    @property
    def mode_names(self) -> tuple[str, ...]:
        return ("plus", "minus")

    @property
    def log_z(self) -> float:
        return 0.0

    @property
    def reach(self) -> float:
        return self.separation + MARGIN

    def axes(self, direction: str, rng: np.random.Generator) -> FloatArray:
        """μ*/r and a random unit vector orthogonal to it, (2, d); see :func:`.directions`."""
        return directions(direction, self.dimension, rng)

    def description(self) -> dict[str, Any]:
        """Its three numbers."""
        return {
            "separation": self.separation,
            "dimension": self.dimension,
            "weight": self.weight,
        }

    def mixture(self, direction: ArrayLike | None = None) -> GaussianMixture:
        """The target as a mixture; μ* = r · `direction`/‖direction‖ (default: first axis)."""
        d = self.dimension
        axis = (
            np.eye(d)[0] if direction is None else numbers_of("direction", direction, finite=True)
        )
        norm = float(np.linalg.norm(axis))
        require(axis.shape == (d,) and norm > 0, "direction", axis, f"a non-zero vector of {d}")
        mode = self.separation * axis / norm
        return GaussianMixture(np.stack([mode, -mode]), self.weights)


def target(separation: float, dimension: int, weight: float = 0.5) -> BimodalTarget:
    """The bimodal target p = π N(μ*, I) + (1 − π) N(−μ*, I); see :class:`BimodalTarget`.

    >>> target(separation=3.0, dimension=64, weight=0.8).weights.round(3)
    array([0.8, 0.2])
    """
    return BimodalTarget(separation, dimension, weight)
