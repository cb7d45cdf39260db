r"""Gradient flow on a tempered target p^β(t) with trained means, weights and isotropic variances.

q = w_1 N(μ_1, v_1 I) + w_2 N(μ_2, v_2 I) descends KL(q‖p^β/Z_β) for the bimodal target p.  In the
axial coordinates of :mod:`.rhs`, with the log-variances added (docs/theory.md, Eqs. 11.3 to 11.5),

    da_1/dt  = −w_1 β (a_1 − r T_1) + g (a_1 − a_2)
    da_2/dt  = −w_2 β (a_2 − r T_2) − g (a_1 − a_2)
    dP_11/dt = −2 w_1 β P_11 + 2 g (P_11 − P_12),    dP_22/dt alike
    dP_12/dt = −β P_12 − g (P_11 − 2 P_12 + P_22)
    dℓ/dt    = −η w_1 w_2 (A_1 − A_2),    A_i = E_i[log q − β log p]
    ∂KL/∂v_i = [w_i (β v_i (d − 4 r² C_i) − d) + U_i] / 2v_i

where T_i = E_i[s_+ − s_-] and C_i = E_i[s_+ s_-] are expectations of one Gaussian variable, and
g, U_i and what A_i needs of log q are contour integrals (:mod:`.contour`): no limit is taken, and
the dimension d is any.  At v = 1 and β = 1 these are the equations of :mod:`.rhs`.

The variances move by one of two clocks.  "euclidean" is dv/dt = −∂KL/∂v.  "bures" is the gradient
flow in the Wasserstein metric of N(μ, v I), ‖dμ‖² + d (d√v)², that is dv/dt = −(4v/d) ∂KL/∂v: for
one Gaussian on N(0, I/β) it is dv/dt = 2 (1 − βv), the Ornstein-Uhlenbeck process.
"""

from __future__ import annotations

import math
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import expit

from ..checks import choice, integer, numbers_of, require, within
from ..compiled import compiled
from ..outcomes import arrived, outcome
from ..overlaps import Overlaps
from ..quadrature import LARGEST_SCALE, _sigmoid_moments, _softplus
from ..schedules import Adaptive, Exponential, Linear, NoAnnealing, Schedule, Step
from ..targets import BimodalTarget
from ..trajectory import Status, Trajectory
from .contour import _overlap_integrals
from .integration import available_cpus
from .rhs import axial_to_overlaps, overlaps_to_axial

__all__ = ["VARIANCES", "annealed_velocity", "integrate_annealed", "tempered_kl"]

FloatArray = NDArray[np.float64]
VARIANCES = ("fixed", "euclidean", "bures")
STATISTICS = (
    *("m1", "m2", "q11", "q12", "q22", "weight", "v1", "v2"),
    *("beta", "kl", "mass_plus", "mass_minus"),
)
CHUNK = 16  # runs that a thread takes at a time
WAIT = 0.01  # of log β, between two looks at KL where the schedule asks for it
CONSTANT, GEOMETRIC, ARITHMETIC = range(3)  # how β moves within a phase of the schedule
FINISHED, STEP_LIMIT, PRECISION = range(3)
MESSAGES = {
    FINISHED: "",
    STEP_LIMIT: "max_steps = {limit} steps were used up at time {time:.6g}; allow more.",
    PRECISION: "At time {time:.6g} no step kept the error allowed: rtol and atol are too small.",
}
STATUS = {
    FINISHED: Status.FINISHED,
    STEP_LIMIT: Status.STEP_LIMIT,
    PRECISION: Status.PRECISION,
}


class _Setting(NamedTuple):
    """What the equations need to know, in a form that compiled code reads."""

    r: float
    logit: float  # log π/(1 − π)
    d: float
    eta: float
    means: bool  # whether the means move
    sphere: bool
    variances: bool  # whether the variances move
    bures: bool
    divide: bool  # every speed by β


class _Phase(NamedTuple):
    """β on a stretch of time: `beta` at `since`, then moving by its `law` at a constant `rate`."""

    law: int
    since: float
    beta: float
    rate: float


@compiled
def _beta_at(phase, t):
    if phase.law == GEOMETRIC:
        return phase.beta * math.exp(phase.rate * (t - phase.since))
    if phase.law == ARITHMETIC:
        return phase.beta + phase.rate * (t - phase.since)
    return phase.beta


@compiled
def _log_logistic(u):
    return -math.log1p(math.exp(-u)) if u > 0 else u - math.log1p(math.exp(u))


