r"""Stochastic gradients of the reverse KL divergence, in R^d, sample by sample.

With :math:`f = \log q - \beta \log p`, responsibilities :math:`r_j` of q, :math:`s_±` of p, and
samples :math:`x_b = \mu_c + \sqrt{v_c}\,\varepsilon_b` of component c = c(b), each of which counts
:math:`s_b` (``components`` of :class:`~.settings.Descent`), the gradients below are those that
automatic differentiation of the loss gives (docs/simulation.md, Section 1):

.. math::
    g_{\mu_i} &= \sum_{b: c = i} s_b \nabla_x f(x_b)
        + \Big[\sum_b s_b\, r_i(x_b) (x_b - \mu_i) / v_i\Big], \\
    \nabla_x f(x) &= \Big(\beta - \sum_j \frac{r_j}{v_j}\Big) x + \sum_j \frac{r_j}{v_j} \mu_j
        - \beta (2 s_+ - 1) \mu^*.

The sum in brackets, the *score term*, has mean zero: "pathwise" keeps it, as the plain gradient of
the loss does, and "sticking-the-landing" drops it (Roeder, Wu and Duvenaud, 2017).

A run is a row of a leading axis.  Nothing here mixes rows, and only operations are used whose bits
do not depend on where in a tensor a number stands (``torch.sigmoid``, ``torch.logaddexp`` and
``torch.bmm`` are not among them).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Self

import torch
from torch import Tensor

from .products import combine, place, project

__all__ = [
    "Densities",
    "Estimator",
    "Gradient",
    "Mixtures",
    "Sums",
    "components",
    "densities",
    "log_weights",
]


@dataclass(frozen=True, eq=False)
class Mixtures:
    """n pairs of q and p, by the numbers that their densities need; all float64.

    gram : (n, 3, 3), the Gram matrix of (μ_1, μ_2, μ*).
    log_weights : (n, 2), log w_1 and log w_2.
    variances : (n, 2), v_1 and v_2.
    target_log_weights : (n, 2), log π and log(1 − π).
    beta : (n,), inverse temperature β of the target p^β.
    dimension : d.
    """

    gram: Tensor
    log_weights: Tensor
    variances: Tensor
    target_log_weights: Tensor
    beta: Tensor
    dimension: int

    def __getitem__(self, rows: slice) -> Self:
        return self._each(lambda values: values[rows])

    def cpu(self) -> Self:
        return self._each(torch.Tensor.cpu)

    def _each(self, change: Callable[[Tensor], Tensor]) -> Self:
        tensors = (self.gram, self.log_weights, self.variances, self.target_log_weights, self.beta)
        gram, log_weights, variances, target_log_weights, beta = map(change, tensors)
        return replace(
            self,
            gram=gram,
            log_weights=log_weights,
            variances=variances,
            target_log_weights=target_log_weights,
            beta=beta,
        )


@dataclass(frozen=True, eq=False)
class Densities:
    """What the densities say of b points of each run.

    log_joint : (n, 2, b), log(w_i N(x; μ_i, v_i)), without the constant in log 2π.
    log_modes : (n, 2, b), log(π_k N(x; ±μ*, 1)), likewise.
    responsibilities : (n, 2, b), r_1 and r_2.
    modes : (n, 2, b), s_+ and s_−.
    """

    log_joint: Tensor
    log_modes: Tensor
    responsibilities: Tensor
    modes: Tensor

    def log_ratio(self, beta: Tensor) -> Tensor:
        """f = log q − β log p, shape (n, b)."""
        log_q = self.log_joint.amax(1) - self.responsibilities.amax(1).log()
        log_p = self.log_modes.amax(1) - self.modes.amax(1).log()
        return log_q - beta[:, None] * log_p


def densities(mixtures: Mixtures, products: Tensor, norms: Tensor | None) -> Densities:
    """Evaluate q and p where x·μ_1, x·μ_2, x·μ* = `products` (n, 3, b) and ‖x‖² = `norms` (n, b),
    which may be left out, of both, where it cancels: v_1 = v_2 = 1 and β = 1."""
    halves = 0.5 * mixtures.gram.diagonal(dim1=1, dim2=2)
    halves = torch.cat([halves, halves[:, 2:]], 1)
    logs = torch.cat([mixtures.log_weights, mixtures.target_log_weights], 1)
    parts = torch.cat([products, -products[:, 2:]], 1)  # of μ_1, μ_2, μ*, −μ*, all at once
    if norms is None:
        parts += (logs - halves)[:, :, None]
    else:
        parts -= halves[:, :, None] + 0.5 * norms[:, None]  # −‖x − μ‖²/2
        variances = mixtures.variances[:, :, None]
        parts[:, :2] /= variances
        parts[:, :2] -= 0.5 * mixtures.dimension * variances.log()
        parts += logs[:, :, None]
    pairs = parts.unflatten(1, (2, 2))
    shares = _shares(pairs)
    return Densities(pairs[:, 0], pairs[:, 1], shares[:, 0], shares[:, 1])


def _shares(log_parts: Tensor) -> Tensor:
    """exp(a_k) / (exp(a_1) + exp(a_2)) for parts a (n, m, 2, b), to full relative precision."""
    odds = log_parts[:, :, 0] - log_parts[:, :, 1]
    small = odds.abs().neg_().exp_()
    more = small.add(1).reciprocal_()
    less = small * more
    up = odds > 0
    return torch.stack([torch.where(up, more, less), torch.where(up, less, more)], 2)


def log_weights(logit: Tensor) -> Tensor:
    """(log w_1, log w_2), shape (n, 2), to full relative precision."""
    signed = torch.stack([logit, -logit], -1)
    return signed.clamp(max=0) - signed.abs().neg().exp().log1p()


@dataclass(frozen=True, eq=False)
class Gradient:
    """∂/∂μ (n, 2, d), ∂/∂ℓ (n,), ∂/∂v (n, 2), and the batch's own estimate Σ_b s_b f(x_b) of
    E_q[f] (n,); None for what was not asked for."""

    means: Tensor
    logit: Tensor | None
    variances: Tensor | None
    log_ratio: Tensor | None


def components(first: Tensor, begin: int, end: int) -> Tensor:
    """1 in the row of each sample's component, else 0, for the samples `begin` to `end` of a batch
    that begins with `first` (n,) samples of component 1: (n, 2, end − begin)."""
    one = (torch.arange(begin, end, device=first.device) < first[:, None]).double()
    return torch.stack([one, 1 - one], 1)


@dataclass(frozen=True)
class Sums:
    """How the samples of a batch count, and what is summed over them.

    batch : B ≥ 2, the number of samples of each run.
    score_term : whether to keep the score term.
    stratified : whether a sample of component i counts w_i / n_i, or 1 / B.
    norms : whether ‖x‖² is needed, which it is unless v = 1 and β = 1.
    log_ratio : whether f is needed, as it is to train the weights.
    variances : whether these are trained.
    """

    batch: int
    score_term: bool
    stratified: bool
    norms: bool
    log_ratio: bool
    variances: bool


class Estimator:
    """Sums a batch, block by block, into one :class:`Gradient` for each run.

    Parameters
    ----------
    vectors : (n, 3, d), the rows μ_1, μ_2, μ*.
    mixtures : the same state by its numbers.
    first : (n,), how many samples of each run are from component 1; they come first.
    sums : what is asked for.
    """

    def __init__(self, vectors: Tensor, mixtures: Mixtures, first: Tensor, sums: Sums) -> None:
        self._vectors, self._mixtures, self._sums = vectors, mixtures, sums
        self._weights = mixtures.log_weights.exp()
        if sums.stratified:
            self._counts_as = self._weights / torch.stack([first, sums.batch - first], -1)
        else:
            self._counts_as = torch.full_like(self._weights, 1 / sums.batch)
        self._seen = 0
        self._points: Tensor | None = None
        self._moments: Tensor | None = None

    def add(self, noise: Tensor, one: Tensor) -> None:
        """Add a block of the batch, given its standard normals ε (n, b, d), which are overwritten
        by the samples, and whose components they are of, as :func:`components` says it."""
        self._seen += noise.shape[1]
        place(noise, one, self._vectors, self._mixtures.variances.sqrt())
        x = noise
        members = one * self._counts_as[:, :, None]
        products = project(self._vectors, x).double()
        norms = torch.linalg.vector_norm(x, dim=-1).double() ** 2 if self._sums.norms else None
        seen = densities(self._mixtures, products, norms)
        towards = seen.modes[:, :1] - seen.modes[:, 1:]
        pulls, slope = seen.responsibilities, None
        if norms is not None:
            pulls = pulls / self._mixtures.variances[:, :, None]
            slope = self._mixtures.beta[:, None, None] - pulls.sum(1, keepdim=True)
        features = [pulls, towards]
        if self._sums.log_ratio:
            f, r = seen.log_ratio(self._mixtures.beta)[:, None], seen.responsibilities[:, :1]
            features += [f, r, f * r]
        if norms is not None and slope is not None and self._sums.variances:
            features += self._variance_features(products, norms, pulls, slope, towards)
        self._moments = _plus(self._moments, project(members, torch.cat(features, 1)))
        coefficients = None if slope is None else members * slope
        if self._sums.score_term:
            coefficients = _plus(coefficients, members.sum(1, keepdim=True) * pulls)
        if coefficients is not None:
            self._points = _plus(self._points, combine(coefficients.to(x.dtype), x))

    def _variance_features(
        self, products: Tensor, norms: Tensor, pulls: Tensor, slope: Tensor, towards: Tensor
    ) -> list[Tensor]:
        """∇_x f·(x − μ_i) and r_i (‖x − μ_i‖²/v_i − d)/v_i, each (n, 2, b)."""
        gram, beta = self._mixtures.gram, self._mixtures.beta[:, None, None]
        forces = torch.cat([pulls, -beta * towards], 1)  # of μ_1, μ_2, μ* in ∇_x f
        along_x = slope[:, 0] * norms + (forces * products).sum(1)
        along_means = slope * products[:, :2] + combine(gram[:, :2], forces)
        path = along_x[:, None] - along_means
        squares = gram.diagonal(dim1=1, dim2=2)[:, :2, None]
        distances = norms[:, None] - 2 * products[:, :2] + squares
        excess = distances / self._mixtures.variances[:, :, None] - self._mixtures.dimension
        return [path, pulls * excess]

    def gradient(self) -> Gradient:
        """The gradient over all the blocks; they must add up to the batch."""
        assert self._seen == self._sums.batch
        assert self._moments is not None
        moments, sums = self._moments, self._sums
        pulls, towards = moments[:, :, :2], moments[:, :, 2:3]
        if sums.score_term:
            pulls = pulls - torch.diag_embed(pulls.sum(1))
        forces = torch.cat([pulls, -self._mixtures.beta[:, None, None] * towards], 2)
        means = combine(forces.to(self._vectors.dtype), self._vectors)
        return Gradient(
            means=_plus(self._points, means),
            logit=self._logit_gradient(*moments[:, :, 3:6].unbind(-1)) if sums.log_ratio else None,
            variances=self._variance_gradient(moments[:, :, -4:]) if sums.variances else None,
            log_ratio=moments[:, :, 3].sum(1) if sums.log_ratio else None,
        )

    def _logit_gradient(self, f: Tensor, r: Tensor, fr: Tensor) -> Tensor:
        """Stratified: w_1 w_2 (mean_1 f − mean_2 f).  Sampled: the sample covariance of f and r_1,
        the score-function estimator of the mixture with the batch mean as its baseline."""
        weights, total_r = self._weights, r.sum(1)
        if self._sums.stratified:
            slope = weights[:, 1] * f[:, 0] - weights[:, 0] * f[:, 1]
        else:
            slope = (fr.sum(1) - f.sum(1) * total_r) * (self._sums.batch / (self._sums.batch - 1))
        return slope + (total_r - weights[:, 0]) if self._sums.score_term else slope

    def _variance_gradient(self, moments: Tensor) -> Tensor:
        path = moments[:, :, :2].diagonal(dim1=1, dim2=2) / self._mixtures.variances
        score = moments[:, :, 2:].sum(1) if self._sums.score_term else 0.0
        return 0.5 * (path + score)


def _plus(total: Tensor | None, more: Tensor) -> Tensor:
    """The sum, where None is a sum of nothing."""
    return more if total is None else total + more
