"""Claims of fig7_remedies: what another geometry and another objective do against collapse."""

from __future__ import annotations

import pandas as pd

from .claim import Claim, Estimate, NoRows, Tables, only
from .intervals import difference
from .remedies_scale import SCALE
from .rows import chance, gap

__all__ = ["CLAIMS"]

REVERSE = 2.2596076  # r_c of the reverse KL, two equal modes (docs/theory.md, section 6)
PROBLEM = (
    "two equal modes, r = 4, d = 16, η = 10, gradient flow from random starts on the sphere of "
    "radius r"
)


def _runs(tables: Tables, time: float) -> pd.DataFrame:
    problem = {"separation": 4.0, "eta": 10.0, "dimension": 16, "target_weight": 0.5}
    return only(tables["geometry_survival"], time=time, **problem)


def _dead_natural(tables: Tables) -> Estimate:
    return chance(_runs(tables, 300.0), "n_vanishing_weight", geometry="natural")


def _dead_by_geometry(tables: Tables) -> Estimate:
    rows = _runs(tables, 300.0)
    return difference(
        chance(rows, "n_vanishing_weight", geometry="euclidean"),
        chance(rows, "n_vanishing_weight", geometry="natural"),
    )


def _lost_early(tables: Tables) -> Estimate:
    return gap(_runs(tables, 300.0), {"geometry": "euclidean"}, {"geometry": "natural"})


def _lost_late(tables: Tables) -> Estimate:
    return gap(_runs(tables, 1e5), {"geometry": "natural"}, {"geometry": "euclidean"})


def _wait_growth(tables: Tables) -> Estimate:
    """The natural wait at r = 6 over that at r = 3, both recovered."""
    rows = only(
        tables["geometry_waits"], start="one at its mode", geometry="natural", eta=10.0,
        recovered=True,
    )  # fmt: skip
    near, far = (only(rows, separation=r)["time"].iloc[0] for r in (3.0, 6.0))
    return Estimate.exact(far / near)


def _births(tables: Tables, objective: str) -> pd.DataFrame:
    return only(tables["objective_births"], source="theory", objective=objective, target_weight=0.5)


def _next_to_reverse(tables: Tables) -> Estimate:
    """The largest |r_c − 2.2596076| of both objectives at strengths of at most 1e-6."""
    rows = pd.concat([_births(tables, objective) for objective in ("alpha", "share")])
    rows = rows[rows["strength"] <= 1e-6]
    if rows["objective"].nunique() < 2:
        raise NoRows("no strength next to the reverse KL")
    return Estimate.exact((rows["separation"] - REVERSE).abs().max())


def _near_forward(tables: Tables) -> Estimate:
    return Estimate.exact(only(_births(tables, "alpha"), strength=0.99)["separation"].iloc[0])


def _half(tables: Tables) -> pd.DataFrame:
    """The rows at λ = ½, at separations up to 6 or beyond."""
    where = {"objective": "share", "strength": 0.5, "target_weight": 0.5, "dimension": 16}
    rows = only(tables["objective_runs"], time=1e4, **where)
    only(rows, separation=6.0)
    return rows


def _states_at_half(tables: Tables) -> Estimate:
    return Estimate.exact(_half(tables)["n_collapsed_states"].sum())


def _runs_at_half(tables: Tables) -> Estimate:
    return chance(_half(tables))


CLAIMS = (
    Claim(
        "natural-keeps-weights",
        "figure",
        f"In the natural geometry hardly any run is collapsed by vanishing weight at time 300: "
        f"{PROBLEM}.",
        "part of the runs collapsed by vanishing weight, natural geometry",
        ("geometry_survival",),
        _dead_natural,
        below=0.05,
    ),
    Claim(
        "vanishing-weight-is-euclidean",
        "figure",
        f"At time 300 vanishing weight has collapsed more runs in the Euclidean geometry than in "
        f"the natural one: {PROBLEM}.",
        "part collapsed by vanishing weight, Euclidean minus natural",
        ("geometry_survival",),
        _dead_by_geometry,
        above=0.0,
    ),
    Claim(
        "natural-is-ahead-early",
        "practice",
        f"At time 300 fewer runs are collapsed in the natural geometry than in the Euclidean one: "
        f"{PROBLEM}.",
        "part collapsed, Euclidean minus natural",
        ("geometry_survival",),
        _lost_early,
        above=0.0,
    ),
    Claim(
        "natural-is-not-best-for-ever",
        "practice",
        f"At time 10⁵ more runs are collapsed in the natural geometry than in the Euclidean one, "
        f"where dead components have come back: {PROBLEM}.",
        "part collapsed, natural minus Euclidean",
        ("geometry_survival",),
        _lost_late,
        above=0.0,
    ),
    Claim(
        "natural-wait",
        "figure",
        "In the natural geometry the time to arrive carries no 1/w: from one component at its mode "
        "and the other not moved yet (two equal modes, d = 64, η = 10), gradient flow reaches "
        "KL = ½ log 2 at r = 6 in less than twice the time of r = 3.",
        "time at r = 6 over time at r = 3",
        ("geometry_waits",),
        _wait_growth,
        below=2.0,
    ),
    Claim(
        "births-start-at-the-reverse-kl",
        "figure",
        "At two equal modes and equal fixed weights the critical separations of D_α and of a share "
        "λ of the forward KL start at that of the reverse KL, r_c = 2.2596076 (theory alone, at "
        "α and λ of at most 10⁻⁶).",
        "largest distance to 2.2596076, standard deviations of a mode",
        ("objective_births",),
        _next_to_reverse,
        below=1e-6,
    ),
    Claim(
        "births-diverge",
        "figure",
        "The separation at which collapse is born under D_α grows beyond 15 by α = 0.99, at two "
        "equal modes and equal fixed weights.",
        "r_c at α = 0.99, standard deviations of a mode",
        ("objective_births",),
        _near_forward,
        above=15.0,
    ),
    Claim(
        "half-a-share-leaves-no-state",
        "figure",
        "With a share λ = 1/2 of the forward KL no stable collapsed state is found, by Newton's "
        "method from a grid of starts at separations up to 6, at two equal modes and equal fixed "
        "weights; that none exists beyond is derived to leading order in r alone.",
        "collapsed states found, at all separations of the table together",
        ("objective_runs",),
        _states_at_half,
        below=0.5,
    ),
    Claim(
        "half-a-share-does-not-collapse",
        "practice",
        "With a share λ = 1/2 of the forward KL hardly any run is collapsed at time 10⁴: two equal "
        "modes, equal fixed weights, d = 16, gradient flow without noise of batches from random "
        "starts on the sphere of radius r, r from 2.2 to 6.",
        "part of the runs collapsed, all separations together",
        ("objective_runs",),
        _runs_at_half,
        below=0.05,
    ),
    *SCALE,
)
