r"""Integrate the closed equations: many starts and settings in one call, one record out.

Each trajectory is computed alone, in scalar code (:mod:`.ode`), so its bits depend neither on
the batch it is in nor on the number of threads.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import expit

from ..checks import count, numbers_of, require, within
from ..compiled import compiled, inlined
from ..dynamics import targets_of
from ..overlaps import Overlaps
from ..quadrature import LARGEST_SCALE, _smoothing
from ..targets import BimodalTarget
from ..trajectory import Trajectory, finish
from .core import _kl, _masses, _speed, _velocity, _velocity_and_jacobian
from .ode import Control, Stretch, follow, register
from .rhs import overlaps_to_axial
from .runs import (
    ENDS,
    FINISHED,
    counted,
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


class Bimodal(NamedTuple):
    """The constants of the closed equations."""

    r: float
    logit: float  # of π
    eta: float
    table: NDArray  # of what 2r alone decides in an expectation


@compiled
def _constants(r, logit, eta):
    return Bimodal(r, logit, eta, _smoothing(2 * r))


@inlined
def _bimodal(c, t, x, out):
    _velocity(x, c.r, c.logit, c.eta, c.table, out)


@compiled
def _bimodal_jacobian(c, t, x, out, jac):
    _velocity_and_jacobian(x, c.r, c.logit, c.eta, out, jac)


@compiled
def _contraction(c):
    return 2 + 0.25 * c.eta


register(Bimodal, 6, _bimodal, _bimodal_jacobian, _contraction)


class _Results(NamedTuple):
    """What n runs leave behind."""

    statistics: NDArray  # (9, n, T)
    ended: NDArray  # (n,)
    reached: NDArray  # (n,)
    speed: NDArray  # (n,)
    counts: NDArray  # (n, 3)


@compiled
def _run_rows(low, high, starts, settings, times, control, results):
    """Integrate the runs low..high − 1 of a batch of n, from `starts` (n, 6)."""
    states = np.empty((times.size, 6))
    for n in range(low, high):
        c = _constants(settings[n, 0], settings[n, 1], settings[n, 2])
        for k in range(times.size):
            states[k, 0] = np.nan
        x = starts[n].copy()
        if times[0] == 0.0:
            states[0] = x
        stretch = Stretch(0.0, times[-1], 0.0)
        results.ended[n], results.reached[n], _ = follow(
            c, x, stretch, control, times, states, results.counts[n]
        )
        for k in range(times.size):
            _describe(c, states[k], results.statistics[:, n, k])
        results.speed[n] = _speed(states[-1], c.r, c.logit, c.eta, c.table)


@compiled
def _describe(c, x, out):
    """The statistics of a state; NaN where none was reached."""
    if math.isnan(x[0]):
        out[:] = np.nan
        return
    out[0], out[1] = c.r * x[0], c.r * x[1]
    out[2] = x[2] + x[0] * x[0]
    out[3] = x[3] + x[0] * x[1]
    out[4] = x[4] + x[1] * x[1]
    out[5] = x[5]
    out[6] = _kl(x, c.r, c.logit)
    out[7], out[8] = _masses(x, c.r, c.logit)


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
    """Follow how a two-component q is trained on the target, without drawing a sample.

    The closed equations of gradient flow (docs/theory.md, Eq. 3.7), for a batch of n runs.

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
    control = Control(*step_errors(rtol, atol), count("max_steps", max_steps))
    threads = threads_of(threads)

    overlaps = np.concatenate([start.m, start.q, start.logit[:, None]], axis=1)
    starts = overlaps_to_axial(overlaps, settings[:, :1])
    results = _Results(
        np.empty((len(STATISTICS), n, times.size)),
        np.empty(n, dtype=np.int64),
        np.empty(n),
        np.empty(n),
        np.zeros((n, 3), dtype=np.int64),
    )

    def work(low: int, high: int) -> None:
        _run_rows(low, high, starts, settings, times, control, results)

    in_chunks(work, n, CHUNK, threads)
    logged = dict(zip(STATISTICS, results.statistics, strict=True))
    return finish(
        source="theory",
        times=times,
        statistics={k: logged[k] for k in STATISTICS[:5]}
        | {"weight": expit(logged["logit"])}
        | {k: logged[k] for k in STATISTICS[5:]},
        targets=targets,
        status=[ENDS[e] for e in results.ended.tolist()],
        reached=results.reached,
        why=why(max_steps),
        diagnostics={
            **counted(results.counts),
            "reached": results.reached,
            **motion(times[-1], results.speed, results.ended == FINISHED),
        },
    )


def _settings(
    target: BimodalTarget | Sequence[BimodalTarget], start: Overlaps, eta: ArrayLike
) -> tuple[list[BimodalTarget], FloatArray]:
    """The target and (r, logit π, η) of each run, (n, 3), or ValueError."""
    targets = targets_of(target, n := len(start))
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
