"""E[σ(a + bZ)], E[σ'(a + bZ)] and E[σ''(a + bZ)] in scalar machine code."""

from __future__ import annotations

import math

import numpy as np

from ..compiled import compiled
from .wide import LARGEST_SCALE, _wide

__all__ = ["_sigmoid", "_sigmoid_moments"]

STEP = 0.5  # of the trapezoidal rule; the Gaussian's own error is exp(−2π²/STEP²) = 5e-35
_T = STEP * np.arange(18)  # nodes, on one side
_G = STEP / math.sqrt(2 * math.pi) * np.exp(-0.5 * _T**2)
_REACH = 3.8  # poles with |Im z| above it contribute less than e^{−40}


@compiled
def _centre(a: float, b: float) -> tuple[float, float]:
    """Middle node z_c for a <= 0 and u_0 = a + b z_c, such that u = 0 is a node, or far away."""
    if b * b < -a:
        if b < 0.8 or -a > b * (b + 9) + 40:  # no pole within reach: any node will do
            return b, a + b * b
        k = math.floor((b + a / b) / STEP + 0.5)
        return -a / b + k * STEP, b * STEP * k
    return -a / b if a < 0 else 0.0, 0.0


@compiled
def _sigmoid(a: float, b: float) -> float:
    """E[σ(a + bZ)] (docs/theory.md, Eq. 4.4)."""
    if b > LARGEST_SCALE:
        return _wide(a, b)[0]
    c = -abs(a)
    total = _in_the_tail(c, b) if b * b < -c else _in_the_middle(c, b)
    return total if a <= 0 else 1 - total


@compiled
def _in_the_middle(a: float, b: float) -> float:
    """E[σ] for −b² <= a <= 0, where the middle node is u = 0 itself, z = −a/b."""
    z = -a / b if a < 0 else 0.0
    peak, grow, tilt = math.exp(-0.5 * z * z), math.exp(STEP * b), math.exp(STEP * (b - z))
    shrink, tilt_back = 1 / grow, 1 / tilt
    up = down = left = right = 1.0
    total = 0.5 * _G[0]
    for j in range(1, 18):
        up *= grow
        down *= shrink
        right *= tilt
        left *= tilt_back
        total += _G[j] * (right * (1 + down) + left * (1 + up)) / (2 + up + down)
    if b > math.pi / _REACH:
        total += _pole_value(a, b)
    return total * peak


@compiled
def _in_the_tail(a: float, b: float) -> float:
    """E[σ] for a < −b²."""
    z, u = _centre(a, b)
    y, grow, tilt = math.exp(u), math.exp(STEP * b), math.exp(STEP * (b - z))
    shrink, tilt_back, square = 1 / grow, 1 / tilt, 1 + y * y
    up, down, left, right = y, y, 1.0, 1.0
    total = _G[0] / (1 + y)
    for j in range(1, 18):
        up *= grow
        down *= shrink
        right *= tilt
        left *= tilt_back
        total += _G[j] * (right * (1 + down) + left * (1 + up)) / (square + up + down)
    total *= y * math.exp(-0.5 * z * z)
    density = math.exp(-0.5 * (a / b) ** 2)
    if b > math.pi / _REACH and density > 0:
        total += density * _pole_value(a, b)
    return total