@compiled
def _mode(a, v, r, logit):
    """E_i[s_+] and E_i[s_+ s_-]: the log-odds of p at x ~ N(μ_i, v I) is 2x·μ* + logit π."""
    sigmoid, slope, _ = _sigmoid_moments(2 * r * a + logit, 2 * r * math.sqrt(v))
    return sigmoid, slope


@compiled
def _log_cosh(a, v, s):
    """E_i[log(π e^{x·μ*} + (1 − π) e^{−x·μ*})]."""
    softplus = _softplus(2 * s.r * a + s.logit, 2 * s.r * math.sqrt(v))
    return _log_logistic(-s.logit) - s.r * a + softplus


@compiled
def _mixture_integrals(x, d):
    """The integrals of :func:`_overlap_integrals`, and κ = D²/v_2, in the state x."""
    distance2 = (x[0] - x[1]) ** 2 + max(x[2] - 2 * x[3] + x[4], 0.0)
    kappa = distance2 * math.exp(-x[7])
    integrals = _overlap_integrals(_log_logistic(x[5]), x[5], math.exp(x[6] - x[7]), kappa, d)
    return kappa, integrals


@compiled
def _advantages(x, beta, one, two, s):
    """A_i = E_i[log q − β log p], up to a constant common to both (docs/theory.md, Eq. 11.5)."""
    v1, v2 = math.exp(x[6]), math.exp(x[7])
    w1, w2 = 1 / (1 + math.exp(-x[5])), 1 / (1 + math.exp(x[5]))
    first = _log_logistic(x[5]) + one / w1 + 0.5 * s.d * (beta * v1 - x[6])
    first += beta * (0.5 * (x[2] + x[0] ** 2) - _log_cosh(x[0], v1, s))
    second = _log_logistic(-x[5]) + two / w2 + 0.5 * s.d * (beta * v2 - x[7])
    second += beta * (0.5 * (x[4] + x[1] ** 2) - _log_cosh(x[1], v2, s))
    return first, second


@compiled
def _velocity(x, beta, s, out):
    """dx/dt of x = (a_1, a_2, P_11, P_12, P_22, ℓ, log v_1, log v_2)."""
    v1, v2 = math.exp(x[6]), math.exp(x[7])
    w1, w2 = 1 / (1 + math.exp(-x[5])), 1 / (1 + math.exp(x[5]))
    kappa, (_, pull, turn, one, two) = _mixture_integrals(x, s.d)
    plus1, slope1 = _mode(x[0], v1, s.r, s.logit)
    plus2, slope2 = _mode(x[1], v2, s.r, s.logit)
    out[:] = 0.0
    if s.means:
        force = pull / v2
        along = force * (x[0] - x[1])
        out[0] = -w1 * beta * (x[0] - s.r * (2 * plus1 - 1)) + along
        out[1] = -w2 * beta * (x[1] - s.r * (2 * plus2 - 1)) - along
        out[2] = -2 * w1 * beta * x[2] + 2 * force * (x[2] - x[3])
        out[3] = -beta * x[3] - force * (x[2] - 2 * x[3] + x[4])
        out[4] = -2 * w2 * beta * x[4] + 2 * force * (x[4] - x[3])
    if s.means and s.sphere:
        radial1 = (x[0] * out[0] + 0.5 * out[2]) / (x[0] ** 2 + x[2])
        radial2 = (x[1] * out[1] + 0.5 * out[4]) / (x[1] ** 2 + x[4])
        out[0] -= radial1 * x[0]
        out[1] -= radial2 * x[1]
        out[2] -= 2 * radial1 * x[2]
        out[3] -= (radial1 + radial2) * x[3]
        out[4] -= 2 * radial2 * x[4]
    if s.eta > 0:
        first, second = _advantages(x, beta, one, two, s)
        out[5] = -s.eta * w1 * w2 * (first - second)
    if s.variances:
        # −2v ∂KL/∂v (docs/theory.md, Eq. 11.4); U_1 + U_2 = κ · pull
        spread = s.d * (v1 / v2 - 1) * pull
        out[6] = w1 * (s.d - beta * v1 * (s.d - 4 * s.r**2 * slope1)) - (kappa * turn - spread)
        out[7] = w2 * (s.d - beta * v2 * (s.d - 4 * s.r**2 * slope2))
        out[7] -= kappa * (pull - turn) + spread
        out[6] *= 2 / (s.d * v1) if s.bures else 0.5 / v1**2
        out[7] *= 2 / (s.d * v2) if s.bures else 0.5 / v2**2
    if s.divide:
        out /= beta


