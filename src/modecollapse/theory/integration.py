r"""Integrate the closed equations: many starts and settings in one call, one record out.

Rodas5P (G. Steinebach, *Construction of Rosenbrock-Wanner method Rodas5P and numerical benchmarks
within the Julia Differential Equations package*, BIT Numerical Mathematics 63 (2023) 27): eight
stages, order 5 with an embedded method of order 4 for the error, stiffly accurate and L-stable,
interpolant of order 4.  With the exact Jacobian a trajectory that waits near a state for 10⁹ time
units costs steps, not time, and the same method serves at rtol = 1e-4 and 1e-10.

Each trajectory is computed alone, in scalar code, so its bits depend neither on the batch it is in
nor on the number of threads.
"""

from __future__ import annotations

import math
import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np
from numba import njit
from numpy.typing import ArrayLike, NDArray
from scipy.special import expit

from ..checks import integer, require, within
from ..mixtures import BimodalTarget
from ..outcomes import outcome
from ..overlaps import Overlaps
from ..quadrature import LARGEST_SCALE
from ..trajectory import Status, Trajectory
from .rhs import _kl, _masses, _velocity, _velocity_and_jacobian, overlaps_to_axial

__all__ = ["integrate"]

FloatArray = NDArray[np.float64]

STATISTICS = ("m1", "m2", "q11", "q12", "q22", "logit", "kl", "mass_plus", "mass_minus")
CHUNK = 64  # runs that a thread takes at a time

_FINISHED, _STEP_LIMIT, _PRECISION = range(3)
_STATUS = {_FINISHED: Status.FINISHED, _STEP_LIMIT: Status.STEP_LIMIT, _PRECISION: Status.PRECISION}

# Rodas5P, in the form that needs no product with the Jacobian: with M = I/(γh) − J,
# M U_i = f(y + Σ_j a_ij U_j) + Σ_j (c_ij / h) U_j.
_GAMMA = 0.21193756319429014
_A = np.zeros((8, 8))
_A[1, :1] = 3.0
_A[2, :2] = 2.849394379747939, 0.45842242204463923
_A[3, :3] = -6.954028509809101, 2.489845061869568, -10.358996098473584
_A[4, :4] = 2.8029986275628964, 0.5072464736228206, -0.3988312541770524, -0.04721187230404641
_A[5, :5] = (
    -7.502846399306121,
    2.561846144803919,
    -11.627539656261098,
    -0.18268767659942256,
    0.030198172008377946,
)
_A[6, :6] = *_A[5, :5], 1.0
_A[7, :7] = *_A[6, :6], 1.0
_C = np.zeros((8, 8))
_C[1, :1] = -14.155112264123755
_C[2, :2] = -17.97296035885952, -2.859693295451294
_C[3, :3] = 147.12150275711716, -1.41221402718213, 71.68940251302358
_C[4, :4] = 165.43517024871676, -0.4592823456491126, 42.90938336958603, -5.961986721573306
_C[5, :5] = (
    24.854864614690072,
    -3.0009227002832186,
    47.4931110020768,
    5.5814197821558125,
    -0.6610691825249471,
)
_C[6, :6] = (
    30.91273214028599,
    -3.1208243349937974,
    77.79954646070892,
    34.28646028294783,
    -19.097331116725623,
    -28.087943162872662,
)
_C[7, :7] = (
    37.80277123390563,
    -3.2571969029072276,
    112.26918849496327,
    66.9347231244047,
    -40.06618937091002,
    -54.66780262877968,
    -9.48861652309627,
)
_DENSE = np.array(
    [
        [
            25.948786856663858,
            -2.5579724845846235,
            10.433815404888879,
            -2.3679251022685204,
            0.524948541321073,
            1.1241088310450404,
            0.4272876194431874,
            -0.17202221070155493,
        ],
        [
            -9.91568850695171,
            -0.9689944594115154,
            3.0438037242978453,
            -24.495224566215796,
            20.176138334709044,
            15.98066361424651,
            -6.789040303419874,
            -6.710236069923372,
        ],
        [
            11.419903575922262,
            2.8879645136146994,
            72.92137995996029,
            80.12511834622643,
            -52.072871366152654,
            -59.78993625266729,
            -0.15582684282751913,
            4.883087185713722,
        ],
    ]
)


