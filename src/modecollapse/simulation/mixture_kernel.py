"""The steps of :mod:`.mixtures`, compiled: a batch's gradient, an optimiser's direction, the move.

Samples of q are stratified: n_i of component i, x = μ_i + √v_i z.  With u = log p^β − log q and
R = e^{αu}, ∂D_α/∂μ_i = −w_i E_i[R ∇u], ∂D_α/∂v_i = −w_i E_i[R ∇u·z]/(2√v_i) and, in the logits of
the weights, w_i (A_i − Σ_j w_j A_j), A_i = (1 − E_i[R])/α (docs/remedies.md, Eq. 14.2; −E_i[u] at
α = 0).  The score of q, whose mean is 0, is left out.  Samples y of p add the gradient of
−E_p[log q].
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..compiled import compiled
from ..geometries import Metric
from .settings import DECAYS, EPSILON

__all__ = ["DIVERGED", "FINE", "LEFT", "VANISHED", "Recipe", "State", "descend", "evaluate"]

SGD, MOMENTUM, ADAM = range(3)  # as in settings.OPTIMIZERS
# How a descent ends: too large a step; samples that all have the weight 0, from the start on, later
FINE, DIVERGED, VANISHED, LEFT = range(4)
SMALLEST = 1e-300  # a weight by which is divided


class State(NamedTuple):
    """The parameters of q, written over."""

    means: NDArray[np.float64]  # (K, d)
    logits: NDArray[np.float64]  # (K,), w = softmax
    variances: NDArray[np.float64]  # (K,)


class Recipe(NamedTuple):
    """What is minimised, and how, as compiled code reads it."""

    modes: NDArray[np.float64]  # (K*, d)
    widths: NDArray[np.float64]  # (K*,), their variances s_k
    log_weights: NDArray[np.float64]  # (K*,), of the modes
    path: int  # of the annealing, in mixtures.PATHS
    source: NDArray[np.float64]  # (K*,), cumulated: how often a sample of p is from each mode
    samples: int  # of p in a step
    batch: int  # of q in a step
    alpha: float
    self_normalised: bool
    share: float
    step_size: float
    metric: Metric
    optimizer: int
    variances: int  # in dynamics.VARIANCES
    sphere: bool
    divide: bool  # every speed by β


@compiled
def _log_weights(logits, out):
    """log softmax."""
    top = logits.max()
    total = 0.0
    for logit in logits:
        total += math.exp(logit - top)
    for i in range(logits.size):
        out[i] = logits[i] - top - math.log(total)


@compiled
def _joint(x, centres, constants, widths, out):
    """Responsibilities of Gaussians at x into `out`, and the log of their sum."""
    top = -np.inf
    for j in range(constants.size):
        square = 0.0
        for a in range(x.size):
            gap = x[a] - centres[j, a]
            square += gap * gap
        out[j] = constants[j] - 0.5 * square / widths[j]
        top = max(top, out[j])
    total = 0.0
    for j in range(constants.size):
        out[j] = math.exp(out[j] - top)
        total += out[j]
    for j in range(constants.size):
        out[j] /= total
    return top + math.log(total)


@compiled
def _constants(state, log_w, out):
    """What stands before −‖x − μ_j‖²/2v_j in log w_j N(x; μ_j, v_j I), without (2π)^(−d/2)."""
    for j in range(log_w.size):
        out[j] = log_w[j] - 0.5 * state.means.shape[1] * math.log(state.variances[j])


@compiled
def _mode_constants(log_weights, widths, d, out):
    """The same of the modes of p."""
    for k in range(widths.size):
        out[k] = log_weights[k] - 0.5 * d * math.log(widths[k])


@compiled
def _log_ratio_slope(x, state, modes, widths, beta, own, theirs, out):
    """∇(log q − β log p) at x into `out`, from the responsibilities of both."""
    for a in range(x.size):
        out[a] = 0.0
    for j in range(own.size):
        pull = own[j] / state.variances[j]
        if pull != 0.0:
            for a in range(x.size):
                out[a] -= pull * (x[a] - state.means[j, a])
    for k in range(theirs.size):
        pull = beta * theirs[k] / widths[k]
        if pull != 0.0:
            for a in range(x.size):
                out[a] += pull * (x[a] - modes[k, a])


@compiled
def _from_q(rng, state, beta, recipe, log_w, gradient):
    """The gradient of D_α(q, p^β) by samples of q, each component's without its weight; returns
    whether the samples' weights R, where they are divided by their mean, have one."""
    k, d = state.means.shape
    own, theirs = np.empty(k), np.empty(recipe.log_weights.size)
    constants, heights = np.empty(k), np.empty(recipe.log_weights.size)
    x, z, slope, advantage = np.empty(d), np.empty(d), np.empty(d), np.zeros(k)
    _constants(state, log_w, constants)
    widths = recipe.widths / beta if recipe.path > 0 else recipe.widths
    _mode_constants(recipe.log_weights * (beta if recipe.path == 2 else 1.0), widths, d, heights)
    if recipe.path > 0:
        beta = 1.0
    norm = 0.0
    for i in range(k):
        n = recipe.batch // k + (1 if i < recipe.batch % k else 0)
        width = math.sqrt(state.variances[i])
        for _ in range(n):
            for a in range(d):
                z[a] = rng.standard_normal()
                x[a] = state.means[i, a] + width * z[a]
            log_q = _joint(x, state.means, constants, state.variances, own)
            log_p = _joint(x, recipe.modes, heights, widths, theirs)
            excess = log_q - beta * log_p
            _log_ratio_slope(x, state, recipe.modes, widths, beta, own, theirs, slope)
            ratio = math.exp(-recipe.alpha * excess)
            along = 0.0
            for a in range(d):
                gradient.means[i, a] += ratio * slope[a] / n
                along += slope[a] * z[a]
            gradient.variances[i] += 0.5 * ratio * along / width / n
            advantage[i] += (ratio if recipe.alpha > 0 else excess) / n
        norm += math.exp(log_w[i]) * advantage[i]
    if recipe.alpha > 0:
        scale = norm if recipe.self_normalised else 1.0
        if scale == 0.0:
            return False
        gradient.means[:] /= scale
        gradient.variances[:] /= scale
        advantage[:] = (1 - advantage / scale) / recipe.alpha
        norm = (1 - norm / scale) / recipe.alpha
    for i in range(k):
        gradient.logits[i] = advantage[i] - norm
    return True


