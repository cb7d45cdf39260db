"""Linear algebra of few vectors: factors of Gram matrices, on axes that are the same everywhere."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ...checks import require
from ...overlaps import ROUNDING

FloatArray = NDArray[np.float64]


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
