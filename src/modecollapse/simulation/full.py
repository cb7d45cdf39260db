r"""Full-dimensional stochastic gradient descent on the reverse KL divergence: the witness.

The means are vectors in R^d, every step draws a fresh batch of d-dimensional samples of q, and
nothing is used of the closed equations that the simulation is there to check.  See
docs/simulation.md for the estimators, the random streams, the memory and the expected scalings.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from torch import Tensor

from ..checks import choice, integer, require, within
from ..mixtures import BimodalTarget
from ..outcomes import outcome
from ..overlaps import Overlaps
from ..schedules import NoAnnealing, Schedule
from ..trajectory import Status, Trajectory
from .estimators import (
    COMPONENTS,
    ESTIMATORS,
    Estimator,
    Gradient,
    Mixtures,
    densities,
    log_weights,
    product,
)
from .optimizers import OPTIMIZERS
from .streams import NormalStream, Purpose, generator
from .tempering import log_normalizer

__all__ = ["DEVICES", "DTYPES", "VARIANCES", "simulate"]

FloatArray = NDArray[np.float64]
DTYPES = {"float64": torch.float64, "float32": torch.float32}
DEVICES = ("auto", "cpu", "cuda")
VARIANCES = ("fixed", "euclidean", "bures")
# Numbers in one block of samples: enough to hide the cost of a call, few enough for the cache.
BLOCK = {"cpu": 2**18, "cuda": 2**24}
PER_SAMPLE = 64  # float64 numbers kept for a sample, beside its d coordinates
RUNAWAY = 1e3  # a mean this many times longer than anything at the start has diverged
MOMENTS = ("m1", "m2", "q11", "q12", "q22", "weight")
SAMPLED = ("kl", "kl_se", "mass_plus", "mass_minus")


@dataclass(frozen=True)
class _Settings:
    """What all runs of a call share."""

    dimension: int
    step_size: float
    steps: int
    batch: int
    estimator: str
    components: str
    optimizer: str
    variances: str
    schedule: Schedule
    speed_over_beta: bool
    sphere: bool
    log_every: int
    evaluation: int
    seed: int
    dtype: torch.dtype
    device: torch.device
    log_ratio: bool  # whether a step needs log q − β log p itself
    unit: bool  # v = 1 and β = 1 throughout, so that ‖x‖² cancels

    @property
    def log_steps(self) -> list[int]:
        return sorted({*range(0, self.steps + 1, self.log_every), self.steps})

    @property
    def statistics(self) -> tuple[str, ...]:
        return MOMENTS + (() if self.unit else ("v1", "v2", "beta")) + SAMPLED

    @property
    def blocks(self) -> list[int]:
        """The sizes of the blocks of a batch: a rule of d and B alone, so that the bits are."""
        largest = max(4, BLOCK[self.device.type] // (self.dimension + PER_SAMPLE))
        ends = np.linspace(0, self.batch, -(-self.batch // largest) + 1).round().astype(int)
        return np.diff(ends).tolist()


def simulate(
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
    optimizer: str = "sgd",
    variances: str = "fixed",
    schedule: Schedule | None = None,
    speed_over_beta: bool = False,
    sphere: bool = False,
    log_every: int | None = None,
    evaluation_samples: int = 4096,
    first_run: int = 0,
    dtype: str = "float64",
    device: str = "auto",
    memory: int = 2**30,
) -> Trajectory:
    r"""Simulate gradient descent on KL(q‖p) from n starts, with batches of samples of q.

    Each step draws x_b = μ_c + √v_c ε_b, b = 1..B, and moves

    .. math::
        \mu_i &\leftarrow \mu_i - h\, u(\nabla_{\mu_i}), \qquad
        \ell \leftarrow \ell - h\, \eta\, u(\nabla_\ell),

    where u is the optimizer's direction (the gradient itself for "sgd") and h the step size.

    Parameters
    ----------
    target : one for all runs, or one a run; all of one dimension.
    start : n states.  Their vectors are placed in random directions of R^d.
    step_size : h > 0.  Time is h × steps.
    steps, batch : the number of steps, and B ≥ 2 samples a step.
    seed : of all random numbers, with the number of the run.
    eta : η ≥ 0, one or one a run, the speed of ℓ = logit w_1; 0 keeps the weights fixed.
    estimator : "pathwise", the gradient of the loss as automatic differentiation gives it, or
        "sticking-the-landing", without the score term.
    components : "stratified", half of the batch from each component, weighted by w_i; or
        "sampled", the component of each sample drawn with probability w_i.
    optimizer : "sgd", "momentum" or "adam".
    variances : "fixed"; "euclidean", v ← v − h ∂KL/∂v; or "bures", v ← v (1 − (2h/d) ∂KL/∂v)².
    schedule : of β in the target p^β, in the unit of time; default β = 1.
    speed_over_beta : divide every speed by β.
    sphere : keep each mean on the sphere ‖μ_i‖ = const. of its start.
    log_every : steps between two logged times; default about a hundred times.  The last step is
        always logged.
    evaluation_samples : fresh samples for KL and the masses at each logged time.
    first_run : the number of the first run, for the seeds of a part of a larger batch.
    dtype : "float64" or "float32", of the vectors; what depends on them alone is float64.
    device : "cpu", "cuda", or "auto", a GPU where there is one.
    memory : bound on the bytes used, in addition to the program itself.

    Returns
    -------
    A trajectory of m1, m2, q11, q12, q22, weight, kl, kl_se, mass_plus, mass_minus, and of v1, v2
    and beta unless these are 1 throughout.  KL is to the normalised p^β.  A run whose step is too
    large ends ``Status.DIVERGED``; the others are unharmed.

    Raises
    ------
    ValueError : naming the argument, also where one run does not fit into `memory`.

    Notes
    -----
    On the CPU, run k has the same bits for the same settings and seed, however many runs are beside
    it, whatever `memory` is and however many cores there are (one is used).

    >>> from modecollapse import random_start, target
    >>> p = target(separation=2.0, dimension=8)
    >>> start = random_start(p, 3, np.random.default_rng(0))
    >>> run = simulate(p, start, step_size=0.1, steps=100, batch=64, seed=1)
    >>> [str(o) for o in run.outcome]
    ['both modes', 'both modes', 'both modes']
    """
    targets = _targets(target, len(start))
    eta = _rates(eta, len(start))
    tempered = schedule is not None and not isinstance(schedule, NoAnnealing)
    steps = integer("steps", steps, 0)
    settings = _Settings(
        dimension=targets[0].dimension if targets else 1,
        step_size=within("step_size", step_size, 0),
        steps=steps,
        batch=integer("batch", batch, 2),
        estimator=choice("estimator", estimator, ESTIMATORS),
        components=choice("components", components, COMPONENTS),
        optimizer=choice("optimizer", optimizer, OPTIMIZERS),
        variances=choice("variances", variances, VARIANCES),
        schedule=schedule or NoAnnealing(),
        speed_over_beta=bool(speed_over_beta),
        sphere=bool(sphere),
        log_every=integer("log_every", log_every or max(1, steps // 100), 1),
        evaluation=integer("evaluation_samples", evaluation_samples, 4),
        seed=integer("seed", seed, 0),
        dtype=DTYPES[choice("dtype", dtype, DTYPES)],
        device=_device(device),
        log_ratio=bool((eta > 0).any()) or (schedule is not None and schedule.needs_kl),
        unit=variances == "fixed" and not tempered and bool((start.variances == 1).all()),
    )
    first_run = integer("first_run", first_run, 0)
    coordinates = _coordinates(targets, start)
    at_once = _runs_at_once(settings, len(start), integer("memory", memory, 1))
    values = np.full((len(start), len(settings.statistics), len(settings.log_steps)), np.nan)
    diverged = np.full(len(start), -1)
    with _one_thread():
        for begin in range(0, len(start), at_once):
            rows = slice(begin, min(begin + at_once, len(start)))
            runs = _Runs(
                settings,
                range(first_run + rows.start, first_run + rows.stop),
                targets[rows],
                coordinates[rows],
                start[rows],
                eta[rows],
            )
            diverged[rows] = runs.follow(values[rows])
    return _trajectory(settings, targets, values, diverged)


class _Runs:
    """Runs that advance together: parameters and optimizers with a leading run axis."""

    def __init__(
        self,
        settings: _Settings,
        numbers: range,
        targets: Sequence[BimodalTarget],
        coordinates: FloatArray,
        start: Overlaps,
        eta: FloatArray,
    ) -> None:
        self.settings, self.targets = settings, targets
        n, device = len(numbers), settings.device
        seed = settings.seed
        self.noise = [NormalStream(seed, k, device) for k in numbers]
        self.chooser = [generator(seed, k, Purpose.COMPONENTS) for k in numbers]
        self.evaluator = [generator(seed, k, Purpose.EVALUATION) for k in numbers]
        directions = [generator(seed, k, Purpose.DIRECTIONS) for k in numbers]
        self.vectors = torch.empty(n, 3, settings.dimension, dtype=settings.dtype, device=device)
        for k, rng in enumerate(directions):
            self.vectors[k] = _placed(coordinates[k], settings.dimension, rng).to(settings.dtype)
        self.logit, self.variances = _tensor(start.logit, device), _tensor(start.variances, device)
        self.eta = _tensor(eta, device)
        self.target_logit = _tensor(np.array([p.logit for p in targets]), device)
        self.beta = np.ones(n) * settings.schedule.beta(0.0)
        kind = OPTIMIZERS[settings.optimizer]
        self.mean_optimizer, self.logit_optimizer, self.variance_optimizer = kind(), kind(), kind()
        largest = max(settings.blocks) * settings.dimension
        self.buffer = torch.empty(n, -(-largest // 16) * 16, dtype=settings.dtype, device=device)
        squares = self.vectors.double().square().sum(-1)
        self.longest = RUNAWAY**2 * (squares.amax(-1) + settings.dimension)

    def follow(self, values: FloatArray) -> NDArray[np.int_]:
        """Run all steps and log into `values` (n, statistics, times); returns the logged time at
        which each run had diverged, or -1."""
        settings = self.settings
        diverged = np.full(len(self.targets), -1)
        log = iter(enumerate(settings.log_steps))
        place, next_log = next(log)
        for step in range(settings.steps + 1):
            if step == next_log:
                diverged[(diverged < 0) & ~self._healthy()] = place
                values[diverged < 0, :, place] = self._statistics(diverged < 0)
                place, next_log = next(log, (place, -1))
            if step < settings.steps and (diverged < 0).any():
                self._step(step * settings.step_size)
        return diverged

    def _mixtures(self) -> Mixtures:
        return Mixtures(
            gram=product(self.vectors, self.vectors.mT).double(),
            logit=self.logit,
            variances=self.variances,
            target_logit=self.target_logit,
            beta=_tensor(self.beta, self.settings.device),
            dimension=self.settings.dimension,
        )

    def _step(self, time: float) -> None:
        gradient = self._gradient()
        speed = torch.full_like(self.eta, self.settings.step_size)
        if self.settings.speed_over_beta:
            speed = speed / _tensor(self.beta, self.settings.device)
        self._move(speed, self.mean_optimizer.direction(gradient.means))
        if gradient.logit is not None:
            turned = self.logit_optimizer.direction(gradient.logit)
            self.logit = self.logit - speed * self.eta * turned
        if gradient.variances is not None:
            self._scale(speed[:, None] * self.variance_optimizer.direction(gradient.variances))
        schedule, kl = self.settings.schedule, None
        if schedule.needs_kl and gradient.log_ratio is not None:
            kl = gradient.log_ratio.cpu().numpy() + self._log_normalizers()
        self.beta = schedule.advance(self.beta, time, self.settings.step_size, kl)

    def _gradient(self) -> Gradient:
        """The gradient of every run, from a fresh batch."""
        settings = self.settings
        first = self._first_component_counts()
        estimator = Estimator(
            self.vectors,
            self._mixtures(),
            batch=settings.batch,
            first=_tensor(first, settings.device),
            score_term=settings.estimator == "pathwise",
            stratified=settings.components == "stratified",
            norms=not settings.unit,
            log_ratio=settings.log_ratio,
            variances=settings.variances != "fixed",
        )
        begin = 0
        for size in settings.blocks:
            estimator.add(self._samples(size, np.clip(first - begin, 0, size)))
            begin += size
        return estimator.gradient()

    def _move(self, speed: Tensor, direction: Tensor) -> None:
        """Move the means; on the sphere along the tangent, then back to the norm they had."""
        means = self.vectors[:, :2]
        change = speed.to(means.dtype)[:, None, None] * direction
        if not self.settings.sphere:
            means -= change
            return
        squares = means.square().sum(-1, keepdim=True)
        means -= change - (change * means).sum(-1, keepdim=True) / squares * means
        means *= (squares / means.square().sum(-1, keepdim=True)).sqrt()

    def _scale(self, change: Tensor) -> None:
        """Move the variances by h u = `change`."""
        if self.settings.variances == "bures":
            factor = 1 - 2 * change / self.settings.dimension
            self.variances = self.variances * factor * factor
        else:
            self.variances = self.variances - change

    def _first_component_counts(self) -> NDArray[np.int_]:
        """How many samples of each run's batch are from component 1."""
        n, batch = len(self.targets), self.settings.batch
        if self.settings.components == "stratified":
            return np.full(n, (batch + 1) // 2)
        weights = log_weights(self.logit)[:, 0].exp().cpu().numpy()
        shares = np.nan_to_num(weights, nan=0.5)
        return np.array([c.binomial(batch, w) for c, w in zip(self.chooser, shares, strict=True)])

    def _samples(self, size: int, first: NDArray[np.int_]) -> Tensor:
        """A block of samples, (n, size, d): `first` of component 1, then those of component 2."""
        d, stride = self.settings.dimension, self.buffer.shape[1]
        x = self.buffer.as_strided((len(self.noise), size, d), (stride, d, 1))
        scales = self.variances.clamp(min=0).sqrt().tolist()
        for k, stream in enumerate(self.noise):
            stream.fill(x[k])
            for i, part in enumerate((x[k, : first[k]], x[k, first[k] :])):
                torch.add(self.vectors[k, i], part, alpha=scales[k][i], out=part)
        return x

    def _healthy(self) -> NDArray[np.bool_]:
        """Which runs have finite parameters of a plausible size."""
        squares = self.vectors[:, :2].double().square().sum(-1).amax(-1)
        v = self.variances
        positive = ((v > 0) & (v < 1 / np.finfo(np.float32).tiny)).all(-1)
        # a comparison with NaN is false
        good = (squares < self.longest) & self.logit.isfinite() & positive
        return np.asarray(good.cpu())

    def _statistics(self, healthy: NDArray[np.bool_]) -> FloatArray:
        """The logged numbers of the healthy runs, (n', statistics)."""
        mixtures = self._mixtures()
        gram = mixtures.gram.cpu().numpy()
        columns = [gram[:, 0, 2], gram[:, 1, 2], gram[:, 0, 0], gram[:, 0, 1], gram[:, 1, 1]]
        columns.append(log_weights(self.logit)[:, 0].exp().cpu().numpy())
        if not self.settings.unit:
            columns += [*self.variances.cpu().numpy().T, self.beta]
        moments = np.stack(columns, -1)[healthy]
        sampled = [self._evaluate(mixtures, k) for k in range(len(healthy)) if healthy[k]]
        return np.concatenate([moments, np.array(sampled).reshape(len(moments), -1)], -1)

    def _log_normalizers(self) -> FloatArray:
        pairs = zip(self.targets, self.beta, strict=True)
        return np.array([log_normalizer(p, float(beta)) for p, beta in pairs])

    def _evaluate(self, mixtures: Mixtures, k: int) -> tuple[float, float, float, float]:
        """Monte Carlo KL of run k, its standard error, and the masses on the two modes.

        Both densities depend on x through its part in the span of (μ_1, μ_2, μ*) and the norm of
        the rest, so only these are drawn: at most three normals and a χ².
        """
        d, half, rng = self.settings.dimension, self.settings.evaluation // 2, self.evaluator[k]
        frame = torch.linalg.qr(self.vectors[k].T.double(), mode="r").R.cpu()
        z = torch.from_numpy(rng.standard_normal((2, half, len(frame))))
        variances = mixtures.variances[k].cpu()
        x = frame.T[:2, None] + variances.sqrt()[:, None, None] * z
        norms: Tensor | float = 0.0
        if not self.settings.unit:
            rest = rng.chisquare(d - len(frame), (2, half)) if d > len(frame) else 0.0
            norms = (x.square().sum(-1) + variances[:, None] * rest).reshape(1, -1)
        products = (x.reshape(-1, len(frame)) @ frame).T[None]
        here = mixtures[k : k + 1].cpu()
        seen = densities(here, products, norms)
        weights = log_weights(here.logit)[0].exp()
        f = seen.log_ratio.reshape(2, half)
        kl = float((weights * f.mean(-1)).sum())
        if not self.settings.unit:
            kl += log_normalizer(self.targets[k], float(self.beta[k]))
        error = float((weights.square() * f.var(-1) / half).sum().sqrt())
        plus, minus = (weights[:, None] * seen.modes.reshape(2, 2, half).mean(-1).T).sum(0).tolist()
        return kl, error, plus, minus


def _placed(coordinates: FloatArray, dimension: int, rng: np.random.Generator) -> Tensor:
    """μ_1, μ_2, μ* of the given coordinates (3, k) in a random frame of R^d: (3, d)."""
    normals = torch.from_numpy(rng.standard_normal((dimension, coordinates.shape[1])))
    return torch.from_numpy(coordinates) @ torch.linalg.qr(normals).Q.T


def _coordinates(targets: Sequence[BimodalTarget], start: Overlaps) -> FloatArray:
    """μ_1, μ_2, μ* of every run in min(d, 3) dimensions, (n, 3, k)."""
    d = min(targets[0].dimension, 3) if targets else 1
    coordinates = np.zeros((len(start), 3, d))
    for p in dict.fromkeys(targets):
        rows = np.array([other == p for other in targets])
        small = BimodalTarget(p.separation, d, p.weight)
        coordinates[rows, :2] = start[rows].vectors(small)
        coordinates[rows, 2, 0] = p.separation
    return coordinates


def _targets(target: BimodalTarget | Sequence[BimodalTarget], n: int) -> list[BimodalTarget]:
    targets = [target] * n if isinstance(target, BimodalTarget) else list(target)
    require(len(targets) == n, "target", f"{len(targets)} targets", f"one, or one a run, {n}")
    dimensions = sorted({p.dimension for p in targets})
    require(len(dimensions) <= 1, "target", f"dimensions {dimensions}", "one dimension for all")
    return targets


def _rates(eta: ArrayLike, n: int) -> FloatArray:
    eta = np.asarray(eta, dtype=float)
    require(eta.shape in ((), (n,)), "eta", eta.shape, f"a number, or one a run, ({n},)")
    good = bool((np.isfinite(eta) & (eta >= 0)).all())
    require(good, "eta", eta.tolist(), "finite numbers >= 0")
    return np.broadcast_to(eta, (n,))


def _device(device: str) -> torch.device:
    there = torch.cuda.is_available()
    choice("device", device, DEVICES)
    require(there or device != "cuda", "device", device, "auto or cpu: torch finds no GPU here")
    return torch.device("cuda" if there and device != "cpu" else "cpu")


def _runs_at_once(settings: _Settings, n: int, memory: int) -> int:
    """How many runs advance together: as many as fill a block, and fit into the memory."""
    d, block, item = settings.dimension, max(settings.blocks), settings.dtype.itemsize
    dense = (12 + 3 * OPTIMIZERS[settings.optimizer].copies) * d * item
    each = dense + block * (d * item + PER_SAMPLE * 8)
    once = 9 * d * 8 + settings.evaluation * PER_SAMPLE * 8
    once += n * len(settings.statistics) * len(settings.log_steps) * 8 * 2
    allowed = f"at least {once + each} bytes for d = {d}, batch = {settings.batch}, {n} runs"
    require(memory >= once + each, "memory", memory, allowed)
    enough = BLOCK[settings.device.type] // (block * (d + PER_SAMPLE))
    return max(1, min(n, enough, (memory - once) // each))


def _trajectory(
    settings: _Settings,
    targets: Sequence[BimodalTarget],
    values: FloatArray,
    diverged: NDArray[np.int_],
) -> Trajectory:
    times = np.array(settings.log_steps) * settings.step_size
    statistics = {name: values[:, k] for k, name in enumerate(settings.statistics)}
    ends = np.full(len(targets), None, dtype=object)
    for k in np.flatnonzero(diverged < 0).tolist():
        last = {name: column[k, -1:] for name, column in statistics.items()}
        masses = np.stack([last["mass_plus"], last["mass_minus"]], -1)
        weights = np.stack([last["weight"], 1 - last["weight"]], -1)
        ends[k] = outcome(masses, targets[k].weights, weights)[0]
    return Trajectory(
        source="simulation",
        times=times,
        statistics=statistics,
        outcome=ends,
        status=np.array([Status.FINISHED if k < 0 else Status.DIVERGED for k in diverged], object),
        message=tuple(_message(settings.step_size, times, k) for k in diverged),
    )


def _message(step_size: float, times: FloatArray, place: int) -> str:
    if place < 0:
        return ""
    return f"step_size: {step_size:g} is too large; diverged by time {times[place]:g}, reduce it"


def _tensor(values: ArrayLike, device: torch.device) -> Tensor:
    return torch.tensor(np.asarray(values), device=device)


@contextmanager
def _one_thread() -> Iterator[None]:
    """One intra-operation thread: sums over several have other bits."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)
