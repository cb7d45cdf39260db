"""Claims of figs_geometry: what the geometry of the descent does to the weights."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pandas as pd

from .claim import Claim, Estimate, Tables, only
from .intervals import difference
from .rows import chance, mean_of_runs

__all__ = ["CLAIMS"]

PAID = (
    "four equal modes at the corners of a simplex, r = 4, d = 16, unit variances, stochastic "
    "descent from means on the sphere of the modes, looked at when 32,000 evaluations of log p are "
    "paid"
)


def _paid(tables: Tables, components: int, weights: str, geometry: str) -> pd.DataFrame:
    return only(
        tables["components_paid"], problem="four modes", dimension=16, n_components=components,
        weights=weights, geometry=geometry,
    )  # fmt: skip


def _found(tables: Tables, *case: Any) -> Estimate:
    return mean_of_runs(_paid(tables, *case).iloc[0], "n_found")


def _regret(tables: Tables, *case: Any) -> Estimate:
    row = _paid(tables, *case).iloc[0]
    return Estimate(row["regret"], row["regret_low"], row["regret_high"])


def _more(measure: Callable[..., Estimate], first: tuple[Any, ...],
          second: tuple[Any, ...]) -> Callable[[Tables], Estimate]:  # fmt: skip
    """What one case has more than another."""
    return lambda tables: difference(measure(tables, *first), measure(tables, *second))


def _claim(name: str, about: str, words: str, statistic: str,
           measure: Callable[[Tables], Estimate], **bounds: float) -> Claim:  # fmt: skip
    """Formed on runs with other seeds than those that decide it."""
    return Claim(
        name, about, words, statistic, ("components_paid",), measure, formed="on other runs",
        **bounds,
    )  # fmt: skip


CLAIMS = (
    _claim(
        "spare-components-natural",
        "practice",
        f"Twice as many components as modes leave hardly any run collapsed where their weights are "
        f"trained in the natural geometry, without annealing: {PAID}.",
        "part of the runs collapsed, K = 8",
        lambda tables: chance(_paid(tables, 8, "trained", "natural")),
        below=0.1,
    ),
    _claim(
        "spare-components-need-no-regret",
        "practice",
        f"Nor do they pay for being too many: {PAID}.",
        "mean regret, K = 8, weights trained in the natural geometry, nats",
        lambda tables: _regret(tables, 8, "trained", "natural"),
        below=0.02,
    ),
    _claim(
        "spare-components-fixed-weights-regret",
        "practice",
        f"With equal fixed weights spare components keep a regret, for where the modes get unequal "
        f"numbers of them the weights do not fit: {PAID}.",
        "mean regret, K = 8, equal fixed weights, Euclidean geometry, nats",
        lambda tables: _regret(tables, 8, "fixed", "euclidean"),
        above=0.05,
    ),
    _claim(
        "spare-components-wasted",
        "practice",
        f"In the Euclidean geometry with trained weights spare components are wasted: eight find "
        f"fewer modes than with equal fixed weights ({PAID}).",
        "modes found by 8 components, weights fixed minus trained",
        _more(_found, (8, "fixed", "euclidean"), (8, "trained", "euclidean")),
        above=0.5,
    ),
    _claim(
        "geometry-acts-on-weights",
        "figure",
        f"It is the weights through which the geometry acts: with fixed weights, where it only "
        f"makes the means K times as fast, four components find as many modes in either to half a "
        f"mode ({PAID}).",
        "modes found by 4 components of fixed weight, natural minus Euclidean",
        _more(_found, (4, "fixed", "natural"), (4, "fixed", "euclidean")),
        above=-0.5,
        below=0.5,
    ),
    _claim(
        "a-component-a-mode-is-not-enough",
        "practice",
        f"A component for each mode is not enough in the natural geometry either: twice as many "
        f"reach a lower regret at the same price ({PAID}).",
        "mean regret, K = 4 minus K = 8, weights trained in the natural geometry, nats",
        _more(_regret, (4, "trained", "natural"), (8, "trained", "natural")),
        above=0.03,
    ),
)
