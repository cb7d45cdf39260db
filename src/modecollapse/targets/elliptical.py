r"""Mixtures of Gaussians or Student t's with any scale matrices.

.. math:: p(x) = \sum_k \pi_k\, t_\nu(x; \nu_k, \Sigma_k),

with t_ν the Gaussian N(ν_k, Σ_k) where ν = ∞.  Far from all centres the P(k | x) of t's do not
decide for one mode, as those of Gaussians do.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from scipy.linalg import helmert
from torch import Generator, Tensor

from ..checks import integer, numbers_of, require, within
from .directions import MARGIN
from .family import Family

__all__ = ["EllipticalMixture", "anisotropic", "elliptical", "heavy_tailed", "simplex", "uneven"]

FloatArray = NDArray[np.float64]
MOST_DEGREES = 1e9  # of freedom; a t of more is a Gaussian but for rounding
SYMMETRY = 1e-9  # relative, that rounding may take from a scale matrix


@dataclass(frozen=True, eq=False)
class EllipticalMixture(Family):
    """A mixture of K Gaussians, or of K multivariate t's, with full scale matrices.

    Parameters
    ----------
    means : (K, d), the centres ν_k.
    weights : (K,), positive, sum 1.  Default: equal.
    scales : the matrices Σ_k, (K, d, d); or their diagonals, (K, d); or (K,), for σ_k² I.
        Default: I.
    degrees : ν > 0 up to 1e9, of the t's; infinity, the default, for Gaussians.
    """

    log_z = 0.0
    means: FloatArray
    weights: FloatArray = field(default=None)  # type: ignore[arg-type]
    scales: FloatArray = field(default=None)  # type: ignore[arg-type]
    degrees: float = math.inf

    def __post_init__(self) -> None:
        means = numbers_of("means", self.means, "an array (K, d)", finite=True)
        require(means.ndim == 2 and means.size > 0, "means", means.shape, "an array (K, d)")
        k, d = means.shape
        weights = np.full(k, 1 / k) if self.weights is None else numbers_of("weights", self.weights)
        require(weights.shape == (k,), "weights", weights.shape, f"one per component, ({k},)")
        summed = bool((weights > 0).all() and abs(weights.sum() - 1) < 1e-9)
        require(summed, "weights", weights.tolist(), "numbers in (0, 1] that sum to 1")
        scales = _matrices(np.ones(k) if self.scales is None else self.scales, k, d)
        if not (isinstance(self.degrees, float) and self.degrees == math.inf):
            within("degrees", self.degrees, 0, MOST_DEGREES, closed="]")
        for name, value in (("means", means), ("weights", weights), ("scales", scales)):
            value.setflags(write=False)
            object.__setattr__(self, name, value)
        # log π_k − log of the volume, and x ↦ L_k⁻¹ x for all k in one product.
        factors = np.linalg.inv(np.linalg.cholesky(scales))
        volume = np.log(np.einsum("kii->ki", factors)).sum(-1) + self._log_constant()
        object.__setattr__(self, "_offsets", np.log(weights) + volume)
        object.__setattr__(self, "_whiten", np.concatenate(list(factors), axis=0).T)
        object.__setattr__(self, "_centres", np.einsum("kij,kj->ki", factors, means))

    @property
    def dimension(self) -> int:  # type: ignore[override]
        return self.means.shape[1]

    @property
    def places(self) -> FloatArray:
        return self.means

    @property
    def reach(self) -> float:
        """Of Gaussians, six standard deviations beyond the centres; of t's, where 0.1 % is left."""
        margin = MARGIN
        if self.degrees < math.inf:
            from scipy.stats import f

            margin = math.sqrt(self.dimension * f.ppf(0.999, self.dimension, self.degrees))
        widest = np.sqrt(np.linalg.eigvalsh(self.scales)[:, -1])
        return float((np.linalg.norm(self.means, axis=1) + margin * widest).max())

    def _log_constant(self) -> float:
        """log of the density of a standard component at its centre."""
        d, nu = self.dimension, self.degrees
        if nu == math.inf:
            return -0.5 * d * math.log(2 * math.pi)
        gammas = math.lgamma((nu + d) / 2) - math.lgamma(nu / 2)
        return gammas - 0.5 * d * math.log(nu * math.pi)

    def log_joint(self, x: Tensor) -> Tensor:
        """log π_k + log t_ν(x; ν_k, Σ_k), (..., K)."""
        centres = x.new_tensor(self._centres)  # type: ignore[attr-defined]
        y = (x @ x.new_tensor(self._whiten)).unflatten(-1, centres.shape)  # type: ignore[attr-defined]
        squared = (y - centres).square().sum(-1)
        offsets = x.new_tensor(self._offsets)  # type: ignore[attr-defined]
        if self.degrees == math.inf:
            return offsets - 0.5 * squared
        return offsets - 0.5 * (self.degrees + self.dimension) * (squared / self.degrees).log1p()

    def log_density(self, x: Tensor) -> Tensor:
        return torch.logsumexp(self.log_joint(x), -1)

    def masses(self, x: Tensor) -> Sequence[Tensor]:
        return torch.softmax(self.log_joint(x), -1).unbind(-1)

    def draw(self, generator: Generator, out: Tensor) -> Tensor:
        weights = out.new_tensor(self.weights)
        k = torch.multinomial(weights, len(out), replacement=True, generator=generator)
        out.normal_(generator=generator)
        if self.degrees < math.inf:  # a Gaussian over √(χ²_ν/ν)
            shape = out.new_full((len(out), 1), self.degrees / 2)
            chi = torch._standard_gamma(shape, generator=generator)
            out.div_((2 * chi / self.degrees).sqrt())
        factors = out.new_tensor(np.linalg.cholesky(self.scales))
        return out.copy_(
            torch.einsum("bij,bj->bi", factors[k], out) + out.new_tensor(self.means)[k]
        )


