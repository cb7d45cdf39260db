"""The modes of any target: found by ascent, weighed by Laplace's method and importance sampling.

At a mode ν_k with Σ_k = (−∇∇ log p)⁻¹, Laplace's method gives the weight

    π_k ∝ p(ν_k) |2πΣ_k|^{1/2},                                       (docs/theory.md, Eq. 17.1)

which is exact for far-apart Gaussians, and importance sampling from t's at the modes corrects it.
The separation of two modes is half their distance in their own metric, as r is of the bimodal
target: r² = (ν_k − ν_l)ᵀ [(Σ_k + Σ_l)/2]⁻¹ (ν_k − ν_l)/4.
"""

from __future__ import annotations

import math
import time
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import torch
from numpy.typing import ArrayLike, NDArray
from scipy.special import logsumexp

from ..checks import integer, numbers_of, require, within
from ..memory import fitting
from .ascent import Surface, ascend, draw_starts, polish
from .densities import density
from .elliptical import EllipticalMixture, elliptical
from .protocol import Target

__all__ = ["Modes", "find_modes"]

FloatArray = NDArray[np.float64]
RIDGE = 1e-4  # the same, at an end that ascent has reached to its own accuracy
SAME = 0.3  # standard deviations within which two ends are one mode
CONVERGED = 1e-3  # standard deviations that a maximum may be off
DEGREES = 5.0  # of the t's that are sampled, and one more a dimension
WIDER = 1.2  # their scale matrix over Σ_k
BETWEEN = 101  # points on the line between two modes
FEWEST = 200  # effective samples without which a weight is Laplace's


@dataclass(frozen=True, eq=False)
class Modes:
    """K modes, the heaviest first.

    Attributes
    ----------
    places : (K, d), ν_k.
    covariances : (K, d, d), Σ_k.
    weights, errors : (K,), π_k and standard errors; errors are infinite where importance sampling
        did not work and the weights are Laplace's alone.
    laplace : (K,), Laplace's weights.
    separations : (K, K), r of each pair in the modes' own metric, 0 on the diagonal.
    barriers : (K, K), nats from the lower of two modes down to the lowest point of the straight
        line between them, 0 on the diagonal.
    reached : (K,), how many starts ended on each.
    log_z, log_z_error : log ∫ exp(log_density) over what the modes found cover, and its error.
    effective : effective samples of the importance sampling.
    starts : how many ascents ended, in the time that there was.
    """

    places: FloatArray
    covariances: FloatArray
    weights: FloatArray
    errors: FloatArray
    laplace: FloatArray
    separations: FloatArray
    barriers: FloatArray
    reached: NDArray[np.int64]
    log_z: float
    log_z_error: float
    effective: float
    starts: int

    def __len__(self) -> int:
        return len(self.places)

    @property
    def separation(self) -> float:
        """The smallest separation of two modes; 0 where there is but one."""
        apart = self.separations[~np.eye(len(self), dtype=bool)]
        return float(apart.min()) if len(apart) else 0.0

    @property
    def barrier_separation(self) -> float:
        """The r of two even unit Gaussians with the lowest barrier Δ, √(2(Δ + log 2)); or 0."""
        lowest = self.barriers[~np.eye(len(self), dtype=bool)]
        return math.sqrt(2 * (float(lowest.min()) + math.log(2))) if len(lowest) else 0.0

    @property
    def unseen(self) -> str:
        """What cannot be known: modes that no start found."""
        most = 1 - 0.05 ** (1 / max(self.starts, 1))
        return (
            f"{len(self)} modes by {self.starts} starts; a mode that more than {most:.1%} of such "
            "starts lead to would have been found with 95 % confidence, others may be missing"
        )

    def heated(self, beta: float) -> FloatArray:
        """The weights of the modes of p^β, π_k^β |Σ_k|^{(1−β)/2} over their sum, (K,) (Eq. 17.3).

        Right where the modes of p^β are still far apart.
        """
        beta = within("beta", beta, 0, 1, closed="]")
        volumes = np.linalg.slogdet(self.covariances)[1]
        logs = beta * np.log(self.weights) + 0.5 * (1 - beta) * volumes
        return np.exp(logs - logsumexp(logs))

    def mixture(self) -> EllipticalMixture:
        """The Gaussians N(ν_k, Σ_k) with the weights π_k, which stand for the target."""
        return elliptical(self.places, self.weights / self.weights.sum(), self.covariances)

    def table(self) -> pd.DataFrame:
        """A row for each mode: mode, weight, weight_se, laplace_weight, separation from the nearest
        other (0 where there is none), reached, and its place x_0, x_1, …"""
        apart = np.where(np.eye(len(self), dtype=bool), np.inf, self.separations).min(1)
        columns: dict[str, Any] = {
            "mode": np.arange(len(self)),
            "weight": self.weights,
            "weight_se": self.errors,
            "laplace_weight": self.laplace,
            "separation": np.where(np.isfinite(apart), apart, 0.0),
            "reached": self.reached,
        }
        columns |= {f"x_{i}": column for i, column in enumerate(self.places.T)}
        return pd.DataFrame(columns)


