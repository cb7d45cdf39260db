"""Speed of the closed equations, on one core, interleaved with its rivals.

r = 3, d = 64, fixed weights, from time 0 to 100, final state only, rtol = 1e-8, atol = 1e-10.
Each rival solves the same equations in the same coordinates, and its quadrature is as accurate.
"""

from __future__ import annotations

import math
import os
import statistics
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from typing import Any

import numpy as np
from numba import njit
from scipy.integrate import quad, solve_ivp
from scipy.special import expit

from modecollapse.overlaps import Overlaps, random_start
from modecollapse.quadrature.sigmoid import STEP
from modecollapse.targets import BimodalTarget
from modecollapse.theory.integration import _bimodal, _constants, integrate
from modecollapse.theory.rhs import overlaps_to_axial

__all__ = ["rows"]

TARGET, END, RTOL, ATOL = BimodalTarget(3.0, 64), 100.0, 1e-8, 1e-10
R = TARGET.separation
RUNS, FEW, ROUNDS = 10_000, 3, 3
UNIT = "trajectories per second"


def rows() -> Iterator[dict[str, Any]]:
    """A row for each comparison; every ratio is the better the larger."""
    with one_core():
        start = random_start(TARGET, RUNS, np.random.default_rng(0))
        few = start[:FEW]
        many = start[:1000]
        ours, theirs = medians(lambda: integrated(many), lambda: by_scipy(few), rounds=3)
        note = "solve_ivp (LSODA) with scipy.integrate.quad in the right-hand side, same rtol"
        yield row("theory_vs_quad", len(many) / ours, FEW / theirs, note)
        if find_spec("diffrax") is None:
            print("theory_vs_diffrax: skipped, diffrax is not installed", file=sys.stderr)
        else:
            yield from against_diffrax(start)
        ours, theirs = medians(right_hand_sides(), exponentials(), rounds=21)
        yield {
            "name": "theory_per_rhs",
            "ratio": theirs / ours,
            "ours": ours / CALLS * 1e9,
            "theirs": theirs / CALLS * 1e9,
            "unit": "ns per right-hand side",
            "note": f"the bare {EXPONENTIALS} exponentials, sines and cosines of three expectations"
            f" written plainly over one right-hand side, which needs {NEEDED} of them",
        }


def row(name: str, ours: float, theirs: float, note: str) -> dict[str, Any]:
    return {
        "name": name, "ratio": ours / theirs, "ours": ours, "theirs": theirs, "unit": UNIT,
        "note": f"{note}; r = {R:g}, t = {END:g}, rtol {RTOL:g}, one core",
    }  # fmt: skip


def medians(*functions: Callable[[], object], rounds: int) -> list[float]:
    """Median CPU seconds of each function, called in turn; a first call of each is left out."""
    seconds: list[list[float]] = [[] for _ in functions]
    for _ in range(rounds + 1):
        for function, taken in zip(functions, seconds, strict=True):
            begin = time.process_time()
            function()
            taken.append(time.process_time() - begin)
    return [statistics.median(taken[1:]) for taken in seconds]


@contextmanager
def one_core() -> Iterator[None]:
    """Confine this process, and the threads that it starts meanwhile, to one core."""
    allowed = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {min(allowed)})
    try:
        yield
    finally:
        os.sched_setaffinity(0, allowed)


def axial(start: Overlaps) -> np.ndarray:
    y = np.concatenate([start.m, start.q, start.logit[:, None]], axis=1)
    return overlaps_to_axial(y, R)


def integrated(start: Overlaps) -> np.ndarray:
    run = integrate(TARGET, start, [END], rtol=RTOL, atol=ATOL, threads=1)
    return np.stack([run.final(k) for k in ("m1", "m2", "q11", "q12", "q22")], axis=-1)


# The direct road: solve_ivp and quad.


def by_quad(a: float, b: float) -> float:
    """E[σ(a + bZ)] by adaptive quadrature, to 1e-10."""

    def integrand(z: float) -> float:
        return math.exp(-0.5 * z * z) / (1 + math.exp(-min(max(a + b * z, -700), 700)))

    return quad(integrand, -9, 9, epsabs=1e-10, epsrel=1e-10, limit=200)[0] / math.sqrt(2 * math.pi)


def velocity_by_quad(t: float, x: np.ndarray) -> list[float]:
    a1, a2, p11, p12, p22, l = x
    w1, w2 = expit(l), expit(-l)
    d2 = (a1 - a2) ** 2 + max(p11 - 2 * p12 + p22, 0)
    tilt1, tilt2 = 2 * by_quad(2 * R * a1, 2 * R) - 1, 2 * by_quad(2 * R * a2, 2 * R) - 1
    pull = w1 * by_quad(-l - d2 / 2, math.sqrt(d2))
    return [
        -w1 * (a1 - R * tilt1) + pull * (a1 - a2),
        -w2 * (a2 - R * tilt2) - pull * (a1 - a2),
        -2 * w1 * p11 + 2 * pull * (p11 - p12),
        -p12 - pull * (p11 - 2 * p12 + p22),
        -2 * w2 * p22 + 2 * pull * (p22 - p12),
        0.0,
    ]


def by_scipy(start: Overlaps) -> np.ndarray:
    options = {"method": "LSODA", "rtol": RTOL, "atol": ATOL}
    return np.stack(
        [solve_ivp(velocity_by_quad, (0, END), x, **options).y[:, -1] for x in axial(start)]
    )


