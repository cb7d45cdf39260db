"""Claims of figs_survival on gradient flow: collapse heals, and when."""

from __future__ import annotations

import numpy as np
import pandas as pd

from .claim import Claim, Estimate, NoRows, Tables, only
from .intervals import fitted_slope

__all__ = ["HEALING"]

SLOW, FAST = 0.1, 10.0  # η
OWN = 3.5  # r, from where on the other component may be held at its mode
SETTING = ["separation", "dimension", "target_weight", "eta", "start", "norm"]
HEALED = (
    "two modes, π = 0.5 and 0.7, d = 16 and 64, r from 3 to 5, starts of norm 0.1, r and √d, times "
    "from 100 to 10⁹"
)


def _lives(tables: Tables, **chosen: float) -> pd.DataFrame:
    """A row for each setting whose half-life is known."""
    table = only(tables["healing"], **chosen)
    return table[table["half_life"] > 0].drop_duplicates(SETTING)


def _off(tables: Tables, forecast: str, **chosen: float) -> Estimate:
    """Largest difference of the part collapsed, by integration and as forecast."""
    table = only(tables["healing"], **chosen)
    if table.empty:
        raise NoRows("no run with such weights")
    off = (table["n_collapsed"] - table[forecast]) / table["n_runs"]
    return Estimate.exact(float(off.abs().max()))


def _slow(tables: Tables) -> Estimate:
    return _off(tables, "n_slow")


def _own(tables: Tables) -> Estimate:
    table = tables["healing"]
    return _off({"healing": table[table["separation"] >= OWN]}, "n_own", eta=FAST)


def _decades(tables: Tables) -> Estimate:
    """Between the shortest and the longest half-life."""
    lives = _lives(tables)["half_life"]
    if len(lives) < 2:
        raise NoRows("one half-life or none")
    return Estimate.exact(float(np.log10(lives.max() / lives.min())))


def _drift_law(tables: Tables) -> Estimate:
    """Largest |log| of half-life over the law's lifetime."""
    lives = _lives(tables, eta=SLOW, target_weight=0.5)
    if lives["separation"].nunique() < 2:
        raise NoRows("half-lives at fewer than two separations")
    return Estimate.exact(float((np.log(lives["half_life"]) - lives["drift_law"]).abs().max()))


def _drift_growth(tables: Tables) -> Estimate:
    """Slope of log half-life against the law's, with a level for each dimension and start."""
    lives = _lives(tables, eta=SLOW, target_weight=0.5)
    return _growth(lives, "drift_law", ["dimension", "start"])


def _frozen_law(tables: Tables) -> Estimate:
    """Slope of log half-life against the law's, with a level for each dimension."""
    lives = _lives(tables, eta=FAST, target_weight=0.5)
    lives = lives[lives["norm"] == lives["separation"]]
    return _growth(lives, "frozen_law", ["dimension"])


def _growth(lives: pd.DataFrame, law: str, levels: list[str]) -> Estimate:
    """Slope of log half-life against a law, with a level for each value of `levels`."""
    x, y = lives[law].copy(), np.log(lives["half_life"])
    for values in (x, y):
        values -= values.groupby([lives[name] for name in levels]).transform("mean")
    return fitted_slope(x, y)


HEALING = (
    Claim(
        "healing-slow",
        "figure",
        f"When gradient flow with trained weights heals (η = 0.1, 1 and 10; {HEALED}) is told by "
        "its state at t = 100 and three slow equations, in which the heavier component follows: "
        "for the part still collapsed to 0.03.",
        "largest difference of the parts collapsed",
        ("healing",),
        _slow,
        below=0.03,
        formed="on other runs",
    ),
    Claim(
        "healing-own",
        "figure",
        f"With fast weights (η = 10; {HEALED}) the own time of the lost component, the other one "
        "held at its mode, tells it to 0.03 from r = 3.5 on. That least r was set after looking at "
        "other starts: at 3 it was off by 0.04.",
        "largest difference of the parts collapsed",
        ("healing",),
        _own,
        below=0.03,
        formed="on other runs",
    ),
    Claim(
        "healing-decades",
        "figure",
        f"Half of the collapsed runs have healed after times (η = 0.1, 1 and 10; {HEALED}) that "
        "range over five decades.",
        "decades between the shortest and the longest half-life",
        ("healing",),
        _decades,
        above=5.0,
        formed="on other runs",
    ),
    Claim(
        "healing-drift-law",
        "figure",
        "With slow weights (η = 0.1; two equal modes, d = 16 and 64, r from 3 to 4, starts of norm "
        "r and √d) that half-life is the time in which the weights drift from equal ones to the "
        "fold (Eq. 8.4), without a fit, to a factor of two. The factor was set after looking at "
        "other starts.",
        "largest |log(half-life/law)|",
        ("healing",),
        _drift_law,
        below=float(np.log(2)),
        formed="on other runs",
    ),
    Claim(
        "healing-drift-growth",
        "figure",
        "With slow weights (η = 0.1; two equal modes, d = 16 and 64, r from 3 to 4, starts of norm "
        "r and √d) its logarithm grows with r as that time does, to a tenth.",
        "slope of log half-life against the law's log lifetime",
        ("healing",),
        _drift_growth,
        above=0.9,
        below=1.1,
        formed="on other runs",
    ),
    Claim(
        "healing-frozen-law",
        "figure",
        "With fast weights (η = 10; two equal modes, d = 16 and 64, r from 3.5 to 5, starts of "
        "norm r) its logarithm grows with r² as that of a component that is frozen at its start "
        "(Eq. 8.8), to a quarter. The law of the start, the least r and the quarter were set after "
        "looking at other starts.",
        "slope of log half-life against the law's log lifetime",
        ("healing",),
        _frozen_law,
        above=0.75,
        below=1.25,
        formed="on other runs",
    ),
)
