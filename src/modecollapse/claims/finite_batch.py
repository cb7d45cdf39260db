"""Claims of figs_finite_batch: gradient flow is the limit of small h d/B."""

from __future__ import annotations

import numpy as np
import pandas as pd

from .claim import Claim, Estimate, NoRows, Tables, only
from .intervals import difference, frequency, mean
from .rows import against_line

__all__ = ["CLAIMS"]


def _table(tables: Tables) -> pd.DataFrame:
    """The problem and the time that the claims name."""
    return only(tables["finite_batch"], separation=3.0, target_weight=0.6, time=40.0)


def _effective(tables: Tables) -> Estimate:
    """Mean z² of the marks without the score term against gradient flow at their d_eff."""
    table = _table(tables)
    marks = only(table, estimator="sticking-the-landing")
    return mean(against_line(marks, only(table, source="theory")))


def _noise_at_large_d(tables: Tables) -> Estimate:
    """P of gradient flow minus P of the noisiest batches, both at the largest d they share."""
    table = _table(tables)
    flow = only(table, source="theory")
    marks = only(table, estimator="sticking-the-landing")
    noise = marks["step_size"] / marks["batch"]
    noisy = marks[noise == noise.max()]
    shared = np.intersect1d(flow["dimension"], noisy["dimension"])
    if not shared.size:
        raise NoRows("no dimension in common")
    d = int(shared.max())
    pair = only(flow, dimension=d).iloc[0], only(noisy, dimension=d).iloc[0]
    return difference(*(frequency(row["n_collapsed"], row["n_runs"]) for row in pair))


CLAIMS = (
    Claim(
        "effective-dimension",
        "figure",
        "Stochastic descent without the score term collapses as often as gradient flow in the "
        "effective dimension d_eff of its step size and batch (docs/theory.md, Eq. 10.14), by time "
        "40 from starts on the sphere of radius r = 3, π = 0.6, equal fixed weights, d from 10 to "
        "10⁶.",
        "mean z² of the marks against the line",
        ("finite_batch",),
        _effective,
        below=2.0,
    ),
    Claim(
        "noise-replaces-the-start",
        "figure",
        "In high dimension the noise of small batches makes collapse rarer without the score "
        "term: at π = 0.6, r = 3, equal fixed weights, gradient flow from the sphere of radius r "
        "collapses more often by time 40 than descent with the noisiest batches of the table.",
        "probability of collapse in gradient flow minus that with the noisiest batches, at the "
        "largest common d",
        ("finite_batch",),
        _noise_at_large_d,
        above=0.0,
    ),
)
