r"""Integrate the closed equations: many starts and settings in one call, one record out.

Each trajectory is computed alone, in scalar code (:mod:`.follow`), so its bits depend neither on
the batch it is in nor on the number of threads.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import expit

from ..checks import integer, numbers_of, require, within
from ..compiled import compiled
from ..overlaps import Overlaps
from ..quadrature import LARGEST_SCALE
from ..targets import BimodalTarget
from ..trajectory import Trajectory, finish
from .core import _kl, _masses, _speed
from .follow import _run
from .rhs import overlaps_to_axial
from .runs import (
    ENDS,
    FINISHED,
    in_chunks,
    increasing_times,
    motion,
    step_errors,
    threads_of,
    why,
)

__all__ = ["integrate"]

FloatArray = NDArray[np.float64]

STATISTICS = ("m1", "m2", "q11", "q12", "q22", "logit", "kl", "mass_plus", "mass_minus")
CHUNK = 64  # runs that a thread takes at a time


@compiled
def _run_rows(
    low: int,
    high: int,
    starts: NDArray,
    settings: NDArray,
    times: NDArray,
    rtol: float,
    atol: float,
    max_steps: int,
    statistics: NDArray,
    ended: NDArray,
    reached: NDArray,
    speed: NDArray,
    counts: NDArray,
) -> None:
    """Integrate the runs low..high − 1 of a batch of n.

    Fills `statistics` (9, n, T), `ended`, `reached` and `speed` (n,), and `counts` (n, 3).
    """
    states = np.empty((times.size, 6))
    for n in range(low, high):
        r, logit, eta = settings[n, 0], settings[n, 1], settings[n, 2]
        for k in range(times.size):
            states[k, 0] = np.nan
        ended[n], reached[n] = _run(
            starts[n], (r, logit, eta), times, rtol, atol, max_steps, states, counts[n]
        )
        for k in range(times.size):
            x, out = states[k], statistics[:, n, k]
            if math.isnan(x[0]):
                for i in range(9):
                    out[i] = np.nan
                continue
            out[0], out[1] = r * x[0], r * x[1]
            out[2] = x[2] + x[0] * x[0]
            out[3] = x[3] + x[0] * x[1]
            out[4] = x[4] + x[1] * x[1]
            out[5] = x[5]
            out[6] = _kl(x, r, logit)
            out[7], out[8] = _masses(x, r, logit)
        speed[n] = _speed(states[-1], r, logit, eta)


def integrate(
    target: BimodalTarget | Sequence[BimodalTarget],
    start: Overlaps,
    times: ArrayLike,
    *,
    eta: ArrayLike = 0.0,
    rtol: float = 1e-8,
    atol: float | None = None,
    max_steps: int = 100_000,
    threads: int | None = None,
) -> Trajectory:
    """Integrate the closed equations (docs/theory.md, Eq. 3.7) for a batch of n runs.

    Parameters
    ----------
    target : one target for all runs, or one for each; separations up to 20.
    start : the n initial states at time 0; unit variances.
    times : (T,), strictly increasing, the first ≥ 0: when to log.  One time costs one state.
    eta : η ≥ 0, the speed of the weights, one for all or (n,); 0 for fixed weights.
    rtol, atol : error allowed in a step, rtol |x_i| + atol, in each axial coordinate (Eq. 3.2).
        1e-12 ≤ rtol ≤ 1e-2; atol > 0, default rtol / 100.
    max_steps : tried steps after which a run ends with status "step limit".
    threads : default: the CPUs that this process may use.  Their number changes no bit.

    Returns
    -------
    A :class:`Trajectory` with m1, m2, q11, q12, q22, weight, logit, kl, mass_plus, mass_minus, and
    diagnostics steps, rejected and evaluations (of the right-hand side), speed (of both means and
    of ℓ at the end) and moving: whether a run would go on by more than 0.001 if it kept that
    speed for as long again (:mod:`.runs`).

    >>> from modecollapse import random_start, target
    >>> p = target(separation=2.0, dimension=16)
    >>> start = random_start(p, 100, np.random.default_rng(0))
    >>> run = integrate(p, start, times=[100.0])
    >>> int(run.collapsed.sum()), bool((run.final("kl") < 1e-12).all())
    (0, True)
    """
    require(isinstance(start, Overlaps), "start", start, "Overlaps, such as of random_start")
    n = len(start)
    targets, settings = _settings(target, start, eta)
    times = increasing_times(times)
    rtol, atol = step_errors(rtol, atol)
    max_steps, threads = integer("max_steps", max_steps, 1), threads_of(threads)

    overlaps = np.concatenate([start.m, start.q, start.logit[:, None]], axis=1)
    starts = overlaps_to_axial(overlaps, settings[:, :1])
    statistics = np.empty((len(STATISTICS), n, times.size))
    ended, reached, speed = np.empty(n, dtype=np.int64), np.empty(n), np.empty(n)
    counts = np.zeros((n, 3), dtype=np.int64)

    def work(low: int, high: int) -> None:
        results = statistics, ended, reached, speed, counts
        _run_rows(low, high, starts, settings, times, rtol, atol, max_steps, *results)

    in_chunks(work, n, CHUNK, threads)
    logged = dict(zip(STATISTICS, statistics, strict=True))
    return finish(
        source="theory",
        times=times,
        statistics={k: logged[k] for k in STATISTICS[:5]}
        | {"weight": expit(logged["logit"])}
        | {k: logged[k] for k in STATISTICS[5:]},
        targets=targets,
        status=[ENDS[e] for e in ended.tolist()],
        reached=reached,
        why=why(max_steps),
        diagnostics={
            "steps": counts[:, 0],
            "rejected": counts[:, 1],
            "evaluations": counts[:, 2],
            "reached": reached,
            **motion(times[-1], speed, ended == FINISHED),
        },
    )


def _settings(
    target: BimodalTarget | Sequence[BimodalTarget], start: Overlaps, eta: ArrayLike
) -> tuple[list[BimodalTarget], FloatArray]:
    """The target and (r, logit π, η) of each run, (n, 3), or ValueError."""
    n = len(start)
    if isinstance(target, BimodalTarget):
        targets = [target] * n
    else:
        targets = list(target) if isinstance(target, Sequence) else []
    known = isinstance(target, BimodalTarget | Sequence)
    known = known and all(isinstance(one, BimodalTarget) for one in targets)
    require(known, "target", target, "a target, or one a run")
    require(len(targets) == n, "target", f"{len(targets)} targets", f"one, or one a run, {n}")
    rows: dict[BimodalTarget, list[int]] = {}
    for i, one in enumerate(targets):
        rows.setdefault(one, []).append(i)
    for one, chosen in rows.items():
        within("separation", one.separation, 0, LARGEST_SCALE / 2, closed="]")
        start[np.array(chosen)].check(one)
    unit = bool((start.variances == 1).all())
    require(unit, "start.variances", start.variances, "1; others are in theory.annealed")
    etas = numbers_of("eta", eta, f"one number, or one a run, ({n},)")
    require(etas.shape in ((), (n,)), "eta", etas.shape, f"one number, or one a run, ({n},)")
    require(bool((np.isfinite(etas) & (etas >= 0)).all()), "eta", eta, "finite numbers >= 0")
    settings = np.empty((n, 3))
    settings[:, 0] = [t.separation for t in targets]
    settings[:, 1] = [t.logit for t in targets]
    settings[:, 2] = etas
    return targets, settings
