"""A point of the mixture and what it does, through the few numbers that it depends on.

In a frame whose first axes span μ_1, μ_2 and μ*, a point x = μ_i + √v_i z acts on the mixture and
on the target through three coordinates of z and its norm (docs/theory.md, section 10).
"""

from __future__ import annotations

import math
from typing import NamedTuple

from ..compiled import compiled
from ..geometries import Metric
from ..quadrature import _logistic_pair, _softplus

__all__ = ["Setting", "align", "log_ratio", "respond", "view_from"]


class Setting(NamedTuple):
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
    metric: Metric
    norms: bool  # whether a gradient depends on ‖z⊥‖
    ratio: bool  # whether log q − β log p itself is needed
    alpha: float  # of D_α(q‖p)
    self_normalised: bool  # whether (p/q)^α is divided by its mean over a batch
    share: float  # λ of KL(p‖q)
    target_samples: int  # of p in a step


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


@compiled
def view_from(means, logit, variances, i, s):
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
def respond(view, z1, z2, norm2, s):
    """Eqs. 10.2 and 10.3 at one z, by two coordinates and its squared norm; both responsibilities
    to full relative precision."""
    gap = z1 * view.gap_along + z2 * view.gap_across
    distance2 = view.variance * norm2 + 2 * view.scale * gap + view.gap2
    distance2 *= view.other_precision
    log_odds = view.offset + 0.5 * (distance2 - norm2)
    own, other = _logistic_pair(log_odds)
    target_log_odds = 2 * s.separation * (view.along + view.scale * z1) + s.target_logit
    e = math.exp(-abs(target_log_odds))
    tilt = math.copysign((1 - e) / (1 + e), target_log_odds)
    own, other = own * view.precision, other * view.other_precision
    return _Response(own, other, tilt, gap, distance2, log_odds, target_log_odds)


@compiled
def log_ratio(view, point, norm2, z_mean, beta, s):
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
def align(means):
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
