"""An ensemble of flows in training: its state, one step, one measurement."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, final

import numpy as np
import torch
from torch import Tensor

from ..checks import integer, require
from ..targets import Target
from ..targets.densities import density, tempered
from .architectures.base import Architecture, base_noise, push_forward
from .architectures.bases import with_base
from .compilation import compiled
from .measurement import measure, measure_forward, statistics_of
from .objectives import loss_of
from .optimizers import OPTIMIZERS, within_reach
from .settings import FlowSettings
from .stored import Check, statistic, tensor
from .streams import normal, streams

__all__ = ["Ensemble", "build", "ended_at", "endings", "logged", "projections"]

NEVER = -1  # the step at which a run that did not diverge diverged


def endings(n: int, steps: int) -> Check:
    """A check for the steps at which n runs diverged, or did not."""
    allowed = f"{NEVER}, or a step from 0 to {steps}"
    return tensor((n,), torch.int64, lambda at: (at >= NEVER) & (at <= steps), allowed)


def ended_at(diverged_at: Tensor) -> Tensor:
    """The same as numbers, infinite for the runs that did not."""
    return torch.where(diverged_at == NEVER, torch.inf, diverged_at.double())


def projections(shape: tuple[int, ...], times: Tensor, ended: Tensor) -> Check:
    """A check for projected samples of runs that ended so: NaN after that alone."""
    return tensor(
        shape, torch.float32, lambda x: ~x.isnan() | (ended <= times), "no NaN before divergence"
    )


def _generator(own: torch.Generator) -> Check:
    """A check for the state of a generator of the same kind as this one."""
    other = torch.Generator(own.device)
    whole = tensor(tuple(own.get_state().shape), torch.uint8)

    def compare(name: str, found: Any) -> None:
        whole(name, found)
        try:
            other.set_state(found)
        except RuntimeError:
            require(False, name, "other bytes", "the state of a generator")

    return compare


def logged(target: Target, settings: FlowSettings) -> tuple[str, ...]:
    """The names of what is logged at each measurement."""
    forward = settings.forward_samples > 0
    return (*statistics_of(target, forward), "loss", "beta")


def build(
    target: Target, settings: FlowSettings, device: torch.device | str = "cpu"
) -> Architecture:
    """The flow that `settings` ask for, in the target's dimension.

    Raises
    ------
    ValueError : in one dimension, where there is nothing to condition on.
    """
    d = target.dimension
    require(d >= 2, "target.dimension", d, ">= 2, for one coordinate to depend on another")
    flow = settings.architecture.build(d, target.reach, device)
    return with_base(flow, settings.base_scale, settings.base_components, settings.base_radius)


@final
class Ensemble:
    """S flows trained at once, the rows of θ (S, P); they share nothing but the arithmetic.

    Parameters
    ----------
    runs : the numbers of the runs.
    settings : with `device` "cpu" or "cuda".
    """

    def __init__(self, target: Target, settings: FlowSettings, runs: range) -> None:
        self.target, self.settings, self.runs = target, settings, runs
        device, dtype = torch.device(settings.device), getattr(torch, settings.dtype)
        self.architecture = build(target, settings, device)
        own = [streams(settings.seed, run, device) for run in runs]
        axes = np.stack([target.axes(settings.direction, s.start) for s in own])
        self.axes = torch.as_tensor(axes, device=device)
        rows = (self.architecture.initial(s.start) for s in own)  # one after another, for memory
        theta = [torch.as_tensor(row, dtype=dtype, device=device) for row in rows]
        self.theta = torch.stack(theta).requires_grad_()
        self.optimizer = OPTIMIZERS[settings.optimizer](self.theta)
        self.training = [s.training for s in own]
        self.evaluation = [s.evaluation for s in own]
        self.held_out = [s.held_out for s in own]
        self.density = density(target, self.axes.to(dtype))
        self.from_target, loss = loss_of(
            settings.objective, settings.target_share, self.architecture, self.density
        )
        self.objective = compiled(loss) if settings.compile else loss
        self.noise = torch.empty(len(runs), settings.batch, target.dimension, dtype=dtype).to(
            device
        )
        self.beta = np.broadcast_to(settings.schedule.beta(0.0), len(runs)).copy()
        self.diverged_at = torch.full([len(runs)], NEVER, device=device)
        self.time = 0
        self.logs: dict[str, list[Tensor]] = {name: [] for name in logged(target, settings)}
        self.projections: list[Tensor] = []

    @property
    def diverged(self) -> Tensor:
        """Which runs have diverged, (S,)."""
        return self.diverged_at != NEVER

    def loss(self) -> Tensor:
        """The training loss of the next step, (S,), on fresh noise or fresh samples of p."""
        own = round(self.settings.batch * (1 - self.from_target))
        if own:
            noise = normal(self.training, self.noise[:, :own])
            base_noise(self.architecture, self.theta, noise, self.training)
        if own < self.settings.batch:
            self.density.sample(self.training, self.noise[:, own:])
        beta = torch.as_tensor(self.beta, dtype=self.theta.dtype, device=self.theta.device)
        return self.objective(self.theta, self.noise, beta)

    def step(self, loss: Tensor) -> None:
        """One step of the optimiser down this `loss` (S,), every run's gradient clipped on its own.

        The loss is summed over the runs, not averaged, so that each sees the gradient (and, with
        Adam, the ε) that it would see alone.  A run whose loss or gradient is not finite stops for
        good.
        """
        (gradient,) = torch.autograd.grad(loss.sum(), self.theta)
        norm = torch.linalg.vector_norm(gradient, dim=1)
        self._mark_diverged(torch.isfinite(norm) & torch.isfinite(loss))
        factor = (self.settings.clip / norm).clamp(max=1)
        self.theta.grad = gradient.mul_(factor[:, None]).masked_fill_(self.diverged[:, None], 0)
        self.optimizer.step(self.settings.learning_rate * self._learning_rate_factor())
        self._advance_schedule(loss)
        self.time += 1

    def measure(self, loss: Tensor) -> None:
        """Log a measurement of all runs, and this `loss` (S,); NaN for those that have diverged."""
        n, kept = self.settings.evaluation_samples, self.settings.projection_samples
        shape = (len(self.runs), n, self.architecture.dimension)
        z = normal(self.evaluation, self.axes.new_empty(shape))
        z = base_noise(self.architecture, self.theta, z, self.evaluation)
        exact = density(self.target, self.axes)
        named, x = measure(self.architecture, self.theta, self.target, exact, z)
        if self.settings.forward_samples:
            y = exact.sample(
                self.held_out, z.new_empty(shape[0], self.settings.forward_samples, shape[2])
            )
            named |= measure_forward(self.architecture, self.theta, self.target, exact, y)
        named["loss"] = loss.detach().double()
        self._mark_diverged(torch.stack(list(named.values())).isfinite().all(0))
        for name, value in {**named, "beta": torch.as_tensor(self.beta)}.items():
            self.logs[name].append(value.cpu().masked_fill(self.diverged.cpu(), torch.nan))
        if kept:
            self.projections.append(torch.bmm(x[:, :kept], self.axes.mT).float().cpu())

    def state(self) -> dict[str, Any]:
        """Everything that the rest of the training depends on, and the logs so far."""
        return {
            "time": self.time,
            "theta": self.theta.detach(),
            "optimizer": self.optimizer.state,
            "training": [generator.get_state() for generator in self.training],
            "evaluation": [generator.get_state() for generator in self.evaluation],
            "held_out": [generator.get_state() for generator in self.held_out],
            "beta": torch.as_tensor(self.beta),
            "diverged_at": self.diverged_at,
            "logs": self.logs,
            "projections": self.projections,
        }

    def begun(self) -> dict[str, Check]:
        """The parts of a :meth:`state` that say what its other parts have to be."""
        steps = self.settings.steps
        return {
            "time": lambda name, found: integer(name, found, 1, steps),
            "diverged_at": endings(len(self.runs), steps),
        }

    def pattern(self, time: int, diverged_at: Tensor) -> dict[str, Any]:
        """What a :meth:`state` after `time` ≥ 1 steps consists of, its runs having so diverged."""
        n, kept, schedule = len(self.runs), self.settings.projection_samples, self.settings.schedule
        at = torch.arange(0, time, self.settings.log_every)
        ended = ended_at(diverged_at)
        rate, clip = self.settings.learning_rate, self.settings.clip
        states = ("training", "evaluation", "held_out")
        waits = schedule.needs_kl or schedule.needs_ess
        beta = float(schedule.beta(0.0 if waits else float(time)))
        return {
            "time": self.begun()["time"],
            "theta": within_reach(self.theta, time * rate * self.optimizer.longest(clip)),
            "optimizer": self.optimizer.pattern(time, clip),
            **{name: [_generator(one) for one in getattr(self, name)] for name in states},
            "beta": tensor(
                (n,),
                torch.float64,
                lambda b: (b >= beta) & (b <= (1 if waits else beta)),
                f"numbers from {beta:g} to 1" if waits else f"{beta:g}, the schedule's",
            ),
            "diverged_at": endings(n, time),
            "logs": {name: [statistic(name, (n,), one, ended) for one in at] for name in self.logs},
            "projections": [projections((n, kept, 2), one, ended[:, None, None]) for one in at]
            if kept
            else [],
        }

    def restore(self, state: Mapping[str, Any]) -> None:
        """Go on from a :meth:`state` of an ensemble of the same settings and runs."""
        self.time = state["time"]
        with torch.no_grad():
            self.theta.copy_(state["theta"])
            for name, kept in self.optimizer.state.items():
                kept.copy_(state["optimizer"][name])
        for name in ("training", "evaluation", "held_out"):
            generators = getattr(self, name)
            for generator, saved in zip(generators, state[name], strict=True):
                generator.set_state(saved)
        self.beta = state["beta"].numpy()
        self.diverged_at = state["diverged_at"].to(self.theta.device)
        self.logs, self.projections = state["logs"], state["projections"]

    def _mark_diverged(self, finite: Tensor) -> None:
        new = ~finite & ~self.diverged
        self.diverged_at = torch.where(new, self.time, self.diverged_at)

    def _learning_rate_factor(self) -> float:
        if self.settings.learning_rate_schedule == "constant":
            return 1.0
        return 0.5 * (1 + math.cos(math.pi * self.time / self.settings.steps))

    def _effective(self) -> np.ndarray:
        """The effective sample size of each run's batch for p_β, part of it, (S,)."""
        with torch.no_grad():
            x, log_q = push_forward(self.architecture, self.theta, self.noise)
            beta = torch.as_tensor(self.beta, dtype=x.dtype, device=x.device)
            log_ratio = log_q - tempered(self.density, x, beta)
            log_ess = 2 * torch.logsumexp(-log_ratio, -1) - torch.logsumexp(-2 * log_ratio, -1)
            return np.asarray((log_ess.exp() / x.shape[1]).double().cpu().numpy())

    def _advance_schedule(self, loss: Tensor) -> None:
        schedule = self.settings.schedule
        kl = None
        if schedule.needs_kl:
            log_partition = self.density.log_partition(
                torch.as_tensor(self.beta, device=loss.device)
            )
            kl = (loss.detach() + log_partition).cpu().numpy()
        if schedule.needs_ess:
            kl = self._effective()
        self.beta = schedule.advance(self.beta, float(self.time), 1.0, kl)
