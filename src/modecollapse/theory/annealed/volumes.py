"""Batches of runs towards two modes of unequal volume, without samples."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ...checks import choice, count, flag, made, require, within
from ...dynamics import Dynamics
from ...overlaps import Overlaps
from ...targets import BimodalTarget, GaussianMixture
from ...trajectory import Trajectory, finish
from ..ode import Control
from ..rhs import overlaps_to_axial
from ..runs import (
    counted,
    increasing_times,
    step_errors,
    threads_of,
    why,
)
from .batches import follow_batch, statistics_of
from .steps import _Path
from .volumes_equations import _velocities, _Volumes

__all__ = ["PATHS", "frame", "integrate_volumes", "volumes_velocity"]

FloatArray = NDArray[np.float64]
PATHS = ("tempered", "weights kept", "weights evened")


def frame(target: GaussianMixture) -> BimodalTarget:
    """The bimodal target whose μ* is half the difference of the two modes: of starts, by overlaps
    about the middle of the modes.

    >>> from modecollapse import mixture
    >>> frame(mixture([[5.0, 0.0], [1.0, 0.0]], [0.6, 0.4])).separation
    2.0
    """
    require(isinstance(target, GaussianMixture), "target", target, "a mixture of two Gaussians")
    require(len(target.means) == 2, "target", f"{len(target.means)} modes", "two modes")
    half = float(np.linalg.norm(target.means[0] - target.means[1]) / 2)
    require(half > 0, "target", "two modes at one place", "modes at two places")
    return BimodalTarget(half, target.dimension, float(target.weights[0]))


def _setting(
    target: GaussianMixture, dynamics: Dynamics, path: str
) -> tuple[_Volumes, BimodalTarget]:
    bimodal = frame(target)
    made("dynamics", dynamics, Dynamics, "Dynamics, such as Dynamics(variances='bures')")
    eta = np.asarray(dynamics.eta)
    require(eta.ndim == 0, "eta", eta.tolist(), "one number for all runs")
    require(dynamics.geometry == "euclidean", "geometry", dynamics.geometry, "euclidean")
    require(not flag("sphere", dynamics.sphere), "sphere", True, "False, for unequal volumes")
    require(not dynamics.schedule.needs_kl, "schedule", dynamics.schedule, "one that has a time")
    first, second = map(float, target.variances)
    side = 1.0 if first <= second else -1.0
    logs = np.log(target.weights)[:: int(side)]
    s = _Volumes(
        r=bimodal.separation,
        side=side,
        log_narrow=float(logs[0]),
        log_broad=float(logs[1]),
        narrow=min(first, second),
        broad=max(first, second),
        d=float(target.dimension),
        eta=float(eta),
        variances=("fixed", "euclidean", "bures").index(dynamics.variances),
        divide=bool(dynamics.speed_over_beta),
        path=PATHS.index(choice("path", path, PATHS)),
    )
    return s, bimodal


def _state(bimodal: BimodalTarget, start: Overlaps) -> FloatArray:
    made("start", start, Overlaps, "Overlaps, such as of random_start(frame(target), …)")
    start.check(bimodal)
    overlaps = np.concatenate([start.m, start.q, start.logit[:, None]], axis=1)
    axial = overlaps_to_axial(overlaps, bimodal.separation)
    return np.concatenate([axial, np.log(start.variances)], axis=1)


def volumes_velocity(
    target: GaussianMixture,
    state: Overlaps,
    beta: float = 1.0,
    dynamics: Dynamics | None = None,
    path: str = "tempered",
) -> FloatArray:
    """d/dt of (m_1, m_2, Q_11, Q_12, Q_22, ℓ, v_1, v_2), (n, 8), at one β in (0, 1].

    Arguments as in :func:`integrate_volumes`.
    """
    s, bimodal = _setting(target, dynamics or Dynamics(), path)
    x = _state(bimodal, state)
    f = _velocities(x, within("beta", beta, 0, 1, closed="]"), s)
    a, rate, i, j = x[:, :2], f[:, :2], [0, 0, 1], [0, 1, 1]
    q = f[:, 2:5] + a[:, i] * rate[:, j] + rate[:, i] * a[:, j]
    v = f[:, 6:] * state.variances
    return np.concatenate([s.r * rate, q, f[:, 5:6], v], axis=1)


def integrate_volumes(
    target: GaussianMixture,
    start: Overlaps,
    times: ArrayLike,
    dynamics: Dynamics | None = None,
    *,
    path: str = "tempered",
    rtol: float = 1e-8,
    max_steps: int = 100_000,
    threads: int | None = None,
) -> Trajectory:
    """Follow two components towards two modes of any volumes, without samples.

    Parameters
    ----------
    target : two modes, of any variances.
    start : n states, their overlaps taken about the middle of the modes, with μ* half the way from
        the second to the first (:func:`frame`).
    times : (T,), strictly increasing, the first ≥ 0: when to log.
    dynamics : η, the clock of the variances, the schedule, speeds over β; neither sphere nor
        another geometry.
    path : "tempered", p^β; or, up to a constant, "weights kept", Σ_k π_k N(ν_k, s_k/β I), or
        "weights evened", Σ_k π_k^β N(ν_k, s_k/β I) (docs/theory.md, Eq. 17.8).
    rtol, max_steps, threads : as in :func:`~..integration.integrate_annealed`.

    Returns
    -------
    A trajectory of m1, m2, q11, q12, q22, weight, v1, v2, beta, kl, mass_0 and mass_1; KL, masses
    and outcome are those of p itself.

    >>> from modecollapse import mixture, random_start
    >>> p = mixture([[2.5, 0.0], [-2.5, 0.0]], [0.6, 0.4], [0.15, 1.0])
    >>> start = random_start(frame(p), 5, np.random.default_rng(0), law="gaussian")
    >>> integrate_volumes(p, start, [10.0]).final("mass_0").shape
    (5,)
    """
    dynamics = Dynamics() if dynamics is None else dynamics
    s, bimodal = _setting(target, dynamics, path)
    times = increasing_times(times)
    control = Control(*step_errors(rtol, None), count("max_steps", max_steps))
    path_of_all = _Path(s, dynamics.schedule.phases(), dynamics.schedule.feedback, times, control)
    results = follow_batch(_state(bimodal, start), path_of_all, threads_of(threads))
    return finish(
        source="theory",
        times=times,
        statistics=statistics_of(bimodal, results.logged, ("mass_0", "mass_1")),
        targets=bimodal,
        status=results.status,
        reached=results.reached,
        why=why(control.max_steps),
        diagnostics={**counted(results.counts), "reached": results.reached},
    )
