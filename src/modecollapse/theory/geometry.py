r"""The closed equations of the bimodal problem in three geometries of the parameters.

A gradient needs a metric.  With the force g_i = E_i[∇log q − ∇log p] on a mean and the advantage
A_i = E_i[log q − log p] of a component, ∇_{μ_i} KL = w_i g_i, ∂KL/∂ℓ = w_1 w_2 (A_1 − A_2), and

    euclidean     dμ_i/dt = −w_i g_i,     dℓ/dt = −η w_1 w_2 (A_1 − A_2)
    wasserstein   dμ_i/dt = −g_i,         dℓ/dt = −η w_1 w_2 (A_1 − A_2)
    natural       dμ_i/dt = −g_i,         dℓ/dt = −η (A_1 − A_2)

(docs/theory.md, Eq. 3.7, and docs/remedies.md, Eqs. 13.3 and 13.5).

The first is what stochastic gradients on (μ, softmax weights) follow; the last is the
Wasserstein–Fisher–Rao flow of the mixing measure Σ w_i δ_{μ_i}, and the natural gradient of the
joint law of a sample and its component.  In axial coordinates S/w_1 = E_1[r_2] and
S/w_2 = E_2[r_1] take the place of S.  All three have the same fixed points at w in (0, 1).
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..checks import require, within
from ..compiled import compiled
from ..geometries import Metric, metric_of
from ..overlaps import Overlaps
from ..quadrature import LARGEST_SCALE, _sigmoid
from ..targets import BimodalTarget
from ..trajectory import Trajectory
from .core import _advantage, _logistic, _squared_distance
from .geometry_runs import axial_start, solve_each, tangent_to_overlaps, trajectory
from .rhs import overlaps_to_axial

__all__ = ["geometry_velocity", "integrate_geometry"]

FloatArray = NDArray[np.float64]


@compiled
def _geometric_velocity(
    x: NDArray, r: float, logit: float, eta: float, metric: Metric, out: NDArray
) -> None:
    """dx/dt in axial coordinates (Eq. 13.6)."""
    w1, w2 = _logistic(x[5]), _logistic(-x[5])
    d2 = _squared_distance(x)
    d = math.sqrt(d2)
    pull1 = 2 * _sigmoid(2 * r * x[0] + logit, 2 * r) - 1
    pull2 = 2 * _sigmoid(2 * r * x[1] + logit, 2 * r) - 1
    other1 = _sigmoid(-x[5] - 0.5 * d2, d)  # E_1[r_2]
    other2 = _sigmoid(x[5] - 0.5 * d2, d)  # E_2[r_1]
    speed1, speed2 = w1 ** (1 - metric.means), w2 ** (1 - metric.means)
    gap = x[0] - x[1]
    out[0] = -speed1 * (x[0] - r * pull1 - other1 * gap)
    out[1] = -speed2 * (x[1] - r * pull2 + other2 * gap)
    out[2] = -2 * speed1 * (x[2] - other1 * (x[2] - x[3]))
    out[3] = -speed1 * (x[3] - other1 * (x[3] - x[4])) - speed2 * (x[3] - other2 * (x[3] - x[2]))
    out[4] = -2 * speed2 * (x[4] - other2 * (x[4] - x[3]))
    out[5] = 0.0
    if eta > 0:
        first, second = _advantage(x, r, logit)
        out[5] = -eta * (w1 * w2) ** (1 - metric.weights) * (first - second)


@compiled
def _velocities(x, r, logit, eta, metric):
    out = np.empty_like(x)
    for i in range(len(x)):
        _geometric_velocity(x[i], r, logit, eta, metric, out[i])
    return out


def geometry_velocity(
    y: ArrayLike,
    separation: float,
    weight: float = 0.5,
    eta: float = 0.0,
    geometry: str = "euclidean",
) -> FloatArray:
    """dy/dt of the order parameters y = (m_1, m_2, Q_11, Q_12, Q_22, ℓ), shape (..., 6).

    Parameters
    ----------
    y : (..., 6).
    separation : r = ‖μ*‖ in (0, 20].
    weight : π, the weight of the mode at +μ*, in (0, 1).
    eta : η ≥ 0, the speed of the weights; 0 for fixed weights.
    geometry : one of :data:`.geometries.GEOMETRIES` (docs/remedies.md, Eqs. 13.3 to 13.6).

    The light component of a pair moves as fast as the heavy one where its weight does not enter:

    >>> from modecollapse.geometries import GEOMETRIES
    >>> y = [0.0, 9.0, 9.0, 0.0, 9.0, -20.0]
    >>> [round(float(geometry_velocity(y, 3.0, geometry=g)[0]), 3) for g in GEOMETRIES]
    [-0.0, -8.921, -8.921]
    """
    r = within("separation", separation, 0, LARGEST_SCALE / 2, closed="]")
    weight = within("weight", weight, 0, 1)
    eta = within("eta", eta, 0, closed="[")
    chosen = metric_of(geometry)
    x = overlaps_to_axial(y, r)
    require(bool(np.isfinite(x).all()), "y", "NaN or infinity", "finite numbers")
    flat = x.reshape(-1, 6)
    logit = math.log(weight) - math.log1p(-weight)
    f = _velocities(flat, r, logit, eta, chosen)
    require(bool(np.isfinite(f).all()), "y: the means' distance", "too large", "at most 40")
    return tangent_to_overlaps(flat, f, r).reshape(x.shape)


def integrate_geometry(
    target: BimodalTarget,
    start: Overlaps,
    times: ArrayLike,
    *,
    eta: float = 0.0,
    geometry: str = "natural",
    rtol: float = 1e-8,
) -> Trajectory:
    """Integrate the closed equations in a geometry for a batch of runs (Eq. 13.6), by scipy's BDF.

    Parameters
    ----------
    target : one target for all runs, separation up to 20.
    start : the n initial states; unit variances.
    times : (T,), strictly increasing, the first ≥ 0: when to log.
    eta : η ≥ 0, the speed of the weights; 0 for fixed weights.
    geometry : one of :data:`.geometries.GEOMETRIES`.
    rtol : error allowed in a step, relative; the absolute one is rtol/100.

    Returns
    -------
    A :class:`Trajectory` as :func:`.integration.integrate` makes it.

    >>> from modecollapse import random_start, target
    >>> p = target(separation=4.0, dimension=16)
    >>> start = random_start(p, 20, np.random.default_rng(0))
    >>> dead = {}
    >>> for geometry in ("euclidean", "natural"):
    ...     run = integrate_geometry(p, start, [300.0], eta=10.0, geometry=geometry)
    ...     dead[geometry] = int((run.outcome == "vanishing weight").sum())
    >>> dead["natural"] < dead["euclidean"]
    True
    """
    eta = within("eta", eta, 0, closed="[")
    chosen = metric_of(geometry)
    x, r, logit = axial_start(target, start)

    def rhs(_: float, state: FloatArray) -> FloatArray:
        out = np.empty(6)
        _geometric_velocity(state, r, logit, eta, chosen, out)
        return out

    times, states, ended = solve_each(rhs, x, times, rtol)
    return trajectory(target, times, states, ended)
