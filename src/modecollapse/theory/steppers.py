r"""One step of the closed equations, by an explicit and by a linearly implicit method.

DOP853: Dormand and Prince's pair of order 8 (E. Hairer, S. P. Nørsett, G. Wanner, *Solving Ordinary
Differential Equations I*, section II.5), with its interpolant of order 7; coefficients from scipy.
Rodas5P: order 5, stiffly accurate and L-stable, with an interpolant of order 4 (G. Steinebach,
*Construction of Rosenbrock-Wanner method Rodas5P and numerical benchmarks within the Julia
Differential Equations package*, BIT Numerical Mathematics 63 (2023) 27).

States are axial coordinates (docs/theory.md, Eq. 3.2); `setting` is (r, logit π, η).  `u` is a
workspace (16, 6) of stages.  Both methods describe the state within a step by the same nest,

    x(t + sh) = x + s (F_0 + (1 − s) (F_1 + s (F_2 + (1 − s) (F_3 + …)))),        F of shape (7, 6).
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray
from scipy.integrate import DOP853

from ..compiled import compiled
from .core import _velocity

Setting = tuple[float, float, float]

# DOP853: 12 stages, the velocity at the new state, and three more for the interpolant.
_STAGES = np.zeros((16, 16))
_STAGES[:12, :12], _STAGES[12, :12], _STAGES[13:] = DOP853.A, DOP853.B, DOP853.A_EXTRA
_E3, _E5, _D = (np.ascontiguousarray(c) for c in (DOP853.E3, DOP853.E5, DOP853.D))

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


@compiled
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


@compiled
def _combine(x: NDArray, u: NDArray, c: NDArray, n: int, h: float, out: NDArray) -> None:
    """out = x + h Σ_{j < n} c_j u_j."""
    for i in range(6):
        total = 0.0
        for j in range(n):
            total += c[j] * u[j, i]
        out[i] = x[i] + h * total


@compiled
def _explicit_stages(
    x: NDArray, h: float, setting: Setting, first: int, last: int, u: NDArray, new: NDArray
) -> None:
    """Velocities `first` to `last` - 1 of DOP853; `new` is the state of the last one."""
    r, logit, eta = setting
    for s in range(first, last):
        _combine(x, u, _STAGES[s], s, h, new)
        _velocity(new, r, logit, eta, u[s])


@compiled
def _explicit_step(
    x: NDArray,
    f: NDArray,
    h: float,
    setting: Setting,
    rtol: float,
    atol: float,
    u: NDArray,
    new: NDArray,
) -> float:
    """DOP853 from `x` where dx/dt = `f`: `new`, its velocity in u[12]; the error in units of 1."""
    for i in range(6):
        u[0, i] = f[i]
    _explicit_stages(x, h, setting, 1, 13, u, new)
    high = low = 0.0
    for i in range(6):
        scale = atol + rtol * max(abs(x[i]), abs(new[i]))
        e5 = e3 = 0.0
        for j in range(13):
            e5 += _E5[j] * u[j, i]
            e3 += _E3[j] * u[j, i]
        high += (e5 / scale) ** 2
        low += (e3 / scale) ** 2
    return h * high / math.sqrt(6 * (high + 0.01 * low)) if high != 0 else 0.0


@compiled
def _explicit_interpolant(
    x: NDArray, new: NDArray, h: float, setting: Setting, u: NDArray, nest: NDArray
) -> None:
    """The nest of the step that `u` holds, at three more velocities."""
    _explicit_stages(x, h, setting, 13, 16, u, nest[0])
    for i in range(6):
        nest[0, i] = new[i] - x[i]
        nest[1, i] = h * u[0, i] - nest[0, i]
        nest[2, i] = 2 * nest[0, i] - h * (u[0, i] + u[12, i])
    for k in range(4):
        for i in range(6):
            total = 0.0
            for j in range(16):
                total += _D[k, j] * u[j, i]
            nest[3 + k, i] = h * total


@compiled
def _implicit_step(
    x: NDArray,
    f: NDArray,
    jac: NDArray,
    h: float,
    setting: Setting,
    rtol: float,
    atol: float,
    m: NDArray,
    pivots: NDArray,
    u: NDArray,
    new: NDArray,
) -> float:
    """Rodas5P from `x` where dx/dt = `f`: `new`; the error in units of 1."""
    r, logit, eta = setting
    for i in range(6):
        for j in range(6):
            m[i, j] = -jac[i, j]
        m[i, i] += 1 / (_GAMMA * h)
        u[0, i] = f[i]
    _factorise(m, pivots)
    _solve(m, pivots, u[0])
    for s in range(1, 8):
        _combine(x, u, _A[s], s, 1.0, new)
        _velocity(new, r, logit, eta, u[s])
        _combine(u[s], u, _C[s], s, 1 / h, u[s])
        _solve(m, pivots, u[s])
    error = 0.0
    for i in range(6):
        new[i] += u[7, i]
        error += (u[7, i] / (atol + rtol * max(abs(x[i]), abs(new[i])))) ** 2
    return math.sqrt(error / 6)


@compiled
def _implicit_interpolant(x: NDArray, new: NDArray, u: NDArray, nest: NDArray) -> None:
    for i in range(6):
        k1 = k2 = k3 = 0.0
        for j in range(8):
            k1 += _DENSE[0, j] * u[j, i]
            k2 += _DENSE[1, j] * u[j, i]
            k3 += _DENSE[2, j] * u[j, i]
        nest[0, i], nest[1, i], nest[2, i], nest[3, i] = new[i] - x[i], k1, k2 + k3, -k3
        nest[4, i] = nest[5, i] = nest[6, i] = 0.0


@compiled
def _evaluate(x: NDArray, nest: NDArray, s: float, out: NDArray) -> None:
    """The state at the part s of a step."""
    for i in range(6):
        value = nest[6, i] * s
        for k in range(5, -1, -1):
            value = (value + nest[k, i]) * (s if k % 2 == 0 else 1 - s)
        out[i] = x[i] + value
