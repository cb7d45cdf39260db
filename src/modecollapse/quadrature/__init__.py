r"""Gaussian expectations of the sigmoid and of the softplus, to absolute error 1e-12.

With Z ~ N(0, 1), σ(u) = 1/(1 + e^{−u}) and softplus(u) = log(1 + e^u),

    E[σ(a + bZ)],  E[σ'(a + bZ)],  E[σ''(a + bZ)],  E[softplus(a + bZ)],       a real, b ≥ 0.

Derivatives follow from these by parts:

    ∂_a E[softplus] = E[σ],   ∂_b E[softplus] = b E[σ'],   ∂_b E[σ] = E[Zσ'] = b E[σ''].

The rule is the trapezoidal one, whose error is known: it is the sum of the residues of the
integrand at the poles u = ±iπ, ±3iπ, … of σ, plus a remainder exp(−2π²/h²) from the Gaussian itself
(docs/theory.md, section 4).  For the sigmoid the residues are added back, so that one step h = 1/2
serves every b; for a < 0 the nodes follow the peak of the integrand, so that the relative error
stays small in the tail, where the values may be as small as 1e-300.  The softplus has branch points
there instead, and is summed on a grid in u fine enough for the first of them; its kink-like part
max(u, 0) is summed in closed form, so that its cost does not grow with b either.

For b > 40 the sigmoid is a step blurred by a logistic variable, a series in 1/b² (Eq. 11.10): the
errors stay as small in the absolute sense, the tail's relative precision goes.

Functions without an underscore are vectorised and check their arguments; those with one are
compiled for scalar arguments, and trust them.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..checks import require
from ..compiled import compiled
from .sigmoid import _sigmoid, _sigmoid_moments
from .smoothed import _smoothing, _two_sigmoids
from .softplus import _expected_softplus, _logistic_pair, _softplus
from .wide import LARGEST_SCALE

__all__ = [
    "LARGEST_SCALE",
    "_expected_softplus",
    "_logistic_pair",
    "_sigmoid",
    "_sigmoid_moments",
    "_smoothing",
    "_softplus",
    "_two_sigmoids",
    "expected_sigmoid",
    "expected_sigmoid_curvature",
    "expected_sigmoid_slope",
    "expected_softplus",
]

FloatArray = NDArray[np.float64]


@compiled
def _moments_of_all(a, b):
    moments = np.empty((3, a.size))
    for i in range(a.size):
        moments[0, i], moments[1, i], moments[2, i] = _sigmoid_moments(a[i], b[i])
    return moments


@compiled
def _expected_softplus_of_all(a, b):
    values = np.empty(a.size)
    for i in range(a.size):
        values[i] = _expected_softplus(a[i], b[i])
    return values


def _arguments(a: ArrayLike, b: ArrayLike) -> tuple[FloatArray, FloatArray, tuple[int, ...]]:
    """a and b, checked, broadcast and flattened, and their common shape."""
    a, b = np.broadcast_arrays(np.asarray(a, dtype=float), np.asarray(b, dtype=float))
    require(bool(np.isfinite(a).all()), "a", "NaN or infinity", "finite numbers")
    outside = b[~((b >= 0) & np.isfinite(b))]
    require(outside.size == 0, "b", outside[:1].tolist(), "finite numbers >= 0")
    return a.ravel(), b.ravel(), a.shape


def _moment(order: int, a: ArrayLike, b: ArrayLike) -> FloatArray:
    flat_a, flat_b, shape = _arguments(a, b)
    return _moments_of_all(flat_a, flat_b)[order].reshape(shape)


def expected_sigmoid(a: ArrayLike, b: ArrayLike) -> FloatArray:
    """E[σ(a + bZ)], Z ~ N(0, 1), to absolute error 1e-12; for a < 0 and b ≤ 40 to relative 1e-11.

    Parameters
    ----------
    a, b : arrays that broadcast; a finite, b ≥ 0.

    >>> expected_sigmoid([0.0, -300.0], 3.0)
    array([5.00000000e-001, 4.63426215e-129])
    """
    return _moment(0, a, b)


def expected_sigmoid_slope(a: ArrayLike, b: ArrayLike) -> FloatArray:
    """E[σ'(a + bZ)] = ∂_a E[σ(a + bZ)]; arguments as in :func:`expected_sigmoid`."""
    return _moment(1, a, b)


def expected_sigmoid_curvature(a: ArrayLike, b: ArrayLike) -> FloatArray:
    """E[σ''(a + bZ)] = ∂_b E[σ(a + bZ)] / b; arguments as in :func:`expected_sigmoid`."""
    return _moment(2, a, b)


def expected_softplus(a: ArrayLike, b: ArrayLike) -> FloatArray:
    """E[softplus(a + bZ)], to absolute error 1e-12 or 1e-15 b; arguments as `expected_sigmoid`.

    >>> expected_softplus([0.0, 1000.0], [0.0, 40.0])
    array([6.93147181e-01, 1.00000000e+03])
    """
    flat_a, flat_b, shape = _arguments(a, b)
    return _expected_softplus_of_all(flat_a, flat_b).reshape(shape)