@njit(cache=True, nogil=True, error_model="numpy")
def _factorise(m: NDArray, pivots: NDArray) -> None:
    """LU of a 6 × 6 matrix in place, rows swapped."""
    for k in range(6):
        p = k
        for i in range(k + 1, 6):
            if abs(m[i, k]) > abs(m[p, k]):
                p = i
        pivots[k] = p
        if p != k:
            for j in range(6):
                m[k, j], m[p, j] = m[p, j], m[k, j]
        inverse = 1 / m[k, k]
        for i in range(k + 1, 6):
            m[i, k] *= inverse
            for j in range(k + 1, 6):
                m[i, j] -= m[i, k] * m[k, j]


@njit(cache=True, nogil=True, error_model="numpy")
def _solve(m: NDArray, pivots: NDArray, v: NDArray) -> None:
    """Solve in place with the factors of :func:`_factorise`."""
    for k in range(6):
        p = pivots[k]
        v[k], v[p] = v[p], v[k]
    for i in range(1, 6):
        for j in range(i):
            v[i] -= m[i, j] * v[j]
    for i in range(5, -1, -1):
        for j in range(i + 1, 6):
            v[i] -= m[i, j] * v[j]
        v[i] /= m[i, i]


@njit(cache=True, nogil=True, error_model="numpy")
def _step(
    x: NDArray,
    h: float,
    f: NDArray,
    jac: NDArray,
    r: float,
    logit: float,
    eta: float,
    m: NDArray,
    pivots: NDArray,
    u: NDArray,
    stage: NDArray,
) -> None:
    """One step of Rodas5P: fills `u` (8, 6); the new state is left in `stage`."""
    for i in range(6):
        for j in range(6):
            m[i, j] = -jac[i, j]
        m[i, i] += 1 / (_GAMMA * h)
        u[0, i] = f[i]
    _factorise(m, pivots)
    _solve(m, pivots, u[0])
    for s in range(1, 8):
        for i in range(6):
            stage[i] = x[i]
        for j in range(s):
            for i in range(6):
                stage[i] += _A[s, j] * u[j, i]
        _velocity(stage, r, logit, eta, u[s])
        for j in range(s):
            c = _C[s, j] / h
            for i in range(6):
                u[s, i] += c * u[j, i]
        _solve(m, pivots, u[s])
    for i in range(6):
        stage[i] += u[7, i]


@njit(cache=True, nogil=True, error_model="numpy")
def _interpolate(x: NDArray, new: NDArray, u: NDArray, s: float, out: NDArray) -> None:
    """The state at the part s of a step."""
    for i in range(6):
        k1 = k2 = k3 = 0.0
        for j in range(8):
            k1 += _DENSE[0, j] * u[j, i]
            k2 += _DENSE[1, j] * u[j, i]
            k3 += _DENSE[2, j] * u[j, i]
        out[i] = (1 - s) * x[i] + s * (new[i] + (1 - s) * (k1 + s * (k2 + s * k3)))


