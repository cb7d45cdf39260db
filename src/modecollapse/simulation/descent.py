"""Runs of stochastic gradient descent that advance together, with a leading run axis."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from torch import Tensor

from ..dynamics import Dynamics
from ..overlaps import Overlaps
from ..targets import BimodalTarget
from ..targets.tempered import log_normalizer
from .densities import Mixtures, log_weights
from .estimators import Estimator, Gradient, Sums, in_blocks
from .evaluation import evaluate
from .forward import Forward
from .normals import NormalStream
from .optimizers import OPTIMIZERS
from .plain import is_plain, plain_gradient
from .products import project
from .settings import SAMPLED, Descent, Log, Objective
from .streams import Purpose, generator

__all__ = ["Runs", "Settings"]

FloatArray = NDArray[np.float64]
# Numbers in one block of samples: enough to hide the cost of a call, few enough for the cache.
BLOCK = {"cpu": 2**18, "cuda": 2**24}
PER_SAMPLE = 64  # float64 numbers kept for a sample, beside its d coordinates
PER_RUN, PER_CALL = 2**14, 2**22  # bytes of generators, and what the allocator keeps
PER_TIME = 256  # bytes of a logged time, beside its statistics
RUNAWAY = 1e3  # a mean this many times longer than anything at the start has diverged


@dataclass(frozen=True)
class Settings:
    """What all runs of a call share; see :func:`modecollapse.simulation.simulate`.

    log_ratio : whether a step needs log q − β log p itself.
    """

    dimension: int
    dynamics: Dynamics
    descent: Descent
    objective: Objective
    log: Log
    dtype: torch.dtype
    device: torch.device
    log_ratio: bool

    @property
    def sums(self) -> Sums:
        """What a step sums over its batch."""
        return Sums(
            batch=self.descent.batch,
            score_term=self.descent.score,
            stratified=self.descent.stratified,
            norms=not self.log.unit,
            log_ratio=self.log_ratio,
            variances=self.dynamics.trains_variances,
            alpha=self.objective.alpha,
            self_normalised=self.objective.self_normalised,
        )

    @property
    def blocks(self) -> list[int]:
        """The sizes of a batch's blocks, each ≥ 2: by d and B alone, so that the bits are too."""
        return self._cut(self.descent.batch)

    @property
    def target_blocks(self) -> list[int]:
        """The same of the samples of p."""
        return self._cut(self.objective.samples)

    def _cut(self, count: int) -> list[int]:
        largest = max(4, BLOCK[self.device.type] // (self.dimension + PER_SAMPLE))
        ends = np.linspace(0, count, -(-count // largest) + 1).round().astype(int)
        return np.diff(ends).tolist()

    @property
    def largest_block(self) -> int:
        return max([*self.blocks, *self.target_blocks])

    def runs_at_once(self, n: int) -> int:
        """How many of n runs fill a block together."""
        each = self.largest_block * (self.dimension + PER_SAMPLE)
        return max(1, min(n, BLOCK[self.device.type] // each))

    def bytes_used(self, n: int, at_once: int) -> int:
        """Bytes for n runs of which `at_once` advance together."""
        d, block, item = self.dimension, self.largest_block, self.dtype.itemsize
        vectors = (12 + 3 * OPTIMIZERS[self.descent.optimizer].copies) * d * item
        each = PER_RUN + vectors + block * (d * item + PER_SAMPLE * 8)
        each += 16 * (self.descent.batch + self.objective.samples)
        once = PER_CALL + 15 * d * 8 + self.log.samples * PER_SAMPLE * 8
        logged = self.log.count * (PER_TIME + 16 * n * len(self.log.statistics))
        return once + at_once * each + logged


class Runs:
    """A few runs: their parameters, optimizers and random streams.

    Parameters
    ----------
    numbers : n, the numbers of the runs, which key their random streams.
    coordinates : (n, 3, k), μ_1, μ_2 and μ* in k = min(d, 3) dimensions.
    start : the weights and variances at the start.
    eta : (n,), the speed of ℓ.
    """

    def __init__(
        self,
        settings: Settings,
        numbers: Sequence[int],
        targets: Sequence[BimodalTarget],
        coordinates: FloatArray,
        start: Overlaps,
        eta: FloatArray,
    ) -> None:
        self._settings, self._targets = settings, targets
        d, device, seed = settings.dimension, settings.device, settings.descent.seed
        self._noise = [NormalStream(seed, k, device) for k in numbers]
        self._chooser = [generator(seed, k, Purpose.COMPONENTS) for k in numbers]
        modes = numbers if settings.objective.samples else ()
        self._mode_chooser = [generator(seed, k, Purpose.MODES) for k in modes]
        self._evaluator = [generator(seed, k, Purpose.EVALUATION) for k in numbers]
        self._vectors = torch.empty(len(numbers), 3, d, dtype=settings.dtype, device=device)
        for k, number in enumerate(numbers):
            rng = generator(seed, number, Purpose.DIRECTIONS)
            self._vectors[k] = _placed(coordinates[k], d, rng).to(settings.dtype)
        self._logit = self._tensor(start.logit)
        self._log_weights = log_weights(self._logit)
        self._variances = self._tensor(start.variances)
        self._eta = self._tensor(eta)
        self._target_log_weights = self._tensor([np.log(p.weights) for p in targets])
        self._sums = settings.sums
        self._is_plain = settings.objective.share == 0 and is_plain(self._sums, self._vectors)
        self._beta = np.ones(len(numbers)) * settings.dynamics.schedule.beta(0.0)
        kind = OPTIMIZERS[settings.descent.optimizer]
        self._of_means, self._of_logit, self._of_variances = kind(), kind(), kind()
        self._divided: tuple[Tensor, list[Tensor]] | None = None
        size = len(numbers) * settings.largest_block * d
        self._buffer = torch.empty(size, dtype=settings.dtype, device=device)
        squares = self._vectors.double().square().sum(-1)
        self._longest = RUNAWAY**2 * (squares.amax(-1) + d)

    def follow(self, values: FloatArray) -> NDArray[np.int_]:
        """Take all the steps, and log into `values` (n, statistics, logged times), where a run that
        diverged leaves what is there.  Returns the place among the logged times at which each run
        was found to have diverged, or -1."""
        descent = self._settings.descent
        diverged = np.full(len(self._targets), -1)
        places = {step: place for place, step in enumerate(self._settings.log.at)}
        for step in range(descent.steps + 1):
            if step in places:
                diverged[(diverged < 0) & ~self._healthy()] = places[step]
                values[diverged < 0, :, places[step]] = self._statistics(diverged < 0)
                if (diverged >= 0).all():
                    break
            if step < descent.steps:
                self._step(step * descent.step_size)
        return diverged

    def _step(self, time: float) -> None:
        gradient = self._gradient()
        dynamics, h = self._settings.dynamics, self._settings.descent.step_size
        speed = torch.full_like(self._eta, h)
        if dynamics.speed_over_beta:
            speed = speed / self._tensor(self._beta)
        self._move(speed, self._of_means.direction(gradient.means))
        if self._is_plain:  # nothing else moves, and β stays 1
            return
        if gradient.logit is not None:
            self._logit = self._logit - speed * self._eta * self._of_logit.direction(gradient.logit)
            self._log_weights = log_weights(self._logit)
        if gradient.variances is not None:
            self._scale(speed[:, None] * self._of_variances.direction(gradient.variances))
        schedule, kl = dynamics.schedule, None
        if schedule.needs_kl and gradient.log_ratio is not None:
            pairs = zip(self._targets, self._beta.tolist(), strict=True)
            kl = gradient.log_ratio.cpu().numpy() + [log_normalizer(p, beta) for p, beta in pairs]
        self._beta = schedule.advance(self._beta, time, h, kl)

    def _gradient(self) -> Gradient:
        """The gradient of every run, from a fresh batch."""
        settings, (first, blocks) = self._settings, self._division()
        if self._is_plain:
            logits = self._logit, self._target_log_weights
            gradient = plain_gradient(self._noise, self._vectors, logits, first, self._sums)
            return gradient.in_metric(settings.dynamics.metric, self._log_weights)
        mixtures = self._mixtures()
        estimator = Estimator(self._vectors, mixtures, first, self._sums)
        self._fill(estimator.add, blocks)
        gradient, share = estimator.gradient(), settings.objective.share
        if share > 0:
            samples = settings.objective.samples
            forward = Forward(self._vectors, mixtures, samples, not settings.log.unit)
            self._fill(forward.add, self._target_division())
            factor = torch.full_like(self._eta, share)
            gradient = gradient.times(1 - factor).plus(forward.gradient().times(factor))
        return gradient.in_metric(settings.dynamics.metric, self._log_weights)

    def _fill(self, add: Callable[[Tensor, Tensor], None], blocks: list[Tensor]) -> None:
        """Fresh normals for each block, given to `add` with what they belong to."""
        for one in blocks:
            shape = (len(self._noise), one.shape[2], self._settings.dimension)
            noise = self._buffer[: math.prod(shape)].view(shape)
            for stream, out in zip(self._noise, noise.unbind(), strict=True):
                stream.fill(out)
            add(noise, one)

    def _division(self) -> tuple[Tensor, list[Tensor]]:
        """How many samples of each run's batch are from component 1, and which, block by block;
        always the same where they are stratified."""
        if self._divided is None or not self._settings.descent.stratified:
            first = self._tensor(self._first_component_counts())
            self._divided = first, in_blocks(first, self._settings.blocks)
        return self._divided

    def _target_division(self) -> list[Tensor]:
        """Which samples of p are from its mode at μ*, block by block."""
        samples = self._settings.objective.samples
        pairs = zip(self._mode_chooser, self._targets, strict=True)
        first = self._tensor([rng.binomial(samples, p.weight) for rng, p in pairs])
        return in_blocks(first, self._settings.target_blocks)

    def _first_component_counts(self) -> NDArray[np.int_]:
        n, batch = len(self._targets), self._settings.descent.batch
        if self._settings.descent.stratified:
            return np.full(n, (batch + 1) // 2)
        weights = np.nan_to_num(self._log_weights[:, 0].exp().cpu().numpy(), nan=0.5)
        pairs = zip(self._chooser, weights, strict=True)
        return np.array([rng.binomial(batch, weight) for rng, weight in pairs])

    def _move(self, speed: Tensor, direction: Tensor) -> None:
        """Move the means; on the sphere along the tangent, then back to the norm they had."""
        means = self._vectors[:, :2]
        change = speed.to(means.dtype)[:, None, None] * direction
        if not self._settings.dynamics.sphere:
            means -= change
            return
        squares = means.square().sum(-1, keepdim=True)
        means -= change - (change * means).sum(-1, keepdim=True) / squares * means
        means *= (squares / means.square().sum(-1, keepdim=True)).sqrt()

    def _scale(self, change: Tensor) -> None:
        """Move the variances by h u = `change`."""
        if self._settings.dynamics.variances == "bures":
            factor = 1 - 2 * change / self._settings.dimension
            self._variances = self._variances * factor * factor
        else:
            self._variances = self._variances - change

    def _mixtures(self) -> Mixtures:
        return Mixtures(
            gram=project(self._vectors, self._vectors).double(),
            log_weights=self._log_weights,
            variances=self._variances,
            target_log_weights=self._target_log_weights,
            beta=self._tensor(self._beta),
            dimension=self._settings.dimension,
        )

    def _healthy(self) -> NDArray[np.bool_]:
        """Which runs have finite parameters of a plausible size; no comparison with NaN holds."""
        longest = self._vectors[:, :2].double().square().sum(-1).amax(-1)
        narrow, wide = self._variances.amin(-1), self._variances.amax(-1)
        plausible = (longest < self._longest) & (narrow > 0) & (wide < torch.inf)
        return (plausible & self._logit.isfinite()).cpu().numpy()

    def _statistics(self, rows: NDArray[np.bool_]) -> FloatArray:
        """The logged numbers of the runs chosen by `rows`, (n', statistics)."""
        mixtures, samples = self._mixtures(), self._settings.log.samples
        gram = mixtures.gram.cpu().numpy()
        columns = [gram[:, 0, 2], gram[:, 1, 2], gram[:, 0, 0], gram[:, 0, 1], gram[:, 1, 1]]
        columns += [mixtures.log_weights[:, 0].exp().cpu().numpy(), self._logit.cpu().numpy()]
        if not self._settings.log.unit:
            columns += [*self._variances.cpu().numpy().T, self._beta]
        moments = np.stack(columns, -1)[rows]
        sampled = [
            evaluate(self._targets[k], self._vectors[k], mixtures[k : k + 1], samples, rng)
            for k, rng in enumerate(self._evaluator)
            if rows[k]
        ]
        return np.concatenate([moments, np.reshape(sampled, (len(moments), len(SAMPLED)))], -1)

    def _tensor(self, values: ArrayLike) -> Tensor:
        return torch.tensor(np.asarray(values), device=self._settings.device)


def _placed(coordinates: FloatArray, dimension: int, rng: np.random.Generator) -> Tensor:
    """Vectors of the given coordinates (3, k) in a random frame of R^d: (3, d)."""
    normals = torch.from_numpy(rng.standard_normal((dimension, coordinates.shape[1])))
    frame = torch.linalg.qr(normals).Q
    return project(torch.from_numpy(coordinates)[None], frame[None])[0]
