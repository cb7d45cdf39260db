"""What the integrators share: checked arguments, threads, how a run ended, whether it still moves.

A run is *moving* at its end where it would go on by more than :data:`MOVING` if it kept its last
speed for as long again as it has run.  Near a bottleneck or on a slow manifold KL hardly changes
while the state does, so the speed is that of the state: of both means and of ℓ together.  Half way
through the bottleneck below a fold that number is 2 √(r_c − r); a run at rest has 10⁻¹² and less.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from types import MappingProxyType

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..checks import MOST_THREADS, integer, numbers_of, require, within
from ..trajectory import Status

__all__ = [
    "ENDS",
    "FINISHED",
    "MOVING",
    "PRECISION",
    "STEP_LIMIT",
    "counted",
    "in_chunks",
    "increasing_times",
    "motion",
    "step_errors",
    "threads_of",
    "why",
]

FloatArray = NDArray[np.float64]

FIRST, LAST = 1e-50, 1e50  # times, of which a square is a number still
MOVING = 1e-3  # standard deviations of a mode; units of ℓ
FINISHED, STEP_LIMIT, PRECISION = range(3)  # how compiled code says that a run ended
ENDS = (Status.FINISHED, Status.STEP_LIMIT, Status.PRECISION)


def motion(time: float, speed: FloatArray, finished: NDArray[np.bool_]) -> dict[str, NDArray]:
    """The diagnostics `speed` at the end, (n,), and `moving`, whether a run that finished moves.

    >>> motion(100.0, np.array([1e-4, 1e-6]), np.array([True, True]))["moving"].tolist()
    [True, False]
    """
    return {"speed": speed, "moving": finished & (time * np.nan_to_num(speed) > MOVING)}


def counted(counts: NDArray[np.int_]) -> dict[str, NDArray]:
    """The diagnostics that the integrator counted, each (n,); `evaluations` of velocities."""
    return dict(zip(("steps", "rejected", "evaluations"), counts.T, strict=True))


def why(max_steps: int) -> Mapping[Status, str]:
    """What to say of a run that did not finish; {time} is the time that it reached."""
    return MappingProxyType(
        {
            Status.STEP_LIMIT: f"max_steps = {max_steps} steps were used up at time {{time:.6g}};"
            " allow more.",
            Status.PRECISION: "At time {time:.6g} no step, however short, kept the error allowed:"
            " rtol and atol are too small, or the start is too far out for double precision.",
        }
    )


def increasing_times(times: ArrayLike) -> FloatArray:
    """The times at which to log: (T,), strictly increasing, the first >= 0."""
    allowed = f"strictly increasing numbers, 0 or from {FIRST:g} to {LAST:g}"
    times = numbers_of("times", times, allowed)
    increasing = times.ndim == 1 and times.size > 0 and bool((np.diff(times) > 0).all())
    increasing = increasing and times[0] >= 0 and times[-1] <= LAST
    increasing = increasing and bool((times[times > 0] >= FIRST).all())
    require(increasing, "times", times, allowed)
    return times


def step_errors(rtol: float, atol: float | None) -> tuple[float, float]:
    """The error allowed in a step, relative and absolute (default rtol / 100)."""
    rtol = within("rtol", rtol, 1e-12, 1e-2, closed="[]")
    return rtol, within("atol", rtol / 100 if atol is None else atol, 0)


def threads_of(threads: int | None) -> int:
    """As many as asked for; by default the CPUs that this process may use."""
    if threads is None:
        has_affinity = hasattr(os, "sched_getaffinity")
        threads = len(os.sched_getaffinity(0)) if has_affinity else os.cpu_count() or 1
    return integer("threads", threads, 1, MOST_THREADS)


def in_chunks(work: Callable[[int, int], None], n: int, chunk: int, threads: int) -> None:
    """Call `work`(low, high) for the runs 0 … n − 1, `chunk` at a time; it must free the lock."""
    with ThreadPoolExecutor(threads) as pool:
        list(pool.map(lambda low: work(low, min(low + chunk, n)), range(0, n, chunk)))
