"""How readily a flow moves and stretches its mass along μ*: the two speeds that race at the start.

With m and σ the mean and the standard deviation of t = x·u under q and ∇ the gradient in the
parameters, gradient flow gives dm/dt = −K_mm ∂F/∂m − …, dσ/dt = −K_σσ ∂F/∂σ − …, where

    K_mm = ‖∇m‖²,   K_σσ = ‖∇σ‖²                                      (docs/theory.md, Eq. 12.7)

are entries of the flow's tangent kernel.  Where K_mm / K_σσ is large, the whole mass moves to one
mode before it has been stretched to both.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import torch
from scipy.integrate import quad
from torch import Tensor

from ..checks import within
from .architectures.base import Architecture

__all__ = ["TangentSpeeds", "alignment_rate", "tangent_speeds"]


class TangentSpeeds(NamedTuple):
    """K_mm and K_σσ of each flow, (S,) each."""

    shift: Tensor
    stretch: Tensor


def tangent_speeds(
    architecture: Architecture, theta: Tensor, directions: Tensor, z: Tensor
) -> TangentSpeeds:
    """K_mm and K_σσ along the unit vectors `directions` (S, d), estimated on the noise z (S, N, d).

    Parameters
    ----------
    theta : (S, P), the flows' parameters.

    >>> from modecollapse.flows.architectures.realnvp import RealNVP
    >>> flow = RealNVP(2, couplings=2, hidden=4, depth=1)
    >>> theta, z = torch.zeros(1, flow.bounds.size), torch.tensor([[[1.0, 0.0], [-1.0, 0.0]]])
    >>> speeds = tangent_speeds(flow, theta, torch.tensor([[1.0, 0.0]]), z)
    >>> [float(speed) for speed in speeds]  # two of the biases: t of a coupling and its s
    [1.0, 1.0]
    """
    theta = theta.detach().requires_grad_()
    x, _ = architecture.forward(theta, z)
    along = torch.bmm(x, directions.unsqueeze(-1)).squeeze(-1)
    mean, spread = along.mean(-1), along.std(-1, correction=0)
    speeds = []
    for statistic in (mean, spread):
        (gradient,) = torch.autograd.grad(statistic.sum(), theta, retain_graph=True)
        speeds.append(gradient.square().sum(-1))
    return TangentSpeeds(*speeds)


def alignment_rate(separation: float) -> float:
    """Λ(r) = r² E[sech²(rz)] − 1, the rate at which one blob leaves the middle (Eq. 12.8).

    >>> alignment_rate(1.0) < 0 < alignment_rate(2.0)
    True
    """
    r = within("separation", separation, 0)

    def integrand(y: float) -> float:
        """r² sech²(rz) φ(z) dz with y = rz, in which the peak has a width of one."""
        density = math.exp(-0.5 * (y / r) ** 2) / math.sqrt(2 * math.pi)
        return r * density / math.cosh(y) ** 2

    return 2 * quad(integrand, 0, 40, epsabs=1e-12, epsrel=1e-12)[0] - 1
