r"""Expectations over the overlap of two Gaussians of unequal variance, exact at every dimension.

For q = w_1 N(μ_1, v_1 I) + w_2 N(μ_2, v_2 I) in d dimensions, with ℓ = log w_1/w_2 and
D = ‖μ_1 − μ_2‖, every expectation that the gradient of E_q[log q] needs is one over the positive
measure r_1 r_2 q, where r_i(x) are the responsibilities.  The log-odds u = log r_1/r_2 is quadratic
in x, so its law has no closed density; but r_1 = 1/(1 + e^{−u}) is a Mellin-Barnes integral of
exponentials e^{su}, and the expectation of each is a Gaussian integral (docs/theory.md, Eq. 11.6):

    E_q[r_1 r_2 g(x)] = 1/(2πi) ∫_{Re s = c} π/sin(πs) M(s) E_s[g(x)] ds,           0 < c < 1,
    M(s) = w_1^{1−s} w_2^s ∫ N_1^{1−s} N_2^s dx,

with x ~ N(μ_s, v_1 v_2/V_s I) under E_s, V_s = (1 − s) v_2 + s v_1.  The integrand is analytic in
the strip, M is log-convex on its real axis, and the contour runs through the saddle point, so that
nothing cancels and small values keep their relative precision.  On it s = c + iσ sinh(y) with the
width σ of the saddle, which sends every pole and branch point of the integrand to |Im y| = π/2, and
the trapezoidal rule in y converges exponentially.  Where one component claims nearly all of the
other (say E_2[log r_1/r_2] ≫ 1), the saddle is squeezed against a pole; the contour is then moved
across it, for its residue.
"""

from __future__ import annotations

import math

import numpy as np

from ...compiled import compiled

__all__ = ["_overlap_integrals"]

STEP = 0.08  # of the trapezoidal rule in y
_SINH, _COSH = np.sinh(STEP * np.arange(500)), STEP * np.cosh(STEP * np.arange(500))
NEGLIGIBLE = 1e-17  # of the sum: where it stops
STEEP = 3.0  # slope of log M at the saddle above which the contour is moved across a pole


@compiled
def _log_mgf(s, start, ell, rise, delta, kappa, half):
    """log M(s) on the real axis; `start` is log M(0), the rest as in :func:`_overlap_integrals`."""
    g = 1 + delta * s
    return start - s * ell + half * (s * rise - math.log(g)) - 0.5 * kappa * s * (1 - s) / g


@compiled
def _slope(s, ell, rise, delta, kappa, half):
    """(log M)'(s) = −E_s[log r_1/r_2]."""
    g = 1 + delta * s
    return -ell + half * (rise - delta / g) - 0.5 * kappa * (1 - 2 * s - delta * s * s) / (g * g)


@compiled
def _curvature(s, delta, kappa, half):
    """(log M)''(s) > 0."""
    g = 1 + delta * s
    return half * (delta / g) ** 2 + kappa * (1 + delta) / g**3


@compiled
def _saddle(pole, end, ell, rise, delta, kappa, half):
    """The minimum c of M(s)/|sin πs| between `pole` and `end`, and 1/√ of the curvature there."""
    low, high = float(pole), end
    c = 0.5 * (low + high)
    curvature = 1.0
    for _ in range(60):
        angle = math.pi * (c - pole)
        fall = _slope(c, ell, rise, delta, kappa, half) - math.pi / math.tan(angle)
        curvature = _curvature(c, delta, kappa, half) + (math.pi / math.sin(angle)) ** 2
        if fall > 0:
            high = c
        else:
            low = c
        step = fall / curvature
        if fall * step < 1e-4:  # a hundredth of the width: nothing is gained by more
            break
        c = c - step if low < c - step < high else 0.5 * (low + high)
    return c, 1 / math.sqrt(curvature)


@compiled
def _inverse(z):
    """1/z, and NaN or infinity at zero, where numba's own complex division raises."""
    norm = 1 / (z.real * z.real + z.imag * z.imag)
    return complex(z.real * norm, -z.imag * norm)


