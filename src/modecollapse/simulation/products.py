"""Matrix products whose bits depend on their factors alone.

A run must be the same run whatever is computed beside it.  A BLAS does not promise that: MKL's
``gemm`` sums in another order where a factor does not begin at a 16-byte boundary, which on some
processors every second run of a batch does not.  So on the CPU the sums are written out here, in an
order that the shapes fix; compiled without fast-math they are the same on every processor.
"""

from __future__ import annotations

from typing import Any

import torch
from numpy.typing import NDArray
from torch import Tensor

from ..compiled import compiled

__all__ = ["combine", "place", "project"]

LANES = 8  # partial sums that a processor adds side by side


def project(a: Tensor, x: Tensor) -> Tensor:
    """A_r X_rᵀ for each run r: (n, i, k) and (n, j, k) to (n, i, j)."""
    if a.device.type != "cpu":
        return torch.bmm(a, x.mT)
    out = torch.zeros(len(a), a.shape[1], x.shape[1], dtype=a.dtype)
    _project(_array(a), _array(x), out.numpy())
    return out


def combine(c: Tensor, x: Tensor) -> Tensor:
    """C_r X_r for each run r: (n, i, k) and (n, k, j) to (n, i, j)."""
    if c.device.type != "cpu":
        return torch.bmm(c, x)
    out = torch.zeros(len(c), c.shape[1], x.shape[2], dtype=c.dtype)
    _combine(_array(c), _array(x), out.numpy())
    return out


def place(noise: Tensor, one: Tensor, means: Tensor, deviations: Tensor) -> None:
    """Overwrite standard normals ε (n, b, d) by μ_c + √v_c ε; c, the component of each of the b
    samples, is that whose row of `one` (n, 2, b) is 1; `means` (n, ≥ 2, d), `deviations` (n, 2)."""
    if noise.device.type != "cpu":
        noise *= (one * deviations[:, :, None]).sum(1)[:, :, None]
        noise.baddbmm_(one.mT.to(noise.dtype), means[:, :2])
    else:
        scales = deviations.to(noise.dtype)
        _place(noise.numpy(), _array(one), _array(means), _array(scales))


def _array(values: Tensor) -> NDArray[Any]:
    return values.contiguous().numpy()


@compiled
def _project(a, x, out):
    for r in range(len(a)):
        _project_one(a[r], x[r], out[r])


@compiled
def _project_one(a, x, out):
    size = a.shape[1]
    for j in range(x.shape[0]):
        for i in range(a.shape[0]):
            s0 = s1 = s2 = s3 = s4 = s5 = s6 = s7 = 0.0
            k = 0
            while k + LANES <= size:
                s0 += a[i, k] * x[j, k]
                s1 += a[i, k + 1] * x[j, k + 1]
                s2 += a[i, k + 2] * x[j, k + 2]
                s3 += a[i, k + 3] * x[j, k + 3]
                s4 += a[i, k + 4] * x[j, k + 4]
                s5 += a[i, k + 5] * x[j, k + 5]
                s6 += a[i, k + 6] * x[j, k + 6]
                s7 += a[i, k + 7] * x[j, k + 7]
                k += LANES
            total = ((s0 + s4) + (s2 + s6)) + ((s1 + s5) + (s3 + s7))
            while k < size:
                total += a[i, k] * x[j, k]
                k += 1
            out[i, j] = total


@compiled
def _combine(c, x, out):
    for r in range(len(c)):
        for k in range(x.shape[1]):
            for i in range(c.shape[1]):
                share = c[r, i, k]
                for j in range(x.shape[2]):
                    out[r, i, j] += share * x[r, k, j]


@compiled
def _place(noise, one, means, deviations):
    for r in range(len(noise)):
        for b in range(noise.shape[1]):
            i = 0 if one[r, 0, b] > 0 else 1
            for k in range(noise.shape[2]):
                noise[r, b, k] = deviations[r, i] * noise[r, b, k] + means[r, i, k]