def find_modes(
    target: Any,
    *,
    starts: int | ArrayLike = 128,
    samples: int = 20_000,
    seed: int = 0,
    seconds: float = 60.0,
) -> Modes:
    """The modes of a target that ascents from many starts find.

    Parameters
    ----------
    target : any :class:`~.protocol.Target`; what it says of its own modes is not used.
    starts : how many random ones, at distances up to the target's `reach`; or points (N, d).
    samples : of the importance sampling, 2 or more.
    seed : of starts and samples.
    seconds : after which no further ascent is begun or continued.

    Raises
    ------
    ValueError : naming what is wrong: a log-density of a wrong shape, NaN, −∞ everywhere, without a
        gradient, with no maximum, with a kink there, or with a ridge of maxima.

    >>> from .many_well import ManyWell
    >>> modes = find_modes(ManyWell(1))
    >>> modes.weights.round(2), modes.places[:, 0].round(2)
    (array([0.84, 0.16]), array([ 1.75, -1.71]))
    """
    deadline = time.monotonic() + within("seconds", seconds, 0)
    rng = np.random.default_rng(integer("seed", seed, 0))
    require(isinstance(target, Target), "target", target, "a target, such as custom(...) makes")
    axes = torch.as_tensor(target.axes("axis", rng))[None].double()
    own, d = density(target, axes), target.dimension
    surface = Surface(lambda x: own.log_density(x[None])[0], d)
    if isinstance(starts, int | np.integer):
        begun = draw_starts(d, target.reach, fitting("starts", starts, 32.0 * d), rng)
    else:
        begun = numbers_of("starts", starts, f"points (N, {d})", finite=True)
        require(begun.size > 0 and begun.shape[1:] == (d,), "starts", begun.shape, f"(N, {d})")
    samples = fitting("samples", samples, 16.0 * d, 2)
    ends = ascend(surface, begun, target.reach, deadline)
    places, precisions, reached = _merged(surface, ends)
    found = _weighed(surface, places, precisions, samples, rng)
    order = np.argsort(-found["weights"], kind="stable")
    found |= {name: found[name][order] for name in ("weights", "errors", "laplace")}
    covariances: FloatArray = np.linalg.inv(precisions[order]).astype(float)
    return Modes(
        places=places[order],
        covariances=(covariances + covariances.swapaxes(1, 2)) / 2,
        separations=_separations(places[order], covariances),
        barriers=_barriers(surface, places[order]),
        reached=reached[order],
        starts=len(ends),
        **found,
    )


def _merged(surface: Surface, ends: FloatArray) -> tuple[FloatArray, FloatArray, NDArray[np.int64]]:
    """The different maxima among the ends, (K, d), with −H, and how many ended on each."""
    left = ends[np.argsort(-surface.values(ends), kind="stable")]
    places: list[FloatArray] = []
    precisions: list[FloatArray] = []
    reached: list[int] = []
    faults: list[tuple[FloatArray, float]] = []
    while len(left):
        x, precision, off = polish(surface, left[0])
        if off >= CONVERGED:
            faults.append((precision, off))
            left = left[1:]
            continue
        away = left - x
        near = np.einsum("ni,ij,nj->n", away, precision, away) < SAME**2
        near[0] = True
        known = any(_distance(x - y, p) < SAME for y, p in zip(places, precisions, strict=True))
        if not known:
            places.append(x)
            precisions.append(precision)
            reached.append(int(near.sum()))
        left = left[~near]
    if not places:
        _explain(*faults[0])
    return np.array(places), np.array(precisions), np.array(reached)