# The compiled road of others: diffrax, vmap and jit.


def against_diffrax(start: Overlaps) -> Iterator[dict[str, Any]]:
    os.environ.setdefault("XLA_FLAGS", "--xla_cpu_multi_thread_eigen=false")
    import jax

    jax.config.update("jax_enable_x64", True)
    states = jax.numpy.asarray(axial(start))
    solvers = {solver: diffrax_solver(solver) for solver in ("Tsit5", "Dopri8")}
    for solve in solvers.values():
        error = np.abs(np.asarray(solve(states[:200])) - axial_of(integrated(start[:200]))).max()
        if not error < 1e-5:
            raise RuntimeError(f"diffrax and this package differ by {error:.1e}")
    functions = [lambda f=solve: f(states).block_until_ready() for solve in solvers.values()]
    ours, *theirs = medians(lambda: integrated(start), *functions, rounds=ROUNDS)
    fastest = min(range(len(theirs)), key=theirs.__getitem__)
    note = f"diffrax {list(solvers)[fastest]} under vmap and jit, {RUNS} starts, compiling left out"
    yield row("theory_vs_diffrax", RUNS / ours, RUNS / theirs[fastest], note)


def axial_of(overlaps: np.ndarray) -> np.ndarray:
    return overlaps_to_axial(np.pad(overlaps, ((0, 0), (0, 1))), R)


def diffrax_solver(name: str) -> Callable[[Any], Any]:
    """Final states of a batch, compiled; the quadrature is this package's own rule, vectorised."""
    import diffrax
    import jax
    import jax.numpy as jnp

    z = STEP * np.arange(-17, 18)
    weights = STEP * np.exp(-0.5 * z**2) / math.sqrt(2 * math.pi)
    poles = math.pi * (2 * np.arange(8) + 1)  # enough for b <= 13

    def sigmoid(a, b):
        """E[σ(a + bZ)]: the trapezoidal rule around u = 0 and the residues at the poles."""
        b = jnp.maximum(b, 1e-3)
        shift = -a / b - STEP * jnp.round(-a / b / STEP)
        nodes = z + shift  # u = 0 is a node
        tilted = weights * jnp.exp(-shift * z - 0.5 * shift**2)
        plain = (tilted * jax.nn.sigmoid(a + b * nodes)).sum()
        kappa = 2 * math.pi / (STEP * b)
        size = jnp.exp(jnp.minimum((poles**2 - a**2) / (2 * b**2) - kappa * poles, 0.0))
        inside = poles <= 3.8 * b
        residues = jnp.where(
            inside, size * jnp.sin(a * poles / b**2) / (1 - jnp.exp(-kappa * poles)), 0.0
        )
        return plain + 4 * math.pi / (math.sqrt(2 * math.pi) * b) * residues.sum()

    def velocity(t, x, args):
        a1, a2, p11, p12, p22, l = x
        w1, w2 = jax.nn.sigmoid(l), jax.nn.sigmoid(-l)
        d2 = (a1 - a2) ** 2 + jnp.maximum(p11 - 2 * p12 + p22, 0)
        tilt1, tilt2 = 2 * sigmoid(2 * R * a1, 2 * R) - 1, 2 * sigmoid(2 * R * a2, 2 * R) - 1
        pull = w1 * sigmoid(-l - d2 / 2, jnp.sqrt(d2))
        return jnp.stack(
            [
                -w1 * (a1 - R * tilt1) + pull * (a1 - a2),
                -w2 * (a2 - R * tilt2) - pull * (a1 - a2),
                -2 * w1 * p11 + 2 * pull * (p11 - p12),
                -p12 - pull * (p11 - 2 * p12 + p22),
                -2 * w2 * p22 + 2 * pull * (p22 - p12),
                0.0 * l,
            ]
        )

    def solve(x):
        return diffrax.diffeqsolve(
            diffrax.ODETerm(velocity),
            getattr(diffrax, name)(),
            t0=0.0,
            t1=END,
            dt0=None,
            y0=x,
            saveat=diffrax.SaveAt(t1=True),
            stepsize_controller=diffrax.PIDController(rtol=RTOL, atol=ATOL),
            adjoint=diffrax.ForwardMode(),
            max_steps=10_000,
        ).ys[-1]

    return jax.jit(jax.vmap(solve))


# One right-hand side and the exponentials in it.

CALLS = 20_000
EXPONENTIALS = 29  # three expectations of seven exponentials, a sine and a cosine; two weights
NEEDED = 13  # two expectations by a table, of two and a sine each; one of five and a sine; weights


def right_hand_sides() -> Callable[[], float]:
    states = axial(random_start(TARGET, CALLS, np.random.default_rng(1)))

    @njit(error_model="numpy")
    def run(x: np.ndarray, out: np.ndarray) -> float:
        total, constants = 0.0, _constants(R, 0.0, 0.0)
        for i in range(len(x)):
            _bimodal(constants, 0.0, x[i], out)
            total += out[0]
        return total

    return lambda: run(states, np.empty(6))


def exponentials() -> Callable[[], float]:
    arguments = np.random.default_rng(1).normal(size=CALLS)

    @njit(error_model="numpy")
    def run(u: np.ndarray) -> float:
        total = 0.0
        for x in u:
            for k in range(23):
                total += math.exp(x + k)
            for k in range(3):
                total += math.sin(x + k) + math.cos(x + k)
        return total

    return lambda: run(arguments)


if __name__ == "__main__":
    for line in rows():
        print(line)
