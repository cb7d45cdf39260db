"""The steps of the reduced simulation, compiled: a batch's sums, its gradient, the move.

A step needs

* the coordinates of each z_s along three axes that span μ_1, μ_2 and μ*: standard normals;
* the Gram matrix of g_j = Σ_s c_sj z_s⊥, j = 1, 2, where z_s⊥ lies in the other d − 3 dimensions.
  Where the coefficients do not depend on ‖z_s⊥‖ (equal fixed variances) it is a Wishart matrix,
  drawn once a step (Eq. 10.8).  Else each z_s⊥ is added by its two coordinates in the plane of the
  g_1 and g_2 summed so far, and by what is left of its norm, a χ² variable (Eq. 10.10).

Both are exact in law at every d ≥ 1; nothing is expanded in 1/d or in the batch.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from ..compiled import compiled
from .forward_kernel import from_p
from .points import align, log_ratio, respond, view_from
from .samplers import AXES, absorb, chi_constants, chi_square, draw_plane

__all__ = ["descend", "evaluate"]


class _Sums(NamedTuple):
    """Sums over the samples of component i, each times what it counts, and times R = (p/q)^α but
    for the last three (Eqs. 10.5, 10.6 and 10.15)."""

    own: tuple[float, float, float]  # c_i z on e_1, e_2, e_3
    other: tuple[float, float, float]  # c_j z
    plane: tuple[float, float, float, float]  # g_i and g_j in their plane
    gram: tuple[float, float, float]  # c_i², c_i c_j, c_j²
    mass: float  # 1
    tilt: float
    pulls: tuple[float, float]  # r_i/v_i, r_j/v_j
    work: float  # ∇_x f·z
    excess: tuple[float, float]  # r_i/v_i (‖x − μ_i‖²/v_i − d), and that of j
    ratio: float  # (1 − R)/α, which is f at α = 0
    own_ratio: float  # (1 − R)/α r_i/v_i
    shares: tuple[float, float]  # r_i/v_i, r_j/v_j


@compiled
def _weighted(f, alpha):
    """R = e^{−αf} and (1 − R)/α."""
    return math.exp(-alpha * f), -math.expm1(-alpha * f) / alpha


@compiled
def _sum_over(rng, view, n, share, beta, plane, reference, s):
    """Sums over n samples of a component, each counting `share`; `plane`: g_i and g_j so far.
    f is counted from `reference`, which is None where α = 0, so that R = 1 costs nothing."""
    scale = share * view.scale
    score = scale if s.score else 0.0
    tilt = own_pull = other_pull = work = own_excess = other_excess = ratio = own_ratio = 0.0
    a1 = a2 = a3 = b1 = b2 = b3 = aa = ab = bb = mass = own_share = other_share = 0.0
    more = 1.0  # R
    p1, p2, q1, q2 = plane
    d = s.dimension
    size, spread = chi_constants(d - AXES)
    for _ in range(n):
        z1 = rng.standard_normal()
        z2 = rng.standard_normal() if d > 1 else 0.0
        z3 = rng.standard_normal() if d > 2 else 0.0
        norm2 = z1 * z1 + z2 * z2 + z3 * z3
        z4 = z5 = rest2 = 0.0
        if s.norms:
            z4 = rng.standard_normal() if d > 3 else 0.0
            z5 = rng.standard_normal() if d > 4 else 0.0
            rest2 = chi_square(rng, d - AXES, size, spread) if d > AXES else 0.0
            norm2 += z4 * z4 + z5 * z5 + rest2
        point = respond(view, z1, z2, norm2, s)
        if s.train_variances or s.ratio:
            z_mean = z1 * view.along + z2 * view.across + z3 * view.aside
        if s.ratio:
            f = log_ratio(view, point, norm2, z_mean, beta, s)
            if reference is not None:
                more, f = _weighted(f - reference, s.alpha)
            ratio, own_ratio = ratio + f, own_ratio + f * point.own
            own_share, other_share = own_share + point.own, other_share + point.other
        mass, tilt = mass + more, tilt + more * point.tilt
        own_pull, other_pull = own_pull + more * point.own, other_pull + more * point.other
        slope = beta - point.own - point.other
        own, other = more * (scale * slope + score * point.own), more * (score * point.other)
        a1, a2, a3 = a1 + own * z1, a2 + own * z2, a3 + own * z3
        b1, b2, b3 = b1 + other * z1, b2 + other * z2, b3 + other * z3
        if s.norms:
            p1, p2, q1, q2 = p1 + own * z4, p2 + own * z5, q1 + other * z4, q2 + other * z5
            if d > AXES:
                p1, p2, q1, q2 = absorb(p1, p2, q1, q2, own, other, rest2)
        else:
            aa, ab, bb = aa + own * own, ab + own * other, bb + other * other
        if s.train_variances:
            work += more * (slope * view.scale * norm2 + beta * z_mean)
            work -= more * (point.other * point.gap + beta * point.tilt * s.separation * z1)
            own_excess += more * (point.own * (norm2 - d))
            other_excess += more * (point.other * (point.distance2 - d))
    return _Sums(
        (a1, a2, a3),
        (b1, b2, b3),
        (p1, p2, q1, q2),
        (aa, ab, bb),
        share * mass,
        share * tilt,
        (share * own_pull, share * other_pull),
        share * work,
        (share * own_excess, share * other_excess),
        share * ratio,
        share * own_ratio,
        (share * own_share, share * other_share),
    )


@compiled
def _from_q(rng, means, mixture, beta, s, gradient, slope, gram):
    """Adds one batch's gradient of the part by samples of q, but for what `gram` says lies outside
    the axes; returns that with respect to ℓ, the batch's E_q[(1 − R)/α], and its E_q[R]."""
    logit, variances = mixture[0], mixture[1:]
    weights = 1 / (1 + math.exp(-logit)), 1 / (1 + math.exp(logit))
    first = (s.batch + 1) // 2 if s.stratified else rng.binomial(s.batch, weights[0])
    ratios, norm = np.zeros(2), 0.0
    mass = product = counted = 0.0  # E_q[r_1], E_q[(1 − R)/α r_1], E_q[R r_1]
    reference = _reference(means, logit, variances, s) if s.self_normalised else 0.0
    for i in range(2):
        j = 1 - i
        n = first if i == 0 else s.batch - first
        share = weights[i] / n if s.stratified else 1 / s.batch
        view = view_from(means, logit, variances, i, s)
        plane = gradient[i, 3], gradient[i, 4], gradient[j, 3], gradient[j, 4]
        if s.alpha > 0:
            sums = _sum_over(rng, view, n, share, beta, plane, reference, s)
        else:
            sums = _sum_over(rng, view, n, share, beta, plane, None, s)
        gradient[i, 3], gradient[i, 4], gradient[j, 3], gradient[j, 4] = sums.plane
        _spread(means, view, sums, i, beta, s, gradient)
        gram[i, i] += sums.gram[0]
        gram[0, 1] += sums.gram[1]
        gram[j, j] += sums.gram[2]
        slope[i] += 0.5 * (sums.work / view.scale + (sums.excess[0] if s.score else 0.0))
        slope[j] += 0.5 * sums.excess[1] if s.score else 0.0
        ratios[i] = sums.ratio
        norm += sums.mass
        own_ratio = variances[i] * sums.own_ratio
        mass += variances[0] * sums.shares[i]
        counted += variances[0] * sums.pulls[i]
        product += own_ratio if i == 0 else sums.ratio - own_ratio
    total = ratios.sum()
    if s.stratified:
        logit_slope = weights[1] * ratios[0] - weights[0] * ratios[1]
    else:  # the sample covariance of (1 − R)/α and r_1
        logit_slope = (product - total * mass) * s.batch / (s.batch - 1)
    if s.score:
        logit_slope += counted - weights[0] * (norm if s.alpha > 0 else 1.0)
    return logit_slope, total, norm


