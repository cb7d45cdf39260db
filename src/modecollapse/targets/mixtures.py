r"""Isotropic Gaussian mixtures: targets p, and the variational family q.

.. math:: p(x) = \sum_k \pi_k\, N(x; \nu_k, v_k I_d).

Everything here is numpy, exact, and knows nothing of training.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import logsumexp, softmax

from ..checks import count, generator, numbers_of, require
from .directions import MARGIN, directions, principal

__all__ = ["GaussianMixture", "mixture"]

FloatArray = NDArray[np.float64]


FARTHEST = 1e150  # beyond, the square of a distance overflows


@dataclass(frozen=True, eq=False)
class GaussianMixture:
    """A mixture of K isotropic Gaussians in d dimensions (frozen, validated).

    Parameters
    ----------
    means : (K, d)
    weights : (K,), positive, sum 1.  Default: equal.
    variances : (K,), positive.  Default: 1.
    """

    means: FloatArray
    weights: FloatArray = field(default=None)  # type: ignore[arg-type]
    variances: FloatArray = field(default=None)  # type: ignore[arg-type]

    def __post_init__(self) -> None:
        means = numbers_of("means", self.means, "an array (K, d)")
        require(means.ndim == 2 and means.size > 0, "means", means.shape, "an array (K, d)")
        require(bool(np.isfinite(means).all()), "means", "NaN or infinity", "finite numbers")
        k = len(means)
        weights = np.full(k, 1 / k) if self.weights is None else numbers_of("weights", self.weights)
        given = self.variances
        variances = np.ones(k) if given is None else numbers_of("variances", given)
        require(weights.shape == (k,), "weights", weights.shape, f"one per component, ({k},)")
        summed = bool((weights > 0).all() and abs(weights.sum() - 1) < 1e-9)
        require(summed, "weights", weights.tolist(), "numbers in (0, 1] that sum to 1")
        require(variances.shape == (k,), "variances", variances.shape, f"one a component, ({k},)")
        positive = bool(np.isfinite(variances).all() and (variances > 0).all())
        require(positive, "variances", variances.tolist(), "finite numbers > 0")
        for name, value in (("means", means), ("weights", weights), ("variances", variances)):
            value.setflags(write=False)
            object.__setattr__(self, name, value)

    @property
    def dimension(self) -> int:
        return self.means.shape[1]

    @property
    def mode_names(self) -> tuple[str, ...]:
        """Of its modes, which are its components: their numbers."""
        return tuple(str(k) for k in range(len(self.weights)))

    @property
    def log_z(self) -> float:
        return 0.0

    @property
    def reach(self) -> float:
        far = np.linalg.norm(self.means, axis=1) + MARGIN * np.sqrt(self.variances)
        return float(far.max())

    def axes(self, direction: str, rng: np.random.Generator) -> FloatArray:
        """The two directions in which the means spread most, (2, d), whatever `direction` is."""
        directions("random", self.dimension, rng)  # so that starts are those of other targets
        return principal(self.means)

    def description(self) -> dict[str, Any]:
        """Its numbers, as lists."""
        return {
            "dimension": self.dimension,
            "means": self.means.tolist(),
            "weights": self.weights.tolist(),
            "variances": self.variances.tolist(),
        }

    def component_log_joint(self, x: ArrayLike) -> FloatArray:
        """log w_k + log N(x; m_k, v_k I), shape (..., K), for x of shape (..., d)."""
        x = self._points(x)
        squared = ((x[..., None, :] - self.means) ** 2).sum(-1)
        volume = 0.5 * self.dimension * np.log(2 * np.pi * self.variances)
        return np.log(self.weights) - volume - 0.5 * squared / self.variances

    def log_density(self, x: ArrayLike) -> FloatArray:
        """log p(x), shape (...), for x of shape (..., d)."""
        return logsumexp(self.component_log_joint(x), axis=-1)

    def responsibilities(self, x: ArrayLike) -> FloatArray:
        """P(component k | x), shape (..., K)."""
        return softmax(self.component_log_joint(x), axis=-1)

    def score(self, x: ArrayLike) -> FloatArray:
        """∇_x log p(x) = Σ_k P(k | x) (m_k − x) / v_k, shape (..., d)."""
        x = self._points(x)
        pull = self.responsibilities(x) / self.variances
        return pull @ self.means - x * pull.sum(-1, keepdims=True)

    def sample(self, n: int, rng: np.random.Generator) -> FloatArray:
        """n independent samples, shape (n, d)."""
        n, rng = count("n", n, 0), generator("rng", rng)
        k = rng.choice(len(self.weights), size=n, p=self.weights)
        noise = rng.standard_normal((n, self.dimension))
        return self.means[k] + np.sqrt(self.variances[k])[:, None] * noise

    def _points(self, x: ArrayLike) -> FloatArray:
        x = numbers_of("x", x, finite=True)
        d = self.dimension
        far = float(abs(x).max(initial=0))
        require(far <= FARTHEST, "x", far, f"coordinates of size at most {FARTHEST:g}")
        require(x.ndim > 0 and x.shape[-1] == d, "x", x.shape, f"points in d = {d} dimensions")
        return x


def mixture(
    means: ArrayLike, weights: ArrayLike | None = None, variances: ArrayLike | None = None
) -> GaussianMixture:
    """A mixture of isotropic Gaussians in d dimensions; see :class:`GaussianMixture`.

    >>> q = mixture(means=[[0.0, 1.0], [2.0, 0.0]], weights=[0.25, 0.75])
    >>> q.log_density([[0.0, 0.0]]).shape
    (1,)
    """
    return GaussianMixture(means, weights, variances)  # type: ignore[arg-type]
