"""Monte Carlo estimates of KL(q‖p) and of the mass of q on each mode, from fresh samples."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from ..targets import BimodalTarget
from ..targets.tempered import log_normalizer
from .densities import Mixtures, densities
from .products import project

__all__ = ["Evaluation", "evaluate"]


class Evaluation(NamedTuple):
    """KL(q‖p^β) for the normalised p^β, its standard error, and the masses of q on the modes."""

    kl: float
    kl_se: float
    mass_plus: float
    mass_minus: float


def evaluate(
    target: BimodalTarget,
    vectors: Tensor,
    mixtures: Mixtures,
    samples: int,
    rng: np.random.Generator,
) -> Evaluation:
    """Evaluate one run from `samples` points, half of them from each component.

    Both densities depend on x through its part in the span of (μ_1, μ_2, μ*) and the norm of the
    rest, so only these are drawn: at most three normals and, unless it cancels, a χ².

    Parameters
    ----------
    vectors : (3, d), μ_1, μ_2 and μ*.
    mixtures : the same state by its numbers, a single one.
    """
    d, half = mixtures.dimension, samples // 2
    frame = torch.linalg.qr(vectors.T.double(), mode="r").R.cpu()  # the vectors in their own span
    mixtures = mixtures.cpu()
    variances = mixtures.variances.T[:, :, None]
    z = torch.from_numpy(rng.standard_normal((2, half, len(frame))))
    x = frame.T[:2, None] + variances.sqrt() * z
    norms = x.square().sum(-1)
    if d > len(frame) and not bool((variances == 1).all() and (mixtures.beta == 1).all()):
        norms += variances[:, 0] * torch.from_numpy(rng.chisquare(d - len(frame), (2, half)))
    products = project(frame.T[None], x.flatten(0, 1)[None])
    seen = densities(mixtures, products, norms.reshape(1, -1))
    weights = mixtures.log_weights[0].exp()
    f = seen.log_ratio(mixtures.beta).reshape(2, half)
    masses = (weights * seen.modes.reshape(2, 2, half).mean(-1)).sum(-1)
    kl = (weights * f.mean(-1)).sum() + log_normalizer(target, float(mixtures.beta))
    error = ((weights.square() * f.var(-1)).sum() / half).sqrt()
    return Evaluation(float(kl), float(error), *masses.tolist())
