r"""KL(p‖q) in full dimension: the gradient of −E_p[log q] by samples of p.

With M samples y of p, r_j the responsibilities of q (docs/remedies.md, Eq. 14.11)

.. math::
    g_{\mu_j} = -\frac1M \sum_y \frac{r_j}{v_j} (y - \mu_j), \quad
    g_\ell = w_1 - \frac1M \sum_y r_1, \quad
    g_{v_j} = -\frac1M \sum_y \frac{r_j}{2 v_j} \Big(\frac{\|y - \mu_j\|^2}{v_j} - d\Big).
"""

from __future__ import annotations

import torch
from torch import Tensor

from .densities import Mixtures, densities
from .estimators import Gradient
from .products import combine, place, project

__all__ = ["Forward"]


class Forward:
    """Sums samples of p, block by block, into one :class:`.estimators.Gradient` for each run.

    Parameters
    ----------
    vectors : (n, 3, d), the rows μ_1, μ_2, μ*.
    mixtures : the same state by its numbers.
    samples : M, how many there are.
    norms : whether ‖y‖² is needed, which it is unless v = 1.
    """

    def __init__(self, vectors: Tensor, mixtures: Mixtures, samples: int, norms: bool) -> None:
        self._vectors, self._mixtures = vectors, mixtures
        self._samples, self._norms = samples, norms
        self._modes = torch.stack([vectors[:, 2], -vectors[:, 2]], 1)
        self._moments = torch.zeros(len(vectors), 1, 4, dtype=torch.float64, device=vectors.device)
        self._points = torch.zeros_like(vectors[:, :2])

    def add(self, noise: Tensor, one: Tensor) -> None:
        """Add a block, given its standard normals (n, b, d), which are overwritten by the samples,
        and which mode each is of, as :func:`.estimators.components` says it."""
        mixtures, d = self._mixtures, self._mixtures.dimension
        place(noise, one, self._modes, torch.ones_like(mixtures.variances))
        products = project(self._vectors, noise).double()
        norms = torch.linalg.vector_norm(noise, dim=-1).double() ** 2 if self._norms else None
        shares = densities(mixtures, products, norms).responsibilities
        features = [shares]
        if norms is not None:
            squares = mixtures.gram.diagonal(dim1=1, dim2=2)[:, :2, None]
            distances = norms[:, None] - 2 * products[:, :2] + squares
            features.append(shares * (distances / mixtures.variances[:, :, None] - d))
        count = torch.full_like(shares[:, :1], 1 / self._samples)
        moments = project(count, torch.cat(features, 1))
        self._moments[:, :, : moments.shape[2]] += moments
        pulls = count * shares / mixtures.variances[:, :, None]
        self._points += combine(pulls.to(noise.dtype), noise)

    def gradient(self) -> Gradient:
        """The gradient over all the blocks."""
        shares, excess = self._moments[:, 0].split(2, 1)
        pulls = (shares / self._mixtures.variances).to(self._vectors.dtype)
        return Gradient(
            means=pulls[:, :, None] * self._vectors[:, :2] - self._points,
            logit=self._mixtures.log_weights[:, 0].exp() - shares[:, 0],
            variances=-0.5 * excess / self._mixtures.variances,
            log_ratio=None,
        )
