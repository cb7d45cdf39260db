"""A batch of annealed runs, in threads, and the names of what they log."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

from ...targets import BimodalTarget
from ..rhs import axial_to_overlaps
from ..runs import in_chunks
from .steps import _follow_all, _Path, _Results

__all__ = ["follow_batch", "statistics_of"]

FloatArray = NDArray[np.float64]
OVERLAPS = ("m1", "m2", "q11", "q12", "q22")
LOGGED = (*OVERLAPS, "logit", "v1", "v2", "beta", "kl")  # and the two masses
CHUNK = 16  # runs that a thread takes at a time


def follow_batch(x: FloatArray, path: _Path, threads: int) -> _Results:
    """Follow `path` from each state x (n, 8), which is moved to the end of its run."""
    n = len(x)
    results = _Results(
        np.full((n, len(LOGGED) + 2, path.times.size), np.nan),
        np.zeros(n, dtype=np.int64),
        np.full(n, np.nan),
        np.zeros((n, 3), dtype=np.int64),
    )

    def work(low: int, high: int) -> None:
        _follow_all(low, high, x, path, results)

    in_chunks(work, n, CHUNK, threads)
    return results


def statistics_of(
    target: BimodalTarget, logged: FloatArray, masses: tuple[str, str]
) -> dict[str, FloatArray]:
    """Name -> (n, T), from `logged` (n, statistics, T) in axial coordinates."""
    values = dict(zip((*LOGGED, *masses), logged.swapaxes(0, 1), strict=True))
    overlaps = axial_to_overlaps(logged[:, :6].swapaxes(1, 2), target.separation)
    values |= dict(zip(OVERLAPS, np.moveaxis(overlaps[..., :5], -1, 0), strict=True))
    values["weight"] = expit(values["logit"])
    return values | {"v1": np.exp(values["v1"]), "v2": np.exp(values["v2"])}
