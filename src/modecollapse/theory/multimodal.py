r"""Gradient flow of KL(q‖p) for any number of components and of modes, in closed form.

Target p = Σ_k π_k N(ν_k, I_d), k = 1..K*; family q = Σ_i w_i N(μ_i, I_d), i = 1..K, w = softmax(α).
With r_j and s_k the responsibilities of q and of p, E_i over x ~ N(μ_i, I) and
A_i = E_i[log q − log p], the flow is

.. math::
    dμ_i/dt = −w_i (Σ_j E_i[r_j] μ_j − Σ_k E_i[s_k] ν_k),    dα_i/dt = −η w_i (A_i − Σ_j w_j A_j),

and closes in the order parameters M_ik = μ_i·ν_k, Q_ij = μ_i·μ_j and α (docs/theory.md, Section 9).
Only expectations over Gaussians of dimension at most K − 1 and K* − 1 are needed; they come from
:mod:`modecollapse.theory.softmax` with an estimate of their error, which the integration keeps
below its tolerance or reports.

The flow is integrated on the coordinates of the means in a frame of the span of all μ_i and ν_k, a
factor of the Gram matrix: the overlaps stay possible, and ‖μ_i − μ_j‖ keeps its relative precision
where means merge.  With K = 2 and both logits trained, ℓ = α_1 − α_2 moves twice as fast as where ℓ
itself is the parameter: η here is half the η of the bimodal equations.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.integrate import LSODA

from ..checks import choice, integer, numbers_of, require, within
from ..outcomes import modes_found, outcome
from ..overlaps import ROUNDING, STARTS, Overlaps, bartlett, place_means
from ..targets import BimodalTarget, GaussianMixture
from ..trajectory import Status, Trajectory
from .runs import increasing_times, motion
from .softmax import Expectations, Nodes, expectations, ladder

__all__ = [
    "MultimodalOverlaps",
    "MultimodalTarget",
    "Rates",
    "integrate_modes",
    "random_modes_start",
    "rates",
]

FloatArray = NDArray[np.float64]
HEADROOM = 0.7  # a rule is chosen to meet this part of the tolerance
GROWTH = 1.1  # and for a factor this much larger than the present one
NEGLIGIBLE = 0.1  # part of that for the axes left out, along which the means hardly differ
ATOL = 1e-3  # absolute tolerance of a step, as a part of rtol
MAX_STEPS = 100_000


@dataclass(frozen=True, eq=False)
class MultimodalTarget:
    """p = Σ_k π_k N(ν_k, I_d), up to rotations.

    Parameters
    ----------
    overlaps : (K*, K*), R_kl = ν_k·ν_l, variances of a mode.
    dimension : d ≥ the rank of R.
    weights : (K*,), π_k > 0, sum 1.  Default: equal.

    >>> MultimodalTarget.simplex(3, separation=2.0, dimension=16).overlaps.round(3)
    array([[ 4., -2., -2.],
           [-2.,  4., -2.],
           [-2., -2.,  4.]])
    """

    overlaps: FloatArray
    dimension: int
    weights: FloatArray = field(default=None)  # type: ignore[arg-type]

    def __post_init__(self) -> None:
        r = numbers_of("overlaps", self.overlaps)
        square = r.ndim == 2 and r.shape[0] == r.shape[1] > 0
        require(square, "overlaps", r.shape, "a matrix (K*, K*)")
        require(bool(np.isfinite(r).all()), "overlaps", "NaN or infinity", "finite numbers")
        require(bool(np.allclose(r, r.T)), "overlaps", r.tolist(), "a symmetric matrix")
        integer("dimension", self.dimension, 1)
        _check_gram(r[None], self.dimension, "overlaps", "the modes")
        weights = GaussianMixture(np.zeros((len(r), 1)), self.weights).weights
        r.setflags(write=False)
        object.__setattr__(self, "overlaps", r)
        object.__setattr__(self, "weights", weights)

    @property
    def n_modes(self) -> int:
        """K*."""
        return len(self.overlaps)

    @property
    def modes(self) -> FloatArray:
        """The modes in a frame of their span, (K*, rank R)."""
        return _factor(self.overlaps)

    @classmethod
    def of(cls, target: Self | GaussianMixture | BimodalTarget) -> MultimodalTarget:
        """The same target by its overlaps.

        Raises
        ------
        ValueError : where a variance of the mixture is not 1.
        """
        if isinstance(target, MultimodalTarget):
            return target
        mixture = target.mixture() if isinstance(target, BimodalTarget) else target
        unit = bool((mixture.variances == 1).all())
        require(unit, "target", f"variances {mixture.variances.tolist()}", "variances 1")
        return cls(mixture.means @ mixture.means.T, mixture.dimension, mixture.weights)

    @classmethod
    def simplex(
        cls, n_modes: int, separation: float, dimension: int, weights: ArrayLike | None = None
    ) -> Self:
        """Modes at the corners of a regular simplex around 0, ‖ν_k‖ = `separation`.

        K* = 2 is the bimodal target; the distance of two modes is r √(2 K*/(K* − 1)).
        """
        n = integer("n_modes", n_modes, 2)
        within("separation", separation, 0)
        overlaps = separation**2 * (n * np.eye(n) - 1) / (n - 1)
        return cls(overlaps, dimension, weights)  # type: ignore[arg-type]

    @classmethod
    def random(
        cls,
        n_modes: int,
        separation: float,
        dimension: int,
        rng: np.random.Generator,
        weights: ArrayLike | None = None,
    ) -> Self:
        """Modes in independent uniform directions, ‖ν_k‖ = `separation`; the cost is free of d."""
        integer("n_modes", n_modes, 1)
        within("separation", separation, 0)
        d = integer("dimension", dimension, 1)
        vectors = bartlett(rng, rng.standard_normal((n_modes, n_modes)), 0, d)
        vectors *= separation / np.linalg.norm(vectors, axis=1, keepdims=True)
        return cls(vectors @ vectors.T, dimension, weights)  # type: ignore[arg-type]


@dataclass(frozen=True, eq=False)
class MultimodalOverlaps:
    """A batch of n states of a K-component mixture against a target with K* modes.

    Parameters
    ----------
    m : (n, K, K*), M_ik = μ_i·ν_k.
    q : (n, K, K), Q_ij = μ_i·μ_j.
    logits : (n, K), α; the weights are w = softmax(α).  Default: 0 (equal weights).
    """

    m: FloatArray
    q: FloatArray
    logits: FloatArray = field(default=None)  # type: ignore[arg-type]

    def __post_init__(self) -> None:
        m, q = numbers_of("m", self.m), numbers_of("q", self.q)
        require(m.ndim == 3 and m.shape[1] > 0, "m", m.shape, "an array (n, K, K*)")
        n, k, _ = m.shape
        logits = np.zeros((n, k)) if self.logits is None else numbers_of("logits", self.logits)
        require(q.shape == (n, k, k), "q", q.shape, f"Q for each run, ({n}, {k}, {k})")
        require(logits.shape == (n, k), "logits", logits.shape, f"K a run, ({n}, {k})")
        for name, value in (("m", m), ("q", q), ("logits", logits)):
            require(bool(np.isfinite(value).all()), name, "NaN or infinity", "finite numbers")
            value.setflags(write=False)
            object.__setattr__(self, name, value)
        require(bool(np.allclose(q, q.swapaxes(1, 2))), "q", "an asymmetric matrix", "Q = Q^T")

    def __len__(self) -> int:
        return len(self.m)

    def __getitem__(self, rows: slice | NDArray) -> Self:
        """The states of some runs, still a batch."""
        return type(self)(self.m[rows], self.q[rows], self.logits[rows])

    @property
    def weights(self) -> FloatArray:
        """w = softmax(α), (n, K)."""
        return np.exp(_log_softmax(self.logits))

    @classmethod
    def from_vectors(
        cls, means: ArrayLike, modes: ArrayLike, logits: ArrayLike | None = None
    ) -> Self:
        """The overlaps of `means` (n, K, d) with each other and with `modes` (K*, d)."""
        means, modes = numbers_of("means", means), numbers_of("modes", modes)
        return cls(means @ modes.T, means @ means.swapaxes(1, 2), logits)  # type: ignore[arg-type]

    @classmethod
    def from_bimodal(cls, overlaps: Overlaps) -> Self:
        """The same states with K = K* = 2, α = (ℓ, −ℓ)/2.

        Raises
        ------
        ValueError : where a variance is not 1.
        """
        unit = bool((overlaps.variances == 1).all())
        require(unit, "overlaps", "variances other than 1", "variances 1")
        m = np.stack([overlaps.m, -overlaps.m], axis=-1)
        q = overlaps.q[:, [0, 1, 1, 2]].reshape(-1, 2, 2)
        return cls(m, q, 0.5 * np.stack([overlaps.logit, -overlaps.logit], axis=-1))

    def gram(self, target: MultimodalTarget) -> FloatArray:
        """The Gram matrix of (ν_1..ν_K*, μ_1..μ_K), (n, K* + K, K* + K)."""
        shape = (len(self), target.n_modes, target.n_modes)
        r = np.broadcast_to(target.overlaps, shape)
        return np.block([[r, self.m.swapaxes(1, 2)], [self.m, self.q]])

    def check(self, target: MultimodalTarget) -> None:
        """Raise ``ValueError`` where no vectors of dimension d have these overlaps."""
        modes = target.n_modes
        require(self.m.shape[2] == modes, "m", self.m.shape, f"{modes} modes, (n, K, {modes})")
        _check_gram(self.gram(target), target.dimension, "overlaps", "the modes and means")

    def vectors(self, target: MultimodalTarget) -> FloatArray:
        """Means with these overlaps, (n, K, min(d, rank R + K)).

        The frame begins with that of `target.modes`, whose other coordinates are 0.
        """
        self.check(target)
        modes = target.modes
        rank = modes.shape[1]
        along = self.m @ modes / (modes**2).sum(axis=0)  # the columns of `modes` are orthogonal
        rest = self.q - along @ along.swapaxes(1, 2)
        scale = np.trace(self.q, axis1=1, axis2=2)
        across = np.array([_factor(a, s, full=True) for a, s in zip(rest, scale, strict=True)])
        across = across.reshape(self.q.shape)[..., : target.dimension - rank]
        return np.concatenate([along, across], axis=2)


def random_modes_start(
    target: MultimodalTarget | GaussianMixture | BimodalTarget,
    n: int,
    n_components: int,
    rng: np.random.Generator,
    *,
    law: str = "sphere",
    scale: float | None = None,
    spread: float = 0.0,
) -> MultimodalOverlaps:
    """Overlaps of n independent random starts with equal weights, at a cost independent of d.

    `law`, `scale` and `spread` are those of :func:`~modecollapse.overlaps.random_start`, but that
    the root mean square of ‖ν_k‖ stands for r.  In a frame that begins with the span of
    the modes, the coordinates of the means are normal there and Bartlett's triangle (χ on its
    diagonal) beyond: the law of the overlaps is exact at every d.

    >>> target = MultimodalTarget.simplex(4, separation=3.0, dimension=10**6)
    >>> start = random_modes_start(target, 5, 3, np.random.default_rng(0))
    >>> start.m.shape, bool(np.allclose(start.q[:, 0, 0], 9.0))
    ((5, 3, 4), True)
    """
    target = MultimodalTarget.of(target)
    law = choice("law", law, STARTS)
    n, k = integer("n", n, 0), integer("n_components", n_components, 1)
    rms = float(np.sqrt(np.trace(target.overlaps) / target.n_modes))
    modes, d = target.modes, target.dimension
    rank, drawn = modes.shape[1], k + (law == "blob")
    size = drawn, rank + drawn
    rows = [bartlett(rng, rng.standard_normal(size), rank, d) for _ in range(n)]
    means = place_means(np.array(rows).reshape(n, *size), law, d, rms, scale, spread)
    return MultimodalOverlaps.from_vectors(means, np.pad(modes, ((0, 0), (0, drawn))))


class Rates(NamedTuple):
    """Time derivatives of a batch of states, and what they stand on; see :func:`rates`."""

    m: FloatArray  # dM/dt, (n, K, K*)
    q: FloatArray  # dQ/dt, (n, K, K)
    logits: FloatArray  # dα/dt, (n, K)
    kl: FloatArray  # (n,), nats
    masses: FloatArray  # E_q[s_k], (n, K*)
    error: FloatArray  # estimate of the largest error of E_i[r_j], E_i[s_k] and dα_i/dt, (n,)
    kl_error: FloatArray  # of kl, (n,)


def rates(
    target: MultimodalTarget | GaussianMixture | BimodalTarget,
    state: MultimodalOverlaps,
    *,
    eta: float = 0.0,
    tolerance: float = 1e-6,
    max_points: int = 2**17,
    seed: int = 0,
) -> Rates:
    """The closed equations at a batch of states (docs/theory.md, Eqs. 9.2 and 9.3).

    `tolerance` is asked of the quadrature; where `max_points` nodes don't reach it, `error` tells.
    """
    target = MultimodalTarget.of(target)
    means = state.vectors(target)
    rules = _TargetRules(target, means.shape[2], tolerance, max_points, seed)
    modes, k = rules.modes, means.shape[1]
    rows = []
    for mu, alpha in zip(means, state.logits, strict=True):
        flow = _Flow(rules, k, eta)
        y = np.concatenate([mu.ravel(), alpha])
        flow.fit(y)
        require(
            flow.nodes is not None,
            "max_points",
            max_points,
            "more, or means that are closer together",
        )
        at = flow.moments(y, logs=True)
        d_mu, d_alpha = flow.unpack(flow.velocity(y, at))
        d_q = d_mu @ mu.T
        rows.append(
            (d_mu @ modes.T, d_q + d_q.T, d_alpha, at.kl, at.masses, at.error.max(), at.kl_error)
        )
    return Rates(*(np.array(column) for column in zip(*rows, strict=True)))


def integrate_modes(
    target: MultimodalTarget | GaussianMixture | BimodalTarget,
    start: MultimodalOverlaps,
    times: ArrayLike,
    *,
    eta: float = 0.0,
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
    integer("max_points", max_points, 1)
    integer("max_steps", max_steps, 1)
    means = start.vectors(target)
    rules = _TargetRules(target, means.shape[2], rtol, max_points, seed)
    flows = [_Flow(rules, means.shape[1], eta) for _ in means]
    packed = np.concatenate([means.reshape(len(means), np.prod(means.shape[1:])), start.logits], 1)
    runs = [_run(f, y, times, rtol, max_steps) for f, y in zip(flows, packed, strict=True)]
    return _record(target, start, times, flows, runs)


class _Moments(NamedTuple):
    """What the right-hand side needs, at one state."""

    weights: FloatArray  # (K,)
    own: FloatArray  # E_i[r_j], (K, K)
    theirs: FloatArray  # E_i[s_k], (K, K*)
    excess: FloatArray  # A_i − KL, (K,); 0 without logs
    kl: float
    error: FloatArray  # of what stands on q's rule and on p's, (2,)
    kl_error: float

    @property
    def masses(self) -> FloatArray:
        return self.weights @ self.theirs


class _TargetRules:
    """The rules for p's responsibilities, each with its table of exponentials, for all runs."""

    def __init__(
        self,
        target: MultimodalTarget,
        n_coordinates: int,
        tolerance: float,
        max_points: int,
        seed: int,
    ) -> None:
        modes = target.modes
        self.modes = np.pad(modes, ((0, 0), (0, n_coordinates - modes.shape[1])))
        self.log_weights = np.log(target.weights)
        self.tolerance, self.max_points, self.seed = tolerance, max_points, seed
        self.factor = modes - modes.mean(axis=0)
        if len(modes) > 1:
            u, s, _ = np.linalg.svd(self.factor, full_matrices=False)
            self.factor = (u * s @ _turn(u * s, s))[:, s > ROUNDING * s[0]]
        self._ladder = ladder(self.factor, HEADROOM * tolerance, max_points, seed)
        self._rungs: list[tuple[Nodes, FloatArray]] = []
        enough = self.climb(0)
        require(enough, "max_points", max_points, "more, or modes that are closer together")

    def climb(self, rung: int) -> bool:
        """Have the rules up to this rung ready; False above the last."""
        while len(self._rungs) <= rung:
            nodes = next(self._ladder, None)
            if nodes is None:
                return False
            self._rungs.append((nodes, np.exp(self.factor @ nodes.points)))
        return True

    def points(self, rung: int) -> int:
        return len(self._rungs[rung][0])

    def expectations(self, rung: int, means: FloatArray, *, logs: bool) -> Expectations:
        """E_i[s_k], (K, K*), and the mean of log Σ_k π_k exp(−‖x − ν_k‖²/2), but for terms in
        ‖x − μ_i‖² and ‖x‖² that q has too."""
        nodes, table = self._rungs[rung]
        biases = self.log_weights - 0.5 * _squared_distances(means, self.modes)
        return expectations(nodes, self.factor, biases, table=table, logs=logs)