@compiled
def _sigmoid_moments(a: float, b: float) -> tuple[float, float, float]:
    """E[σ], E[σ'] and E[σ''] at a + bZ."""
    if b > LARGEST_SCALE:
        return _wide(a, b)[:3]
    c = -abs(a)
    z, u = _centre(c, b)
    y, grow, tilt = math.exp(u), math.exp(STEP * b), math.exp(STEP * (b - z))
    shrink, tilt_back, square = 1 / grow, 1 / tilt, 1 + y * y
    up, down, left, right = y, y, 1.0, 1.0
    s0 = _G[0] / (1 + y)
    s1 = s0 / (1 + y)
    s2 = s1 * (1 - y) / (1 + y)
    for j in range(1, 18):
        up *= grow
        down *= shrink
        right *= tilt
        left *= tilt_back
        inverse = 1 / (square + up + down)
        inverse_up, inverse_down = (1 + down) * inverse, (1 + up) * inverse
        r0, l0 = _G[j] * right * inverse_up, _G[j] * left * inverse_down
        r1, l1 = r0 * inverse_up, l0 * inverse_down
        s0 += r0 + l0
        s1 += r1 + l1
        s2 += r1 * ((1 - up) * inverse_up) + l1 * ((1 - down) * inverse_down)
    scale = y * math.exp(-0.5 * z * z)
    s0, s1, s2 = s0 * scale, s1 * scale, s2 * scale
    if b > math.pi / _REACH:
        p0, p1, p2 = _poles(c, b)
        s0, s1, s2 = s0 + p0, s1 + p1, s2 + p2
    return (s0, s1, s2) if a <= 0 else (1 - s0, s1, -s2)


@compiled
def _pole_value(a: float, b: float) -> float:
    """The first of :func:`_poles` over e^{−a²/2b²}: a right-hand side needs no other, and they take
    as long as all the nodes."""
    i2 = 1 / (b * b)
    decay = math.exp(-math.pi * (2 * math.pi / (STEP * b)))
    growth = math.exp(0.5 * math.pi**2 * i2)
    decay_ratio, growth_ratio = decay * decay, growth**8
    ratio, sine = growth_ratio, math.sin(math.pi * a * i2)
    turn, before = 2 - 4 * sine * sine, -sine  # s_{n+1} = 2 cos(2θ) s_n − s_{n−1}
    total, y = 0.0, math.pi
    while y <= _REACH * b:
        total += growth * (decay / (1 - decay)) * sine
        y += 2 * math.pi
        decay *= decay_ratio
        growth *= ratio
        ratio *= growth_ratio
        before, sine = sine, turn * sine - before
    return 4 * math.pi / (math.sqrt(2 * math.pi) * b) * total


@compiled
def _poles(a: float, b: float) -> tuple[float, float, float]:
    """What the residues at u = ±(2n + 1)iπ add to E[σ], E[σ'], E[σ''] (Eq. 4.5)."""
    i2 = 1 / (b * b)
    kappa = 2 * math.pi / (STEP * b)
    front = 4 * math.pi / (math.sqrt(2 * math.pi) * b) * math.exp(-0.5 * a * a * i2)
    if front == 0.0:
        return 0.0, 0.0, 0.0
    decay = math.exp(-math.pi * kappa)  # V = e^{−κy}
    growth = math.exp(0.5 * math.pi**2 * i2)  # e^{y²/2b²}
    decay_ratio = decay * decay
    growth_ratio = growth**8
    ratio = growth_ratio
    theta = math.pi * a * i2
    sine, cosine = math.sin(theta), math.cos(theta)
    sine2, cosine2 = 2 * sine * cosine, 1 - 2 * sine * sine
    p0 = p1 = p2 = 0.0
    y = math.pi
    while y <= _REACH * b:
        v = decay / (1 - decay)
        mu = kappa * v / (1 - decay)
        nu = kappa * mu * (1 + decay) / (1 - decay)
        p0 += growth * v * sine
        p1 -= growth * (a * i2 * v * sine + (mu - y * i2 * v) * cosine)
        real = (i2 - (a * a - y * y) * i2 * i2) * v - 2 * y * mu * i2 + nu
        imag = 2 * a * i2 * (y * v * i2 - mu)
        p2 -= growth * (real * sine + imag * cosine)
        y += 2 * math.pi
        decay *= decay_ratio
        growth *= ratio
        ratio *= growth_ratio
        sine, cosine = sine * cosine2 + cosine * sine2, cosine * cosine2 - sine * sine2
    return front * p0, front * p1, front * p2
