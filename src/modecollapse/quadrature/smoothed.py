"""E[σ(a + bZ)] at two a for one b, at which an integration stays: what b alone decides is a table.

Where |a| <= b² the sum (4.4) runs over the nodes u = jbh, and with t = e^{h(b − z)}, z = |a|/b, and
θ = πa/b² both it and the residues (4.5) are a polynomial each,

    E[σ(a + bZ)] = e^{−z²/2} (Σ_j c_j t^j + Σ_n k_n sin((2n + 1)θ)),      a <= 0,

whose coefficients c_j = h e^{−j²h²/2} / √(2π) (1 + e^{jbh}) and k_n do not depend on a.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from ..compiled import compiled, inlined
from .sigmoid import _G, _REACH, STEP, _sigmoid

__all__ = ["_smoothing", "_two_sigmoids"]

_LAST = 17  # j of the outermost node
_NODES = 2 * _LAST + 1


@compiled
def _smoothing(b: float) -> NDArray:
    """c_0, c_1 to c_17, c_{−1} to c_{−17}, k_0, k_1, … for 0 < b <= 40."""
    poles = max(int((_REACH * b / math.pi + 1) / 2), 0)
    table = np.empty(_NODES + poles)
    for j in range(_LAST + 1):
        table[j] = _G[j] / (1 + math.exp(STEP * b * j))
        if j > 0:
            table[_LAST + j] = _G[j] / (1 + math.exp(-STEP * b * j))
    for n in range(poles):
        y = (2 * n + 1) * math.pi
        size = math.exp(0.5 * (y / b) ** 2) / math.expm1(2 * math.pi * y / (STEP * b))
        table[_NODES + n] = 4 * math.pi / (math.sqrt(2 * math.pi) * b) * size
    return table


@inlined
def _two_sigmoids(a1: float, a2: float, b: float, table: NDArray) -> tuple[float, float]:
    """E[σ(a_1 + bZ)] and E[σ(a_2 + bZ)], the `table` being that of b; side by side, for a processor
    does not wait for the one while it adds to the other."""
    c1, c2 = abs(a1), abs(a2)
    if max(c1, c2) > b * b:
        return _sigmoid(a1, b), _sigmoid(a2, b)
    z1, z2 = c1 / b, c2 / b
    tilt1, tilt2 = math.exp(STEP * (b - z1)), math.exp(STEP * (b - z2))
    back1, back2 = 1 / tilt1, 1 / tilt2
    right1 = right2 = left1 = left2 = 1.0
    total1 = total2 = table[0]
    for j in range(1, _LAST + 1):
        right1 *= tilt1
        left1 *= back1
        right2 *= tilt2
        left2 *= back2
        total1 += table[j] * right1 + table[_LAST + j] * left1
        total2 += table[j] * right2 + table[_LAST + j] * left2
    if table.size > _NODES:
        angle = math.pi / (b * b)
        sine1, sine2 = math.sin(c1 * angle), math.sin(c2 * angle)
        turn1, turn2 = 2 - 4 * sine1 * sine1, 2 - 4 * sine2 * sine2
        before1, before2 = -sine1, -sine2
        for n in range(_NODES, table.size):
            total1 -= table[n] * sine1
            total2 -= table[n] * sine2
            before1, sine1 = sine1, turn1 * sine1 - before1
            before2, sine2 = sine2, turn2 * sine2 - before2
    total1 *= math.exp(-0.5 * z1 * z1)
    total2 *= math.exp(-0.5 * z2 * z2)
    return total1 if a1 <= 0 else 1 - total1, total2 if a2 <= 0 else 1 - total2
