r"""Tempered paths on which narrow modes do not lose their weight.

Around mode k the integral of p^β is ∝ π_k^β |Σ_k|^{(1−β)/2} (docs/theory.md, Eq. 17.3): heating
favours broad modes.  With the factors c_k that this lacks,

    p_β(x) = p(x)^β Σ_k R_k(x) c_k^{1−β},    R_k(x) ∝ [π_k N(x; ν_k, Σ_k)]^β,    Σ_k R_k = 1,
                                                                       (docs/theory.md, Eq. 17.8)

mode k weighs ∝ π_k^β at every β where c_k = |Σ_k|^{−1/2} (weights "evened", as heating does where
all volumes are equal), and π_k where c_k = π_k |Σ_k|^{−1/2} (weights "kept"), as far as Laplace's
method holds.  p_1 = p whatever the modes are: weights that are wrong, or modes that are missing,
bias the way and not the end.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Generator, Tensor

from ..checks import choice, made, require
from .densities import density
from .elliptical import EllipticalMixture
from .modes import Modes
from .protocol import Density, Target

__all__ = ["WEIGHTS", "Corrected", "correct_path"]


WEIGHTS = ("evened", "kept")


@dataclass(frozen=True, eq=False)
class Corrected:
    """A target with another tempered path to it; made by :func:`correct_path`."""

    target: Target
    modes: Modes
    path: str

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

    def density(self, axes: Tensor) -> CorrectedDensity:
        """The target in torch, with its path, for axes (S, 2, d)."""
        missing = -0.5 * np.linalg.slogdet(self.modes.covariances)[1]
        if self.path == "kept":
            missing = missing + np.log(self.modes.weights)
        own, laplace = density(self.target, axes), self.modes.mixture()
        return CorrectedDensity(own, laplace, missing - missing.max())

    def description(self) -> dict[str, Any]:
        """The target's own, with the modes of the path."""
        names = ("places", "covariances", "weights")
        modes = {f"path {name}": getattr(self.modes, name).tolist() for name in names}
        return {**self.target.description(), "path": self.path, **modes}


@dataclass(frozen=True, eq=False)
class CorrectedDensity:
    """The density of the target itself, and the path towards it; see :class:`~.protocol.Density`.

    `missing` is log c_k, (K,), up to a constant.
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
        allowed = "any other, on a corrected path"
        raise ValueError(f"schedule: got one that needs log ∫ p^β; allowed: {allowed}")

    def sample(self, generators: list[Generator], out: Tensor) -> Tensor:
        return self.own.sample(generators, out)


def correct_path(target: Target, modes: Modes, weights: str = "evened") -> Corrected:
    """The same target, to be annealed on a path on which narrow modes keep up with broad ones.

    Parameters
    ----------
    target : any, to be given to :func:`modecollapse.train` with a schedule.
    modes : of :func:`~.modes.find_modes`; exact for Gaussians that are far apart.
    weights : of the modes on the way, "evened" while it is hot, ∝ π_k^β, or "kept", π_k; Eq. 17.8.

    Raises
    ------
    ValueError : naming the argument that is wrong.

    >>> from .elliptical import elliptical
    >>> from .modes import find_modes
    >>> p = elliptical([[4.0, 0.0], [-4.0, 0.0]], [0.6, 0.4], [0.1, 1.0])
    >>> modes = find_modes(p, starts=p.means)
    >>> modes.heated(0.1).round(2)  # what the plain path does to the heavy mode
    array([0.12, 0.88])
    >>> correct_path(p, modes).path
    'evened'
    """
    require(isinstance(target, Target), "target", target, "a target, such as custom(...) makes")
    made("modes", modes, Modes, "Modes, such as find_modes(target) returns")
    d = modes.places.shape[1]
    require(d == target.dimension, "modes", f"modes in {d} dimensions", f"d = {target.dimension}")
    return Corrected(target, modes, choice("weights", weights, WEIGHTS))