def _ridge(precision: FloatArray) -> float:
    """The least curvature over the largest."""
    values = np.linalg.eigvalsh(precision)
    return float(values[0] / max(abs(values).max(), 1e-300))


def _explain(precision: FloatArray, off: float) -> None:
    """Raise the error of a search whose best end is no maximum that Laplace's method takes."""
    allowed = "maxima that are points, where log p is smooth and curved in every direction"
    if not np.isfinite(precision).all():
        given = "a log-density without second derivatives at its maximum"
    elif abs(precision).max() == 0:
        given = "no mode: a log-density without curvature where the ascent ends (flat, or a kink)"
    elif abs(_ridge(precision)) <= RIDGE:
        given = "a ridge of modes: no curvature along it"
    else:
        given = f"no mode: the best end is {off:.2g} standard deviations from a maximum"
    raise ValueError(f"log_density: got {given}; allowed: {allowed}")


def _distance(difference: FloatArray, precision: FloatArray) -> float:
    return math.sqrt(float(difference @ precision @ difference))


def _separations(places: FloatArray, covariances: FloatArray) -> FloatArray:
    """r of each pair of modes, (K, K)."""
    k = len(places)
    apart = np.zeros((k, k))
    for i in range(k):
        for j in range(i):
            middle = np.linalg.inv((covariances[i] + covariances[j]) / 2)
            apart[i, j] = apart[j, i] = _distance(places[i] - places[j], middle) / 2
    return apart


def _barriers(surface: Surface, places: FloatArray) -> FloatArray:
    """Nats down to the lowest point between each pair of modes, (K, K)."""
    k, part = len(places), np.linspace(0, 1, BETWEEN)[:, None]
    down = np.zeros((k, k))
    for i in range(k):
        for j in range(i):
            heights = surface.values(places[i] * (1 - part) + places[j] * part)
            down[i, j] = down[j, i] = min(heights[0], heights[-1]) - heights.min()
    return down


def _weighed(
    surface: Surface,
    places: FloatArray,
    precisions: FloatArray,
    samples: int,
    rng: np.random.Generator,
) -> dict[str, Any]:
    """Weights, log Z and their errors, by name."""
    d = places.shape[1]
    volumes = -0.5 * np.linalg.slogdet(precisions / (2 * math.pi))[1]
    logs = surface.values(places) + volumes
    laplace = np.exp(logs - logsumexp(logs))
    covariances = np.linalg.inv(precisions)
    covariances = (covariances + covariances.swapaxes(1, 2)) / 2
    gaussians = elliptical(places, laplace / laplace.sum(), covariances)
    # Every mode gets at least its share of half the samples, however light it looks.
    parts = (laplace / laplace.sum() + 1 / len(places)) / 2
    proposal = elliptical(places, parts / parts.sum(), WIDER * covariances, DEGREES + d)
    generator = torch.Generator().manual_seed(int(rng.integers(2**62)))
    x = proposal.draw(generator, torch.empty(samples, d, dtype=torch.float64))
    log_ratio = surface.values(x.numpy()) - proposal.log_density(x).numpy()
    top = log_ratio.max() if np.isfinite(log_ratio.max()) else 0.0
    ratio = np.exp(log_ratio - top)
    shares = ratio[:, None] * torch.stack(list(gaussians.masses(x)), -1).numpy()
    total = ratio.mean()
    effective = float(ratio.sum() ** 2 / max((ratio**2).sum(), 1e-300))
    if effective < FEWEST or total <= 0:
        errors = np.full(len(places), np.inf)
        told = {"log_z": float(logsumexp(logs)), "log_z_error": math.inf, "effective": effective}
        return {"weights": laplace, "errors": errors, "laplace": laplace, **told}
    weights = shares.mean(0) / total
    influence = (shares - ratio[:, None] * weights) / total
    return {
        "weights": weights,
        "errors": influence.std(0) / math.sqrt(samples),
        "laplace": laplace,
        "log_z": float(top + math.log(total)),
        "log_z_error": float(ratio.std() / total / math.sqrt(samples)),
        "effective": effective,
    }
