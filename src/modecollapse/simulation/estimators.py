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

from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np
import torch
from torch import Tensor

from ..geometries import Metric
from .densities import Densities, Mixtures, densities
from .products import combine, place, project

__all__ = ["Estimator", "Gradient", "Sums", "components", "in_blocks"]


@dataclass(frozen=True, eq=False)
class Gradient:
    """∂/∂μ (n, 2, d), ∂/∂ℓ (n,), ∂/∂v (n, 2), and the batch's own estimate Σ_b s_b f(x_b) of
    E_q[f] (n,); None for what was not asked for."""

    means: Tensor
    logit: Tensor | None
    variances: Tensor | None
    log_ratio: Tensor | None

    def times(self, factor: Tensor) -> Gradient:
        """Each run's gradient times its `factor` (n,)."""
        return replace(
            self,
            means=self.means * factor.to(self.means.dtype)[:, None, None],
            logit=None if self.logit is None else self.logit * factor,
            variances=None if self.variances is None else self.variances * factor[:, None],
        )

    def plus(self, other: Gradient) -> Gradient:
        """The sum; log q − β log p is this one's."""
        return replace(
            self,
            means=self.means + other.means,
            logit=_sum(self.logit, other.logit),
            variances=_sum(self.variances, other.variances),
        )

    def in_metric(self, metric: Metric, log_weights: Tensor) -> Gradient:
        """The gradient in the metric of a geometry (docs/remedies.md, Section 13)."""
        if not any(metric):
            return self
        one = (metric.means * log_weights).exp()
        means = self.means / one.to(self.means.dtype)[:, :, None]
        both = (metric.weights * (log_weights[:, 0] + log_weights[:, 1])).exp()
        logit = None if self.logit is None else self.logit / both
        variances = None if self.variances is None else self.variances / one
        return replace(self, means=means, logit=logit, variances=variances)


def components(first: Tensor, begin: int, end: int) -> Tensor:
    """1 in the row of each sample's component, else 0, for the samples `begin` to `end` of a batch
    that begins with `first` (n,) samples of component 1: (n, 2, end − begin)."""
    one = (torch.arange(begin, end, device=first.device) < first[:, None]).double()
    return torch.stack([one, 1 - one], 1)


def in_blocks(first: Tensor, blocks: list[int]) -> list[Tensor]:
    """The same of a whole batch, block by block, of these sizes."""
    ends = np.cumsum([0, *blocks]).tolist()
    return [components(first, a, b) for a, b in pairwise(ends)]