class _Flow:
    """The right-hand side of one run, and the rules that it stands on."""

    def __init__(self, target: _TargetRules, n_components: int, eta: float) -> None:
        self.target, self.eta = target, eta
        self.shape = (n_components, target.modes.shape[1])
        self.rung = 0
        self.nodes: Nodes | None = None  # for q
        self.frame = np.zeros((self.shape[1], 0))  # axes of q's nodes, (coordinates, m)
        self.error = 0.0  # at the last evaluation
        self.evaluations = self.points = 0

    def unpack(self, y: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Means and logits of a packed state."""
        k, s = self.shape
        return y[: k * s].reshape(k, s), y[k * s :]

    def fit(self, y: FloatArray) -> bool:
        """Refine the rules until the errors at a state are well below the tolerance.

        Returns whether they are below it at all; where no rule is good enough, the last stays.
        """
        goal = HEADROOM * self.target.tolerance
        if self.nodes is None or self.moments(y).error[0] > goal:
            means = self.unpack(y)[0]
            factor, self.frame = _principal(means - means.mean(axis=0), NEGLIGIBLE * goal)
            rungs = ladder(GROWTH * factor, goal, self.target.max_points, self.target.seed)
            self.nodes = None
            for self.nodes in rungs:
                if self.moments(y).error[0] <= goal:
                    break
        if self.nodes is None:
            return False
        while self.moments(y).error[1] > goal and self.target.climb(self.rung + 1):
            self.rung += 1
        self.points = max(self.points, len(self.nodes), self.target.points(self.rung))
        return bool(self.moments(y).error.max() <= self.target.tolerance)

    def moments(self, y: FloatArray, *, logs: bool = False) -> _Moments:
        """The expectations at a state; those of KL with `logs`, or where η needs them."""
        assert self.nodes is not None
        logs = logs or self.eta > 0
        means, logits = self.unpack(y)
        log_w = _log_softmax(logits)
        w = np.exp(log_w)
        factor, left = _aligned(means - means.mean(axis=0), self.frame)
        own = expectations(self.nodes, factor, log_w - 0.5 * _squared_distances(means), logs=logs)
        theirs = self.target.expectations(self.rung, means, logs=logs)
        a = own.logsumexp - theirs.logsumexp
        kl = float(w @ a)
        errors = [
            max(side.softmax_error.max(), self.eta * (w * side.logsumexp_error).max())
            for side in (own, theirs)
        ]
        kl_error = float(w @ (own.logsumexp_error + theirs.logsumexp_error) + left)
        error = np.array([errors[0] + (1 + self.eta) * left, errors[1]])
        self.evaluations += 1
        self.error = float(error.max())
        return _Moments(w, own.softmax, theirs.softmax, a - kl, kl, error, kl_error)

    def velocity(self, y: FloatArray, at: _Moments) -> FloatArray:
        """dμ_i/dt and dα_i/dt, Eqs. 9.2 and 9.3, packed."""
        means, _ = self.unpack(y)
        force = at.own @ means - at.theirs @ self.target.modes
        change = [(-at.weights[:, None] * force).ravel(), -self.eta * at.weights * at.excess]
        return np.concatenate(change)

    def __call__(self, t: float, y: FloatArray) -> FloatArray:
        return self.velocity(y, self.moments(y))

    def jacobian(self, t: float, y: FloatArray) -> FloatArray:
        """By differences over a step at which the quadrature's error does not show."""
        step = 0.1 * np.sqrt(self.target.tolerance)
        moved = np.array([self(t, y + step * axis) for axis in np.eye(len(y))])
        return (moved - self(t, y)).T / step


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
    outcomes, speed = np.full(n, None, dtype=object), np.full(n, np.nan)
    m, q, logits = start.m.copy(), start.q.copy(), start.logits.copy()
    for row, (flow, run) in enumerate(zip(flows, runs, strict=True)):
        for column, at in enumerate(run.log):
            logged[row, column] = [at.kl, at.error.max(), at.kl_error, *at.masses, *at.weights]
        if run.status is Status.FINISHED:
            outcomes[row] = outcome(at.masses, target.weights, at.weights)[()]
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
    message = tuple(run.message for run in runs)
    return Trajectory("theory", times, statistics, outcomes, status, message, diagnostics)


def _check_gram(gram: FloatArray, dimension: int, name: str, of: str) -> None:
    """Raise ``ValueError`` where no vectors of `dimension` have these Gram matrices (n, k, k)."""
    eigenvalues = np.linalg.eigvalsh(gram)
    slack = ROUNDING * np.trace(gram, axis1=1, axis2=2)
    worst = (eigenvalues[:, 0] + slack).argmin() if len(gram) else 0
    possible = bool((eigenvalues[:, 0] >= -slack).all())
    allowed = f"a positive semidefinite Gram matrix of {of}"
    require(possible, f"{name} of run {worst}", gram[worst : worst + 1].tolist(), allowed)
    needed = int((eigenvalues > slack[:, None]).sum(axis=1).max(initial=0))
    require(dimension >= needed, "dimension", dimension, f">= {needed}, the rank of {name}")


def _factor(gram: FloatArray, scale: float | None = None, *, full: bool = False) -> FloatArray:
    """X (k, rank) with X X^T = `gram` and orthogonal columns, longest first.

    What rounding leaves of zero eigenvalues of a matrix of trace `scale` is dropped, or, in a
    `full` X (k, k), set to 0.
    """
    values, vectors = np.linalg.eigh(gram)
    scale = float(np.trace(gram)) if scale is None else scale
    values = np.where(values > 8 * len(gram) * np.finfo(float).eps * scale, values, 0.0)[::-1]
    x = vectors[:, ::-1] * np.sqrt(values)
    x = x @ _turn(x, np.sqrt(values))
    return x if full else x[:, values > 0]


def _turn(x: FloatArray, lengths: FloatArray) -> FloatArray:
    """The rotation that makes orthogonal columns, of falling `lengths`, depend on X X^T alone.

    A matrix has its columns' signs, and the axes of equally long ones, from the linear algebra
    library; the nodes' directions, and with them the quadrature's error, would differ by machine.
    """
    turn = np.eye(len(lengths))
    edges = np.flatnonzero(np.diff(lengths) < -1e-6 * lengths[:-1]) + 1
    for group in np.split(np.arange(len(lengths)), edges):
        axes: list[FloatArray] = []
        rest = x[:, group].copy()
        for _ in group:
            sizes = np.linalg.norm(rest, axis=1)
            if sizes.max() <= ROUNDING * lengths[0]:
                break
            axes.append(_unit(rest[np.argmax(sizes > 0.7 * sizes.max())]))
            rest -= np.outer(rest @ axes[-1], axes[-1])
        if len(axes) == len(group):
            turn[np.ix_(group, group)] = np.array(axes).T
    return turn


def _unit(x: FloatArray) -> FloatArray:
    return x / np.linalg.norm(x)


def _log_softmax(x: FloatArray) -> FloatArray:
    """Along the last axis; scipy's takes several times as long on a few numbers."""
    x = x - x.max(axis=-1, keepdims=True)
    return x - np.log(np.exp(x).sum(axis=-1, keepdims=True))


def _squared_distances(a: FloatArray, b: FloatArray | None = None) -> FloatArray:
    """‖a_i − b_j‖², with b = a by default."""
    return ((a[:, None] - (a if b is None else b)) ** 2).sum(axis=2)


def _principal(x: FloatArray, negligible: float) -> tuple[FloatArray, FloatArray]:
    """X on its principal axes, (K, m), and these axes, (coordinates, m); the last of them, which
    hold at most `negligible` of ‖X‖², are left out."""
    u, s, v = np.linalg.svd(x, full_matrices=False)
    left = np.append(np.cumsum(s[::-1] ** 2)[::-1], 0.0)
    m = int(np.argmax(left <= negligible))
    turn = _turn(u[:, :m] * s[:m], s[:m])
    return u[:, :m] * s[:m] @ turn, v[:m].T @ turn


def _aligned(x: FloatArray, frame: FloatArray) -> tuple[FloatArray, float]:
    """F (K, m) with F F^T = X X^T but for the squares of X's smallest singular values, which are
    summed; of all such F the one on axes nearest `frame`, so that it moves smoothly with X."""
    u, s, v = np.linalg.svd(x, full_matrices=False)
    m = frame.shape[1]
    left, _, right = np.linalg.svd(v[:m] @ frame)
    return (u[:, :m] * s[:m]) @ (left @ right), float((s[m:] ** 2).sum())
