r"""A tempered path on which the modes keep their weights.

Around mode k the integral of p^β is ∝ π_k^β |Σ_k|^{(1−β)/2} (docs/theory.md, Eq. 17.3): heating
favours broad modes.  Multiplied by what this lacks,

    p_β(x) = p(x)^β Σ_k R_k(x) (π_k^{1−β} |Σ_k|^{−(1−β)/2}),               (docs/theory.md, Eq. 17.8)
    R_k(x) ∝ [π_k N(x; ν_k, Σ_k)]^β,   Σ_k R_k = 1,

every mode has its own weight at every β as far as Laplace's method holds; p_1 = p whatever the modes
are, so that weights which are wrong, or modes that are missing, bias the way and not the end.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Generator, Tensor

from ..checks import made, require
from .densities import density
from .elliptical import EllipticalMixture
from .modes import Modes
from .protocol import Density, Target

__all__ = ["KeptWeights", "keep_weights"]


@dataclass(frozen=True, eq=False)
class KeptWeights:
    """A target whose tempered path keeps the weights of its modes; made by :func:`keep_weights`."""

    target: Target
    modes: Modes

    @property
    def dimension(self) -> int:
        return self.target.dimension

    @property
    def weights(self) -> NDArray[np.float64] | None:
        return self.target.weights

    @property
    def mode_names(self) -> tuple[str, ...]:
        return self.target.mode_names

    @property
    def log_z(self) -> float | None:
        return self.target.log_z

    @property
    def reach(self) -> float:
        return self.target.reach

    def axes(self, direction: str, rng: np.random.Generator) -> NDArray[np.float64]:
        return self.target.axes(direction, rng)

    def density(self, axes: Tensor) -> KeptDensity:
        """The target in torch, with its path, for axes (S, 2, d)."""
        volumes = 0.5 * np.linalg.slogdet(self.modes.covariances)[1]
        missing = np.log(self.modes.weights) - volumes
        return KeptDensity(density(self.target, axes), self.modes.mixture(), missing - missing.max())

    def description(self) -> dict[str, Any]:
        """The target's own, with the modes of the path."""
        modes = {name: getattr(self.modes, name).tolist() for name in ("places", "covariances")}
        return {**self.target.description(), "path": {**modes, "weights": self.modes.weights.tolist()}}


@dataclass(frozen=True, eq=False)
class KeptDensity:
    """The density of the target itself, and the path towards it; see :class:`~.protocol.Density`.

    `missing` is log π_k − ½ log|Σ_k|, (K,), up to a constant.
    """

    own: Density
    laplace: EllipticalMixture
    missing: NDArray[np.float64]

    def log_density(self, x: Tensor) -> Tensor:
        return self.own.log_density(x)

    def tempered(self, x: Tensor, beta: Tensor) -> Tensor:
        """log p_β(x), up to a constant at each β, (S, B), for x (S, B, d) and β (S,)."""
        each = beta[:, None, None]
        shares = torch.log_softmax(each * self.laplace.log_joint(x), -1)
        lift = torch.logsumexp(shares + (1 - each) * x.new_tensor(self.missing), -1)
        return beta[:, None] * self.own.log_density(x) + lift

    def masses(self, x: Tensor) -> tuple[Tensor, ...]:
        return self.own.masses(x)

    def projection(self, x: Tensor) -> Tensor:
        return self.own.projection(x)

    def log_partition(self, beta: Tensor) -> Tensor:
        allowed = "any other, on a path that keeps weights"
        raise ValueError(f"schedule: got one that needs log ∫ p^β; allowed: {allowed}")

    def sample(self, generators: list[Generator], out: Tensor) -> Tensor:
        return self.own.sample(generators, out)


def keep_weights(target: Target, modes: Modes) -> KeptWeights:
    """The same target, to be annealed on a path on which its `modes` keep their weights.

    Parameters
    ----------
    target : any, to be given to :func:`modecollapse.train` with a schedule.
    modes : of :func:`~.modes.find_modes`; exact for Gaussians that are far apart.

    Raises
    ------
    ValueError : where the modes are those of another dimension.

    >>> from .elliptical import elliptical
    >>> from .modes import find_modes
    >>> p = elliptical([[4.0, 0.0], [-4.0, 0.0]], [0.6, 0.4], [0.1, 1.0])
    >>> modes = find_modes(p, starts=p.means)
    >>> modes.heated(0.1).round(2)  # what the plain path does to the heavy mode
    array([0.12, 0.88])
    >>> keep_weights(p, modes).weights
    array([0.6, 0.4])
    """
    require(isinstance(target, Target), "target", target, "a target, such as custom(...) makes")
    made("modes", modes, Modes, "Modes, such as find_modes(target) returns")
    d = modes.places.shape[1]
    require(d == target.dimension, "modes", f"modes in {d} dimensions", f"d = {target.dimension}")
    return KeptWeights(target, modes)