def _matrices(given: ArrayLike, k: int, d: int) -> FloatArray:
    """Scale matrices (K, d, d) from numbers, diagonals or matrices, checked."""
    allowed = f"numbers ({k},), diagonals ({k}, {d}) or matrices ({k}, {d}, {d})"
    scales = numbers_of("scales", given, allowed, finite=True)
    fits = scales.shape in ((k,), (k, d), (k, d, d))
    require(fits, "scales", scales.shape, allowed)
    if scales.ndim == 1:
        scales = np.repeat(scales[:, None], d, axis=1)
    if scales.ndim == 2:
        scales = scales[:, :, None] * np.eye(d)
    even = abs(scales - scales.swapaxes(1, 2)).max() <= SYMMETRY * abs(scales).max()
    require(bool(even), "scales", "an asymmetric matrix", "symmetric matrices")
    least = float(np.linalg.eigvalsh(scales).min())
    require(least > 0, "scales", f"an eigenvalue {least:g}", "positive definite matrices")
    return scales


def elliptical(
    means: ArrayLike,
    weights: ArrayLike | None = None,
    scales: ArrayLike | None = None,
    degrees: float = math.inf,
) -> EllipticalMixture:
    """A mixture of Gaussians or Student t's with any scales; see :class:`EllipticalMixture`.

    >>> p = elliptical([[2.0, 0.0], [-2.0, 0.0]], scales=[[1.0, 0.1], [0.1, 1.0]], degrees=4.0)
    >>> p.weights
    array([0.5, 0.5])
    """
    return EllipticalMixture(means, weights, scales, degrees)  # type: ignore[arg-type]


def anisotropic(
    separation: float, dimension: int, condition: float, weight: float = 0.5, seed: int = 0
) -> EllipticalMixture:
    """Two Gaussians with one covariance, `condition` its largest eigenvalue over its least.

    The eigenvalues are spaced evenly in their logarithm, with geometric mean 1, along axes drawn
    from `seed`, as is the direction of the modes; their half distance is `separation` in the metric
    of the covariance.
    """
    r, d = within("separation", separation, 0), integer("dimension", dimension, 2)
    c, pi = within("condition", condition, 1, closed="["), within("weight", weight, 0, 1)
    rng = np.random.default_rng(integer("seed", seed, 0))
    axes = np.linalg.qr(rng.standard_normal((d, d)))[0]
    values = np.geomspace(c**-0.5, c**0.5, d)
    direction = rng.standard_normal(d)
    half = r * axes @ (np.sqrt(values) * direction / np.linalg.norm(direction))
    scales = np.stack([(axes * values) @ axes.T] * 2)
    return elliptical(np.stack([half, -half]), [pi, 1 - pi], (scales + scales.swapaxes(1, 2)) / 2)


def heavy_tailed(
    separation: float, dimension: int, degrees: float, weight: float = 0.5
) -> EllipticalMixture:
    """Two t's of scale I and `degrees` of freedom, `separation` half their distance, on (1, …, 1).

    >>> heavy_tailed(3.0, 4, 3.0).means[0]
    array([1.5, 1.5, 1.5, 1.5])
    """
    r, d = within("separation", separation, 0), integer("dimension", dimension, 2)
    pi = within("weight", weight, 0, 1)
    half = np.full(d, r / math.sqrt(d))
    return elliptical(np.stack([half, -half]), [pi, 1 - pi], degrees=degrees)


def simplex(n_modes: int, separation: float, dimension: int) -> EllipticalMixture:
    """K unit Gaussians of equal weights on a regular simplex around the origin, ‖ν_k‖ = r.

    >>> p = simplex(3, 2.0, 4)
    >>> np.linalg.norm(p.means, axis=1).round(12)
    array([2., 2., 2.])
    """
    k = integer("n_modes", n_modes, 2)
    d = integer("dimension", dimension, max(2, k - 1))
    r = within("separation", separation, 0)
    flat = helmert(k).T  # the corners of a simplex in the hyperplane that holds them
    means = np.zeros((k, d))
    means[:, : k - 1] = r * flat / np.linalg.norm(flat, axis=1, keepdims=True)
    return elliptical(means)


def uneven(separation: float, dimension: int, narrow: float, seed: int = 0) -> EllipticalMixture:
    """Three Gaussians of the weights 0.6, 0.3 and 0.1 with full covariances, the heaviest narrow.

    Their centres are those of :func:`simplex`; the eigenvalues of each covariance are spaced evenly
    in their logarithm from half to twice its geometric mean, which is `narrow`, 1 and 1.5, along
    axes drawn from `seed`.

    >>> p = uneven(4.0, 8, 0.4)
    >>> (np.linalg.det(p.scales) ** (1 / 8)).round(6)
    array([0.4, 1. , 1.5])
    """
    centres = simplex(3, separation, dimension).means
    sizes = (within("narrow", narrow, 0), 1.0, 1.5)
    rng = np.random.default_rng(integer("seed", seed, 0))
    scales = []
    for size in sizes:
        axes = np.linalg.qr(rng.standard_normal((dimension, dimension)))[0]
        matrix = (axes * (size * np.geomspace(0.5, 2, dimension))) @ axes.T
        scales.append((matrix + matrix.T) / 2)
    return elliptical(centres, [0.6, 0.3, 0.1], np.stack(scales))
