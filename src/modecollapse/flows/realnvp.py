r"""RealNVP: alternating affine couplings (L. Dinh, J. Sohl-Dickstein, S. Bengio, 2017).

The coordinates are split in two halves, x = (a, b).  A coupling leaves a as it is and moves b by
an affine map whose coefficients depend on a; then the halves change roles:

.. math:: b' = b \odot e^{λ(a)} + t(a), \qquad λ = 2 \tanh(s(a)/2),     (docs/theory.md, Eq. 12.2)

with (s, t) from a ReLU network.  The log-determinant is the sum of all entries of λ.
"""

from __future__ import annotations

from itertools import pairwise
from typing import Any, final

import numpy as np
import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from ..checks import integer
from .architecture import stacked

__all__ = ["RealNVP"]


@final
class RealNVP:
    """L affine couplings in R^d, d ≥ 2; see :class:`~.architecture.Architecture`.

    Parameters
    ----------
    dimension : d; the first half has ⌈d/2⌉ coordinates.
    couplings : L ≥ 2, so that every coordinate moves.
    hidden, depth : width and number of the hidden layers of each coupling's network.

    Examples
    --------
    >>> flow = RealNVP(dimension=3, couplings=2, hidden=4, depth=1)
    >>> theta = torch.zeros(5, flow.bounds.size)
    >>> x, log_det = flow.forward(theta, torch.ones(5, 7, 3))
    >>> tuple(x.shape), float(log_det.abs().max())
    ((5, 7, 3), 0.0)
    """

    def __init__(self, dimension: int, couplings: int, hidden: int, depth: int) -> None:
        self.dimension = integer("dimension", dimension, 2)
        self.couplings = integer("couplings", couplings, 2)
        halves = [dimension - dimension // 2, dimension // 2]
        self.halves = halves
        widths = [integer("hidden", hidden, 1)] * integer("depth", depth, 1)
        self.shapes: list[torch.Size] = []
        for number in range(couplings):
            given, moved = halves if number % 2 == 0 else halves[::-1]
            for fan_in, fan_out in pairwise([given, *widths, 2 * moved]):
                self.shapes += [torch.Size([fan_in, fan_out]), torch.Size([1, fan_out])]
        fans = [shape[0] for shape in self.shapes[::2]]
        sizes = [shape.numel() for shape in self.shapes]
        self.bounds = np.repeat(1 / np.sqrt(np.repeat(fans, 2)), sizes)
        self.layers = depth + 1
        self._free: list[_Workspace] = []

    def forward(self, theta: Tensor, z: Tensor) -> tuple[Tensor, Tensor]:
        training = theta.requires_grad and torch.is_grad_enabled()
        if training and not torch.compiler.is_compiling():
            return _Training.apply(theta, z, self)
        return self._forward(theta, z)

    def _forward(self, theta: Tensor, z: Tensor) -> tuple[Tensor, Tensor]:
        """The plain composition; :class:`_Training` is the same with its gradient by hand."""
        given, moved = z.split(self.halves, dim=-1)
        log_det = z.new_zeros(z.shape[:-1])
        for network in self.networks(theta):
            log_scale, shift = self._coefficients(network, given)
            given, moved = torch.addcmul(shift, moved, log_scale.exp()), given
            log_det = log_det + log_scale.sum(-1)
        return self.join(given, moved), log_det

    def inverse(self, theta: Tensor, x: Tensor) -> tuple[Tensor, Tensor]:
        first, second = x.split(self.halves, dim=-1)
        given, moved = (first, second) if self.couplings % 2 == 0 else (second, first)
        log_det = x.new_zeros(x.shape[:-1])
        for network in reversed(self.networks(theta)):
            log_scale, shift = self._coefficients(network, moved)
            given, moved = moved, (given - shift) * (-log_scale).exp()
            log_det = log_det - log_scale.sum(-1)
        return torch.cat([given, moved], dim=-1), log_det

    def networks(self, theta: Tensor) -> list[list[Tensor]]:
        """Weights and biases by turns, (S, in, out) and (S, 1, out), for each coupling."""
        parts = stacked(theta, self.shapes)
        size = 2 * self.layers
        return [parts[size * number : size * (number + 1)] for number in range(self.couplings)]

    def joined(self, theta: Tensor) -> list[list[Tensor]]:
        """The same with each bias below its weights, (S, in + 1, out)."""
        shapes = [torch.Size([shape[0] + 1, shape[1]]) for shape in self.shapes[::2]]
        parts = stacked(theta, shapes)
        return [parts[i : i + self.layers] for i in range(0, len(parts), self.layers)]

    def borrow(self, z: Tensor) -> _Workspace:
        """Memory that no other pass is using."""
        while self._free:
            space = self._free.pop()
            if space.key == _key(z):
                return space
        return _Workspace(self, z)

    def give_back(self, space: _Workspace) -> None:
        """To be called when a pass has ended; one that never does is collected with its graph."""
        self._free.append(space)

    def _coefficients(self, network: list[Tensor], given: Tensor) -> tuple[Tensor, Tensor]:
        """λ and t of a coupling, each of the shape of the half that it moves."""
        hidden = given
        for weight, bias in zip(network[:-2:2], network[1:-2:2], strict=True):
            hidden = torch.relu_(torch.baddbmm(bias, hidden, weight))
        raw, shift = torch.baddbmm(network[-1], hidden, network[-2]).chunk(2, dim=-1)
        return 2 * torch.tanh(raw / 2), shift

    def join(self, given: Tensor, moved: Tensor) -> Tensor:
        """The coordinates in their own order, after all couplings."""
        return torch.cat([given, moved] if self.couplings % 2 == 0 else [moved, given], dim=-1)


class _Workspace:
    """Memory for a pass forward and back, which the next pass takes again.

    The inputs of every layer end with a column of ones, so that a bias is one more row of its
    weights, (S, n, in + 1) @ (S, in + 1, out), and one product does for both.  Fresh memory of this
    size would be handed out by the system page by page, at a tenth of the time of a step.
    """

    def __init__(self, flow: RealNVP, z: Tensor) -> None:
        self.key = _key(z)
        size = flow.layers
        fans = [shape[0] for shape in flow.shapes[::2]]
        self.inputs = [z.new_ones(*z.shape[:-1], fan + 1) for fan in fans]
        self.values = [x[..., :-1] for x in self.inputs]  # without the ones
        self.outputs = [
            z.new_empty(*z.shape[:-1], w[1]) for w in flow.shapes[2 * size - 2 :: 2 * size]
        ]
        widest = max(max(shape) for shape in flow.shapes)
        self.back = [z.new_empty(z[..., 0].numel() * widest) for _ in range(2)]

    def gradient(self, number: int, like: Tensor) -> Tensor:
        """One of two places by turns, of the shape of `like`."""
        return self.back[number % 2][: like.numel()].view(like.shape)


def _key(z: Tensor) -> tuple[torch.Size, torch.dtype, torch.device]:
    return z.shape, z.dtype, z.device


class _Training(torch.autograd.Function):
    """(θ, z) -> (x, log |det ∂x/∂z|) with the gradient written out: fewer passes over memory.

    A coupling maps (a, b) to (b e^λ + t, a), λ = 2 tanh(s/2).  With the gradients (A, B) of the
    loss in these two and D in the log-determinant,

        ∂b = A e^λ,   ∂λ = A b e^λ + D,   ∂s = ∂λ (1 − tanh²(s/2)),   ∂t = A,

    and ∂a is B and what comes back through the network (docs/theory.md, Eq. 12.4).
    """

    @staticmethod
    def forward(ctx: Any, theta: Tensor, z: Tensor, flow: RealNVP) -> tuple[Tensor, Tensor]:
        given, moved = z.split(flow.halves, dim=-1)
        log_det = z.new_zeros(z.shape[:-1])
        space, size = flow.borrow(z), flow.layers
        space.values[0].copy_(given)
        kept = []
        for number, network in enumerate(flow.joined(theta)):
            here = size * number
            for place, weight in enumerate(network[:-1], here):
                torch.bmm(space.inputs[place], weight, out=space.values[place + 1]).relu_()
            raw = torch.bmm(space.inputs[here + size - 1], network[-1], out=space.outputs[number])
            twice, shift = raw.chunk(2, dim=-1)
            half = (0.5 * twice).tanh_()
            scale = (2 * half).exp_()
            log_det.add_(half.sum(-1), alpha=2)
            kept += [moved, half, scale]
            last = number + 1 == flow.couplings
            out = torch.empty_like(moved) if last else space.values[here + size]
            given, moved = torch.addcmul(shift, moved, scale, out=out), given
        ctx.flow, ctx.space = flow, space
        ctx.save_for_backward(theta, *space.inputs, *kept)
        return flow.join(given, moved), log_det

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, x_gradient: Tensor, log_det_gradient: Tensor) -> Any:
        flow: RealNVP = ctx.flow
        theta, *kept = ctx.saved_tensors
        inputs, kept = kept[: len(flow.shapes) // 2], kept[len(flow.shapes) // 2 :]
        theta_gradient = torch.empty_like(theta)
        first, second = x_gradient.split(flow.halves, dim=-1)
        given, moved = (first, second) if flow.couplings % 2 == 0 else (second, first)
        networks, gradients = flow.joined(theta), flow.joined(theta_gradient)
        for number in reversed(range(flow.couplings)):
            old, half, scale = kept[3 * number : 3 * (number + 1)]
            through = given * scale
            log_scale = torch.addcmul(log_det_gradient.unsqueeze(-1), through, old)
            raw, shift = ctx.space.outputs[number].chunk(2, dim=-1)  # their values serve no more
            torch.ops.aten.tanh_backward(log_scale, half, grad_input=raw)
            shift.copy_(given)
            back = ctx.space.outputs[number]
            wanted = number > 0 or ctx.needs_input_grad[1]
            for layer in reversed(range(flow.layers)):
                place = flow.layers * number + layer
                torch.bmm(inputs[place].mT, back, out=gradients[number][layer])
                if layer > 0 or wanted:
                    x, weight = ctx.space.values[place], networks[number][layer][:, :-1]
                    back = torch.bmm(back, weight.mT, out=ctx.space.gradient(layer, x))
                if layer > 0:
                    torch.ops.aten.threshold_backward(back, x, 0, grad_input=back)
            given, moved = moved + back if wanted else moved, through
        flow.give_back(ctx.space)
        z_gradient = torch.cat([given, moved], -1) if ctx.needs_input_grad[1] else None
        return theta_gradient, z_gradient, None