@compiled
def _log_normalizer(beta, s):
    """log E[(π e^y + (1 − π) e^{−y})^β] over y ~ N(0, r²/β).

    The trapezoidal rule in u, y = sinh u, where the branch points keep their distance from the real
    axis whatever r and β are.
    """
    spread, top = s.r / math.sqrt(beta), 0.5 * s.r**2 * beta  # no exponent is above `top`
    step, end = min(0.05, 0.3 * spread), math.asinh(s.r**2 + 9 * spread)
    n = math.ceil(end / step)
    total = 0.0
    for k in range(-n, n + 1):
        y = math.sinh(k * step)
        log_p = max(y + _log_logistic(s.logit), _log_logistic(-s.logit) - y)
        log_p += math.log1p(math.exp(-abs(2 * y + s.logit)))
        total += math.cosh(k * step) * math.exp(beta * (log_p - 0.5 * (y / s.r) ** 2) - top)
    return top + math.log(total * step / (math.sqrt(2 * math.pi) * spread))


@compiled
def _kl(x, beta, s):
    """KL(q‖p^β/Z_β) (docs/theory.md, Eq. 11.9)."""
    _, (_, _, _, one, two) = _mixture_integrals(x, s.d)
    first, second = _advantages(x, beta, one, two, s)
    w1, w2 = 1 / (1 + math.exp(-x[5])), 1 / (1 + math.exp(x[5]))
    constant = _log_normalizer(beta, s) - 0.5 * s.d * (1 + math.log(beta))
    return w1 * first + w2 * second + constant


@compiled
def _masses(x, s):
    """The mass of q on the modes at +μ* and −μ*."""
    w1, w2 = 1 / (1 + math.exp(-x[5])), 1 / (1 + math.exp(x[5]))
    plus = minus = 0.0
    for i, w in enumerate((w1, w2)):
        v = math.exp(x[6 + i])
        plus += w * _mode(x[i], v, s.r, s.logit)[0]
        minus += w * _mode(-x[i], v, s.r, -s.logit)[0]
    return plus, minus


# Dormand and Prince's Runge-Kutta pair of orders 5 and 4 (J. Comput. Appl. Math. 6 (1980) 19).
_NODES = np.array([0, 1 / 5, 3 / 10, 4 / 5, 8 / 9, 1, 1])
_STAGES = np.zeros((7, 6))
_STAGES[1, :1] = 1 / 5
_STAGES[2, :2] = 3 / 40, 9 / 40
_STAGES[3, :3] = 44 / 45, -56 / 15, 32 / 9
_STAGES[4, :4] = 19372 / 6561, -25360 / 2187, 64448 / 6561, -212 / 729
_STAGES[5, :5] = 9017 / 3168, -355 / 33, 46732 / 5247, 49 / 176, -5103 / 18656
_STAGES[6, :6] = 35 / 384, 0, 500 / 1113, 125 / 192, -2187 / 6784, 11 / 84
_ERROR = np.array(
    [71 / 57600, 0, -71 / 16695, 71 / 1920, -17253 / 339200, 22 / 525, -1 / 40], dtype=float
)


class _Feedback(NamedTuple):
    """How β waits for the fit; read only where `active`."""

    active: bool
    bound: float
    rate: float
    interval: float  # between two looks at KL


class _Control(NamedTuple):
    """How the steps are chosen."""

    rtol: float
    atol: float
    max_steps: int


@compiled
def _try_step(x, t, h, phase, s, control, slopes, out):
    """A step from `x` to `out`; `slopes[0]` must hold dx/dt at t.  Returns its scaled error."""
    for k in range(1, 7):
        for i in range(8):
            move = 0.0
            for j in range(k):
                move += _STAGES[k, j] * slopes[j, i]
            out[i] = x[i] + h * move
        _velocity(out, _beta_at(phase, t + _NODES[k] * h), s, slopes[k])
    worst = 0.0
    for i in range(8):
        error = 0.0
        for k in range(7):
            error += _ERROR[k] * slopes[k, i]
        scale = control.atol + control.rtol * max(abs(x[i]), abs(out[i]))
        error = abs(h * error) / scale
        if not error <= worst:  # also where it is NaN
            worst = error
    return worst


