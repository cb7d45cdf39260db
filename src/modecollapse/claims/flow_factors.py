"""Claims of figs_flow_factors: what else decides how often flows are collapsed."""

from __future__ import annotations

import numpy as np
import pandas as pd

from .claim import Claim, Estimate, NoRows, Tables, only
from .intervals import frequency, rank_correlation
from .rows import gap

__all__ = ["CLAIMS"]

RACES = ["dimension", "direction", "architecture", "couplings", "separation"]


def _ends(table: pd.DataFrame, **where: object) -> pd.DataFrame:
    """The rows at the last step of the settings chosen."""
    here = only(table, **where)
    return here[here["step"] == here["step"].max()]


def _direction(tables: Tables) -> Estimate:
    rows = _ends(tables["flow_direction"])
    r = np.sort(rows["separation"].unique())
    middle = only(rows, separation=float(r[len(r) // 2]))
    return gap(middle, {"direction": "diagonal"}, {"direction": "axis"})


def _width(tables: Tables) -> Estimate:
    rows = _ends(tables["flow_capacity"], couplings=4)
    narrow, wide = (int(f(rows["hidden"])) for f in (min, max))
    return gap(rows, {"hidden": narrow}, {"hidden": wide})


def _heavy(tables: Tables) -> Estimate:
    rows = _ends(tables["flow_weight"])
    lost = rows[rows["target_weight"] > 0.5]
    return frequency(lost["n_plus"].sum(), lost["n_collapsed"].sum())


def _race(tables: Tables) -> Estimate:
    """Spearman's ρ between race and frequency over settings, with Fisher's interval."""
    race = tables["flow_tangent"].groupby(RACES)["race"].median().reset_index()
    rows = tables["flow_race"]
    early = rows[rows["step"] == rows.loc[rows["step"] > 0, "step"].min()]
    both = early.merge(race, on=RACES)
    if len(both) < 5 or both["probability"].nunique() < 2:
        raise NoRows("fewer than five settings, or all alike")
    return rank_correlation(both["race"], both["probability"])


CLAIMS = (
    Claim(
        "flows-direction",
        "figure",
        "RealNVP is collapsed more often where μ* lies along the diagonal of the coordinates that "
        "its couplings split than where it lies along an axis (d = 16, π = 1/2, Adam, at the last "
        "step of flow_direction, the upper middle one of its separations, 5 by default).",
        "part collapsed on the diagonal minus that along an axis",
        ("flow_direction",),
        _direction,
        above=0.0,
    ),
    Claim(
        "flows-race",
        "figure",
        "Over directions, dimensions and separations the ratio of two speeds of the untrained "
        "flow (docs/theory.md, Eq. 12.9) orders how often flows are collapsed early: RealNVPs of "
        "4 couplings, π = 1/2, after 100 steps of Adam from untrained ones.",
        "Spearman's rank correlation over settings",
        ("flow_race", "flow_tangent"),
        _race,
        above=0.3,
        formed="on other runs",
    ),
    Claim(
        "flows-width",
        "figure",
        "Wider networks are collapsed less often, at a ratio of speeds that hardly changes "
        "(RealNVP of 4 couplings, r = 3.5, d = 8, π = 1/2, Adam, at the last step of "
        "flow_capacity).",
        "part collapsed at the smallest width minus that at the largest",
        ("flow_capacity",),
        _width,
        above=0.0,
    ),
    Claim(
        "flows-heavy-mode",
        "figure",
        "Flows that collapse on an unequal target end on its heavier mode, as mean alignment has "
        "it (π > 1/2, d = 16, Adam, at the last step of flow_weight).",
        "part of the collapsed runs that is on the heavier mode",
        ("flow_weight",),
        _heavy,
        above=0.5,
    ),
)
