"""Claims of figs_geometry: what the geometry of the descent does to the weights."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pandas as pd

from .claim import Claim, Estimate, Tables, only
from .intervals import difference
from .rows import chance, gap, mean_of_runs

__all__ = ["CLAIMS"]

PAID = (
    "four equal modes at the corners of a simplex, r = 4, d = 16, unit variances, stochastic "
    "descent from means on the sphere of the modes, looked at when 32,000 evaluations of log p are "
    "paid"
)

ANNEALED = (
    "two modes of weights 0.7 and 0.3, r = 4, d = 16, weights trained throughout while β rises "
    "from 0.01 within time 40, variances by the Bures clock, every speed over β, means N(0, 1) in "
    "each coordinate at the start, at time 60"
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


def _annealed(tables: Tables, **where: Any) -> pd.DataFrame:
    problem = {"separation": 4.0, "dimension": 16, "target_weight": 0.7, "beta_initial": 0.01}
    return only(tables["annealed_geometry"], anneal_time=40.0, time=60.0, **problem, **where)


def _cured(tables: Tables) -> Estimate:
    rows = _annealed(tables, source="theory", eta=1.0)
    return gap(rows, {"geometry": "euclidean"}, {"geometry": "natural"})


def _cured_by_descent(tables: Tables) -> Estimate:
    rows = _annealed(tables, source="reduced simulation", eta=1.0)
    return gap(rows, {"geometry": "euclidean"}, {"geometry": "natural"})


def _dying(tables: Tables) -> Estimate:
    """All runs whose weights do not enter the speed of their variances, at every η together."""
    rows = _annealed(tables, source="theory")
    return chance(rows[rows["geometry"] != "euclidean"])


def _roads_apart(tables: Tables) -> Estimate:
    """Descent minus gradient flow, at the η of both in the Euclidean geometry."""
    rows = _annealed(tables, geometry="euclidean")
    etas = set(only(rows, source="theory")["eta"]) & set(
        only(rows, source="reduced simulation")["eta"]
    )
    both = rows[rows["eta"].isin(etas)]
    return gap(both, {"source": "reduced simulation"}, {"source": "theory"})


def _claim(name: str, about: str, words: str, statistic: str,
           measure: Callable[[Tables], Estimate], **bounds: float) -> Claim:  # fmt: skip
    """Formed on runs with other seeds than those that decide it."""
    return Claim(
        name, about, words, statistic, ("components_paid",), measure, formed="on other runs",
        **bounds,
    )  # fmt: skip


def _annealing(name: str, words: str, statistic: str,
               measure: Callable[[Tables], Estimate], **bounds: float) -> Claim:  # fmt: skip
    return Claim(
        name, "figure", f"{words}: {ANNEALED}.", statistic, ("annealed_geometry",), measure,
        formed="on other runs", **bounds,
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
    _annealing(
        "annealed-natural-keeps-components",
        "No component dies while the target is annealed in the natural geometry, where in the "
        "Euclidean one it does, η = 1, gradient flow",
        "part collapsed, Euclidean minus natural",
        _cured,
        above=0.9,
    ),
    _annealing(
        "annealed-natural-keeps-components-by-descent",
        "So it is by stochastic descent with 64 samples a step, η = 1",
        "part collapsed, Euclidean minus natural",
        _cured_by_descent,
        above=0.8,
    ),
    _annealing(
        "annealed-variances-without-weights",
        "It is enough that the speed of the variances carries no weight: hardly any run is "
        "collapsed in the Wasserstein and the natural geometry, at any η from 0.03 to 3, gradient "
        "flow",
        "part of the runs collapsed, both geometries and all η together",
        _dying,
        below=0.02,
    ),
    _annealing(
        "annealed-roads-agree",
        "Stochastic descent and gradient flow collapse equally often in the Euclidean geometry "
        "while η makes between none and all of the runs collapse",
        "part collapsed, descent minus gradient flow, all η that both have together",
        _roads_apart,
        above=-0.15,
        below=0.15,
    ),
)
