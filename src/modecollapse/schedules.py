"""Annealing schedules: the inverse temperature β(t) of the target p^β, by name.

A schedule knows nothing of what is trained.  Theory, simulation and flows all ask it the same two
questions: what is β at time t, and, where that depends on the fit, what is β one step later.

>>> exponential = schedule("exponential", beta_initial=0.01, time=10.0)
>>> exponential.beta([0.0, 5.0, 10.0, 20.0])
array([0.01, 0.1 , 1.  , 1.  ])
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, fields
from typing import Any, ClassVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .checks import choice, require, within

__all__ = [
    "SCHEDULES",
    "Adaptive",
    "Exponential",
    "Linear",
    "NoAnnealing",
    "Schedule",
    "Step",
    "schedule",
]

FloatArray = NDArray[np.float64]


class Schedule(ABC):
    """β(t), from β_i at t = 0 to 1, in the unit of time of whoever asks."""

    name: ClassVar[str]
    needs_kl: ClassVar[bool] = False  # whether β depends on the fit, so differs from run to run

    @property
    @abstractmethod
    def end(self) -> float:
        """The time from which β = 1; infinite where it depends on the fit."""

    @abstractmethod
    def beta(self, t: ArrayLike) -> FloatArray:
        """β at the times t ≥ 0, same shape; ``ValueError`` where it depends on the fit."""

    def advance(
        self, beta: ArrayLike, t: float, step: float, kl: ArrayLike | None = None
    ) -> FloatArray:
        """β at t + `step` for runs that have `beta` at t, and KL(q‖p^β) = `kl` if it `needs_kl`."""
        return np.broadcast_to(self.beta(t + step), np.shape(beta)).copy()


@dataclass(frozen=True)
class NoAnnealing(Schedule):
    """β(t) = 1."""

    name: ClassVar[str] = "none"
    end: ClassVar[float] = 0.0

    def beta(self, t: ArrayLike) -> FloatArray:
        return np.ones_like(_times(t))


@dataclass(frozen=True)
class _Timed(Schedule):
    """A schedule that reaches β = 1 at a given `time` t0 > 0, whatever the fit."""

    beta_initial: float
    time: float

    def __post_init__(self) -> None:
        within("beta_initial", self.beta_initial, 0, 1, closed="]")
        within("time", self.time, 0)

    @property
    def end(self) -> float:
        return self.time

    def beta(self, t: ArrayLike) -> FloatArray:
        t = _times(t)
        return np.where(t < self.time, self._before(np.minimum(t / self.time, 1)), 1.0)

    @abstractmethod
    def _before(self, part: FloatArray) -> FloatArray:
        """β at the time `part`·t0."""


@dataclass(frozen=True)
class Step(_Timed):
    """β(t) = β_i for t < t0, then 1."""

    name: ClassVar[str] = "step"

    def _before(self, part: FloatArray) -> FloatArray:
        return np.full_like(part, self.beta_initial)


@dataclass(frozen=True)
class Exponential(_Timed):
    """β(t) = β_i^(1 − t/t0) for t < t0, then 1: log β rises at a constant rate."""

    name: ClassVar[str] = "exponential"

    def _before(self, part: FloatArray) -> FloatArray:
        return self.beta_initial ** (1 - part)


@dataclass(frozen=True)
class Linear(_Timed):
    """β(t) = β_i + (1 − β_i) t/t0 for t < t0, then 1."""

    name: ClassVar[str] = "linear"

    def _before(self, part: FloatArray) -> FloatArray:
        return self.beta_initial + (1 - self.beta_initial) * part


@dataclass(frozen=True)
class Adaptive(Schedule):
    """log β rises at `rate` while KL(q‖p^β) ≤ `bound`, and waits while it is larger.

    β can so differ from run to run; whoever steps the runs calls :meth:`advance` with each run's
    KL divergence to the *normalised* p^β.

    >>> Adaptive(beta_initial=0.5, bound=0.1, rate=1.0).advance([0.5, 0.5], 0.0, 0.2, [0.05, 0.3])
    array([0.61070138, 0.5       ])
    """

    beta_initial: float
    bound: float
    rate: float
    name: ClassVar[str] = "adaptive"
    needs_kl: ClassVar[bool] = True
    end: ClassVar[float] = np.inf

    def __post_init__(self) -> None:
        within("beta_initial", self.beta_initial, 0, 1, closed="]")
        within("bound", self.bound, 0)
        within("rate", self.rate, 0)

    def beta(self, t: ArrayLike) -> FloatArray:
        t = _times(t)
        require(not (t > 0).any(), "t", t.max(initial=0), "0: later β depends on the fit")
        return np.full_like(t, self.beta_initial)

    def advance(
        self, beta: ArrayLike, t: float, step: float, kl: ArrayLike | None = None
    ) -> FloatArray:
        require(kl is not None, "kl", kl, "KL(q‖p^β) of each run")
        beta = np.asarray(beta, dtype=float)
        moved = np.minimum(beta * np.exp(self.rate * step), 1.0)
        return np.where(np.asarray(kl) <= self.bound, moved, beta)


SCHEDULES: dict[str, type[Schedule]] = {
    kind.name: kind for kind in (NoAnnealing, Step, Exponential, Linear, Adaptive)
}


def schedule(name: str, **parameters: Any) -> Schedule:
    """The schedule of that `name` with its `parameters`.

    ============== ============================= ============================================
    name           parameters                    β(t)
    ============== ============================= ============================================
    "none"                                       1
    "step"         beta_initial, time            β_i for t < t0, then 1
    "exponential"  beta_initial, time            β_i^(1 − t/t0) for t < t0, then 1
    "linear"       beta_initial, time            β_i + (1 − β_i) t/t0 for t < t0, then 1
    "adaptive"     beta_initial, bound, rate     d log β/dt = rate while KL(q‖p^β) ≤ bound
    ============== ============================= ============================================

    >>> schedule("linear", beta_initial=0.1, time=0.0)
    Traceback (most recent call last):
    ...
    ValueError: time: got 0.0; allowed: a finite number in (0, inf)
    """
    kind = SCHEDULES[choice("name", name, SCHEDULES)]
    wanted = [f.name for f in fields(kind)]  # type: ignore[arg-type]
    same = set(parameters) == set(wanted)
    allowed = f"{', '.join(wanted) or 'none'} for the schedule {name!r}"
    require(same, "parameters", sorted(parameters), allowed)
    return kind(**parameters)


def _times(t: ArrayLike) -> FloatArray:
    t = np.asarray(t, dtype=float)
    require(bool((t >= 0).all()), "t", t.min(initial=0), "times >= 0")
    return t