@compiled
def _advance(x, t, end, h, phase, s, control, counts):
    """Move `x` in place from t to `end` within one phase of the schedule.

    Returns how it ended, the time reached, and the step to try next.
    """
    slopes, out = np.empty((7, 8)), np.empty(8)
    _velocity(x, _beta_at(phase, t), s, slopes[0])
    while t < end:
        if counts[0] >= control.max_steps:
            return STEP_LIMIT, t, h
        last = t + 1.000001 * h >= end
        step = end - t if last else h
        if not last and not step > 1e-14 * t:
            return PRECISION, t, h
        error = _try_step(x, t, step, phase, s, control, slopes, out)
        counts[0] += 1
        if error <= 1:
            t = end if last else t + step
            x[:] = out
            slopes[0] = slopes[6]
            wider = step * min(5.0, 0.9 * max(error, 1e-10) ** -0.2)
            h = max(h, wider) if last else wider
        else:
            counts[1] += 1
            h = step * (max(0.2, 0.9 * error**-0.2) if error < math.inf else 0.1)
    return FINISHED, end, h


@compiled
def _next_phase(x, t, beta, feedback, s):
    """The phase from t on, and its end, where β waits for the fit."""
    if beta >= 1:
        return _Phase(CONSTANT, t, 1.0, 0.0), math.inf
    if _kl(x, beta, s) > feedback.bound:
        return _Phase(CONSTANT, t, beta, 0.0), t + feedback.interval
    remaining = -math.log(beta) / feedback.rate
    return _Phase(GEOMETRIC, t, beta, feedback.rate), t + min(feedback.interval, remaining)


@compiled
def _follow(x, times, phases, ends, feedback, s, control, logged, counts):
    """Follow one run from time 0; `logged` is (statistics, T).  Returns how and when it ended."""
    t, h, place = 0.0, 1e-3, 0
    phase, until = phases[0], ends[0]
    if feedback.active:
        phase, until = _next_phase(x, t, phase.beta, feedback, s)
    for k in range(times.size):
        while t < times[k]:
            end = min(times[k], until)
            ended, t, h = _advance(x, t, end, h, phase, s, control, counts)
            if ended != FINISHED:
                return ended, t
            if t >= until and feedback.active:
                phase, until = _next_phase(x, t, min(_beta_at(phase, t), 1.0), feedback, s)
            elif t >= until:
                place += 1
                phase, until = phases[place], ends[place]
        beta = _beta_at(phase, t)
        logged[:8, k] = x
        logged[8, k], logged[9, k] = beta, _kl(x, beta, s)
        logged[10, k], logged[11, k] = _masses(x, s)
    return FINISHED, t


@compiled
def _follow_all(
    low, high, x, times, phases, ends, feedback, s, control, logged, ended, reached, counts
):
    for i in range(low, high):
        ended[i], reached[i] = _follow(
            x[i], times, phases, ends, feedback, s, control, logged[i], counts[i]
        )


def _phases(schedule: Schedule) -> tuple[tuple[_Phase, ...], FloatArray, _Feedback]:
    """The schedule as compiled code reads it: the phases, their ends, and how β waits."""
    open_loop = _Feedback(False, 0.0, 0.0, 0.0)
    final, always = _Phase(CONSTANT, 0.0, 1.0, 0.0), np.inf
    if isinstance(schedule, NoAnnealing):
        return (final, final), np.array([always, always]), open_loop
    if isinstance(schedule, Adaptive):
        first = _Phase(CONSTANT, 0.0, schedule.beta_initial, 0.0)
        feedback = _Feedback(True, schedule.bound, schedule.rate, WAIT / schedule.rate)
        return (first, final), np.array([0.0, always]), feedback
    known = isinstance(schedule, Step | Exponential | Linear)
    require(known, "schedule", schedule, "one of modecollapse.schedules")
    beta, end = float(schedule.beta(0.0)), schedule.end
    law, rate = CONSTANT, 0.0
    if isinstance(schedule, Exponential):
        law, rate = GEOMETRIC, -math.log(beta) / end
    elif isinstance(schedule, Linear):
        law, rate = ARITHMETIC, (1 - beta) / end
    return (_Phase(law, 0.0, beta, rate), final), np.array([end, always]), open_loop


def _setting(target, eta, train_means, sphere, variances, speed_over_beta) -> _Setting:
    require(isinstance(target, BimodalTarget), "target", target, "a bimodal target")
    choice("variances", variances, VARIANCES)
    within("separation", target.separation, 0, LARGEST_SCALE / 2, closed="]")
    return _Setting(
        r=target.separation,
        logit=target.logit,
        d=float(target.dimension),
        eta=within("eta", eta, 0, closed="["),
        means=bool(train_means),
        sphere=bool(sphere),
        variances=variances != "fixed",
        bures=variances == "bures",
        divide=bool(speed_over_beta),
    )


