"""What is measured of an ensemble: in float64, on fresh samples, with its standard error."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from ..targets import Density, Target
from .architectures.base import Architecture, log_density, push_forward

__all__ = ["masses_of", "measure", "measure_forward", "statistics_of"]


def masses_of(target: Target) -> tuple[str, ...]:
    """The names of the masses of q on the target's modes."""
    return tuple(f"mass_{name}" for name in target.mode_names)


def statistics_of(target: Target, forward: bool = False) -> tuple[str, ...]:
    """The names of all that is measured, `forward` with what samples of p tell.

    Without log Z, KL is known up to a constant: then its place is taken by negative_elbo, which is
    KL(q‖p) − log Z.
    """
    kl = "kl" if target.log_z is not None else "negative_elbo"
    own = (kl, f"{kl}_se", "ess", "projection_mean", "projection_std")
    more = ("forward_kl", "forward_kl_se") if forward else ()
    return (*masses_of(target), *own, *more)


def measure(
    architecture: Architecture, theta: Tensor, target: Target, density: Density, z: Tensor
) -> tuple[dict[str, Tensor], Tensor]:
    """Estimates for each flow, (S,), on the noise z (S, N, d), by name; and the samples x.

    With f = log q − log p at N samples of q: kl = mean f, kl_se = std f/√N, and
    ess = (Σ e^(−f))² / (N Σ e^(−2f)), which is 1 for q = p and, alas, near 1 for a flow that fits
    one mode and never visits the other.  The names and units are those of
    :data:`..trajectory.UNITS`.
    """
    with torch.no_grad():
        x, log_q = push_forward(architecture, theta.double(), z.double())
        log_ratio = log_q - density.log_density(x)
        if target.log_z:
            log_ratio = log_ratio + target.log_z
        masses = [mass.mean(-1) for mass in density.masses(x)]
        along = density.projection(x)
        n = z.shape[1]
        log_ess = 2 * torch.logsumexp(-log_ratio, -1) - torch.logsumexp(-2 * log_ratio, -1)
        values = [
            *masses,
            log_ratio.mean(-1),
            log_ratio.std(-1) / math.sqrt(n),
            log_ess.exp() / n,
            along.mean(-1),
            along.std(-1),
        ]
    return dict(zip(statistics_of(target), values, strict=True)), x


def measure_forward(
    architecture: Architecture, theta: Tensor, target: Target, density: Density, x: Tensor
) -> dict[str, Tensor]:
    """KL(p‖q) of each flow, (S,), on samples x (S, N, d) of p, and its standard error."""
    with torch.no_grad():
        log_p = density.log_density(x) - (target.log_z or 0.0)
        log_ratio = log_p - log_density(architecture, theta.double(), x)
    error = log_ratio.std(-1) / math.sqrt(x.shape[1])
    return {"forward_kl": log_ratio.mean(-1), "forward_kl_se": error}
