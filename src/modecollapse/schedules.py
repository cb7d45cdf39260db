"""Annealing schedules: the inverse temperature β(t) of the target p^β, by name.

A schedule knows nothing of what is trained.  Theory, simulation and flows all ask it the same two
questions: what is β at time t, and, where that depends on the fit, what is β one step later.

>>> exponential = schedule("exponential", beta_initial=0.01, time=10.0)
>>> exponential.beta([0.0, 5.0, 10.0, 20.0])
array([0.01, 0.1 , 1.  , 1.  ])
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from dataclasses import dataclass, fields
from typing import Any, ClassVar, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .checks import choice, numbers_of, require, within

__all__ = [
    "ARITHMETIC",
    "CONSTANT",
    "GEOMETRIC",
    "SCHEDULES",
    "Adaptive",
    "EffectiveSamples",
    "Exponential",
    "Feedback",
    "Linear",
    "NoAnnealing",
    "Schedule",
    "Step",
    "schedule",
]

FloatArray = NDArray[np.float64]
CONSTANT, GEOMETRIC, ARITHMETIC = range(3)  # how β moves within a phase of a schedule
ACCURACY = 1e-6  # of log β, where phases stand for a curve
MOST_PHASES = 2**14
WAIT = 0.01  # of log β, between two looks at KL where β waits for it

SCHEDULES: dict[str, type[Schedule]] = {}


class Feedback(NamedTuple):
    """How β waits for the fit, as compiled code reads it; the rest only where it is `active`."""

    active: bool = False
    bound: float = 0.0  # of KL(q‖p^β), above which β waits
    rate: float = 0.0  # of log β, while it does not
    interval: float = 0.0  # between two looks


class Schedule(ABC):
    """β(t), from β_i at t = 0 to 1, in the unit of time of whoever asks.

    A subclass that is a frozen dataclass with a `name` can be had from :func:`schedule`, and in
    every road, once it says its `end` and its :meth:`beta`.
    """

    name: ClassVar[str]
    needs_kl: ClassVar[bool] = False  # whether β depends on the fit, so differs from run to run
    needs_ess: ClassVar[bool] = False  # the same, by the effective sample size, for flows alone

    def __init_subclass__(cls) -> None:
        if "name" in cls.__dict__:
            SCHEDULES[cls.name] = cls

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

    @property
    def feedback(self) -> Feedback:
        """How β waits for the fit."""
        return Feedback()

    def phases(self) -> FloatArray:
        """β(t) as compiled code reads it: a row (law, since, beta, rate, end) for each stretch of
        time, where β is `beta` at `since` and moves by its law at a constant rate; the last has
        no end.

        Here log β is a polygon, so fine that it is right to 1e-6 in the middle of each side.
        """
        count = 1
        while count <= MOST_PHASES:
            count *= 2
            nodes = np.linspace(0, self.end, count + 1)
            nodes[-1] = np.nextafter(self.end, 0)  # just before a jump at the end
            at = np.log(self.beta(nodes))
            middle = np.log(self.beta((nodes[1:] + nodes[:-1]) / 2))
            if abs(middle - (at[1:] + at[:-1]) / 2).max() <= ACCURACY:
                rates = np.diff(at) / np.diff(nodes)
                law, end = np.full(count, GEOMETRIC), nodes[1:].copy()
                end[-1] = self.end
                curve = np.stack([law, nodes[:-1], np.exp(at[:-1]), rates, end], axis=-1)
                return np.vstack([curve, _last(self.end)])
        raise ValueError(f"schedule: got {self!r}; allowed: β without jumps before its end")


@dataclass(frozen=True)
class NoAnnealing(Schedule):
    """β(t) = 1."""

    name: ClassVar[str] = "none"
    end: ClassVar[float] = 0.0

    def beta(self, t: ArrayLike) -> FloatArray:
        return np.ones_like(_times(t))

    def phases(self) -> FloatArray:
        return np.array([_last(0.0)])


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

    def _moving(self, law: int, rate: float) -> FloatArray:
        """The phases of β that moves by one law until the end."""
        return np.array([(law, 0.0, self.beta_initial, rate, self.time), _last(self.time)])


@dataclass(frozen=True)
class Step(_Timed):
    """β(t) = β_i for t < t0, then 1."""

    name: ClassVar[str] = "step"

    def _before(self, part: FloatArray) -> FloatArray:
        return np.full_like(part, self.beta_initial)

    def phases(self) -> FloatArray:
        return self._moving(CONSTANT, 0.0)


@dataclass(frozen=True)
class Exponential(_Timed):
    """β(t) = β_i^(1 − t/t0) for t < t0, then 1: log β rises at a constant rate."""

    name: ClassVar[str] = "exponential"

    def _before(self, part: FloatArray) -> FloatArray:
        return self.beta_initial ** (1 - part)

    def phases(self) -> FloatArray:
        return self._moving(GEOMETRIC, -math.log(self.beta_initial) / self.time)


@dataclass(frozen=True)
class Linear(_Timed):
    """β(t) = β_i + (1 − β_i) t/t0 for t < t0, then 1."""

    name: ClassVar[str] = "linear"

    def _before(self, part: FloatArray) -> FloatArray:
        return self.beta_initial + (1 - self.beta_initial) * part

    def phases(self) -> FloatArray:
        return self._moving(ARITHMETIC, (1 - self.beta_initial) / self.time)


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

    @property
    def feedback(self) -> Feedback:
        return Feedback(True, self.bound, self.rate, WAIT / self.rate)

    def phases(self) -> FloatArray:
        """What β is at the start; what follows depends on the fit."""
        return np.array([(CONSTANT, 0.0, self.beta_initial, 0.0, 0.0), _last(0.0)])


@dataclass(frozen=True)
class EffectiveSamples(Adaptive):
    """log β rises at `rate` while the effective sample size of q for p^β is `bound` or more.

    It needs no log Z, so that flows, and they alone, can be annealed by it on an unnormalised p;
    `bound` is a part of the sample.  What q never visits it does not see.

    >>> EffectiveSamples(0.5, bound=0.6, rate=1.0).advance([0.5, 0.5], 0.0, 0.2, [0.7, 0.3])
    array([0.61070138, 0.5       ])
    """

    name: ClassVar[str] = "ess"
    needs_kl: ClassVar[bool] = False
    needs_ess: ClassVar[bool] = True

    def __post_init__(self) -> None:
        super().__post_init__()
        within("bound", self.bound, 0, 1)

    def advance(
        self, beta: ArrayLike, t: float, step: float, kl: ArrayLike | None = None
    ) -> FloatArray:
        """`kl` is the effective sample size of each run, not a divergence."""
        require(kl is not None, "schedule", self, "one that needs no effective sample size")
        fits = np.where(np.asarray(kl) >= self.bound, -np.inf, np.inf)
        return super().advance(beta, t, step, fits)

    def phases(self) -> FloatArray:
        allowed = "one that needs no effective sample size"
        raise ValueError(f"schedule: got {self!r}; allowed: {allowed}")


def schedule(name: str, **parameters: Any) -> Schedule:
    """The schedule of that `name`, one of :data:`SCHEDULES`, with its `parameters`.

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


def _last(since: float) -> tuple[float, ...]:
    """The phase in which β = 1 for ever."""
    return CONSTANT, since, 1.0, 0.0, np.inf


def _times(t: ArrayLike) -> FloatArray:
    t = numbers_of("t", t, "times >= 0")
    require(bool((t >= 0).all()), "t", t.min(initial=0), "times >= 0")
    return t
