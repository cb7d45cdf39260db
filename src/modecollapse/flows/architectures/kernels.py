"""The couplings' arithmetic, compiled: flow after flow, each carried through all layers in turn.

With raw and shift from a coupling's network and λ = c tanh(raw/c) (docs/theory/12-flows.md,
Eq. 12.2),

    b' = b e^λ + shift,        ∂/∂raw = (1 − (λ/c)²) (b e^λ ∂/∂b' + ∂/∂(log det)),
    b' = (b − shift) e^(−λ),   likewise with −λ on the way back.

The products are those of the library that numba calls, scipy's BLAS, in float32.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import scipy.linalg.cython_blas  # noqa: F401  its threads can be limited once it is loaded
from numpy.typing import NDArray

from ...compiled import compiled

__all__ = ["Kept", "Plan", "carry", "gradient_of"]

FloatArray = NDArray[np.float32]

ONE, TWO, ZERO, LIMIT = np.float32(1), np.float32(2), np.float32(0), np.float32(87)
# e^x = 2^k e^s with |s| ≤ log(2)/2: S. L. Moshier's polynomial (Cephes, expf), to 2e-7.
LOG2E, HIGH, LOW = np.float32(1.44269504), np.float32(0.693359375), np.float32(-2.12194440e-4)
ROUND = np.float32(12582912.0)  # 1.5 · 2²³: what is added to it is rounded to a whole number
C0, C1, C2 = np.float32(1.9875691500e-4), np.float32(1.3981999507e-3), np.float32(8.3334519073e-3)
C3, C4, C5 = np.float32(4.1665795894e-2), np.float32(1.6666665459e-1), np.float32(5.0000001201e-1)


class Plan(NamedTuple):
    """What a flow is made of: c, the sizes of the two halves, and where each coupling's parameters
    begin, (L + 1,)."""

    bound: float
    halves: tuple[int, int]
    hidden: int
    depth: int
    begins: NDArray[np.int64]


class Kept(NamedTuple):
    """What the gradient needs of every flow and step: (S, L, …), the halves being flat."""

    hidden: FloatArray  # (S, L, depth, B, h)
    given: FloatArray
    moved: FloatArray
    scale: FloatArray  # λ, or −λ on the way back
    factor: FloatArray  # its exponential


@compiled
def _exponential(x: FloatArray, y: FloatArray, bits: NDArray[np.int32]) -> None:
    """y = e^x for x within ±87, and at that bound beyond; NaN stays NaN.  `bits` is scratch."""
    for i in range(x.size):
        t = x[i]
        t = LIMIT if t > LIMIT else t
        t = -LIMIT if t < -LIMIT else t
        k = (t * LOG2E + ROUND) - ROUND
        s = (t - k * HIGH) - k * LOW
        p = ((((C0 * s + C1) * s + C2) * s + C3) * s + C4) * s + C5
        y[i] = p * s * s + s + ONE
        bits[i] = (np.int32(k) + np.int32(127)) << np.int32(23)
    power = bits.view(np.float32)
    for i in range(x.size):
        y[i] *= power[i]


@compiled
def _network(
    row: FloatArray, begin: int, given: FloatArray, hidden: FloatArray, out: FloatArray
) -> None:
    """raw and shift, (B, 2 × moved), from `given`; the hidden layers (depth, B, h) are kept."""
    at, x, h = begin, given, hidden.shape[2]
    for layer in range(hidden.shape[0]):
        fan, y = x.shape[1], hidden[layer]
        np.dot(x, row[at : at + fan * h].reshape(fan, h), y)
        bias = row[at + fan * h : at + fan * h + h]
        for i in range(y.shape[0]):
            for j in range(h):
                v = y[i, j] + bias[j]
                y[i, j] = ZERO if v < ZERO else v
        at, x = at + fan * h + h, y
    fan, size = x.shape[1], out.shape[1]
    np.dot(x, row[at : at + fan * size].reshape(fan, size), out)
    bias = row[at + fan * size : at + fan * size + size]
    for i in range(out.shape[0]):
        for j in range(size):
            out[i, j] += bias[j]


@compiled
def carry(
    plan: Plan, theta: FloatArray, points: FloatArray, log_det: FloatArray, back: bool, kept: Kept
) -> None:
    """Carry all `points` (S, B, d) through the couplings, in place."""
    couplings, batch = len(plan.begins) - 1, points.shape[1]
    most, bound = max(plan.halves[0], plan.halves[1]), np.float32(plan.bound)
    out = np.empty(2 * batch * most, np.float32)
    bits = np.empty(batch * most, np.int32)
    for s in range(points.shape[0]):
        for step in range(couplings):
            number = couplings - 1 - step if back else step
            m, g = plan.halves[1 - number % 2], plan.halves[number % 2]
            first = number % 2 * plan.halves[0]
            other = plan.halves[0] - first if number % 2 == 0 else 0
            given = kept.given[s, step, : batch * g].reshape(batch, g)
            moved = kept.moved[s, step, : batch * m].reshape(batch, m)
            scale = kept.scale[s, step, : batch * m]
            factor = kept.factor[s, step, : batch * m]
            for i in range(batch):
                given[i] = points[s, i, first : first + g]
                moved[i] = points[s, i, other : other + m]
            raw = out[: 2 * batch * m].reshape(batch, 2 * m)
            _network(theta[s], plan.begins[number], given, kept.hidden[s, step], raw)
            lines = scale.reshape(batch, m)
            for i in range(batch):
                for j in range(m):
                    lines[i, j] = TWO / bound * raw[i, j]
            _exponential(scale, factor, bits)
            sign = -bound if back else bound
            for i in range(scale.size):
                scale[i] = sign * (ONE - TWO / (ONE + factor[i]))
            _exponential(scale, factor, bits)
            factors = factor.reshape(batch, m)
            for i in range(batch):
                total = ZERO
                for j in range(m):
                    shift = raw[i, m + j]
                    if back:
                        points[s, i, other + j] = (moved[i, j] - shift) * factors[i, j]
                    else:
                        points[s, i, other + j] = moved[i, j] * factors[i, j] + shift
                    total += lines[i, j]
                log_det[s, i] += total
            if back:  # its gradient needs b − shift
                for i in range(batch):
                    for j in range(m):
                        moved[i, j] -= raw[i, m + j]


@compiled
def _network_gradient(
    row: FloatArray,
    begin: int,
    given: FloatArray,
    hidden: FloatArray,
    out: FloatArray,
    slope: FloatArray,
    into: FloatArray,
    gradient: FloatArray,
) -> None:
    """The gradient in a network's parameters, from that in its output `out` (B, 2 × moved), and in
    its input, which is added to `into` (B, given) where that is not empty.

    `slope` (2, B, h) is scratch.
    """
    depth, h, fan, size = hidden.shape[0], hidden.shape[2], given.shape[1], out.shape[1]
    at = begin + (fan * h + h) + (depth - 1) * (h * h + h)
    below, above, width = hidden[depth - 1], out, size
    _sum_rows(out, gradient[at + h * size : at + h * size + size])
    for layer in range(depth, 0, -1):
        weight = at + h * width
        np.dot(below.T, above, gradient[at:weight].reshape(h, width))
        earlier = slope[layer % 2]
        np.dot(above, row[at:weight].reshape(h, width).T, earlier)
        bias = gradient[at - h : at]  # of the layer below
        bias[:] = ZERO
        for i in range(earlier.shape[0]):
            for j in range(h):
                v = ZERO if below[i, j] <= ZERO else earlier[i, j]
                earlier[i, j] = v
                bias[j] += v
        above, width = earlier, h
        if layer > 1:
            below, at = hidden[layer - 2], at - (h * h + h)
    weight = begin + fan * h
    np.dot(given.T, above, gradient[begin:weight].reshape(fan, h))
    if into.size:
        extra = np.dot(above, row[begin:weight].reshape(fan, h).T)
        for i in range(into.shape[0]):
            for j in range(fan):
                into[i, j] += extra[i, j]


@compiled
def _sum_rows(rows: FloatArray, total: FloatArray) -> None:
    """The sum of a matrix's rows, one after another."""
    total[:] = ZERO
    for i in range(rows.shape[0]):
        for j in range(rows.shape[1]):
            total[j] += rows[i, j]


