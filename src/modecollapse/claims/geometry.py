"""Claims of figs_geometry: what the geometry of the descent does to the weights."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd

from .claim import Claim, Estimate, NoRows, Tables, only
from .intervals import difference, fitted_slope, mean
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

ALIGNED = (
    "two equal modes, r from 3.2 to 4, η = 1 and 10, d from 4 to 1024, gradient flow in the "
    "natural geometry from random starts of norms 0.3 r and r that have both means on one side, "
    "once they are aligned at time 50 and where the law says a thousand or more"
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


def _aligned(tables: Tables) -> pd.DataFrame:
    rows = only(tables["natural_lifetimes"], start="random", geometry="natural", recovered=True)
    rows = rows[rows["law"] >= 1e3]
    if rows["dimension"].nunique() < 3 or rows["eta"].nunique() < 2:
        raise NoRows("not over η and d")
    return rows


def _law(tables: Tables) -> Estimate:
    rows = _aligned(tables)
    return fitted_slope(np.log(rows["law"]), np.log(rows["time"]))


def _trend(tables: Tables) -> Estimate:
    rows = _aligned(tables)
    return fitted_slope(np.log(rows["dimension"]), np.log(rows["time"] / rows["law"]))


def _norm_trend(tables: Tables) -> Estimate:
    rows = _aligned(tables)
    size = rows["norm"] / rows["separation"]
    if size.round(9).nunique() < 2:
        raise NoRows("one norm only")
    return fitted_slope(np.log(size), np.log(rows["time"] / rows["law"]))


def _light(tables: Tables) -> pd.DataFrame:
    rows = only(tables["natural_lifetimes"], start="light", geometry="natural", recovered=True)
    if rows["logit"].max() < 10 * rows["logit"].min():
        raise NoRows("less than ten times as many decades")
    return rows


def _light_power(tables: Tables) -> Estimate:
    """The power of log 1/w, at each r and η by itself."""
    groups = _light(tables).groupby(["separation", "eta"])
    return mean([fitted_slope(np.log(g["logit"]), np.log(g["time"])).value for _, g in groups])


def _light_law(tables: Tables) -> Estimate:
    rows = _light(tables)
    return Estimate.exact(np.exp(np.abs(np.log(rows["time"] / rows["law"])).max()))


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


def _lifetime(name: str, words: str, statistic: str,
              measure: Callable[[Tables], Estimate], **bounds: float) -> Claim:  # fmt: skip
    return Claim(
        name, "figure", words, statistic, ("natural_lifetimes",), measure, formed="after looking",
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
    _lifetime(
        "natural-lifetime-law",
        f"In the natural geometry alignment lasts as long as the drift of the weights to the fold "
        f"says (Eq. 13.9 from the weights that a run has then): {ALIGNED}.",
        "exponent of the time as a power of the law",
        _law,
        above=0.9,
        below=1.1,
    ),
    _lifetime(
        "natural-lifetime-free-of-dimension",
        f"Its time over that law has no trend with the dimension: {ALIGNED}.",
        "exponent of time over law as a power of d",
        _trend,
        above=-0.1,
        below=0.1,
    ),
    _lifetime(
        "natural-lifetime-free-of-norm",
        f"Nor has it a strong one with the norm of the start, from 0.3 r to r: {ALIGNED}.",
        "exponent of time over law as a power of the norm in units of r",
        _norm_trend,
        above=-0.25,
        below=0.25,
    ),
    _lifetime(
        "light-component-power",
        "In the natural geometry a component without weight waits for less than a root of "
        "log(1/w), from 20 to 260 decades of 1/w: two equal modes, r from 3.2 to 4, η = 1 "
        "and 10, d = 64, the other component at its mode, gradient flow to KL = ½ log 2.",
        "exponent of the time as a power of log(1/w), mean over r and η",
        _light_power,
        below=0.55,
    ),
    _lifetime(
        "light-component-law",
        "Eq. 13.8 tells this time to within a third (same problem, start and time).",
        "largest factor between time and law",
        _light_law,
        below=1.34,
    ),
)
