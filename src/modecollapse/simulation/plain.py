"""The gradient of the means alone, where v = 1 and β = 1, by one compiled pass over a batch.

A sample x = μ_c + ε then acts through ε·(μ_1 − μ_2) and ε·μ* alone.  Its d normals are drawn, used
and forgotten, while :mod:`.estimators` keeps a block of samples and takes some dozens of operations
on the whole of it.  For float64 on the CPU; compiled without fast-math, the bits depend on the run
alone, and the normals are those of :mod:`.normals`.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from ..compiled import compiled, inlined
from ..quadrature import _logistic_pair
from .estimators import Gradient, Sums
from .normals import NormalStream, _fill

__all__ = ["is_plain", "plain_gradient"]

ROWS = 8  # samples that are drawn before they are used, so that a processor takes them side by side
ONE, TWO, THREE, FOUR = (np.uint64(k) for k in range(1, 5))


def is_plain(sums: Sums, vectors: Tensor) -> bool:
    """Whether :func:`plain_gradient` gives all that is asked for."""
    plain = Sums(sums.batch, sums.score_term, sums.stratified, False, False, False)
    return sums == plain and vectors.device.type == "cpu" and vectors.dtype == torch.float64


class _Counts(NamedTuple):
    """The samples of a batch: of component 1, which come first, and of both; what they count."""

    first: int
    batch: int
    stratified: bool
    score: bool


def plain_gradient(
    noise: list[NormalStream],
    vectors: Tensor,
    logits: tuple[Tensor, Tensor],
    first: Tensor,
    sums: Sums,
) -> Gradient:
    """What :class:`~.estimators.Estimator` gives for the next batch of each of n runs.

    Parameters
    ----------
    noise : n streams.
    vectors : (n, 3, d), μ_1, μ_2, μ*.
    logits : ℓ = log w_1/w_2, (n,), and log π and log(1 − π), (n, 2).
    first : (n,), how many samples of each run are from component 1.
    sums : what is asked for; :func:`is_plain`.
    """
    means = np.zeros((len(vectors), 2, vectors.shape[2]))
    rows = zip(noise, vectors.numpy(), *(l.tolist() for l in logits), first.tolist(), strict=True)
    for r, (stream, own, l, (plus, minus), ones) in enumerate(rows):
        counts = _Counts(ones, sums.batch, sums.stratified, sums.score_term)
        _gradient(stream.generator, own, (l, plus - minus), counts, means[r])
    return Gradient(torch.from_numpy(means), None, None, None)


@compiled
def _gradient(rng, vectors, logits, counts, means):
    """Add a batch's gradient to the `means` (2, d): with m_ij = Σ s_b r_j over samples of component
    i, m_i3 the same of s_+ − s_−, and for the score term,

    Σ_b s_b r_j x_b + Σ_i m_ji μ_i − μ_j Σ_i m_ij − m_j3 μ*,    else Σ_i m_ji μ_i − m_j3 μ*.
    """
    gap, mode, moments = vectors[0] - vectors[1], vectors[2], np.zeros((2, 3))
    middle = 0.5 * (vectors[0] + vectors[1])
    for i in range(2):
        number = counts.first if i == 0 else counts.batch - counts.first
        share = _logistic_pair(logits[0])[i] / number if counts.stratified else 1 / counts.batch
        odds = ((vectors[i] - middle) * gap).sum() + logits[0]
        target_odds = 2 * (vectors[i] * mode).sum() + logits[1]
        at = odds, target_odds
        _sum_over(rng, number, (gap, mode), at, share, counts.score, moments[i], means)
    total = moments[0] + moments[1]
    for j in range(2):
        for i in range(2):
            force = moments[j, i]
            if counts.score:
                force += moments[i, j] - (total[j] if i == j else 0.0)
            means[j] += force * vectors[i]
        means[j] -= moments[j, 2] * mode


@compiled
def _sum_over(rng, number, axes, odds, share, score, moments, means):
    """Add s (r_1, r_2, s_+ − s_−) to `moments` (3,) and, for the score term, s r_j ε to `means`
    (2, d), over samples of one component that count s = `share` each; `odds` are the log odds of
    r_1 and of s_+ at ε = 0."""
    gap, mode = axes
    d = gap.size
    noise, pulls = np.zeros((ROWS, d)), np.zeros((2, ROWS))
    flat = noise.reshape(-1)
    for begin in range(0, number, ROWS):
        rows = min(ROWS, number - begin)
        _fill(rng, flat[: rows * d])
        pulls[:] = 0.0  # of rows that the last ones do not fill
        for b in range(rows):
            along, towards = _products(noise, b, gap, mode)
            first, second = _logistic_pair(along + odds[0])
            plus, minus = _logistic_pair(2 * towards + odds[1])
            pulls[0, b], pulls[1, b] = share * first, share * second
            moments[0] += pulls[0, b]
            moments[1] += pulls[1, b]
            moments[2] += share * (plus - minus)
        if score:
            for k in range(d):
                one = other = 0.0
                for b in range(ROWS):
                    one += pulls[0, b] * noise[b, k]
                    other += pulls[1, b] * noise[b, k]
                means[0, k] += one
                means[1, k] += other


@inlined
def _products(noise, b, gap, mode):
    """ε·(μ_1 − μ_2) and ε·μ* for row b, each by four sums that a processor adds side by side; an
    unsigned index is not asked whether it counts from the end."""
    p0 = p1 = p2 = p3 = q0 = q1 = q2 = q3 = 0.0
    fours = gap.size // 4
    for m in range(fours):
        k0 = np.uint64(m) * FOUR
        k1, k2, k3 = k0 + ONE, k0 + TWO, k0 + THREE
        e0, e1, e2, e3 = noise[b, k0], noise[b, k1], noise[b, k2], noise[b, k3]
        p0, q0 = p0 + gap[k0] * e0, q0 + mode[k0] * e0
        p1, q1 = p1 + gap[k1] * e1, q1 + mode[k1] * e1
        p2, q2 = p2 + gap[k2] * e2, q2 + mode[k2] * e2
        p3, q3 = p3 + gap[k3] * e3, q3 + mode[k3] * e3
    p, q = (p0 + p2) + (p1 + p3), (q0 + q2) + (q1 + q3)
    for k in range(4 * fours, gap.size):
        p, q = p + gap[k] * noise[b, k], q + mode[k] * noise[b, k]
    return p, q
