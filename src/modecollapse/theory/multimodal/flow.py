"""The right-hand side: expectations of responsibilities, with rules that refine themselves."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ...checks import require
from ...geometries import Metric, metric_of
from ...overlaps import ROUNDING
from ...targets import BimodalTarget, GaussianMixture
from .frames import _aligned, _log_softmax, _principal, _squared_distances, _turn
from .softmax import Expectations, Nodes, expectations, ladder
from .states import MultimodalOverlaps, MultimodalTarget

__all__ = ["Rates", "rates"]

FloatArray = NDArray[np.float64]
HEADROOM = 0.7  # a rule is chosen to meet this part of the tolerance
GROWTH = 1.1  # and for a factor this much larger than the present one
NEGLIGIBLE = 0.1  # part of that for the axes left out, along which the means hardly differ


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
    geometry: str = "euclidean",
    tolerance: float = 1e-6,
    max_points: int = 2**17,
    seed: int = 0,
) -> Rates:
    """The closed equations at a batch of states (docs/theory.md, Eqs. 9.2 and 9.3).

    `geometry` is one of :data:`modecollapse.geometries.GEOMETRIES`: a mean's speed is divided by
    w_i, and in the natural one that of its logit as well (docs/remedies.md, Section 13).
    `tolerance` is asked of the quadrature; where `max_points` nodes don't reach it, `error` tells.
    """
    target, metric = MultimodalTarget.of(target), metric_of(geometry)
    means = state.vectors(target)
    rules = _TargetRules(target, means.shape[2], tolerance, max_points, seed)
    modes, k = rules.modes, means.shape[1]
    rows = []
    for mu, alpha in zip(means, state.logits, strict=True):
        flow = _Flow(rules, k, eta, metric)
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

    def __init__(self, target: _TargetRules, n_components: int, eta: float, metric: Metric) -> None:
        self.target, self.eta, self.metric = target, eta, metric
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
            max(
                side.softmax_error.max(),
                self.eta * (w ** (1 - self.metric.weights) * side.logsumexp_error).max(),
            )
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
        speed = at.weights ** (1 - self.metric.means)
        rate = self.eta * at.weights ** (1 - self.metric.weights)
        change = [(-speed[:, None] * force).ravel(), -rate * at.excess]
        return np.concatenate(change)

    def __call__(self, t: float, y: FloatArray) -> FloatArray:
        return self.velocity(y, self.moments(y))

    def jacobian(self, t: float, y: FloatArray) -> FloatArray:
        """By differences over a step at which the quadrature's error does not show."""
        step = 0.1 * np.sqrt(self.target.tolerance)
        moved = np.array([self(t, y + step * axis) for axis in np.eye(len(y))])
        return (moved - self(t, y)).T / step
