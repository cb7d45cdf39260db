"""q and p at samples, by the few products that both densities need."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Self

import torch
from torch import Tensor

__all__ = ["Densities", "Mixtures", "densities", "log_weights"]


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
