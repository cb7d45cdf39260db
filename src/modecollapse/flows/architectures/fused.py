"""Affine couplings for a step of training on a processor, with the gradient written out.

torch's operations pass over the activations of all flows one after another, which costs as much as
the matrix products between them; :mod:`.kernels` carries one flow through all its layers while they
lie in the processor's cache.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor

from .kernels import Kept, Plan, carry, gradient_of

__all__ = ["CompiledCouplings", "applies"]


def applies(theta: Tensor, points: Tensor) -> bool:
    """Whether this is a step of training that these couplings can take."""
    return (
        torch.is_grad_enabled()
        and theta.requires_grad
        and not points.requires_grad
        and theta.dtype == points.dtype == torch.float32
        and theta.device.type == points.device.type == "cpu"
        and not torch.compiler.is_compiling()
    )


class CompiledCouplings:
    """The couplings of a plan, with memory that one step of training leaves to the next."""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self._spare: list[Kept] = []

    def map(self, theta: Tensor, points: Tensor, back: bool) -> tuple[Tensor, Tensor]:
        """x and log |det ∂x/∂z| of all flows for z = `points` (S, B, d), or the inverse, `back`."""
        image, log_det = _Mapped.apply(theta, points, self, back)
        return image, log_det

    def room(self, flows: int, batch: int) -> Kept:
        """Memory for what is kept; fresh memory costs a third of a small step."""
        while self._spare:
            kept = self._spare.pop()
            if (kept.hidden.shape[0], kept.hidden.shape[3]) == (flows, batch):
                return kept
        return _room(self.plan, flows, batch)

    def leave(self, kept: Kept) -> None:
        """Memory that the next step may take."""
        self._spare.append(kept)


class _Mapped(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, theta: Tensor, points: Tensor, own: CompiledCouplings, back: bool) -> Any:
        ctx.own, ctx.back = own, back
        ctx.save_for_backward(theta, points)
        image, log_det, ctx.kept = _carried(own, theta, points, back)
        return image, log_det

    @staticmethod
    def backward(ctx: Any, image: Tensor, log_det: Tensor) -> Any:
        theta, points = ctx.saved_tensors
        kept, ctx.kept = ctx.kept, None
        if kept is None:  # a second gradient, of a graph that was retained
            kept = _carried(ctx.own, theta, points, ctx.back)[2]
        gradient = torch.empty_like(theta, memory_format=torch.contiguous_format)
        rows = theta.detach().contiguous().numpy()
        arrays = (image.contiguous().numpy(), log_det.contiguous().numpy())
        gradient_of(ctx.own.plan, rows, *arrays, ctx.back, kept, gradient.numpy())
        ctx.own.leave(kept)
        return gradient, None, None, None


def _carried(
    own: CompiledCouplings, theta: Tensor, points: Tensor, back: bool
) -> tuple[Tensor, Tensor, Kept]:
    """The image of `points`, its log det, and what the gradient needs."""
    image = points.detach().clone(memory_format=torch.contiguous_format)
    log_det = points.new_zeros(points.shape[:-1])
    kept = own.room(points.shape[0], points.shape[1])
    rows = theta.detach().contiguous().numpy()
    carry(own.plan, rows, image.numpy(), log_det.numpy(), back, kept)
    return image, log_det, kept


def _room(plan: Plan, flows: int, batch: int) -> Kept:
    """Memory for what is kept."""
    couplings, most = len(plan.begins) - 1, max(plan.halves)
    half = [np.empty((flows, couplings, batch * most), np.float32) for _ in range(4)]
    hidden = np.empty((flows, couplings, plan.depth, batch, plan.hidden), np.float32)
    return Kept(hidden, *half)