@compiled
def _spread(means, view, sums, i, beta, s, gradient):
    """Adds on the first three axes what sums over component i say."""
    j = 1 - i
    for axis in range(3):
        gradient[i, axis] += sums.own[axis] + sums.mass * beta * means[i, axis]
        gradient[j, axis] += sums.other[axis]
    gap = view.gap_along, view.gap_across
    for axis in range(2):
        gradient[i, axis] -= sums.pulls[1] * gap[axis]
        gradient[j, axis] += sums.pulls[1] * gap[axis] if s.score else 0.0
    gradient[i, 0] -= beta * s.separation * sums.tilt


@compiled
def _reference(means, logit, variances, s):
    """The smaller f at ‖z‖² = d and z·μ = 0 of both components: no self-normalised gradient
    depends on where f is counted from, but (p/q)^α may underflow."""
    least = np.inf
    for i in range(2):
        view = view_from(means, logit, variances, i, s)
        point = respond(view, 0.0, 0.0, float(s.dimension), s)
        least = min(least, log_ratio(view, point, float(s.dimension), 0.0, 1.0, s))
    return least


@compiled
def _gradient(rng, means, mixture, beta, s, gradient, slope):
    """One batch's gradient with respect to the aligned `means` and the variances, written into
    `gradient` (2, AXES) and `slope` (2,); returns that with respect to ℓ, and the batch's estimate
    of E_q[log q − β log p]."""
    gram = np.zeros((2, 2))
    gradient[:] = 0.0
    slope[:] = 0.0
    logit_slope, total, norm = _from_q(rng, means, mixture, beta, s, gradient, slope, gram)
    if s.alpha > 0 or s.share > 0:
        factor = 1 - s.share
        if s.alpha > 0:
            factor /= (norm if s.self_normalised else 1.0) * (1 - s.alpha if s.score else 1.0)
        gradient *= factor
        slope *= factor
        gram *= factor * factor
        logit_slope *= factor
    if s.share > 0:
        logit_slope += from_p(rng, means, mixture, s, gradient, slope, gram)
    if not s.norms:
        draw_plane(rng, gram, s.dimension - 3, gradient)
    return logit_slope, total


