"""What a step is given beside the state: the errors allowed, and the arrays that it works in."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ...compiled import compiled, inlined
from .equations import size

STAGES = 16  # the most that a method has


class Control(NamedTuple):
    """The error allowed in a step, rtol |x_i| + atol, and how many steps may be tried."""

    rtol: float
    atol: float
    max_steps: int


class Work(NamedTuple):
    """Arrays for states of n coordinates."""

    jac: NDArray  # (n, n), ∂(dx/dt)/∂x where the step begins
    u: NDArray  # (16, n), stages
    new: NDArray  # (n,), where the step ends
    factors: NDArray  # (n, n), of the implicit method's matrix
    pivots: NDArray  # (n,)


@compiled
def _work(n):
    square = np.empty((n, n)), np.empty((n, n))
    return Work(square[0], np.empty((STAGES, n)), np.empty(n), square[1], np.empty(n, np.int64))


@inlined
def _combine(constants, x, u, c, n, h, out):
    """out = x + h Σ_{j < n} c_j u_j."""
    for i in range(size(constants)):
        total = 0.0
        for j in range(n):
            total += c[j] * u[j, i]
        out[i] = x[i] + h * total


@compiled
def _evaluate(x, nest, s, out):
    """The state at the part s of a step from `x`, x + s (F_0 + (1 − s) (F_1 + s (F_2 + …))), with
    the F of the `nest` (7, n)."""
    for i in range(x.size):
        value = nest[6, i] * s
        for k in range(5, -1, -1):
            value = (value + nest[k, i]) * (s if k % 2 == 0 else 1 - s)
        out[i] = x[i] + value
