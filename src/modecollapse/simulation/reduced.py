r"""Stochastic gradient descent on (μ_1, μ_2, ℓ, v_1, v_2), simulated exactly at a cost free of d.

The target is p^β, the family has two isotropic components, and each step draws a fresh batch of
points x_s = μ_i + √v_i z_s.  Every gradient is then a combination of μ_1, μ_2 and μ*, and of the
z_s with coefficients that depend on three coordinates of z_s and on its norm only (docs/theory.md,
section 10).  So a step needs

* the coordinates of each z_s along three axes that span μ_1, μ_2 and μ*: standard normals;
* the Gram matrix of g_j = Σ_s c_sj z_s⊥, j = 1, 2, where z_s⊥ lies in the other d − 3 dimensions.
  Where the coefficients do not depend on ‖z_s⊥‖ (equal fixed variances) it is a Wishart matrix,
  drawn once a step (Eq. 10.8).  Else each z_s⊥ is added by its two coordinates in the plane of the
  g_1 and g_2 summed so far, and by what is left of its norm, a χ² variable (Eq. 10.10).

Both are exact in law at every d ≥ 1; nothing is expanded in 1/d or in the batch.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import expit

from ..checks import choice, integer, require, within
from ..compiled import compiled
from ..overlaps import Overlaps
from ..schedules import NoAnnealing, Schedule
from ..targets import BimodalTarget
from ..trajectory import Status, Trajectory, finish
from .tempering import log_normalizer

__all__ = ["COMPONENTS", "ESTIMATORS", "VARIANCES", "simulate_reduced"]

FloatArray = NDArray[np.float64]
ESTIMATORS = ("pathwise", "sticking-the-landing")
COMPONENTS = ("stratified", "sampled")
VARIANCES = ("fixed", "euclidean", "bures")
MOMENTS = ("m1", "m2", "q11", "q12", "q22", "weight", "logit")
SAMPLED = ("kl", "kl_se", "mass_plus", "mass_minus")

DESCENT, EVALUATION = 4, 5  # what a stream of a run is for, a part of its seed
RUNAWAY = 1e3  # a mean this many times longer than anything at the start has diverged
AXES = 5  # three that span μ_1, μ_2, μ*, and the plane of g_1 and g_2
TINY = 1e-200  # a squared length below it is none: its own square would underflow


class _Setting(NamedTuple):
    """What the steps of a run need to know, in a form that compiled code reads."""

    separation: float
    target_logit: float
    log_minus: float  # log(1 − π)
    dimension: int
    step_size: float
    eta: float
    batch: int
    score: bool  # whether the score term is kept: the full pathwise gradient
    stratified: bool
    train_variances: bool
    bures: bool
    sphere: bool
    divide: bool
    norms: bool  # whether a gradient depends on ‖z⊥‖
    ratio: bool  # whether log q − β log p itself is needed


class _View(NamedTuple):
    """The mixture as seen from one of its components, i, and the `other`, j."""

    along: float  # μ_i·e_1, where e_1 = μ*/r
    across: float  # μ_i·e_2, where e_2 is the part of μ_i − μ_j normal to e_1, normalised
    aside: float  # μ_i·e_3 = μ_j·e_3
    gap_along: float  # (μ_i − μ_j)·e_1
    gap_across: float  # (μ_i − μ_j)·e_2
    gap2: float  # ‖μ_i − μ_j‖²
    norm2: float  # ‖μ_i‖²
    scale: float  # √v_i
    variance: float
    precision: float  # 1/v_i
    other_precision: float  # 1/v_j
    log_weight: float  # log w_i
    offset: float  # log w_i/w_j + (d/2) log v_j/v_i


class _Response(NamedTuple):
    """What a point x = μ_i + √v_i z does to the mixture and to the target."""

    own: float  # r_i(x)/v_i
    other: float  # r_j(x)/v_j
    tilt: float  # s_+(x) − s_−(x)
    gap: float  # z·(μ_i − μ_j)
    distance2: float  # ‖x − μ_j‖²/v_j
    log_odds: float  # log r_i/r_j
    target_log_odds: float  # log s_+/s_−


class _Sums(NamedTuple):
    """Sums over the samples of component i, each times what it counts (Eqs. 10.5 and 10.6)."""

    own: tuple[float, float, float]  # c_i z on e_1, e_2, e_3
    other: tuple[float, float, float]  # c_j z
    plane: tuple[float, float, float, float]  # g_i and g_j in their plane
    gram: tuple[float, float, float]  # c_i², c_i c_j, c_j²
    mass: float  # 1
    tilt: float
    own_pull: float  # r_i/v_i
    other_pull: float  # r_j/v_j
    work: float  # ∇_x f·z
    own_excess: float  # r_i/v_i (‖x − μ_i‖²/v_i − d)
    other_excess: float
    ratio: float  # f
    own_ratio: float  # f r_i/v_i


@compiled
def _view(means, logit, variances, i, s):
    """The aligned mixture seen from component i."""
    j = 1 - i
    along, across = means[i, 0] - means[j, 0], means[i, 1] - means[j, 1]
    signed = logit if i == 0 else -logit
    return _View(
        means[i, 0],
        means[i, 1],
        means[i, 2],
        along,
        across,
        along * along + across * across,
        means[i, 0] ** 2 + means[i, 1] ** 2 + means[i, 2] ** 2,
        math.sqrt(variances[i]),
        variances[i],
        1 / variances[i],
        1 / variances[j],
        -_softplus(-signed),
        signed + 0.5 * s.dimension * math.log(variances[j] / variances[i]),
    )


@compiled
def _softplus(u):
    """log(1 + e^u)."""
    return max(u, 0.0) + math.log1p(math.exp(-abs(u)))


@compiled
def _response(view, z1, z2, norm2, s):
    """Eqs. 10.2 and 10.3 at one z, by two coordinates and its squared norm; both responsibilities
    to full relative precision."""
    gap = z1 * view.gap_along + z2 * view.gap_across
    distance2 = view.variance * norm2 + 2 * view.scale * gap + view.gap2
    distance2 *= view.other_precision
    log_odds = view.offset + 0.5 * (distance2 - norm2)
    e = math.exp(-abs(log_odds))
    more = 1 / (1 + e)
    own, other = (more, e * more) if log_odds > 0 else (e * more, more)
    target_log_odds = 2 * s.separation * (view.along + view.scale * z1) + s.target_logit
    e = math.exp(-abs(target_log_odds))
    tilt = math.copysign((1 - e) / (1 + e), target_log_odds)
    own, other = own * view.precision, other * view.other_precision
    return _Response(own, other, tilt, gap, distance2, log_odds, target_log_odds)


@compiled
def _log_ratio(view, point, norm2, z_mean, beta, s):
    """log q(x) − β log p(x) without the constants in log 2π (Eq. 10.4); `z_mean` is z·μ_i."""
    log_q = view.log_weight - 0.5 * norm2 + _softplus(-point.log_odds)
    log_q -= 0.5 * s.dimension * math.log(view.variance)
    x_norm2 = view.norm2 + 2 * view.scale * z_mean + view.variance * norm2
    # log s_- = −softplus(log s_+/s_-), and x·μ* = ½ (log s_+/s_- − logit π).
    projection = 0.5 * (point.target_log_odds - s.target_logit)
    log_p = s.log_minus - projection + _softplus(point.target_log_odds)
    log_p -= 0.5 * (x_norm2 + s.separation**2)
    return log_q - beta * log_p


@compiled
def _chi_constants(dof):
    """The size d = dof/2 − 1/3 and the spread 1/√(9d) that :func:`_chi_square` is given."""
    size = 0.5 * dof - 1 / 3
    return size, 1 / math.sqrt(9 * size) if size > 0 else 0.0


@compiled
def _chi_square(rng, dof, size, spread):
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
def _align(means):
    """Rotate the means, given on all axes, into the span of e_1, e_2, e_3 (see :class:`_View`)."""
    gap = means[0, 1:] - means[1, 1:]
    length = math.sqrt((gap * gap).sum())
    axis = gap if length > 0 else means[0, 1:].copy()
    norm = math.sqrt((axis * axis).sum())
    if norm > 0:
        axis /= norm
    across = (means[0, 1:] * axis).sum()
    rest = means[0, 1:] - across * axis
    means[:, 1:] = 0.0
    means[0, 1], means[1, 1] = across, across - length
    means[:, 2] = math.sqrt((rest * rest).sum())


@compiled
def _sum_over(rng, view, n, share, beta, plane, s):
    """Sums over n samples of a component, each counting `share`; `plane`: g_i and g_j so far."""
    scale = share * view.scale
    score = scale if s.score else 0.0
    tilt = own_pull = other_pull = work = own_excess = other_excess = ratio = own_ratio = 0.0
    a1 = a2 = a3 = b1 = b2 = b3 = aa = ab = bb = 0.0
    p1, p2, q1, q2 = plane
    d = s.dimension
    size, spread = _chi_constants(d - AXES)
    for _ in range(n):
        z1 = rng.standard_normal()
        z2 = rng.standard_normal() if d > 1 else 0.0
        z3 = rng.standard_normal() if d > 2 else 0.0
        norm2 = z1 * z1 + z2 * z2 + z3 * z3
        z4 = z5 = rest2 = 0.0
        if s.norms:
            z4 = rng.standard_normal() if d > 3 else 0.0
            z5 = rng.standard_normal() if d > 4 else 0.0
            rest2 = _chi_square(rng, d - AXES, size, spread) if d > AXES else 0.0
            norm2 += z4 * z4 + z5 * z5 + rest2
        point = _response(view, z1, z2, norm2, s)
        tilt += point.tilt
        own_pull += point.own
        other_pull += point.other
        slope = beta - point.own - point.other
        own, other = scale * slope + score * point.own, score * point.other
        a1, a2, a3 = a1 + own * z1, a2 + own * z2, a3 + own * z3
        b1, b2, b3 = b1 + other * z1, b2 + other * z2, b3 + other * z3
        if s.norms:
            p1, p2, q1, q2 = p1 + own * z4, p2 + own * z5, q1 + other * z4, q2 + other * z5
            if d > AXES:
                p1, p2, q1, q2 = _absorb(p1, p2, q1, q2, own, other, rest2)
        else:
            aa, ab, bb = aa + own * own, ab + own * other, bb + other * other
        if s.train_variances or s.ratio:
            z_mean = z1 * view.along + z2 * view.across + z3 * view.aside
            if s.train_variances:
                work += slope * view.scale * norm2 + beta * z_mean
                work -= point.other * point.gap + beta * point.tilt * s.separation * z1
                own_excess += point.own * (norm2 - d)
                other_excess += point.other * (point.distance2 - d)
            if s.ratio:
                f = _log_ratio(view, point, norm2, z_mean, beta, s)
                ratio += f
                own_ratio += f * point.own
    return _Sums(
        (a1, a2, a3),
        (b1, b2, b3),
        (p1, p2, q1, q2),
        (aa, ab, bb),
        share * n,
        share * tilt,
        share * own_pull,
        share * other_pull,
        share * work,
        share * own_excess,
        share * other_excess,
        share * ratio,
        share * own_ratio,
    )


@compiled
def _gradient(rng, means, logit, variances, beta, s, gradient, slope):
    """One batch's gradient with respect to the aligned `means` and the `variances`, written into
    `gradient` (2, AXES) and `slope` (2,); returns that with respect to ℓ, and the batch's estimate
    of E_q[log q − β log p]."""
    weights = 1 / (1 + math.exp(-logit)), 1 / (1 + math.exp(logit))
    first = (s.batch + 1) // 2 if s.stratified else rng.binomial(s.batch, weights[0])
    gram, ratios = np.zeros((2, 2)), np.zeros(2)
    mass = product = 0.0  # E_q[r_1] and E_q[f r_1]
    gradient[:] = 0.0
    slope[:] = 0.0
    for i in range(2):
        j = 1 - i
        n = first if i == 0 else s.batch - first
        share = weights[i] / n if s.stratified else 1 / s.batch
        view = _view(means, logit, variances, i, s)
        plane = gradient[i, 3], gradient[i, 4], gradient[j, 3], gradient[j, 4]
        sums = _sum_over(rng, view, n, share, beta, plane, s)
        gradient[i, 3], gradient[i, 4], gradient[j, 3], gradient[j, 4] = sums.plane
        for axis in range(3):
            gradient[i, axis] += sums.own[axis] + sums.mass * beta * means[i, axis]
            gradient[j, axis] += sums.other[axis]
        gap = view.gap_along, view.gap_across
        for axis in range(2):
            gradient[i, axis] -= sums.other_pull * gap[axis]
            gradient[j, axis] += sums.other_pull * gap[axis] if s.score else 0.0
        gradient[i, 0] -= beta * s.separation * sums.tilt
        gram[i, i] += sums.gram[0]
        gram[0, 1] += sums.gram[1]
        gram[j, j] += sums.gram[2]
        slope[i] += 0.5 * (sums.work / view.scale + (sums.own_excess if s.score else 0.0))
        slope[j] += 0.5 * sums.other_excess if s.score else 0.0
        ratios[i] = sums.ratio
        own_ratio = variances[i] * sums.own_ratio
        mass += variances[0] * (sums.own_pull if i == 0 else sums.other_pull)
        product += own_ratio if i == 0 else sums.ratio - own_ratio
    if not s.norms:
        _draw_plane(rng, gram, s.dimension - 3, gradient)
    total = ratios.sum()
    if s.stratified:
        logit_slope = weights[1] * ratios[0] - weights[0] * ratios[1]
    else:  # the sample covariance of f and r_1
        logit_slope = (product - total * mass) * s.batch / (s.batch - 1)
    if s.score:
        logit_slope += mass - weights[0]
    return logit_slope, total


@compiled
def _absorb(p1, p2, q1, q2, own, other, rest2):
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
def _draw_plane(rng, gram, dof, gradient):
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


@compiled
def _descend(rng, means, mixture, betas, s):
    """Take len(betas) steps in place, `mixture` being (ℓ, v_1, v_2).  Returns the number of steps
    taken, fewer where the run diverged, and the last batch's E_q[log q − β log p]."""
    gradient, slope, ratio = np.empty((2, AXES)), np.empty(2), 0.0
    variances = mixture[1:]
    for k in range(betas.size):
        beta = betas[k]
        _align(means)
        logit_slope, ratio = _gradient(rng, means, mixture[0], variances, beta, s, gradient, slope)
        h = s.step_size / beta if s.divide else s.step_size
        mixture[0] -= h * s.eta * logit_slope
        for i in range(2):
            if s.sphere:
                _slide(means[i], gradient[i], h)
            else:
                means[i] -= h * gradient[i]
            if s.train_variances:
                if s.bures:
                    variances[i] *= (1 - 2 * h / s.dimension * slope[i]) ** 2
                else:
                    variances[i] -= h * slope[i]
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
def _evaluate(rng, means, mixture, beta, n, s):
    """E_q[log q − β log p] without its constants, its standard error, and the mass on the + mode,
    from n points a component."""
    means = means.copy()
    _align(means)
    weights = 1 / (1 + math.exp(-mixture[0])), 1 / (1 + math.exp(mixture[0]))
    kl = error2 = mass = 0.0
    d = s.dimension
    size, spread = _chi_constants(d - 3)
    for i in range(2):
        view = _view(means, mixture[0], mixture[1:], i, s)
        total = squares = tilts = 0.0
        for _ in range(n):
            z1 = rng.standard_normal()
            z2 = rng.standard_normal() if d > 1 else 0.0
            z3 = rng.standard_normal() if d > 2 else 0.0
            norm2 = z1 * z1 + z2 * z2 + z3 * z3
            norm2 += _chi_square(rng, d - 3, size, spread) if d > 3 else 0.0
            point = _response(view, z1, z2, norm2, s)
            z_mean = z1 * view.along + z2 * view.across + z3 * view.aside
            ratio = _log_ratio(view, point, norm2, z_mean, beta, s)
            total += ratio
            squares += ratio * ratio
            tilts += point.tilt
        mean = total / n
        kl += weights[i] * mean
        error2 += weights[i] ** 2 * max(squares / n - mean * mean, 0.0) / (n - 1)
        mass += weights[i] * 0.5 * (1 + tilts / n)
    return kl, math.sqrt(error2), mass