@compiled
def _from_p(rng, state, recipe, log_w, gradient):
    """The gradient of −E_p[log q] by samples of p, each component's divided by its weight."""
    k, d = state.means.shape
    own, constants, y = np.empty(k), np.empty(k), np.empty(d)
    _constants(state, log_w, constants)
    for _ in range(recipe.samples):
        mode = min(np.searchsorted(recipe.source, rng.random()), recipe.source.size - 1)
        for a in range(d):
            y[a] = recipe.modes[mode, a] + math.sqrt(recipe.widths[mode]) * rng.standard_normal()
        _joint(y, state.means, constants, state.variances, own)
        for j in range(k):
            part = own[j] / max(math.exp(log_w[j]), SMALLEST) / recipe.samples
            square = 0.0
            for a in range(d):
                gap = y[a] - state.means[j, a]
                square += gap * gap
                gradient.means[j, a] -= part * gap / state.variances[j]
            gradient.variances[j] -= (
                part * (square / state.variances[j] - d) / (2 * state.variances[j])
            )
            gradient.logits[j] -= part
    for j in range(k):
        gradient.logits[j] += 1.0


@compiled
def _weighted(gradient, log_w, recipe):
    """The gradient in the metric of the geometry."""
    for i in range(log_w.size):
        w = math.exp(log_w[i])
        speed = w ** (1 - recipe.metric.means)
        gradient.means[i] *= speed
        gradient.variances[i] *= speed
        gradient.logits[i] *= w ** (1 - recipe.metric.weights)


