r"""A step of Rodas5P: linearly implicit, order 5, stiffly accurate and L-stable.

G. Steinebach, *Construction of Rosenbrock-Wanner method Rodas5P and numerical benchmarks within the
Julia Differential Equations package*, BIT Numerical Mathematics 63 (2023) 27; with an interpolant
of order 4.  Equations in which time does not appear.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from ...compiled import compiled
from .equations import size, slope
from .work import _combine

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


@compiled
def _factorise(constants: tuple, m: NDArray, pivots: NDArray) -> None:
    """LU of a matrix in place, rows swapped."""
    n = size(constants)
    for k in range(n):
        p = k
        for i in range(k + 1, n):
            if abs(m[i, k]) > abs(m[p, k]):
                p = i
        pivots[k] = p
        if p != k:
            for j in range(n):
                m[k, j], m[p, j] = m[p, j], m[k, j]
        inverse = 1 / m[k, k]
        for i in range(k + 1, n):
            m[i, k] *= inverse
            for j in range(k + 1, n):
                m[i, j] -= m[i, k] * m[k, j]


@compiled
def _solve(constants: tuple, m: NDArray, pivots: NDArray, v: NDArray) -> None:
    """Solve in place with the factors of :func:`_factorise`."""
    n = size(constants)
    for k in range(n):
        p = pivots[k]
        v[k], v[p] = v[p], v[k]
    for i in range(1, n):
        for j in range(i):
            v[i] -= m[i, j] * v[j]
    for i in range(n - 1, -1, -1):
        for j in range(i + 1, n):
            v[i] -= m[i, j] * v[j]
        v[i] /= m[i, i]


@compiled
def _implicit_step(constants, t, x, f, h, control, work):
    """A step from `x`, where dx/dt = `f` has the Jacobian `work.jac`, to `work.new`; the error in
    units of what is allowed."""
    n = size(constants)
    u, new, m, pivots = work.u, work.new, work.factors, work.pivots
    for i in range(n):
        for j in range(n):
            m[i, j] = -work.jac[i, j]
        m[i, i] += 1 / (_GAMMA * h)
        u[0, i] = f[i]
    _factorise(constants, m, pivots)
    _solve(constants, m, pivots, u[0])
    for s in range(1, 8):
        _combine(constants, x, u, _A[s], s, 1.0, new)
        slope(constants, t, new, u[s])
        _combine(constants, u[s], u, _C[s], s, 1 / h, u[s])
        _solve(constants, m, pivots, u[s])
    error = 0.0
    for i in range(n):
        new[i] += u[7, i]
        scale = control.atol + control.rtol * max(abs(x[i]), abs(new[i]))
        error += (u[7, i] / scale) ** 2
    return math.sqrt(error / n)


@compiled
def _implicit_interpolant(x, new, u, nest):
    """The nest of the step that `u` holds."""
    for i in range(x.size):
        k1 = k2 = k3 = 0.0
        for j in range(8):
            k1 += _DENSE[0, j] * u[j, i]
            k2 += _DENSE[1, j] * u[j, i]
            k3 += _DENSE[2, j] * u[j, i]
        nest[0, i], nest[1, i], nest[2, i], nest[3, i] = new[i] - x[i], k1, k2 + k3, -k3
        nest[4, i] = nest[5, i] = nest[6, i] = 0.0
