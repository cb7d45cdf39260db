"""Bayesian posteriors with several modes, on data made from a seed.

Each has modes that a symmetry of its model maps on one another, so that their weights are equal
exactly, whatever the data.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import permutations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ..checks import integer, within
from .directions import MARGIN
from .family import Family

__all__ = ["LabelSwitching", "SignPosterior"]

FloatArray = NDArray[np.float64]
LOG_2PI = math.log(2 * math.pi)
MOST_COMPONENTS = 4  # whose labels can be told apart: 4! modes


@dataclass(frozen=True)
class SignPosterior(Family):
    """Phase retrieval: y_i = (a_i·θ)² + σ ε_i with a prior N(0, I); θ and −θ fit alike.

    log p = −Σ_i (y_i − (a_i·θ)²)²/(2σ²) − ‖θ‖²/2 − log Z.  The modes are told apart by the sign of
    θ·θ⁰, with θ⁰ that made the data, ‖θ⁰‖ = √d.

    Parameters
    ----------
    dimension : d ≥ 2.
    observations : n; a_i ~ N(0, I/d).
    noise : σ > 0.
    seed : of the data.

    >>> SignPosterior(4, observations=20, noise=1.0).weights
    array([0.5, 0.5])
    """

    dimension: int
    observations: int = 20
    noise: float = 1.0
    seed: int = 0

    def __post_init__(self) -> None:
        integer("dimension", self.dimension, 2)
        integer("observations", self.observations, 1)
        within("noise", self.noise, 0)
        integer("seed", self.seed, 0)

    @cached_property
    def data(self) -> tuple[FloatArray, FloatArray, FloatArray]:
        """a (n, d), y (n,) and θ⁰ (d,)."""
        rng = np.random.default_rng(self.seed)
        truth = rng.standard_normal(self.dimension)
        truth *= math.sqrt(self.dimension) / np.linalg.norm(truth)
        a = rng.standard_normal((self.observations, self.dimension)) / math.sqrt(self.dimension)
        return a, (a @ truth) ** 2 + self.noise * rng.standard_normal(self.observations), truth

    @property
    def places(self) -> FloatArray:
        """±θ⁰, near which the modes are."""
        truth = self.data[2]
        return np.stack([truth, -truth])

    @property
    def weights(self) -> FloatArray:
        return np.full(2, 0.5)

    @property
    def mode_names(self) -> tuple[str, ...]:
        return ("plus", "minus")

    @property
    def reach(self) -> float:
        return math.sqrt(self.dimension) + MARGIN

    def log_density(self, x: Tensor) -> Tensor:
        a, y, _ = self.data
        missed = (x @ x.new_tensor(a.T)).square() - x.new_tensor(y)
        return -0.5 * (missed.square().sum(-1) / self.noise**2 + x.square().sum(-1))

    def masses(self, x: Tensor) -> Sequence[Tensor]:
        plus = (x @ x.new_tensor(self.data[2]) > 0).to(x.dtype)
        return plus, 1 - plus


@dataclass(frozen=True)
class LabelSwitching(Family):
    """The means of a mixture of K unit Gaussians in R^p with equal weights, given n points.

    log p(θ) = Σ_i log K⁻¹ Σ_k N(y_i; θ_k, I) − ‖θ‖²/(2s²) − log Z, θ = (θ_1, …, θ_K), d = Kp.
    Any order of the labels fits alike: K! modes, told apart by the order of the first coordinates.

    Parameters
    ----------
    components : K, 2 to 4.
    features : p ≥ 1.
    observations : n.
    spacing : the distance between neighbouring true means, along the first coordinate.
    prior : s > 0.
    seed : of the data.

    >>> p = LabelSwitching(3)
    >>> p.dimension, p.weights.round(3)
    (3, array([0.167, 0.167, 0.167, 0.167, 0.167, 0.167]))
    """

    components: int = 2
    features: int = 1
    observations: int = 20
    spacing: float = 3.0
    prior: float = 4.0
    seed: int = 0

    def __post_init__(self) -> None:
        integer("components", self.components, 2, MOST_COMPONENTS)
        integer("features", self.features, 1)
        integer("observations", self.observations, 1)
        within("spacing", self.spacing, 0)
        within("prior", self.prior, 0)
        integer("seed", self.seed, 0)

    @property
    def dimension(self) -> int:  # type: ignore[override]
        return self.components * self.features

    @cached_property
    def truth(self) -> FloatArray:
        """The means that made the data, (K, p), in the order of their first coordinate."""
        truth = np.zeros((self.components, self.features))
        truth[:, 0] = self.spacing * (np.arange(self.components) - (self.components - 1) / 2)
        return truth

    @cached_property
    def data(self) -> FloatArray:
        """y, (n, p), as even between the components as can be."""
        rng = np.random.default_rng(self.seed)
        labels = np.arange(self.observations) % self.components
        return self.truth[labels] + rng.standard_normal((self.observations, self.features))

    @cached_property
    def orders(self) -> list[tuple[int, ...]]:
        """For each mode, which label has the smallest first coordinate, the next, and so on."""
        return list(permutations(range(self.components)))

    @property
    def places(self) -> FloatArray:
        """The true means with their labels in each order, near which the modes are."""
        return np.stack([self.truth[np.argsort(order)].ravel() for order in self.orders])

    @property
    def weights(self) -> FloatArray:
        return np.full(len(self.orders), 1 / len(self.orders))

    @property
    def reach(self) -> float:
        return float(np.linalg.norm(self.places[0])) + MARGIN * math.sqrt(self.components)

    def log_density(self, x: Tensor) -> Tensor:
        means, y = x.unflatten(-1, (self.components, self.features)), x.new_tensor(self.data)
        squared = y.square().sum(-1)[:, None] + means.square().sum(-1)[..., None, :]
        squared = squared - 2 * (y @ means.mT)
        inside = torch.logsumexp(-0.5 * squared, -1).sum(-1)
        constant = len(y) * (math.log(self.components) + 0.5 * self.features * LOG_2PI)
        return inside - constant - 0.5 * x.square().sum(-1) / self.prior**2

    def masses(self, x: Tensor) -> Sequence[Tensor]:
        first = x.unflatten(-1, (self.components, self.features))[..., 0]
        order = first.argsort(-1)
        same = [(order == order.new_tensor(one)).all(-1).to(x.dtype) for one in self.orders]
        return tuple(same)