@dataclass(frozen=True)
class Sums:
    """How the samples of a batch count, and what is summed over them.

    batch : B ≥ 2, the number of samples of each run.
    score_term : whether to keep the score term.
    stratified : whether a sample of component i counts w_i / n_i, or 1 / B.
    norms : whether ‖x‖² is needed, which it is unless v = 1 and β = 1.
    log_ratio : whether f is needed, as it is to train the weights.
    variances : whether these are trained.
    alpha : of D_α(q‖p).
    self_normalised : whether the weights (p/q)^α are divided by their mean.
    """

    batch: int
    score_term: bool
    stratified: bool
    norms: bool
    log_ratio: bool
    variances: bool
    alpha: float = 0.0
    self_normalised: bool = True


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
        self._ratios: Tensor | None = None
        self._reference = torch.zeros_like(self._weights[:, 0])
        if sums.alpha > 0 and sums.self_normalised:
            self._reference = self._least_log_ratio()

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
        if self._sums.log_ratio or self._sums.alpha > 0:
            members, both = self._weigh(members, seen)
            features += both
        if norms is not None and slope is not None and self._sums.variances:
            features += self._variance_features(products, norms, pulls, slope, towards)
        self._moments = _plus(self._moments, project(members, torch.cat(features, 1)))
        coefficients = None if slope is None else members * slope
        if self._sums.score_term:
            coefficients = _plus(coefficients, members.sum(1, keepdim=True) * pulls)
        if coefficients is not None:
            self._points = _plus(self._points, combine(coefficients.to(x.dtype), x))

    def _weigh(self, members: Tensor, seen: Densities) -> tuple[Tensor, list[Tensor]]:
        """The samples' weights times R = (p/q)^α, and what is summed with these weights for ℓ: 1
        and r_1.  Adds (1 − R)/α, r_1 and the product to the sums without R."""
        f, r = seen.log_ratio(self._mixtures.beta)[:, None], seen.responsibilities[:, :1]
        alpha, weighted = self._sums.alpha, members
        if alpha > 0:
            exponent = -alpha * (f - self._reference[:, None, None])
            weighted = members * exponent.exp()
            f = -_expm1(exponent) / alpha
        self._ratios = _plus(self._ratios, project(members, torch.cat([f, r, f * r], 1)))
        return weighted, [torch.ones_like(r), r] if alpha > 0 else []

    def _least_log_ratio(self) -> Tensor:
        """The smaller f at ‖x − μ_i‖² = d v_i of both components, (n,): no self-normalised gradient
        depends on where f is counted from, but (p/q)^α may underflow."""
        mixtures = self._mixtures
        norms = mixtures.gram.diagonal(dim1=1, dim2=2)[:, :2]
        norms = norms + mixtures.dimension * mixtures.variances
        centres = densities(mixtures, mixtures.gram[:, :, :2], norms)
        return centres.log_ratio(mixtures.beta).amin(1)

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
        gradient = Gradient(
            means=_plus(self._points, means),
            logit=self._logit_gradient() if sums.log_ratio else None,
            variances=self._variance_gradient(moments[:, :, -4:]) if sums.variances else None,
            log_ratio=None if self._ratios is None else self._ratios[:, :, 0].sum(1),
        )
        return gradient.times(self._factor()) if sums.alpha > 0 else gradient

    def _factor(self) -> Tensor:
        """What the gradient of D_α, or of Rényi's divergence where self-normalised, is of the sums
        with the weights R, (n,)."""
        assert self._moments is not None
        norm = self._moments[:, :, 3].sum(1) if self._sums.self_normalised else 1.0
        scale = 1 - self._sums.alpha if self._sums.score_term else 1.0
        return torch.ones_like(self._reference) / (norm * scale)

    def _logit_gradient(self) -> Tensor:
        """Stratified: w_1 w_2 (mean_1 f − mean_2 f).  Sampled: the sample covariance of f and r_1,
        the score-function estimator of the mixture with the batch mean as its baseline.  For D_α
        the same of (1 − R)/α in place of f."""
        assert self._moments is not None
        assert self._ratios is not None
        f, r, fr = self._ratios.unbind(-1)
        weights, total_r = self._weights, r.sum(1)
        if self._sums.stratified:
            slope = weights[:, 1] * f[:, 0] - weights[:, 0] * f[:, 1]
        else:
            slope = (fr.sum(1) - f.sum(1) * total_r) * (self._sums.batch / (self._sums.batch - 1))
        if not self._sums.score_term:
            return slope
        if self._sums.alpha == 0:
            return slope + (total_r - weights[:, 0])
        norm, counted = self._moments[:, :, 3:5].sum(1).unbind(-1)
        return slope + (counted - weights[:, 0] * norm)

    def _variance_gradient(self, moments: Tensor) -> Tensor:
        path = moments[:, :, :2].diagonal(dim1=1, dim2=2) / self._mixtures.variances
        score = moments[:, :, 2:].sum(1) if self._sums.score_term else 0.0
        return 0.5 * (path + score)


def _expm1(y: Tensor) -> Tensor:
    """e^y − 1 by Kahan's (e^y − 1) y / log e^y: torch.expm1 does not promise a number the same bits
    at every place."""
    u = y.exp()
    near = (y.abs() < 1) & (u != 1)
    exact = (u - 1) * y / torch.where(near, u, 2.0).log()
    return torch.where(near, exact, torch.where(u == 1, y, u - 1))


def _sum(one: Tensor | None, other: Tensor | None) -> Tensor | None:
    """The sum, None where it was not asked for."""
    return None if one is None or other is None else one + other


def _plus(total: Tensor | None, more: Tensor) -> Tensor:
    """The sum, where None is a sum of nothing."""
    return more if total is None else total + more
