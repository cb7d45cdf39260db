"""Which rows of a table of frequencies a claim speaks of, and what it makes of them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from scipy.stats import t

from .claim import Estimate, only
from .intervals import difference, frequency, mean

__all__ = ["chance", "gap", "likeness", "mean_of_runs"]


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


def mean_of_runs(row: pd.Series, column: str) -> Estimate:
    """A mean over runs and its 95 % t interval, from its standard error `column`_se."""
    half = float(t.ppf(0.975, row["n_runs"] - 1) * row[f"{column}_se"])
    return Estimate(float(row[column]), float(row[column] - half), float(row[column] + half))