def _state(target: BimodalTarget, start: Overlaps) -> FloatArray:
    """x of each run, (n, 8)."""
    overlaps = np.concatenate([start.m, start.q, start.logit[:, None]], axis=1)
    axial = overlaps_to_axial(overlaps, target.separation)
    return np.concatenate([axial, np.log(start.variances)], axis=1)


def integrate_annealed(
    target: BimodalTarget,
    start: Overlaps,
    times: ArrayLike,
    *,
    schedule: Schedule | None = None,
    eta: float = 0.0,
    train_means: bool = True,
    sphere: bool = False,
    variances: str = "fixed",
    speed_over_beta: bool = False,
    rtol: float = 1e-8,
    atol: float | None = None,
    max_steps: int = 100_000,
    workers: int | None = None,
) -> Trajectory:
    """Integrate the annealed equations (docs/theory.md, Eqs. 11.3 to 11.5) for n runs.

    Parameters
    ----------
    target : p, at β = 1.
    start : the n initial states at time 0, of any positive variances.
    times : (T,), strictly increasing, the first ≥ 0: when to log.
    schedule : of β in the target p^β, in the unit of time; default β = 1.
    eta : η ≥ 0, the speed of ℓ = logit w_1; 0 keeps the weights fixed.
    train_means : whether the means move.
    sphere : keep each mean on the sphere ‖μ_i‖ = const. of its start.
    variances : "fixed"; "euclidean", dv/dt = −∂KL/∂v; or "bures", dv/dt = −(4v/d) ∂KL/∂v.
    speed_over_beta : divide every speed by β.
    rtol, atol : error allowed in a step, rtol |x_i| + atol, in each axial coordinate (Eq. 3.2), in
        ℓ and in log v_i.  1e-12 ≤ rtol ≤ 1e-2; atol > 0, default rtol / 100.
    max_steps : tried steps after which a run ends with status "step limit".
    workers : threads; default: the CPUs that this process may use.  Does not change any bit.

    Returns
    -------
    A :class:`Trajectory` with m1, m2, q11, q12, q22, weight, v1, v2, beta, kl, mass_plus,
    mass_minus, and diagnostics steps, rejected, reached.  KL is to the normalised p^β; the masses
    and the outcome are those of p itself.

    Notes
    -----
    With an adaptive schedule the fit is looked at whenever β could have grown by a hundredth.

    >>> from modecollapse import random_start, target
    >>> from modecollapse.schedules import schedule
    >>> p = target(separation=3.0, dimension=512, weight=0.8)
    >>> start = random_start(p, 20, np.random.default_rng(0), variance=100.0)
    >>> annealing = schedule("exponential", beta_initial=0.01, time=80.0)
    >>> run = integrate_annealed(p, start, [85.0], schedule=annealing, variances="bures",
    ...                          sphere=True, speed_over_beta=True)
    >>> int(run.collapsed.sum())
    0
    """
    s = _setting(target, eta, train_means, sphere, variances, speed_over_beta)
    require(isinstance(start, Overlaps), "start", start, "Overlaps, such as of random_start")
    start.check(target)
    times = numbers_of("times", times)
    increasing = times.ndim == 1 and times.size > 0 and bool((np.diff(times) > 0).all())
    increasing = increasing and bool(np.isfinite(times).all()) and times[0] >= 0
    require(increasing, "times", times, "strictly increasing numbers >= 0")
    if s.sphere:
        norms = start.q[:, [0, 2]]
        require(bool((norms > 0).all()), "start.q", norms.min(initial=1), "means of length > 0")
    rtol = within("rtol", rtol, 1e-12, 1e-2, closed="[]")
    atol = within("atol", rtol / 100 if atol is None else atol, 0)
    control = _Control(rtol, atol, integer("max_steps", max_steps, 1))
    workers = integer("workers", available_cpus() if workers is None else workers, 1)

    n, x = len(start), _state(target, start)
    logged = np.full((n, len(STATISTICS), times.size), np.nan)
    ended, reached = np.zeros(n, dtype=np.int64), np.zeros(n)
    counts = np.zeros((n, 2), dtype=np.int64)
    phases = _phases(NoAnnealing() if schedule is None else schedule)

    def run(low: int) -> None:
        high = min(low + CHUNK, n)
        _follow_all(low, high, x, times, *phases, s, control, logged, ended, reached, counts)

    with ThreadPoolExecutor(workers) as pool:
        list(pool.map(run, range(0, n, CHUNK)))
    return _trajectory(target, times, logged, ended, reached, counts, control)


