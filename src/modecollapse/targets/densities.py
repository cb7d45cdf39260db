"""The families of targets in torch, for each flow of an ensemble at once; see protocol.py."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import singledispatch
from typing import Any

import torch
from torch import Generator, Tensor

from ..checks import require
from .bimodal import BimodalTarget
from .mixtures import GaussianMixture
from .protocol import Density
from .tempered import log_partition

__all__ = [
    "BimodalDensity",
    "CustomDensity",
    "MixtureDensity",
    "density",
    "evaluated",
    "tempered",
]


@singledispatch
def density(target: Any, axes: Tensor) -> Density:
    """The target in torch, for the runs with `axes` (S, 2, d), in their dtype, on their device.

    A family that only flows need makes its own by a method of this name.
    """
    made: Density = target.density(axes)
    return made


@density.register
def _bimodal(target: BimodalTarget, axes: Tensor) -> Density:
    return BimodalDensity(target.separation, target.weight, axes[:, 0].contiguous())


@density.register
def _mixture(target: GaussianMixture, axes: Tensor) -> Density:
    return MixtureDensity(
        means=axes.new_tensor(target.means),
        weights=axes.new_tensor(target.weights),
        variances=axes.new_tensor(target.variances),
        direction=axes[0, 0].contiguous(),
    )


def tempered(density: Density, x: Tensor, beta: Tensor) -> Tensor:
    """log p_β(x), (S, B), up to a constant: on the density's own path, or β log p."""
    path = getattr(density, "tempered", None)
    return beta[:, None] * density.log_density(x) if path is None else path(x, beta)


