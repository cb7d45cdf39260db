"""Which rows of a table of frequencies a claim speaks of, and what it makes of them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.special import stdtrit

from .claim import Estimate, only
from .intervals import difference, frequency, mean

__all__ = ["against_line", "chance", "gap", "likeness", "mean_of_runs"]


def chance(table: pd.DataFrame, column: str = "n_collapsed", **where: Any) -> Estimate:
    """The frequency of what `column` counts among the runs of the rows chosen, together."""
    rows = only(table, **where)
    return frequency(rows[column].sum(), rows["n_runs"].sum())


def gap(table: pd.DataFrame, first: dict[str, Any], second: dict[str, Any]) -> Estimate:
    """The frequency of collapse in the first rows minus that in the second."""
    return difference(chance(table, **first), chance(table, **second))


def likeness(table: pd.DataFrame, keys: list[str]) -> Estimate:
    """Mean z² of the simulated frequencies against those of theory with the same `keys`."""
    theory = table[table["source"] == "theory"]
    pairs = table[table["source"] != "theory"].merge(theory, on=keys, suffixes=("", "_theory"))
    n, m = pairs["n_runs"], pairs["n_runs_theory"]
    p = (pairs["n_collapsed"] + pairs["n_collapsed_theory"] + 0.5) / (n + m + 1)
    gaps = pairs["probability"] - pairs["probability_theory"]
    return mean(np.asarray(gaps**2 / (p * (1 - p) * (1 / n + 1 / m))))


def against_line(marks: pd.DataFrame, line: pd.DataFrame) -> NDArray[np.float64]:
    """z² of each mark, a frequency at its effective dimension, against the line of gradient flow,
    which is known at some dimensions and straight in log d between them."""
    line = line.sort_values("dimension")
    log_d = np.log(marks["effective_dimension"])
    expected, runs = (
        np.interp(log_d, np.log(line["dimension"]), line[name])
        for name in ("probability", "n_runs")
    )
    p = np.clip(expected, 0.5 / runs, 1 - 0.5 / runs)
    variance = p * (1 - p) * (1 / marks["n_runs"] + 1 / runs)
    return np.asarray((marks["probability"] - expected) ** 2 / variance)


def mean_of_runs(row: pd.Series, column: str) -> Estimate:
    """A mean over runs and its 95 % t interval, from its standard error `column`_se."""
    half = float(stdtrit(row["n_runs"] - 1, 0.975) * row[f"{column}_se"])
    return Estimate.within(row[column], half)