@compiled
def _directed(flat, first, second, count, recipe):
    """The optimiser's direction in place of the gradient (docs of :mod:`.optimizers`)."""
    if recipe.optimizer == SGD:
        return
    first += (1 - DECAYS[0]) * (flat - first)
    if recipe.optimizer == MOMENTUM:
        flat[:] = first
        return
    second += (1 - DECAYS[1]) * (flat * flat - second)
    for a in range(flat.size):
        size = math.sqrt(second[a] / (1 - DECAYS[1] ** count)) + EPSILON
        flat[a] = first[a] / (1 - DECAYS[0] ** count) / size


@compiled
def _move(state, gradient, h, rate, recipe):
    """A step of length h against the direction; the logits' is h × rate."""
    d = state.means.shape[1]
    for i in range(state.logits.size):
        mean, change = state.means[i], h * gradient.means[i]
        if recipe.sphere:
            square = (mean * mean).sum()
            change -= (change * mean).sum() / square * mean
            mean -= change
            mean *= math.sqrt(square / (mean * mean).sum())
        else:
            mean -= change
        state.logits[i] -= h * rate * gradient.logits[i]
        if recipe.variances == 1:
            state.variances[i] -= h * gradient.variances[i]
        elif recipe.variances == 2:
            state.variances[i] *= (1 - 2 * h / d * gradient.variances[i]) ** 2


@compiled
def descend(rng, state, path, memory, begin, recipe):
    """Take the steps of `path` (T, 2), β and η of each, in place, the first of them number `begin`
    of the run; `memory` (2, K (d + 2)) is the optimiser's.  Returns how it went: `FINE`, or what
    ended it."""
    k, d = state.means.shape
    log_w, flat = np.empty(k), np.empty(k * (d + 2))
    gradient = State(flat[: k * d].reshape(k, d), flat[k * d : k * d + k], flat[k * d + k :])
    forward_flat = np.empty(k * (d + 2))
    forward = State(
        forward_flat[: k * d].reshape(k, d),
        forward_flat[k * d : k * d + k],
        forward_flat[k * d + k :],
    )
    for t in range(len(path)):
        beta, rate = path[t]
        _log_weights(state.logits, log_w)
        flat[:] = 0.0
        if not _from_q(rng, state, beta, recipe, log_w, gradient):
            return VANISHED if begin + t == 0 else LEFT
        if recipe.samples > 0:
            forward_flat[:] = 0.0
            _from_p(rng, state, recipe, log_w, forward)
            flat += recipe.share * (forward_flat - flat)
        _weighted(gradient, log_w, recipe)
        _directed(flat, memory[0], memory[1], begin + t + 1, recipe)
        h = recipe.step_size / beta if recipe.divide else recipe.step_size
        _move(state, gradient, h, rate, recipe)
        total = state.means.sum() + state.logits.sum() + state.variances.sum()
        if not (math.isfinite(total) and state.variances.min() > 0):
            return DIVERGED
    return FINE


@compiled
def evaluate(rng, state, modes, widths, target_log_weights, n, masses):
    """E_q[log q − log p] and its standard error, from n samples a component; E_q[s_k] is written
    into `masses`."""
    k, d = state.means.shape
    own, theirs, x = np.empty(k), np.empty(masses.size), np.empty(d)
    log_w, constants, heights = np.empty(k), np.empty(k), np.empty(masses.size)
    _log_weights(state.logits, log_w)
    _constants(state, log_w, constants)
    _mode_constants(target_log_weights, widths, d, heights)
    masses[:] = 0.0
    kl = error2 = 0.0
    for i in range(k):
        width, w = math.sqrt(state.variances[i]), math.exp(log_w[i])
        total = squares = 0.0
        for _ in range(n):
            for a in range(d):
                x[a] = state.means[i, a] + width * rng.standard_normal()
            log_q = _joint(x, state.means, constants, state.variances, own)
            excess = log_q - _joint(x, modes, heights, widths, theirs)
            total += excess
            squares += excess * excess
            for m in range(masses.size):
                masses[m] += w * theirs[m] / n
        mean = total / n
        kl += w * mean
        error2 += w * w * max(squares / n - mean * mean, 0.0) / (n - 1)
    return kl, math.sqrt(error2)
