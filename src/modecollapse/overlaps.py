"""Order parameters of the bimodal problem: from vectors, back to vectors, and random starts.

With ν = ±μ* and two components, the state of q is, up to rotations that leave p unchanged,

    m_i = μ_i·μ*,   Q_ij = μ_i·μ_j,   ℓ = logit w_1,   v_i            (docs/theory.md, Eq. 3.1)

A batch of n states is one :class:`Overlaps`; theory and simulation both start from one, and both
report one at each logged time.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import expit

from .checks import choice, numbers_of, require, within
from .memory import fitting
from .targets import BimodalTarget

__all__ = ["STARTS", "Overlaps", "bartlett", "place_means", "random_start"]

FloatArray = NDArray[np.float64]
STARTS = ("sphere", "gaussian", "normal", "blob")  # laws of the means, see random_start
ROUNDING = 1e-9  # how far below zero an eigenvalue of a Gram matrix may fall, relative to its trace


@dataclass(frozen=True, eq=False)
class Overlaps:
    """A batch of n states of a two-component mixture against a bimodal target.

    Parameters
    ----------
    m : (n, 2), m_i = μ_i·μ*.
    q : (n, 3), the overlaps Q11, Q12, Q22.
    logit : (n,), ℓ = log w_1/w_2.  Default: 0 (equal weights).
    variances : (n, 2), v_1 and v_2.  Default: 1.
    """

    m: FloatArray
    q: FloatArray
    logit: FloatArray = field(default=None)  # type: ignore[arg-type]
    variances: FloatArray = field(default=None)  # type: ignore[arg-type]

    def __post_init__(self) -> None:
        m = numbers_of("m", self.m, "an array (n, 2)")
        q = numbers_of("q", self.q, "Q11, Q12, Q22 for each run, an array (n, 3)")
        require(m.ndim == 2 and m.shape[1] == 2, "m", m.shape, "an array (n, 2)")
        n = len(m)
        logit = np.zeros(n) if self.logit is None else numbers_of("logit", self.logit)
        given = self.variances
        v = np.ones((n, 2)) if given is None else numbers_of("variances", given)
        require(q.shape == (n, 3), "q", q.shape, f"Q11, Q12, Q22 for each run, ({n}, 3)")
        require(logit.shape == (n,), "logit", logit.shape, f"one a run, ({n},)")
        require(v.shape == (n, 2), "variances", v.shape, f"two a run, ({n}, 2)")
        for name, value in (("m", m), ("q", q), ("logit", logit), ("variances", v)):
            require(bool(np.isfinite(value).all()), name, "NaN or infinity", "finite numbers")
            value.setflags(write=False)
            object.__setattr__(self, name, value)
        require(bool((v > 0).all()), "variances", float(v.min(initial=1)), "numbers > 0")

    def __len__(self) -> int:
        return len(self.m)

    def __getitem__(self, rows: slice | NDArray) -> Self:
        """The states of some runs, still a batch."""
        return type(self)(self.m[rows], self.q[rows], self.logit[rows], self.variances[rows])

    @property
    def weights(self) -> FloatArray:
        """(w_1, w_2), shape (n, 2), each to full relative precision."""
        return expit(np.stack([self.logit, -self.logit], axis=-1))

    @classmethod
    def from_vectors(
        cls,
        means: ArrayLike,
        mode: ArrayLike,
        logit: ArrayLike | None = None,
        variances: ArrayLike | None = None,
    ) -> Self:
        """The overlaps of `means` (n, 2, d) with each other and with μ* = `mode` (d,)."""
        means, mode = numbers_of("means", means), numbers_of("mode", mode)
        fits = mode.ndim == 1 and means.ndim == 3 and means.shape[1:] == (2, len(mode))
        require(fits, "means", means.shape, f"an array (n, 2, d), d that of the mode {mode.shape}")
        gram = np.einsum("nid,njd->nij", means, means)
        q = np.stack([gram[:, 0, 0], gram[:, 0, 1], gram[:, 1, 1]], axis=-1)
        return cls(means @ mode, q, logit, variances)  # type: ignore[arg-type]

    def gram(self, separation: float) -> FloatArray:
        """The Gram matrix of (μ*, μ_1, μ_2), shape (n, 3, 3)."""
        gram = np.empty((len(self), 3, 3))
        gram[:, 0, 0] = separation**2
        gram[:, 0, 1:] = gram[:, 1:, 0] = self.m
        gram[:, 1, 1], gram[:, 2, 2] = self.q[:, 0], self.q[:, 2]
        gram[:, 1, 2] = gram[:, 2, 1] = self.q[:, 1]
        return gram

    def check(self, target: BimodalTarget) -> None:
        """Raise ``ValueError`` where no vectors of dimension d have these overlaps."""
        if not len(self):
            return
        gram = self.gram(target.separation)
        eigenvalues = np.linalg.eigvalsh(gram)
        slack = ROUNDING * np.trace(gram, axis1=1, axis2=2)
        worst = (eigenvalues[:, 0] + slack).argmin()
        possible = bool((eigenvalues[:, 0] >= -slack).all())
        allowed = "a positive semidefinite Gram matrix of (μ*, μ_1, μ_2)"
        require(possible, f"overlaps of run {worst}", gram[worst].tolist(), allowed)
        needed = int((eigenvalues > slack[:, None]).sum(1).max())
        allowed = f">= {needed}, the rank of the overlaps' Gram matrix"
        require(target.dimension >= needed, "dimension", target.dimension, allowed)

    def vectors(self, target: BimodalTarget) -> FloatArray:
        """Means with these overlaps, shape (n, 2, d), where μ* = r e_1.

        The first mean lies in the span of e_1, e_2, the second in that of e_1, e_2, e_3.
        """
        self.check(target)
        r, d = target.separation, target.dimension
        along = self.m / r
        q11, q12, q22 = self.q.T
        first = _root(q11 - along[:, 0] ** 2, q11)
        rest = q12 - along[:, 0] * along[:, 1]
        second = np.divide(rest, first, out=np.zeros_like(first), where=first > 0)
        third = _root(q22 - along[:, 1] ** 2 - second**2, q22)
        means = np.zeros((len(self), 2, max(d, 3)))
        means[:, :, 0] = along
        means[:, 0, 1], means[:, 1, 1], means[:, 1, 2] = first, second, third
        return means[:, :, :d]


def _root(rest: FloatArray, whole: FloatArray) -> FloatArray:
    """√rest, and 0 where `rest` is what rounding leaves of 0, `whole` less something as large."""
    return np.sqrt(np.where(rest > 4 * np.finfo(float).eps * whole, rest, 0.0))


def random_start(
    target: BimodalTarget,
    n: int,
    rng: np.random.Generator,
    *,
    law: str = "sphere",
    scale: float | None = None,
    spread: float = 0.0,
    weight: float = 0.5,
    variance: float = 1.0,
) -> Overlaps:
    """Draw where n runs start: both means of q at random, at a cost that does not depend on d.

    ========== ============================================== ===============
    law        the means                                      default `scale`
    ========== ============================================== ===============
    "sphere"   uniform on ‖μ‖ = scale                         r
    "gaussian" N(0, scale²/d) in each coordinate              r
    "normal"   N(0, scale²) in each coordinate                1
    "blob"     a centre c uniform on ‖c‖ = scale ≥ 0, and     r
               N(0, spread²) from it in each coordinate
    ========== ============================================== ===============

    The overlaps of such vectors with each other and with μ* are drawn through the Bartlett
    decomposition, see :func:`bartlett`.  The law is exact at every d.

    Parameters
    ----------
    spread : of a blob; 0 puts both means at the same place.
    weight : w_1, the weight of the first component, in (0, 1).
    variance : the variance of both components.

    >>> rng = np.random.default_rng(0)
    >>> start = random_start(BimodalTarget(2.0, 10**6), 5, rng)
    >>> bool(np.allclose(start.q[:, 0], 4.0))
    True
    """
    made = isinstance(rng, np.random.Generator)
    require(made, "rng", rng, "a generator, such as np.random.default_rng(0)")
    fitting("n", n, 500.0, 0)
    k = 3 if choice("law", law, STARTS) == "blob" else 2
    known = isinstance(target, BimodalTarget)
    require(known, "target", target, "a bimodal target")
    r, d = target.separation, target.dimension
    weight = within("weight", weight, 0, 1)
    within("variance", variance, 0)
    # One row of draws per run, so that run k is the same however many runs are asked for.
    draws = np.array([_frame(rng, k, d) for _ in range(n)]).reshape(n, k, k + 1)
    means = place_means(draws, law, d, r, scale, spread)
    logit = np.full(n, np.log(weight) - np.log1p(-weight))
    mode = np.array([r, *np.zeros(k)])
    return Overlaps.from_vectors(means, mode, logit, np.full((n, 2), variance))


def place_means(
    draws: FloatArray, law: str, d: int, usual: float, scale: float | None, spread: float = 0.0
) -> FloatArray:
    """Means of a `law` of :func:`random_start`, from standard normal vectors of R^d: as many, but
    one fewer for a "blob".  The default `scale` is `usual`, or 1 for "normal"."""
    usual = 1.0 if law == "normal" else usual
    scale = within("scale", usual if scale is None else scale, 0, closed="[" * (law == "blob"))
    spread = within("spread", spread, 0, closed="[")
    require(spread == 0 or law == "blob", "spread", spread, "0, but for the law 'blob'")
    if law == "normal":
        return scale * draws
    if law == "gaussian":
        return scale * (draws / np.sqrt(d))
    lengths = np.linalg.norm(draws, axis=-1, keepdims=True)
    if law == "sphere":
        return scale * (draws / lengths)
    return scale * (draws[:, :1] / lengths[:, :1]) + spread * draws[:, 1:]


def bartlett(rng: np.random.Generator, normals: FloatArray, rank: int, d: int) -> FloatArray:
    """k standard normal vectors of R^d in a frame that begins with `rank` given axes and goes on
    with Gram-Schmidt of the vectors themselves: standard normal below the diagonal that begins
    at (0, rank), χ with d − rank, d − rank − 1, … degrees of freedom on it, 0 above.

    Parameters
    ----------
    normals : (k, rank + k), standard normal at least below that diagonal.
    """
    x = np.tril(normals, rank - 1)
    x[:, d:] = 0
    for i in range(min(len(x), d - rank)):
        x[i, rank + i] = np.sqrt(rng.chisquare(d - rank - i))
    return x


def _frame(rng: np.random.Generator, k: int, d: int) -> FloatArray:
    """k standard normal vectors of R^d in a frame that begins with μ*/r: shape (k, k + 1)."""
    normals = np.zeros((k, k + 1))
    below = np.tril_indices(k)
    normals[below] = rng.standard_normal(len(below[0]))
    return bartlett(rng, normals, 1, d)