@njit(cache=True, nogil=True, error_model="numpy")
def _run(
    start: NDArray,
    r: float,
    logit: float,
    eta: float,
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
    x, f, jac = start.copy(), np.empty(6), np.empty((6, 6))
    m, pivots = np.empty((6, 6)), np.empty(6, np.int64)
    u, stage = np.empty((8, 6)), np.empty(6)
    t, logged, end = 0.0, 0, times[-1]
    if times[0] == 0.0:
        states[0] = x
        logged = 1
    _velocity_and_jacobian(x, r, logit, eta, f, jac)
    counts[2] += 1
    size = slope = 0.0
    for i in range(6):
        scale = atol + rtol * abs(x[i])
        size = max(size, abs(x[i]) / scale)
        slope = max(slope, abs(f[i]) / scale)
    h = end if slope == 0.0 else min(end, max(0.01 * size / slope, 1e-6))
    growth = 6.0
    while logged < times.size:
        if counts[0] + counts[1] >= max_steps:
            return _STEP_LIMIT, t
        last = t + h >= end
        if last:
            h = end - t
        if not h > 1e-14 * t:
            return _PRECISION, t
        _step(x, h, f, jac, r, logit, eta, m, pivots, u, stage)
        counts[2] += 7
        error = 0.0
        for i in range(6):
            scale = atol + rtol * max(abs(x[i]), abs(stage[i]))
            error += (u[7, i] / scale) ** 2
        error = math.sqrt(error / 6)
        if not error <= 1.0:  # NaN too
            h *= max(0.2, 0.9 * error**-0.2) if error < 1e300 else 0.1
            counts[1] += 1
            growth = 1.0
            continue
        new = end if last else t + h
        while logged < times.size and times[logged] <= new:
            if times[logged] == new:
                states[logged] = stage
            else:
                _interpolate(x, stage, u, (times[logged] - t) / h, states[logged])
            logged += 1
        t = new
        x[:] = stage
        counts[0] += 1
        if logged < times.size:
            _velocity_and_jacobian(x, r, logit, eta, f, jac)
            counts[2] += 1
        h *= min(growth, 0.9 * max(error, 1e-12) ** -0.2)
        growth = 6.0
    return _FINISHED, t


@njit(cache=True, nogil=True, error_model="numpy")
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
    counts: NDArray,
) -> None:
    """Integrate the runs low..high − 1 of a batch of n.

    Fills `statistics` (9, n, T), `ended` and `reached` (n,), and `counts` (n, 3).
    """
    states = np.empty((times.size, 6))
    for n in range(low, high):
        r, logit, eta = settings[n]
        states[:] = np.nan
        ended[n], reached[n] = _run(
            starts[n], r, logit, eta, times, rtol, atol, max_steps, states, counts[n]
        )
        for k in range(times.size):
            x, out = states[k], statistics[:, n, k]
            if np.isnan(x[0]):
                out[:] = np.nan
                continue
            out[0], out[1] = r * x[0], r * x[1]
            out[2] = x[2] + x[0] * x[0]
            out[3] = x[3] + x[0] * x[1]
            out[4] = x[4] + x[1] * x[1]
            out[5] = x[5]
            out[6] = _kl(x, r, logit)
            out[7], out[8] = _masses(x, r, logit)


def integrate(
    target: BimodalTarget | Sequence[BimodalTarget],
    start: Overlaps,
    times: ArrayLike,
    *,
    eta: ArrayLike = 0.0,
    rtol: float = 1e-8,
    atol: float | None = None,
    max_steps: int = 100_000,
    workers: int | None = None,
) -> Trajectory:
    """Integrate the closed equations (docs/theory.md, Eq. 3.7) for a batch of n runs.

    Parameters
    ----------
    target : one target for all runs, or one for each.
    start : the n initial states at time 0; unit variances.
    times : (T,), strictly increasing, the first ≥ 0: when to log.  One time costs one state.
    eta : η ≥ 0, the speed of the weights, one for all or (n,); 0 for fixed weights.
    rtol, atol : error allowed in a step, rtol |x_i| + atol, in each axial coordinate (Eq. 3.2).
        1e-12 ≤ rtol ≤ 1e-2; atol > 0, default rtol / 100.
    max_steps : tried steps after which a run ends with status "step limit".
    workers : threads; default: the CPUs that this process may use.  Does not change any bit.

    Returns
    -------
    A :class:`Trajectory` with m1, m2, q11, q12, q22, weight, logit, kl, mass_plus, mass_minus, and
    diagnostics steps, rejected and evaluations (of the right-hand side).

    >>> from modecollapse import random_start, target
    >>> p = target(separation=2.0, dimension=16)
    >>> start = random_start(p, 100, np.random.default_rng(0))
    >>> run = integrate(p, start, times=[100.0])
    >>> int(run.collapsed.sum()), bool((run.final("kl") < 1e-12).all())
    (0, True)
    """
    n = len(start)
    weights, settings = _settings(target, start, eta)
    times = np.array(times, dtype=float)
    increasing = times.ndim == 1 and times.size > 0 and bool((np.diff(times) > 0).all())
    increasing = increasing and bool(np.isfinite(times).all()) and times[0] >= 0
    require(increasing, "times", times, "strictly increasing numbers >= 0")
    rtol = within("rtol", rtol, 1e-12, 1e-2, closed="[]")
    atol = within("atol", rtol / 100 if atol is None else atol, 0)
    max_steps = integer("max_steps", max_steps, 1)
    workers = integer("workers", workers or len(os.sched_getaffinity(0)), 1)

    overlaps = np.concatenate([start.m, start.q, start.logit[:, None]], axis=1)
    starts = overlaps_to_axial(overlaps, settings[:, :1])
    statistics = np.empty((len(STATISTICS), n, times.size))
    ended, reached = np.empty(n, dtype=np.int64), np.empty(n)
    counts = np.zeros((n, 3), dtype=np.int64)

    def run(low: int) -> None:
        high = min(low + CHUNK, n)
        results = statistics, ended, reached, counts
        _run_rows(low, high, starts, settings, times, rtol, atol, max_steps, *results)

    with ThreadPoolExecutor(workers) as pool:
        list(pool.map(run, range(0, n, CHUNK)))

    logged = dict(zip(STATISTICS, statistics, strict=True))
    weight = {"weight": expit(logged["logit"])}
    finished = ended == _FINISHED
    return Trajectory(
        source="theory",
        times=times,
        statistics={k: logged[k] for k in STATISTICS[:5]}
        | weight
        | {k: logged[k] for k in STATISTICS[5:]},
        outcome=_outcomes(weights, finished, logged),
        status=np.array([_STATUS[e] for e in ended.tolist()], dtype=np.object_),
        message=tuple(
            _message(e, t, max_steps) for e, t in zip(ended.tolist(), reached.tolist(), strict=True)
        ),
        diagnostics={
            "steps": counts[:, 0],
            "rejected": counts[:, 1],
            "evaluations": counts[:, 2],
            "reached": reached,
        },
    )


