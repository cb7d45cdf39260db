"""Laws that the reduced simulation draws from: χ², a Wishart matrix, one dimension at a time."""

from __future__ import annotations

import math

from ..compiled import compiled

__all__ = ["AXES", "absorb", "chi_constants", "chi_square", "draw_plane"]

AXES = 5  # three that span μ_1, μ_2, μ*, and the plane of g_1 and g_2
TINY = 1e-200  # a squared length below it is none: its own square would underflow


@compiled
def chi_constants(dof):
    """The size d = dof/2 − 1/3 and the spread 1/√(9d) that :func:`chi_square` is given."""
    size = 0.5 * dof - 1 / 3
    return size, 1 / math.sqrt(9 * size) if size > 0 else 0.0


@compiled
def chi_square(rng, dof, size, spread):
    """χ² with `dof` ≥ 1 degrees of freedom.

    Marsaglia and Tsang's rejection (ACM TOMS 26 (2000) 363): with the `size` d, and y normal of the
    standard deviation `spread`, 2d(1 + y)³ is accepted with the probability exp(dφ),
    φ = 9y²/2 + 3 log(1 + y) + 1 − (1 + y)³.  As −φ ≤ 1.28 y⁴ for |y| ≤ 1/2, large d are nearly
    always accepted without a logarithm.
    """
    if dof == 1:
        return rng.standard_normal() ** 2
    while True:
        y = spread * rng.standard_normal()
        u = rng.random()
        cube, y2 = (1 + y) ** 3, y * y
        if y2 < 0.25 and u < 1 - 1.28 * size * y2 * y2:
            return 2 * size * cube
        if y > -1 and math.log(u) < size * (4.5 * y2 + 3 * math.log1p(y) + 1 - cube):
            return 2 * size * cube


@compiled
def absorb(p1, p2, q1, q2, own, other, rest2):
    """Rotate p = (p1, p2, own·ρ) and q = (q1, q2, other·ρ) to (|p|, 0, 0) and (·, ·, 0), where
    ρ² = `rest2` (Eq. 10.10)."""
    p = p1 * p1 + p2 * p2 + own * own * rest2
    if p < TINY:  # no direction to speak of: q takes the first axis
        return 0.0, 0.0, math.sqrt(q1 * q1 + q2 * q2 + other * other * rest2), 0.0
    dot = p1 * q1 + p2 * q2 + own * other * rest2
    c1, c2, c3 = p1 * q2 - p2 * q1, p1 * other - own * q1, p2 * other - own * q2
    area2 = c1 * c1 + rest2 * (c2 * c2 + c3 * c3)
    inverse = 1 / math.sqrt(p)
    return p * inverse, 0.0, dot * inverse, math.sqrt(area2) * inverse


@compiled
def draw_plane(rng, gram, dof, gradient):
    """Coordinates of g_1, g_2 = Σ_s c_s z_s in their plane, z_s normal in `dof` dimensions and
    independent of the c_s, Σ_s c_s c_sᵀ = `gram` (Eq. 10.8)."""
    if dof < 1 or gram[0, 0] + gram[1, 1] == 0.0:
        return
    # A 2 × 2 Wishart matrix by Bartlett: its factor has rows (a, 0) and (b, c).
    a = math.sqrt(2 * rng.standard_gamma(0.5 * dof))
    b = rng.standard_normal()
    c = math.sqrt(2 * rng.standard_gamma(0.5 * (dof - 1))) if dof > 1 else 0.0
    one = math.sqrt(gram[0, 0])
    mixed = gram[0, 1] / one if one > 0 else 0.0
    two = math.sqrt(max(gram[1, 1] - mixed * mixed, 0.0))
    gradient[0, 3] = one * a
    gradient[1, 3], gradient[1, 4] = mixed * a + two * b, two * c
