r"""The cheapest way out of collapse: the minimum-action path on the plane of the two positions.

For small h a descent with batches of B leaves collapse after a time τ with

    log τ ≃ Φ B/h,       Φ = min_φ ∫ p·dφ,     H(φ, p) = 0,   ∂_p H ∥ dφ,                  (16.4)

the minimum over paths φ from the collapsed state to the saddle on the way to both modes.  The sum
of the independent samples of a batch is tilted sample by sample, so that the Hamiltonian is the
logarithm of their generating function, free of h and B,

    H(a, p) = ½ Σ_i log E_i e^{−p·g}  (stratified),     log ½ Σ_i E_i e^{−p·g}  (sampled),  (16.5)

with g of :mod:`.noise`.  To second order in p it is f·p + ½ p·C p, that of the diffusion (16.1),
good where the path is so gentle that p·g is small: next to the fold.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize, root

from .noise import contributions, noise
from .normal_form import normal_form

__all__ = ["Exit", "barrier", "find_exit"]

FloatArray = NDArray[np.float64]

_NODES, _SHARES = np.polynomial.legendre.leggauss(20)
PLACES, SHARES = (_NODES + 1) / 2, _SHARES / 2  # along the path
TERMS = 4  # of the Legendre series of how far the path is from its chord; Φ to 1e-4 of itself
LONGEST = 1.0  # step of Newton's method in p
ROUNDS = 40  # of Newton's method; six are enough where the path is gentle


@dataclass(frozen=True)
class Exit:
    """Where a path out of collapse begins and ends, and what noise moves along it.

    Attributes
    ----------
    separation : r.
    state, saddle : (a_1, a_2) of the collapsed state and of the saddle on the way to both modes.
    rates : √(λ_s λ_u), of the slow eigenvalue of the state and the unstable one of the saddle.
    """

    separation: float
    state: FloatArray
    saddle: FloatArray
    rate: float
    score: bool
    stratified: bool = True
    spread: float = 0.0


def find_exit(
    separation: float, score: bool, stratified: bool = True, spread: float = 0.0
) -> Exit | None:
    """The exit at r, with the means `spread` apart across μ*; None where there is no such state."""
    form = normal_form(score, stratified)
    centre, v = np.array(form.positions), np.array(form.direction)
    size = np.sqrt(form.pull / form.bend * abs(separation - form.separation))
    ends, rates = [], []
    for side in (-1.0, 1.0):
        # Newton's method from where the fold's normal form has them, nearer and nearer to the fold.
        for share in (1.0, 1.5, 0.7, 0.4, 2.5):
            found = root(
                lambda a: noise(a, separation, score, stratified, spread)[0],
                centre + side * share * size * v,
                tol=1e-12,
            )
            slow = _slow(found.x, separation, score, spread)
            split = found.x[0] - found.x[1] > 1e-6
            if found.success and split and side * slow > 0 and found.x[1] > 0:
                ends.append(found.x)
                rates.append(abs(slow))
                break
    if len(ends) < 2:
        return None
    rate = float(np.sqrt(rates[0] * rates[1]))
    return Exit(separation, ends[0], ends[1], rate, score, stratified, spread)


def _slow(a: FloatArray, separation: float, score: bool, spread: float) -> float:
    """The larger eigenvalue of the Jacobian of f."""
    h = 1e-5
    shifts = np.concatenate([h * np.eye(2), -h * np.eye(2)])
    f = noise(a + shifts, separation, score, spread=spread)[0]
    jacobian = (f[:2] - f[2:]) / (2 * h)
    return float(np.linalg.eigvalsh(0.5 * (jacobian + jacobian.T))[-1])


def barrier(exit: Exit, gaussian: bool = False) -> float:
    """Φ of Eq. 16.4; of the diffusion (16.1) where `gaussian`."""
    cost = _gaussian_cost if gaussian else _cost
    start = np.zeros(TERMS)
    if not gaussian:
        start = minimize(_action, start, (exit, _gaussian_cost), "BFGS", tol=1e-4).x
    return float(minimize(_action, start, (exit, cost), "BFGS", tol=1e-6).fun)


def _action(shape: FloatArray, exit: Exit, cost: Callable[..., FloatArray]) -> float:
    """∫ p·dφ along the chord, moved across itself by s(1 − s) times a Legendre series."""
    chord = exit.saddle - exit.state
    normal = np.array([-chord[1], chord[0]])
    series = np.polynomial.Legendre(shape, domain=[0, 1])
    bump, slope = PLACES * (1 - PLACES), 1 - 2 * PLACES
    aside = bump * series(PLACES)
    turn = slope * series(PLACES) + bump * series.deriv()(PLACES)
    path = exit.state + np.outer(PLACES, chord) + np.outer(aside, normal)
    return float(SHARES @ cost(exit, path, chord + np.outer(turn, normal)))


def _gaussian_cost(exit: Exit, path: FloatArray, along: FloatArray) -> FloatArray:
    """p·dφ of the quadratic Hamiltonian: |dφ| |f| − dφ·f in the metric C⁻¹."""
    p, _ = _gaussian_momentum(exit, path, along)
    return (p * along).sum(-1)


def _gaussian_momentum(
    exit: Exit, path: FloatArray, along: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """p and λ of the quadratic Hamiltonian: C⁻¹(λ dφ − f), λ = |f|/|dφ| in the metric C⁻¹."""
    drift, covariance = noise(path, exit.separation, exit.score, exit.stratified, exit.spread)
    force = np.linalg.solve(covariance, drift[..., None])[..., 0]
    stiff = np.linalg.solve(covariance, along[..., None])[..., 0]
    speed = np.sqrt((drift * force).sum(-1) / (along * stiff).sum(-1))
    return speed[:, None] * stiff - force, speed


def _cost(exit: Exit, path: FloatArray, along: FloatArray) -> FloatArray:
    """p·dφ with H(φ, p) = 0 and ∂_p H = λ dφ, λ > 0, by Newton's method in (p, λ)."""
    p, speed = _gaussian_momentum(exit, path, along)
    g, weights = contributions(path, exit.separation, exit.score, exit.spread)
    for _ in range(ROUNDS):
        value, slope, bend = _hamiltonian(g, weights, p, exit.stratified)
        matrix = np.zeros((len(p), 3, 3))
        matrix[:, :2, :2], matrix[:, :2, 2], matrix[:, 2, :2] = bend, -along, slope
        miss = np.concatenate([slope - speed[:, None] * along, value[:, None]], -1)
        move = np.linalg.solve(matrix, miss[..., None])[..., 0]
        move *= np.minimum(1, LONGEST / (1e-300 + np.abs(move[:, :2]).max(-1)))[:, None]
        p, speed = p - move[:, :2], speed - move[:, 2]
        if np.abs(move).max() < 1e-9:
            break
    return (p * along).sum(-1)


def _hamiltonian(
    g: FloatArray, weights: FloatArray, p: FloatArray, stratified: bool
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """H of Eq. 16.5, ∂_p H and ∂²_p H."""
    tilt = -np.einsum("ka,kiaz->kiz", p, g)
    top = tilt.max(-1, keepdims=True) if stratified else tilt.max((-1, -2), keepdims=True)
    e = weights * np.exp(tilt - top)
    total = e.sum(-1, keepdims=True) if stratified else e.sum((-1, -2), keepdims=True)
    share = e / total
    value = (np.log(total) + top)[..., 0]
    first = -np.einsum("kiz,kiaz->kia", share, g)
    second = np.einsum("kiz,kiaz,kibz->kiab", share, g, g)
    if stratified:
        second -= first[..., :, None] * first[..., None, :]
        return value.mean(-1), first.mean(1), second.mean(1)
    first, second = first.sum(1), second.sum(1)
    return value[:, 0] - np.log(2), first, second - first[..., :, None] * first[..., None, :]