@dataclass(frozen=True, eq=False)
class BimodalDensity:
    """p_s = π N(r u_s, I) + (1 − π) N(−r u_s, I) for the flows s of an ensemble.

    Parameters
    ----------
    separation, weight : r and π.
    directions : (S, d), the unit vectors u_s.
    """

    separation: float
    weight: float
    directions: Tensor

    @property
    def logit(self) -> float:
        """log π/(1 − π)."""
        return math.log(self.weight) - math.log1p(-self.weight)

    def projection(self, x: Tensor) -> Tensor:
        """x·u_s, shape (S, B), for x (S, B, d)."""
        return torch.bmm(x, self.directions.unsqueeze(-1)).squeeze(-1)

    def log_density(self, x: Tensor) -> Tensor:
        """log p_s(x), shape (S, B), for x (S, B, d)."""
        along = self.separation * self.projection(x)
        log_weights = math.log(self.weight), math.log1p(-self.weight)
        modes = torch.logaddexp(along + log_weights[0], log_weights[1] - along)
        constant = self.separation**2 + x.shape[-1] * math.log(2 * math.pi)
        return modes - 0.5 * (x.square().sum(-1) + constant)

    def masses(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """P(+ | x) and P(− | x), each (S, B) and to full relative precision."""
        log_odds = 2 * self.separation * self.projection(x) + self.logit
        return torch.sigmoid(log_odds), torch.sigmoid(-log_odds)

    def log_partition(self, beta: Tensor) -> Tensor:
        """log ∫ p^β dx, shape (S,), for β (S,) in (0, 1]: 0 at β = 1."""
        target = BimodalTarget(self.separation, self.directions.shape[-1], self.weight)
        values = [log_partition(target, b) for b in beta.tolist()]
        return torch.tensor(values, dtype=torch.float64, device=beta.device)

    def sample(self, generators: list[Generator], out: Tensor) -> Tensor:
        """`out` (S, B, d) filled with samples of p_s, row s by generator s."""
        for generator, row, direction in zip(generators, out, self.directions, strict=True):
            plus = row.new_empty(len(row)).uniform_(generator=generator) < self.weight
            along = self.separation * torch.where(plus, 1.0, -1.0).to(row.dtype)
            row.normal_(generator=generator).addcmul_(along[:, None], direction)
        return out


@dataclass(frozen=True, eq=False)
class MixtureDensity:
    """p = Σ_k π_k N(ν_k, v_k I), the same for all flows.

    Parameters
    ----------
    means, weights, variances : (K, d), (K,) and (K,).
    direction : (d,), along which to project.
    """

    means: Tensor
    weights: Tensor
    variances: Tensor
    direction: Tensor

    def projection(self, x: Tensor) -> Tensor:
        """x·u, shape (S, B)."""
        return x @ self.direction

    def log_joint(self, x: Tensor) -> Tensor:
        """log π_k + log N(x; ν_k, v_k I), shape (S, B, K), for x (S, B, d)."""
        squared = x.square().sum(-1, keepdim=True) - 2 * x @ self.means.mT
        squared = squared + self.means.square().sum(-1)
        volume = 0.5 * self.means.shape[1] * (2 * math.pi * self.variances).log()
        return self.weights.log() - volume - 0.5 * squared / self.variances

    def log_density(self, x: Tensor) -> Tensor:
        """log p(x), shape (S, B)."""
        return torch.logsumexp(self.log_joint(x), -1)

    def masses(self, x: Tensor) -> tuple[Tensor, ...]:
        """P(k | x) for each component, (S, B) each."""
        return torch.softmax(self.log_joint(x), -1).unbind(-1)

    def log_partition(self, beta: Tensor) -> Tensor:
        raise _unknown("schedule", "one that needs log ∫ p^β", "any other, for this target")

    def sample(self, generators: list[Generator], out: Tensor) -> Tensor:
        """`out` (S, B, d) filled with samples of p, row s by generator s."""
        for generator, row in zip(generators, out, strict=True):
            k = torch.multinomial(self.weights, len(row), replacement=True, generator=generator)
            row.normal_(generator=generator).mul_(self.variances[k].sqrt()[:, None])
            row.add_(self.means[k])
        return out


@dataclass(frozen=True, eq=False)
class CustomDensity:
    """A log-density given as a function, with its modes where they are known.

    Parameters
    ----------
    function : x (N, d) -> log p(x) + log Z, (N,).
    directions : (S, d), along which to project.
    modes : (K, d), or None; a point belongs to the nearest.
    """

    function: Callable[[Tensor], Tensor]
    directions: Tensor
    modes: Tensor | None

    def projection(self, x: Tensor) -> Tensor:
        """x·u_s, shape (S, B)."""
        return torch.bmm(x, self.directions.unsqueeze(-1)).squeeze(-1)

    def log_density(self, x: Tensor) -> Tensor:
        """log p(x) + log Z, shape (S, B), for x (S, B, d)."""
        points = x.reshape(-1, x.shape[-1])
        return evaluated(self.function, points).reshape(x.shape[:-1])

    def masses(self, x: Tensor) -> tuple[Tensor, ...]:
        """1 for the nearest mode and 0 for the others, (S, B) each."""
        if self.modes is None:
            return ()
        nearest = torch.cdist(x, self.modes.expand(len(x), -1, -1)).argmin(-1)
        return tuple((nearest == k).to(x.dtype) for k in range(len(self.modes)))

    def log_partition(self, beta: Tensor) -> Tensor:
        raise _unknown("schedule", "one that needs log ∫ p^β", "any other, for this target")

    def sample(self, generators: list[Generator], out: Tensor) -> Tensor:
        raise _unknown("target", "a log-density alone", "a target with exact samples, for this")


def evaluated(function: Callable[[Tensor], Tensor], points: Tensor) -> Tensor:
    """A log-density of one's own at points (N, d), (N,).

    Raises
    ------
    ValueError : where it fails, or returns another shape or other numbers than floats.
    """
    n, kind = len(points), str(points.dtype).removeprefix("torch.")
    allowed = f"a function of a torch tensor {tuple(points.shape)} of {kind} that returns ({n},)"
    try:
        values = function(points)
    except Exception as error:  # whatever a stranger's function does
        told = (str(error).strip().splitlines() or [""])[0]
        raise ValueError(
            f"log_density: got {type(error).__name__}: {told}; allowed: {allowed}"
        ) from error
    shape = tuple(values.shape) if isinstance(values, Tensor) else type(values).__name__
    require(shape == (n,), "log_density", shape, allowed)
    precise = values.dtype in (torch.float32, torch.float64)
    require(precise, "log_density", str(values.dtype), "values of float32 or float64")
    return values


def _unknown(name: str, given: str, allowed: str) -> ValueError:
    return ValueError(f"{name}: got {given!r}; allowed: {allowed}")
