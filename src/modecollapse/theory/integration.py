r"""Integrate the closed equations: many starts and settings in one call, one record out.

Two one-step methods share a trajectory (:mod:`.steppers`).  DOP853 is the cheaper one where
something happens.  But the flow contracts at rates up to about ρ = 2 + η/4, and an explicit step
longer than 6/ρ is unstable: where the error alone would allow much more, near a fixed point or on a
metastable stretch, the L-stable Rodas5P takes over, with the exact Jacobian, and a wait of 10⁹ time
units costs steps, not time.

Each trajectory is computed alone, in scalar code, so its bits depend neither on the batch it is in
nor on the number of threads.
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
from .rhs import _kl, _masses, _speed, _velocity_and_jacobian, overlaps_to_axial
from .runs import (
    ENDS,
    FINISHED,
    PRECISION,
    STEP_LIMIT,
    in_chunks,
    increasing_times,
    motion,
    step_errors,
    threads_of,
    why,
)
from .steppers import (
    Setting,
    _evaluate,
    _explicit_interpolant,
    _explicit_step,
    _implicit_interpolant,
    _implicit_step,
)

__all__ = ["integrate"]

FloatArray = NDArray[np.float64]

STATISTICS = ("m1", "m2", "q11", "q12", "q22", "logit", "kl", "mass_plus", "mass_minus")
CHUNK = 64  # runs that a thread takes at a time
SMALLEST = 1e-14  # step, relative to the time and to the flow's own unit of time
PATIENCE = 6  # explicit steps in a row that stability shortens, before the implicit method
STABLE = 6.0  # DOP853 is stable for rates −λ with λh below 6.1


@compiled
def _run(
    start: NDArray,
    setting: Setting,
    times: NDArray,
    rtol: float,
    atol: float,
    max_steps: int,
    states: NDArray,
    counts: NDArray,
) -> tuple[int, float]:
    """Integrate one trajectory; fills `states` (T, 6) and `counts` (steps, rejected, velocities).

    Returns how it ended and when; rows of `states` that were not reached stay as they were.
    """
    r, logit, eta = setting
    x, new, f, jac = start.copy(), np.empty(6), np.empty(6), np.empty((6, 6))
    m, pivots = np.empty((6, 6)), np.empty(6, np.int64)
    u, nest = np.empty((16, 6)), np.empty((7, 6))
    cap = STABLE / (2 + 0.25 * eta)
    t, h, end, logged, capped, growth = 0.0, 0.0, times[-1], 0, 0, 6.0
    implicit, known = False, False  # which method is next; whether it has what it needs of x
    if times[0] == 0.0:
        logged = 1
        for i in range(6):
            states[0, i] = x[i]
    while logged < times.size:
        if counts[0] + counts[1] >= max_steps:
            return STEP_LIMIT, t
        if not known:
            _velocity_and_jacobian(x, r, logit, eta, f, jac)
            counts[2] += 1
            known = True
        if counts[0] + counts[1] == 0:
            h = min(_first_step(x, f, rtol, atol), cap)
        last = t + 1.001 * h >= end  # no sliver of a step is left over
        if last:
            h = end - t
        if not h > SMALLEST * max(t, 1.0):
            return PRECISION, t
        if implicit:
            error = _implicit_step(x, f, jac, h, setting, rtol, atol, m, pivots, u, new)
            counts[2] += 7
        else:
            error = _explicit_step(x, f, h, setting, rtol, atol, u, new)
            counts[2] += 12
        scale = 0.9 * max(error, 1e-20) ** (-0.2 if implicit else -0.125)
        if not error <= 1:  # NaN too
            counts[1] += 1
            h *= max(scale, 0.2) if math.isfinite(error) else 0.1
            growth = 1.0
            continue
        counts[0] += 1
        reached = end if last else t + h
        if times[logged] < reached:
            if implicit:
                _implicit_interpolant(x, new, u, nest)
            else:
                _explicit_interpolant(x, new, h, setting, u, nest)
                counts[2] += 3
        while logged < times.size and times[logged] <= reached:
            s = 1.0 if times[logged] == reached else (times[logged] - t) / h
            if s < 1:
                _evaluate(x, nest, s, states[logged])
            else:
                for i in range(6):
                    states[logged, i] = new[i]
            logged += 1
        for i in range(6):
            x[i], f[i] = new[i], u[12, i]
        t = reached
        explicit, h = not implicit, h * min(scale, growth)
        if explicit:
            capped = capped + 1 if h > cap else 0
            h = min(h, cap)
            implicit = capped >= PATIENCE
        else:
            implicit = h > cap / 16
        known = explicit and not implicit
        growth = 6.0
    return FINISHED, t


@compiled
def _first_step(x: NDArray, f: NDArray, rtol: float, atol: float) -> float:
    """A step that moves the state by a hundredth of itself, in units of the error allowed."""
    size = slope = 0.0
    for i in range(6):
        scale = atol + rtol * abs(x[i])
        size = max(size, abs(x[i]) / scale)
        slope = max(slope, abs(f[i]) / scale)
    return 0.01 * size / slope if slope > 0 and size > 0 else 1e-6


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
    weight = {"weight": expit(logged["logit"])}
    return finish(
        source="theory",
        times=times,
        statistics={k: logged[k] for k in STATISTICS[:5]}
        | weight
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
    targets = [target] * n if isinstance(target, BimodalTarget) else list(target)
    known = all(isinstance(one, BimodalTarget) for one in targets)
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
