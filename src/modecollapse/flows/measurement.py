"""What is measured of an ensemble: in float64, on fresh samples, with its standard error."""

from __future__ import annotations

import math
from typing import NamedTuple

import torch
from torch import Tensor

from .architecture import Architecture, push_forward
from .density import BimodalDensity

__all__ = ["Measurement", "measure"]


class Measurement(NamedTuple):
    """Estimates for each flow, (S,); the names and units are those of :data:`..trajectory.UNITS`.

    With f = log q − log p at N samples of q: kl = mean f, kl_se = std f/√N, and
    ess = (Σ e^(−f))² / (N Σ e^(−2f)), which is 1 for q = p and, alas, near 1 for a flow that fits
    one mode and never visits the other.
    """

    mass_plus: Tensor
    mass_minus: Tensor
    kl: Tensor
    kl_se: Tensor
    ess: Tensor
    projection_mean: Tensor
    projection_std: Tensor


def measure(
    architecture: Architecture, theta: Tensor, density: BimodalDensity, z: Tensor
) -> tuple[Measurement, Tensor]:
    """The measurement of the flows θ (S, P) on the noise z (S, N, d), and their samples x."""
    with torch.no_grad():
        x, log_q = push_forward(architecture, theta.double(), z.double())
        log_ratio = log_q - density.log_density(x)
        plus, minus = density.masses(x)
        along = density.projection(x)
        n = z.shape[1]
        log_ess = 2 * torch.logsumexp(-log_ratio, -1) - torch.logsumexp(-2 * log_ratio, -1)
        measurement = Measurement(
            mass_plus=plus.mean(-1),
            mass_minus=minus.mean(-1),
            kl=log_ratio.mean(-1),
            kl_se=log_ratio.std(-1) / math.sqrt(n),
            ess=log_ess.exp() / n,
            projection_mean=along.mean(-1),
            projection_std=along.std(-1),
        )
    return measurement, x
