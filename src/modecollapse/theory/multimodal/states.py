"""Targets with any number of modes and states of any number of components, by their overlaps."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ...checks import choice, count, generator, integer, made, numbers_of, require, within
from ...memory import check_memory
from ...overlaps import STARTS, Overlaps, bartlett, place_means
from ...targets import BimodalTarget, GaussianMixture
from .frames import _check_gram, _factor, _log_softmax

__all__ = ["MultimodalOverlaps", "MultimodalTarget", "random_modes_start"]

FloatArray = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class MultimodalTarget:
    """p = Σ_k π_k N(ν_k, I_d), up to rotations.

    Parameters
    ----------
    overlaps : (K*, K*), R_kl = ν_k·ν_l, variances of a mode.
    dimension : d ≥ the rank of R.
    weights : (K*,), π_k > 0, sum 1.  Default: equal.

    >>> MultimodalTarget.simplex(3, separation=2.0, dimension=16).overlaps.round(3)
    array([[ 4., -2., -2.],
           [-2.,  4., -2.],
           [-2., -2.,  4.]])
    """

    overlaps: FloatArray
    dimension: int
    weights: FloatArray = field(default=None)  # type: ignore[arg-type]

    def __post_init__(self) -> None:
        r = numbers_of("overlaps", self.overlaps)
        square = r.ndim == 2 and r.shape[0] == r.shape[1] > 0
        require(square, "overlaps", r.shape, "a matrix (K*, K*)")
        require(bool(np.isfinite(r).all()), "overlaps", "NaN or infinity", "finite numbers")
        require(bool(np.allclose(r, r.T)), "overlaps", r.tolist(), "a symmetric matrix")
        integer("dimension", self.dimension, 1)
        _check_gram(r[None], self.dimension, "overlaps", "the modes")
        weights = GaussianMixture(np.zeros((len(r), 1)), self.weights).weights
        r.setflags(write=False)
        object.__setattr__(self, "overlaps", r)
        object.__setattr__(self, "weights", weights)

    @property
    def n_modes(self) -> int:
        """K*."""
        return len(self.overlaps)

    @property
    def modes(self) -> FloatArray:
        """The modes in a frame of their span, (K*, rank R)."""
        return _factor(self.overlaps)

    @classmethod
    def of(cls, target: Self | GaussianMixture | BimodalTarget) -> MultimodalTarget:
        """The same target by its overlaps.

        Raises
        ------
        ValueError : where a variance of the mixture is not 1.
        """
        if isinstance(target, MultimodalTarget):
            return target
        given = target.mixture() if isinstance(target, BimodalTarget) else target
        allowed = "a target, such as MultimodalTarget.simplex(3, 3.0, 16)"
        mixture = made("target", given, GaussianMixture, allowed)
        unit = bool((mixture.variances == 1).all())
        require(unit, "target", f"variances {mixture.variances.tolist()}", "variances 1")
        return cls(mixture.means @ mixture.means.T, mixture.dimension, mixture.weights)

    @classmethod
    def simplex(
        cls, n_modes: int, separation: float, dimension: int, weights: ArrayLike | None = None
    ) -> Self:
        """Modes at the corners of a regular simplex around 0, ‖ν_k‖ = `separation`.

        K* = 2 is the bimodal target; the distance of two modes is r √(2 K*/(K* − 1)).
        """
        n = integer("n_modes", n_modes, 2)
        within("separation", separation, 0)
        overlaps = separation**2 * (n * np.eye(n) - 1) / (n - 1)
        return cls(overlaps, dimension, weights)  # type: ignore[arg-type]

    @classmethod
    def random(
        cls,
        n_modes: int,
        separation: float,
        dimension: int,
        rng: np.random.Generator,
        weights: ArrayLike | None = None,
    ) -> Self:
        """Modes in independent uniform directions, ‖ν_k‖ = `separation`; the cost is free of d."""
        integer("n_modes", n_modes, 1)
        within("separation", separation, 0)
        d = integer("dimension", dimension, 1)
        vectors = bartlett(rng, rng.standard_normal((n_modes, n_modes)), 0, d)
        vectors *= separation / np.linalg.norm(vectors, axis=1, keepdims=True)
        return cls(vectors @ vectors.T, dimension, weights)  # type: ignore[arg-type]


@dataclass(frozen=True, eq=False)
class MultimodalOverlaps:
    """A batch of n states of a K-component mixture against a target with K* modes.

    Parameters
    ----------
    m : (n, K, K*), M_ik = μ_i·ν_k.
    q : (n, K, K), Q_ij = μ_i·μ_j.
    logits : (n, K), α; the weights are w = softmax(α).  Default: 0 (equal weights).
    """

    m: FloatArray
    q: FloatArray
    logits: FloatArray = field(default=None)  # type: ignore[arg-type]

    def __post_init__(self) -> None:
        m, q = numbers_of("m", self.m), numbers_of("q", self.q)
        require(m.ndim == 3 and m.shape[1] > 0, "m", m.shape, "an array (n, K, K*)")
        n, k, _ = m.shape
        logits = np.zeros((n, k)) if self.logits is None else numbers_of("logits", self.logits)
        require(q.shape == (n, k, k), "q", q.shape, f"Q for each run, ({n}, {k}, {k})")
        require(logits.shape == (n, k), "logits", logits.shape, f"K a run, ({n}, {k})")
        for name, value in (("m", m), ("q", q), ("logits", logits)):
            require(bool(np.isfinite(value).all()), name, "NaN or infinity", "finite numbers")
            value.setflags(write=False)
            object.__setattr__(self, name, value)
        require(bool(np.allclose(q, q.swapaxes(1, 2))), "q", "an asymmetric matrix", "Q = Q^T")

    def __len__(self) -> int:
        return len(self.m)

    def __getitem__(self, rows: slice | NDArray) -> Self:
        """The states of some runs, still a batch."""
        return type(self)(self.m[rows], self.q[rows], self.logits[rows])

    @property
    def weights(self) -> FloatArray:
        """w = softmax(α), (n, K)."""
        return np.exp(_log_softmax(self.logits))

    @classmethod
    def from_vectors(
        cls, means: ArrayLike, modes: ArrayLike, logits: ArrayLike | None = None
    ) -> Self:
        """The overlaps of `means` (n, K, d) with each other and with `modes` (K*, d)."""
        means, modes = numbers_of("means", means), numbers_of("modes", modes)
        return cls(means @ modes.T, means @ means.swapaxes(1, 2), logits)  # type: ignore[arg-type]

    @classmethod
    def from_bimodal(cls, overlaps: Overlaps) -> Self:
        """The same states with K = K* = 2, α = (ℓ, −ℓ)/2.

        Raises
        ------
        ValueError : where a variance is not 1.
        """
        unit = bool((overlaps.variances == 1).all())
        require(unit, "overlaps", "variances other than 1", "variances 1")
        m = np.stack([overlaps.m, -overlaps.m], axis=-1)
        q = overlaps.q[:, [0, 1, 1, 2]].reshape(-1, 2, 2)
        return cls(m, q, 0.5 * np.stack([overlaps.logit, -overlaps.logit], axis=-1))

    def gram(self, target: MultimodalTarget) -> FloatArray:
        """The Gram matrix of (ν_1..ν_K*, μ_1..μ_K), (n, K* + K, K* + K)."""
        shape = (len(self), target.n_modes, target.n_modes)
        r = np.broadcast_to(target.overlaps, shape)
        return np.block([[r, self.m.swapaxes(1, 2)], [self.m, self.q]])

    def check(self, target: MultimodalTarget) -> None:
        """Raise ``ValueError`` where no vectors of dimension d have these overlaps."""
        modes = target.n_modes
        require(self.m.shape[2] == modes, "m", self.m.shape, f"{modes} modes, (n, K, {modes})")
        _check_gram(self.gram(target), target.dimension, "overlaps", "the modes and means")

    def vectors(self, target: MultimodalTarget) -> FloatArray:
        """Means with these overlaps, (n, K, min(d, rank R + K)).

        The frame begins with that of `target.modes`, whose other coordinates are 0.
        """
        self.check(target)
        modes = target.modes
        rank = modes.shape[1]
        along = self.m @ modes / (modes**2).sum(axis=0)  # the columns of `modes` are orthogonal
        rest = self.q - along @ along.swapaxes(1, 2)
        scale = np.trace(self.q, axis1=1, axis2=2)
        across = np.array([_factor(a, s, full=True) for a, s in zip(rest, scale, strict=True)])
        across = across.reshape(self.q.shape)[..., : target.dimension - rank]
        return np.concatenate([along, across], axis=2)


def random_modes_start(
    target: MultimodalTarget | GaussianMixture | BimodalTarget,
    n: int,
    n_components: int,
    rng: np.random.Generator,
    *,
    law: str = "sphere",
    scale: float | None = None,
    spread: float = 0.0,
) -> MultimodalOverlaps:
    """Overlaps of n independent random starts with equal weights, at a cost independent of d.

    `law`, `scale` and `spread` are those of :func:`~modecollapse.overlaps.random_start`, but that
    the root mean square of ‖ν_k‖ stands for r.  In a frame that begins with the span of
    the modes, the coordinates of the means are normal there and Bartlett's triangle (χ on its
    diagonal) beyond: the law of the overlaps is exact at every d.

    >>> target = MultimodalTarget.simplex(4, separation=3.0, dimension=10**6)
    >>> start = random_modes_start(target, 5, 3, np.random.default_rng(0))
    >>> start.m.shape, bool(np.allclose(start.q[:, 0, 0], 9.0))
    ((5, 3, 4), True)
    """
    target, rng = MultimodalTarget.of(target), generator("rng", rng)
    law = choice("law", law, STARTS)
    n, k = count("n", n, 0), count("n_components", n_components)
    rms = float(np.sqrt(np.trace(target.overlaps) / target.n_modes))
    modes, d = target.modes, target.dimension
    rank, drawn = modes.shape[1], k + (law == "blob")
    size = drawn, rank + drawn
    check_memory("n_components", k, 8.0 * k * size[1], "take fewer of them")
    check_memory("n", n, 24.0 * n * k * size[1], "draw them in parts")
    rows = [bartlett(rng, rng.standard_normal(size), rank, d) for _ in range(n)]
    means = place_means(np.array(rows).reshape(n, *size), law, d, rms, scale, spread)
    return MultimodalOverlaps.from_vectors(means, np.pad(modes, ((0, 0), (0, drawn))))
