"""q during training, in the plane of μ* and one direction orthogonal to it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ...checks import require
from ..columns import common

__all__ = ["UNITS", "agree", "grid", "logged", "rows"]

FloatArray = NDArray[np.float64]
MARGIN = 2.8  # standard deviations of a mode beyond its centre

UNITS = {
    "source": "simulation or flow",
    "case": "what is trained",
    "outcome": "outcome at the end of the run",
    **common("separation"),
    "time": "gradient-flow time (mixtures) or optimisation steps (flows)",
    "along": "coordinate along μ*, standard deviations of a mode",
    "across": "coordinate along one direction orthogonal to μ*, standard deviations of a mode",
    "density": "marginal density of q, per variance of a mode",
}


def agree(settings: Mapping[str, Any]) -> None:
    """Both sources fill the same columns of the figure."""
    known, given = (len(settings[source].fractions) for source in ("simulation", "flows"))
    require(given == known, "flows.fractions", given, f"as many as the simulation's, {known}")


def grid(separation: float, points: int) -> tuple[FloatArray, FloatArray]:
    """The coordinates (along, across), each of shape (points²,), of a square around the modes."""
    axis = np.linspace(-separation - MARGIN, separation + MARGIN, points)
    along, across = np.meshgrid(axis, axis, indexing="ij")
    return along.ravel(), across.ravel()


def logged(times: FloatArray, fractions: Sequence[float]) -> list[int]:
    """The indices of the logged times nearest to these fractions of the whole, each once."""
    return sorted({int(np.abs(times - part * times[-1]).argmin()) for part in fractions})


def rows(
    source: str, case: str, outcome: str, separation: float, time: float, density: FloatArray
) -> pd.DataFrame:
    """The rows of one picture, its `density` given on :func:`grid`."""
    along, across = grid(separation, int(np.sqrt(len(density))))
    named = {"source": source, "case": case, "outcome": outcome, "separation": separation}
    columns = {**named, "time": time, "along": along, "across": across, "density": density}
    return pd.DataFrame(columns)[list(UNITS)]
