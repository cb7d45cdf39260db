"""Batches of runs of many components, with their quadrature refined on the way."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.integrate import LSODA

from ...checks import count, integer, made, within
from ...geometries import metric_of
from ...outcomes import modes_found
from ...targets import BimodalTarget, GaussianMixture
from ...trajectory import Status, Trajectory, finish
from ..runs import increasing_times, motion
from .flow import _Flow, _Moments, _TargetRules
from .states import MultimodalOverlaps, MultimodalTarget

__all__ = ["integrate_modes"]

FloatArray = NDArray[np.float64]
ATOL = 1e-3  # absolute tolerance of a step, as a part of rtol
MAX_STEPS = 100_000


def integrate_modes(
    target: MultimodalTarget | GaussianMixture | BimodalTarget,
    start: MultimodalOverlaps,
    times: ArrayLike,
    *,
    eta: float = 0.0,
    geometry: str = "euclidean",
    rtol: float = 1e-4,
    max_points: int = 2**17,
    max_steps: int = MAX_STEPS,
    seed: int = 0,
) -> Trajectory:
    """Integrate the closed equations of K components and K* modes from each state of `start`.

    Parameters
    ----------
    times : increasing, from 0 on; the start stands at time 0.
    eta : η ≥ 0, the speed of the logits α; 0 keeps the weights.
    geometry : "euclidean"; "wasserstein", each mean's speed without its weight; or "natural", and
        that of its logit (docs/remedies.md, Section 13).
    rtol : tolerance of a step, relative to the coordinates of the means and to α, and of each
        expectation of a responsibility (and of dα/dt): the quadrature refines itself until its
        error estimate is below `rtol`.  Where `max_points` nodes don't suffice, the run stops
        there with status "precision" and says so.
    seed : of the Sobol points' scrambling, where Sobol points are used.

    Returns
    -------
    Trajectory
        Statistics ``kl`` (nats), ``n_found`` (number of modes found), ``mass_k`` (of q on mode k)
        and ``weight_i``, each (n, T).  Diagnostics: the last order parameters ``m``, ``q`` and
        ``logits``; ``error`` and ``kl_error`` (n, T), the quadrature's error estimates;
        ``evaluations`` (n,), of the right-hand side; ``points`` (n,), the most nodes used;
        ``speed`` (n,), of all means and logits at the end, and ``moving``
        (:mod:`modecollapse.theory.runs`).

    >>> from modecollapse.theory.multimodal.states import random_modes_start
    >>> target = MultimodalTarget.simplex(3, separation=2.0, dimension=8)
    >>> start = random_modes_start(target, 2, 3, np.random.default_rng(0))
    >>> run = integrate_modes(target, start, [0.0, 300.0])
    >>> run.final("n_found"), bool((run.final("kl") < 1e-3).all())
    (array([3., 3.]), True)
    """
    target = MultimodalTarget.of(target)
    times = increasing_times(times)
    eta = within("eta", eta, 0, closed="[")
    rtol = within("rtol", rtol, 1e-12, 0.1, closed="[]")
    count("max_points", max_points)
    count("max_steps", max_steps)
    seed = integer("seed", seed, 0)
    made("start", start, MultimodalOverlaps, "MultimodalOverlaps, as of random_modes_start")
    means = start.vectors(target)
    rules = _TargetRules(target, means.shape[2], rtol, max_points, seed)
    flows = [_Flow(rules, means.shape[1], eta, metric_of(geometry)) for _ in means]
    packed = np.concatenate([means.reshape(len(means), np.prod(means.shape[1:])), start.logits], 1)
    runs = [_run(f, y, times, rtol, max_steps) for f, y in zip(flows, packed, strict=True)]
    return _record(target, start, times, flows, runs)


class _Run(NamedTuple):
    """One run: its log, how and where it ended."""

    log: list[_Moments]
    y: FloatArray
    status: Status
    message: str


def _run(flow: _Flow, y: FloatArray, times: FloatArray, rtol: float, max_steps: int) -> _Run:
    """Integrate one run, refining the quadrature as it goes."""
    log: list[_Moments] = []
    t = 0.0
    if not flow.fit(y):
        return _Run(log, y, Status.PRECISION, _imprecise(flow, t))
    if times[0] == 0:
        log.append(flow.moments(y, logs=True))
    solver = None
    for _ in range(max_steps):
        if len(log) == len(times):
            return _Run(log, y, Status.FINISHED, "")
        if solver is None:
            solver = LSODA(flow, t, y, times[-1], rtol=rtol, atol=ATOL * rtol, jac=flow.jacobian)
        complaint = solver.step()
        if not np.isfinite(solver.y).all():
            return _Run(log, y, Status.DIVERGED, f"after time {t:.6g} the state is not finite")
        if solver.status == "failed":
            return _Run(log, y, Status.PRECISION, f"at time {t:.6g} LSODA gave up: {complaint}")
        if flow.error > rtol:
            rules = (flow.nodes, flow.rung)
            if not flow.fit(solver.y):
                return _Run(log, y, Status.PRECISION, _imprecise(flow, t))
            if rules != (flow.nodes, flow.rung):
                solver = None  # take the step again, with the finer rules
                continue
        t, y = solver.t, solver.y.copy()
        due = times[len(log) :][times[len(log) :] <= t]
        if due.size:
            path = solver.dense_output()
            log.extend(flow.moments(path(at), logs=True) for at in due)
    message = f"{max_steps} steps were not enough: it stands at time {t:.6g} of {times[-1]:.6g}"
    return _Run(log, y, Status.STEP_LIMIT, message)


def _imprecise(flow: _Flow, t: float) -> str:
    """Why the quadrature stopped a run."""
    points, tolerance = flow.target.max_points, flow.target.tolerance
    have = f"more than {points} points are needed"
    if flow.nodes is not None:
        have = f"{points} points leave the quadrature an error of {flow.error:.2g}"
    return f"at time {t:.6g} {have}, for a tolerance of {tolerance:.2g}: raise rtol or max_points"


def _record(
    target: MultimodalTarget,
    start: MultimodalOverlaps,
    times: FloatArray,
    flows: list[_Flow],
    runs: list[_Run],
) -> Trajectory:
    """The runs as one record."""
    (n, k, modes), t = start.m.shape, len(times)
    names = [f"mass_{j}" for j in range(modes)] + [f"weight_{i}" for i in range(k)]
    logged = np.full((n, t, 3 + modes + k), np.nan)
    status = np.array([run.status for run in runs], dtype=object)
    speed = np.full(n, np.nan)
    m, q, logits = start.m.copy(), start.q.copy(), start.logits.copy()
    for row, (flow, run) in enumerate(zip(flows, runs, strict=True)):
        for column, at in enumerate(run.log):
            logged[row, column] = [at.kl, at.error.max(), at.kl_error, *at.masses, *at.weights]
        if run.status is Status.FINISHED:
            speed[row] = np.linalg.norm(flow(times[-1], run.y))
        means, logits[row] = flow.unpack(run.y)
        m[row], q[row] = means @ flow.target.modes.T, means @ means.T
    found = np.full((n, t), np.nan)
    reached = np.isfinite(logged[..., 0])
    masses = logged[..., 3 : 3 + modes]
    found[reached] = modes_found(masses[reached], target.weights).sum(axis=-1)
    statistics = {"kl": logged[..., 0], "n_found": found}
    statistics |= {name: logged[..., 3 + c] for c, name in enumerate(names)}
    diagnostics = {
        "error": logged[..., 1],
        "kl_error": logged[..., 2],
        "m": m,
        "q": q,
        "logits": logits,
        "evaluations": np.array([flow.evaluations for flow in flows]),
        "points": np.array([flow.points for flow in flows]),
        **motion(times[-1], speed, status == Status.FINISHED),
    }
    why = [run.message for run in runs]
    return finish("theory", times, statistics, target, list(status), np.nan, why, diagnostics)