def _settings(
    target: BimodalTarget | Sequence[BimodalTarget], start: Overlaps, eta: ArrayLike
) -> tuple[FloatArray, FloatArray]:
    """π and (r, logit π, η) of each run, (n,) and (n, 3), or ValueError."""
    n = len(start)
    targets = [target] * n if isinstance(target, BimodalTarget) else list(target)
    require(len(targets) == n, "target", f"{len(targets)} targets", f"one, or one a run, {n}")
    for one in set(targets):
        within("separation", one.separation, 0, LARGEST_SCALE / 2, closed="]")
        start[np.array([t == one for t in targets])].check(one)
    unit = bool((start.variances == 1).all())
    require(unit, "start.variances", start.variances, "1; others are in theory.annealed")
    etas = np.asarray(eta, dtype=float)
    require(etas.shape in ((), (n,)), "eta", etas.shape, f"one number, or one a run, ({n},)")
    require(bool((np.isfinite(etas) & (etas >= 0)).all()), "eta", eta, "finite numbers >= 0")
    settings = np.empty((n, 3))
    settings[:, 0] = [t.separation for t in targets]
    settings[:, 1] = [t.logit for t in targets]
    settings[:, 2] = etas
    return np.array([t.weight for t in targets]), settings


def _outcomes(weights: FloatArray, finished: NDArray, logged: dict[str, FloatArray]) -> NDArray:
    """The outcome of each run at the last time, None where it did not finish."""
    outcomes = np.full(len(finished), None, dtype=object)
    masses = np.stack([logged["mass_plus"][:, -1], logged["mass_minus"][:, -1]], axis=-1)
    components = expit(np.multiply.outer(logged["logit"][:, -1], [1.0, -1.0]))
    for weight in np.unique(weights[finished]):
        rows = finished & (weights == weight)
        outcomes[rows] = outcome(masses[rows], [weight, 1 - weight], components[rows])
    return outcomes


def _message(ended: int, reached: float, max_steps: int) -> str:
    if ended == _STEP_LIMIT:
        return f"max_steps = {max_steps} steps were used up at time {reached:.6g}; allow more."
    if ended == _PRECISION:
        return (
            f"At time {reached:.6g} no step, however short, kept the error allowed: the means are"
            f" more than {LARGEST_SCALE:g} apart, or rtol and atol are too small."
        )
    return ""