@compiled
def _log1p(x, y):
    """log(1 + x + iy)."""
    return complex(0.5 * math.log1p(x * (2 + x) + y * y), math.atan2(y, 1 + x))


@compiled
def _overlap_integrals(start, ell, ratio, kappa, d):
    r"""Five integrals over r_1 r_2 q (docs/theory.md, Eqs. 11.6 to 11.8).

    Parameters
    ----------
    start : log w_1.
    ell : log w_1/w_2.
    ratio : v_1/v_2.
    kappa : D²/v_2.
    d : dimension.

    Returns
    -------
    overlap : E_q[r_1 r_2].
    pull : the same with v_2/V_s under the integral.
    turn : the same with s v_1 v_2/V_s² under the integral.
    one : w_1 E_1[softplus(−u)], u = log r_1/r_2.
    two : w_2 E_2[softplus(u)].
    """
    delta, rise, half = ratio - 1, math.log(ratio), 0.5 * d
    swapped = _slope(0.5, ell, rise, delta, kappa, half) > 0
    if swapped:  # exchange the components, so that the saddle lies right of 1/2
        start, ell, rise, kappa = start - ell, -ell, -rise, kappa / ratio
        ratio = 1 / ratio
        delta = ratio - 1
    last = math.inf if delta >= 0 else -1 / delta  # beyond it M(s) is infinite
    overlap = pull = turn = one = two = 0.0
    sign, pole = 1.0, 0
    c, sigma = _saddle(0, min(1.0, last), ell, rise, delta, kappa, half)
    reference = _log_mgf(c, start, ell, rise, delta, kappa, half)
    slope = _slope(c, ell, rise, delta, kappa, half)
    while slope < -STEEP and pole + 1 < last:
        if slope * slope < _curvature(c, delta, kappa, half):
            break  # the saddle is narrow by itself, and well away from the pole
        pole += 1
        g = 1 + delta * pole
        mass = sign * math.exp(_log_mgf(pole, start, ell, rise, delta, kappa, half) - reference)
        overlap += mass
        pull += mass / g
        turn += mass * pole * ratio / (g * g)
        one += mass / pole
        double = -_slope(1.0, ell, rise, delta, kappa, half)  # the pole at 1 is double in `two`
        two += mass * double if pole == 1 else mass / (1 - pole)
        sign = -sign
        if abs(mass) < NEGLIGIBLE * abs(overlap):
            break
        c, sigma = _saddle(pole, min(pole + 1.0, last), ell, rise, delta, kappa, half)
        slope = _slope(c, ell, rise, delta, kappa, half)
    angle = math.pi * (c - pole)
    sine, cosine = math.sin(angle), math.cos(angle)
    shift = start - reference
    base = delta * c
    for k in range(_SINH.size):
        t = sigma * _SINH[k]
        s = complex(c, t)
        g = 1 + delta * s
        log_g = _log1p(base, delta * t) if delta != 0 else complex(0.0, 0.0)
        decay = math.exp(-2 * math.pi * t)
        sin_s = complex(sine * (1 + decay), cosine * (1 - decay))  # 2 sin(πs) e^{−πt}, up to ±
        over_g = _inverse(g)
        exponent = shift - ell * s + half * (s * rise - log_g) - 0.5 * kappa * s * (1 - s) * over_g
        weight = (2 if k > 0 else 1) * sign * sigma * _COSH[k]
        f = weight * np.exp(exponent - math.pi * t) * _inverse(sin_s)
        inverse = f * over_g
        overlap += f.real
        pull += inverse.real
        turn += (inverse * s * over_g).real * ratio
        one += (f * _inverse(s)).real
        two += (f * _inverse(1 - s)).real
        if abs(f.real) + abs(f.imag) < NEGLIGIBLE * abs(overlap):
            break
    scale = math.exp(reference)
    if swapped:
        pull, turn, one, two = ratio * pull, ratio * (pull - turn), two, one
    return scale * overlap, scale * pull, scale * turn, scale * one, scale * two