def _trajectory(target, times, logged, ended, reached, counts, control) -> Trajectory:
    overlaps = axial_to_overlaps(logged[:, :6].swapaxes(1, 2), target.separation)
    weights = expit(np.multiply.outer(logged[:, 5], [1.0, -1.0]))
    values = dict(zip(STATISTICS, logged.swapaxes(0, 1), strict=True))
    values |= dict(zip(STATISTICS[:5], np.moveaxis(overlaps[..., :5], -1, 0), strict=True))
    values |= {"weight": weights[..., 0], "v1": np.exp(values["v1"]), "v2": np.exp(values["v2"])}
    finished = ended == FINISHED
    masses = np.stack([values["mass_plus"], values["mass_minus"]], axis=-1)[finished, -1]
    outcomes = np.full(len(ended), None, dtype=object)
    means, variances = (
        np.stack([values[f"{name}1"], values[f"{name}2"]], axis=-1)[finished, -1] for name in "mv"
    )
    there = arrived(means, target.separation, variances)
    outcomes[finished] = outcome(masses, target.weights, weights[finished, -1], there)
    return Trajectory(
        source="theory",
        times=times,
        statistics=values,
        outcome=outcomes,
        status=np.array([STATUS[e] for e in ended.tolist()], dtype=object),
        message=tuple(
            MESSAGES[e].format(time=t, limit=control.max_steps)
            for e, t in zip(ended.tolist(), reached.tolist(), strict=True)
        ),
        diagnostics={"steps": counts[:, 0], "rejected": counts[:, 1], "reached": reached},
    )


@compiled
def _velocity_of_all(x, beta, s):
    out = np.empty_like(x)
    for i in range(len(x)):
        _velocity(x[i], beta[i], s, out[i])
    return out


@compiled
def _kl_of_all(x, beta, s):
    out = np.empty(len(x))
    for i in range(len(x)):
        out[i] = _kl(x[i], beta[i], s)
    return out


def annealed_velocity(
    target: BimodalTarget,
    state: Overlaps,
    beta: ArrayLike = 1.0,
    *,
    eta: float = 0.0,
    train_means: bool = True,
    sphere: bool = False,
    variances: str = "fixed",
    speed_over_beta: bool = False,
) -> FloatArray:
    """d/dt of (m_1, m_2, Q_11, Q_12, Q_22, ℓ, v_1, v_2), shape (n, 8).

    Arguments as in :func:`integrate_annealed`; β one, or one a state.

    >>> from modecollapse import Overlaps, target
    >>> fit = Overlaps(m=[[9.0, -9.0]], q=[[9.0, -9.0, 9.0]])
    >>> rate = annealed_velocity(target(3.0, dimension=50), fit, variances="bures")
    >>> bool(abs(rate).max() < 1e-12)
    True
    """
    s = _setting(target, eta, train_means, sphere, variances, speed_over_beta)
    require(isinstance(state, Overlaps), "state", state, "Overlaps")
    x = _state(target, state)
    f = _velocity_of_all(x, _betas(beta, len(x)), s)
    a, rate, i, j = x[:, :2], f[:, :2], [0, 0, 1], [0, 1, 1]
    q = f[:, 2:5] + a[:, i] * rate[:, j] + rate[:, i] * a[:, j]
    v = f[:, 6:] * state.variances
    return np.concatenate([target.separation * rate, q, f[:, 5:6], v], axis=1)


def tempered_kl(target: BimodalTarget, state: Overlaps, beta: ArrayLike = 1.0) -> FloatArray:
    """KL(q‖p^β/Z_β) in nats, shape (n,); β one, or one a state (docs/theory.md, Eq. 11.9)."""
    s = _setting(target, 0.0, True, False, "fixed", False)
    require(isinstance(state, Overlaps), "state", state, "Overlaps")
    x = _state(target, state)
    return _kl_of_all(x, _betas(beta, len(x)), s)


def _betas(beta: ArrayLike, n: int) -> FloatArray:
    beta = np.asarray(beta, dtype=float)
    require(beta.shape in ((), (n,)), "beta", beta.shape, f"one number, or one a state, ({n},)")
    require(bool(((beta > 0) & (beta <= 1)).all()), "beta", beta, "numbers in (0, 1]")
    return np.broadcast_to(beta, (n,)).copy()