@compiled
def descend(rng, means, mixture, betas, s):
    """Take len(betas) steps in place, `mixture` being (ℓ, v_1, v_2).  Returns the number of steps
    taken, fewer where the run diverged, and the last batch's E_q[log q − β log p]."""
    gradient, slope, ratio = np.empty((2, AXES)), np.empty(2), 0.0
    variances = mixture[1:]
    for k in range(betas.size):
        beta = betas[k]
        align(means)
        logit_slope, ratio = _gradient(rng, means, mixture, beta, s, gradient, slope)
        h = s.step_size / beta if s.divide else s.step_size
        weights = 1 / (1 + math.exp(-mixture[0])), 1 / (1 + math.exp(mixture[0]))
        both = weights[0] * weights[1]
        mixture[0] -= h * s.eta * (logit_slope / both**s.metric.weights)
        for i in range(2):
            step = h / weights[i] ** s.metric.means
            if s.sphere:
                _slide(means[i], gradient[i], step)
            else:
                means[i] -= step * gradient[i]
            if s.train_variances:
                if s.bures:
                    variances[i] *= (1 - 2 * step / s.dimension * slope[i]) ** 2
                else:
                    variances[i] -= step * slope[i]
        finite = math.isfinite(means.sum() + mixture.sum())
        if not (finite and variances[0] > 0 and variances[1] > 0):
            return k, ratio
    return betas.size, ratio


@compiled
def _slide(mean, gradient, h):
    """A step along the sphere ‖μ‖ = const: the tangential part of the gradient, then back onto
    the sphere by rescaling (Eq. 10.12)."""
    norm2 = (mean * mean).sum()
    if norm2 == 0.0:
        return
    mean -= h * (gradient - (gradient * mean).sum() / norm2 * mean)
    mean *= math.sqrt(norm2 / (mean * mean).sum())


@compiled
def evaluate(rng, means, mixture, beta, n, s):
    """E_q[log q − β log p] without its constants, its standard error, and the mass on the + mode,
    from n points a component."""
    means = means.copy()
    align(means)
    weights = 1 / (1 + math.exp(-mixture[0])), 1 / (1 + math.exp(mixture[0]))
    kl = error2 = mass = 0.0
    d = s.dimension
    size, spread = chi_constants(d - 3)
    for i in range(2):
        view = view_from(means, mixture[0], mixture[1:], i, s)
        total = squares = tilts = 0.0
        for _ in range(n):
            z1 = rng.standard_normal()
            z2 = rng.standard_normal() if d > 1 else 0.0
            z3 = rng.standard_normal() if d > 2 else 0.0
            norm2 = z1 * z1 + z2 * z2 + z3 * z3
            norm2 += chi_square(rng, d - 3, size, spread) if d > 3 else 0.0
            point = respond(view, z1, z2, norm2, s)
            z_mean = z1 * view.along + z2 * view.across + z3 * view.aside
            ratio = log_ratio(view, point, norm2, z_mean, beta, s)
            total += ratio
            squares += ratio * ratio
            tilts += point.tilt
        mean = total / n
        kl += weights[i] * mean
        error2 += weights[i] ** 2 * max(squares / n - mean * mean, 0.0) / (n - 1)
        mass += weights[i] * 0.5 * (1 + tilts / n)
    return kl, math.sqrt(error2), mass