@dataclass(frozen=True)
class _Plan:
    """What all runs of a call share, beside their :class:`_Setting`."""

    schedule: Schedule
    log_steps: tuple[int, ...]
    statistics: tuple[str, ...]
    step_size: float
    evaluation: int
    seed: int


def simulate_reduced(
    target: BimodalTarget | Sequence[BimodalTarget],
    start: Overlaps,
    *,
    step_size: float,
    steps: int,
    batch: int,
    seed: int,
    eta: ArrayLike = 0.0,
    estimator: str = "pathwise",
    components: str = "stratified",
    variances: str = "fixed",
    schedule: Schedule | None = None,
    speed_over_beta: bool = False,
    sphere: bool = False,
    log_every: int | None = None,
    evaluation_samples: int = 4096,
    first_run: int = 0,
    threads: int = 1,
) -> Trajectory:
    r"""Simulate stochastic gradient descent on KL(q‖p) from n starts, at a cost free of d.

    In law the same as :func:`modecollapse.simulation.simulate` with plain gradient descent, whose
    arguments these are; a sample costs 30 to 90 ns at every d (docs/theory.md, section 10).

    Parameters
    ----------
    target : one for all runs, or one a run.
    start : n states.
    step_size : h > 0.  Time is h × steps.
    steps, batch : the number of steps, and B ≥ 2 samples a step.
    seed : of all random numbers, with the number of the run.
    eta : η ≥ 0, one or one a run, the speed of ℓ = logit w_1; 0 keeps the weights fixed.
    estimator : "pathwise", the gradient of the loss as automatic differentiation gives it, or
        "sticking-the-landing", without the score term.
    components : "stratified", half of the batch from each component, weighted by w_i; or
        "sampled", the component of each sample drawn with probability w_i.
    variances : "fixed"; "euclidean", v ← v − h ∂KL/∂v; or "bures", v ← v (1 − (2h/d) ∂KL/∂v)².
    schedule : of β in the target p^β, in the unit of time; default β = 1.
    speed_over_beta : divide every speed by β.
    sphere : keep each mean on the sphere ‖μ_i‖ = const. of its start (Eq. 10.12).
    log_every : steps between two logged times; default about a hundred times.  The last step is
        always logged.
    evaluation_samples : fresh samples for KL and the masses at each logged time.
    first_run : the number of the first run, for the seeds of a part of a larger batch.
    threads : how many threads share the runs.

    Returns
    -------
    A trajectory of m1, m2, q11, q12, q22, weight, logit, kl, kl_se, mass_plus, mass_minus, and of
    v1, v2 and beta unless these are 1 throughout.  KL is to the normalised p^β.  A run whose step
    is too large ends ``Status.DIVERGED``; the others are unharmed.

    Raises
    ------
    ValueError : naming the argument.

    Notes
    -----
    Run k has the same bits for the same settings and seed, however many runs are beside it and
    however many threads there are.

    >>> from modecollapse import random_start, target
    >>> p = target(separation=2.0, dimension=10**6)
    >>> start = random_start(p, 3, np.random.default_rng(0))
    >>> run = simulate_reduced(p, start, step_size=0.1, steps=500, batch=64, seed=1,
    ...                        estimator="sticking-the-landing")
    >>> [str(o) for o in run.outcome]
    ['both modes', 'both modes', 'both modes']
    """
    targets = _targets(target, len(start))
    schedule = schedule or NoAnnealing()
    steps, h = integer("steps", steps, 0), within("step_size", step_size, 0)
    log_every = integer("log_every", log_every or max(1, steps // 100), 1)
    fixed = choice("variances", variances, VARIANCES) == "fixed"
    untempered = isinstance(schedule, NoAnnealing)
    unit = fixed and untempered and bool((start.variances == 1).all())
    plan = _Plan(
        schedule=schedule,
        log_steps=tuple(sorted({*range(0, steps + 1, log_every), steps})),
        statistics=MOMENTS + (() if unit else ("v1", "v2", "beta")) + SAMPLED,
        step_size=h,
        evaluation=integer("evaluation_samples", evaluation_samples, 4) // 2,
        seed=integer("seed", seed, 0),
    )
    batch = integer("batch", batch, 2)
    score = choice("estimator", estimator, ESTIMATORS) == "pathwise"
    stratified = choice("components", components, COMPONENTS) == "stratified"
    rates, means = _rates(eta, len(start)), _means(targets, start)

    def run(k: int) -> tuple[FloatArray, int]:
        p = targets[k]
        ratio = rates[k] > 0 or schedule.needs_kl
        equal = start.variances[k, 0] == start.variances[k, 1]
        setting = _Setting(
            separation=p.separation,
            target_logit=p.logit,
            log_minus=float(np.log1p(-p.weight)),
            dimension=p.dimension,
            step_size=h,
            eta=float(rates[k]),
            batch=batch,
            score=score,
            stratified=stratified,
            train_variances=not fixed,
            bures=variances == "bures",
            sphere=bool(sphere),
            divide=bool(speed_over_beta),
            norms=bool(not (fixed and equal) or (ratio and not unit)),
            ratio=bool(ratio),
        )
        mixture = np.array([start.logit[k], *start.variances[k]])
        return _follow(p, setting, plan, means[k], mixture, number + k)

    number = integer("first_run", first_run, 0)
    with ThreadPoolExecutor(integer("threads", threads, 1)) as pool:
        results = list((pool.map if threads > 1 else map)(run, range(len(start))))
    shape = (len(start), len(plan.statistics), len(plan.log_steps))
    values = np.array([v for v, _ in results]).reshape(shape)
    return _trajectory(plan, targets, values, [place for _, place in results])


def _follow(
    target: BimodalTarget,
    setting: _Setting,
    plan: _Plan,
    means: FloatArray,
    mixture: FloatArray,
    number: int,
) -> tuple[FloatArray, int]:
    """One run: its statistics at the logged times, and the first of these by which it had
    diverged, or -1."""
    descent, evaluation = (
        np.random.Generator(np.random.SFC64(np.random.SeedSequence(plan.seed, spawn_key=key)))
        for key in ((number, DESCENT), (number, EVALUATION))
    )
    values = np.full((len(plan.statistics), len(plan.log_steps)), np.nan)
    longest = RUNAWAY**2 * ((means**2).sum(1).max() + target.separation**2 + target.dimension)
    schedule, h = plan.schedule, plan.step_size
    beta, done = float(schedule.beta(0.0)), 0
    for place, step in enumerate(plan.log_steps):
        if schedule.needs_kl:
            for k in range(done, step):
                _, loss = _descend(descent, means, mixture, np.array([beta]), setting)
                kl = loss + log_normalizer(target, beta)
                beta = float(schedule.advance(beta, k * h, h, kl))
        else:
            betas = schedule.beta(h * np.arange(done, step + 1))
            _descend(descent, means, mixture, betas[:-1], setting)
            beta = float(betas[-1])
        done = step
        if not _healthy(means, mixture, longest):
            return values, place
        values[:, place] = _statistics(target, setting, plan, means, mixture, beta, evaluation)
    return values, -1


def _healthy(means: FloatArray, mixture: FloatArray, longest: float) -> bool:
    """Whether the parameters are finite and of a plausible size."""
    short = bool((means**2).sum(1).max() < longest)  # a comparison with NaN is false
    positive = bool(((mixture[1:] > 0) & (mixture[1:] < 1 / np.finfo(np.float32).tiny)).all())
    return short and positive and bool(np.isfinite(mixture[0]))


def _statistics(
    target: BimodalTarget,
    setting: _Setting,
    plan: _Plan,
    means: FloatArray,
    mixture: FloatArray,
    beta: float,
    rng: np.random.Generator,
) -> list[float]:
    """What is logged, in the order of the plan's statistics."""
    m, q = target.separation * means[:, 0], means @ means.T
    values = [*m, q[0, 0], q[0, 1], q[1, 1], expit(mixture[0]), mixture[0]]
    if "beta" in plan.statistics:
        values += [*mixture[1:], beta]
    loss, error, plus = _evaluate(rng, means, mixture, beta, plan.evaluation, setting)
    return [*values, loss + log_normalizer(target, beta), error, plus, 1 - plus]


def _means(targets: Sequence[BimodalTarget], start: Overlaps) -> FloatArray:
    """The means of every run on all axes, (n, 2, AXES)."""
    means = np.zeros((len(start), 2, AXES))
    for p in dict.fromkeys(targets):
        rows = np.array([other == p for other in targets])
        small = BimodalTarget(p.separation, min(p.dimension, 3), p.weight)
        means[rows, :, : small.dimension] = start[rows].vectors(small)
    return means


def _targets(target: BimodalTarget | Sequence[BimodalTarget], n: int) -> list[BimodalTarget]:
    targets = [target] * n if isinstance(target, BimodalTarget) else list(target)
    require(len(targets) == n, "target", f"{len(targets)} targets", f"one, or one a run, {n}")
    return targets


def _rates(eta: ArrayLike, n: int) -> FloatArray:
    eta = np.asarray(eta, dtype=float)
    require(eta.shape in ((), (n,)), "eta", eta.shape, f"a number, or one a run, ({n},)")
    good = bool((np.isfinite(eta) & (eta >= 0)).all())
    require(good, "eta", eta.tolist(), "finite numbers >= 0")
    return np.broadcast_to(eta, (n,))


def _trajectory(
    plan: _Plan, targets: Sequence[BimodalTarget], values: FloatArray, diverged: Sequence[int]
) -> Trajectory:
    times = plan.step_size * np.array(plan.log_steps)
    large = f"step_size: {plan.step_size:g} is too large; diverged by time {{time:g}}, reduce it"
    return finish(
        "reduced simulation",
        times,
        {name: values[:, k] for k, name in enumerate(plan.statistics)},
        targets,
        [Status.FINISHED if k < 0 else Status.DIVERGED for k in diverged],
        times[list(diverged)],
        {Status.DIVERGED: large},
    )