@compiled
def gradient_of(
    plan: Plan,
    theta: FloatArray,
    image: FloatArray,
    log_det: FloatArray,
    back: bool,
    kept: Kept,
    gradient: FloatArray,
) -> None:
    """The gradient in θ (S, P), from those in the image (S, B, d) and in log det (S, B)."""
    couplings, batch, h = len(plan.begins) - 1, image.shape[1], plan.hidden
    most, bound = max(plan.halves[0], plan.halves[1]), np.float32(plan.bound)
    room, sides = np.empty(2 * batch * most, np.float32), np.empty((2, batch * most), np.float32)
    slope = np.empty((2, batch, h), np.float32)
    for s in range(image.shape[0]):
        for half in range(2):
            size, first = plan.halves[half], half * plan.halves[0]
            side = sides[half, : batch * size].reshape(batch, size)
            for i in range(batch):
                side[i] = image[s, i, first : first + size]
        for step in range(couplings - 1, -1, -1):
            number = couplings - 1 - step if back else step
            m, g = plan.halves[1 - number % 2], plan.halves[number % 2]
            given = kept.given[s, step, : batch * g].reshape(batch, g)
            moved = kept.moved[s, step, : batch * m].reshape(batch, m)
            scale = kept.scale[s, step, : batch * m].reshape(batch, m)
            factor = kept.factor[s, step, : batch * m].reshape(batch, m)
            side = sides[1 - number % 2, : batch * m].reshape(batch, m)
            out = room[: 2 * batch * m].reshape(batch, 2 * m)
            sign = -ONE if back else ONE
            for i in range(batch):
                for j in range(m):
                    later = side[i, j]
                    part = scale[i, j] / bound
                    through = later * moved[i, j] * factor[i, j] + log_det[s, i]
                    out[i, j] = sign * (ONE - part * part) * through
                    side[i, j] = later * factor[i, j]
                    out[i, m + j] = -side[i, j] if back else later
            into = sides[number % 2, : batch * g].reshape(batch, g)
            if step == 0:
                into = into[:0]
            begin = plan.begins[number]
            hidden = kept.hidden[s, step]
            _network_gradient(theta[s], begin, given, hidden, out, slope, into, gradient[s])
