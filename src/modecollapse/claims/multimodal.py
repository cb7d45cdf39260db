"""Claims of figs_multimodal: as many components as modes, and more."""

from __future__ import annotations

from functools import partial
from typing import Any

from .claim import Claim, Estimate, NoRows, Tables, only
from .intervals import difference
from .rows import mean_of_runs

__all__ = ["CLAIMS"]

PROBLEM = "K* = 4 modes on a simplex, d = 64, r = 6, start on the sphere of radius r, by time 1000"


def _found(tables: Tables, eta: float, n_components: int) -> Estimate:
    rows = only(
        tables["modes_found"],
        arrangement="simplex",
        n_modes=4,
        separation=6.0,
        eta=eta,
        n_components=n_components,
    )
    return mean_of_runs(rows.iloc[0], "n_found")


def _spare(tables: Tables) -> Estimate:
    return difference(*(_found(tables, 0.0, n_components) for n_components in (8, 4)))


def _moving(tables: Tables) -> Estimate:
    table = tables["modes_found"]
    if table.empty:
        raise NoRows("no row")
    return Estimate.exact(table["n_moving"].sum() / table["n_runs"].sum())


def _claim(name: str, words: str, eta: float, components: int, **bounds: Any) -> Claim:
    measure = partial(_found, eta=eta, n_components=components)
    statistic = "modes found, mean over runs, 1"
    return Claim(name, "figure", words, statistic, ("modes_found",), measure, **bounds)


CLAIMS = (
    _claim(
        "as-many-components",
        f"As many components as modes lose some: {PROBLEM}, K = 4 with equal fixed weights find "
        "fewer than 3.5 of 4.",
        0.0,
        4,
        below=3.5,
    ),
    Claim(
        "spare-components",
        "figure",
        f"With equal fixed weights spare components find more: {PROBLEM}, K = 8 against K = 4.",
        "modes found by 8 components minus those found by 4, means over runs, 1",
        ("modes_found",),
        _spare,
        above=0.0,
    ),
    _claim(
        "spare-components-trained-weights",
        f"With trained weights spare components do not help where the modes are far apart: "
        f"{PROBLEM}, η = 1, K = 8 find fewer than 3 of 4.",
        1.0,
        8,
        below=3.0,
    ),
    Claim(
        "many-modes-at-rest",
        "figure",
        "Of all runs of figs_multimodal fewer than one in ten still moves when one looks, at time "
        "1000: the counts are not quite final.",
        "part of all runs whose KL changed by more than 0.01 nats since half the time",
        ("modes_found",),
        _moving,
        below=0.1,
    ),
)
