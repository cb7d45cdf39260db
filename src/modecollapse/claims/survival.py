"""Claims of figs_survival: collapse is left by the noise of the batches, or heals, and how soon."""

from __future__ import annotations

import numpy as np
import pandas as pd

from .claim import Claim, Estimate, NoRows, Tables, only
from .healing import HEALING
from .intervals import fitted_slope, mean
from .survival_check import CHECKS
from .survival_choices import CHOICES, PROBLEM, STL, mean_log

__all__ = ["CLAIMS"]

NEAR = 0.011  # r − r_c, next to the fold
LAW = 0.045  # r − r_c, to where the law of the fold is good to a tenth
FITTED = 0.1  # r − r_c, to where the path's exponent is compared with that of measured barriers
TELLING = 2.0  # of the exponent Φ B/h: below, a time says little of the barrier


def _exponent(tables: Tables) -> Estimate:
    """Slope of log Φ against log(r − r_c), both estimators, next to the fold."""
    table = tables["escape_barriers"]
    near = table[table["distance"] < NEAR]
    x, y = np.log(near["distance"]), np.log(near["barrier"])
    for values in (x, y):  # a level of its own for each estimator
        values -= values.groupby(near["estimator"]).transform("mean")
    return fitted_slope(x, y)


def _coefficient(tables: Tables) -> Estimate:
    """The largest distance of Φ over the law of the fold from 1."""
    table = tables["escape_barriers"]
    near = table[table["distance"] < LAW]
    if near.empty:
        raise NoRows("no barrier next to the fold")
    return Estimate.exact(float((near["barrier"] / near["law"] - 1).abs().max()))


def _skewness(tables: Tables) -> Estimate:
    """Φ over that of Gaussian noise without the score term, at the table's r nearest to 2.5."""
    table = only(tables["escape_barriers"], estimator=STL, components="stratified")
    row = table.iloc[(table["separation"] - 2.5).abs().argmin()]
    return Estimate.exact(row["barrier"] / row["gaussian"])


def _measured_barrier(tables: Tables) -> Estimate:
    """Weighted mean of (log steps − log forecast)/(Φ B/h) + 1."""
    table = tables["escape_times"]
    seen = table[table["exponent"] > TELLING]
    if seen.empty:
        raise NoRows("no time with a barrier to speak of")
    weights = seen["exponent"] ** 2 * seen["n_left"]  # of an error 1/(exponent √exits)
    ratio = 1 + np.log(seen["steps"] / seen["forecast"]) / seen["exponent"]
    half = 1.96 * float(weights.sum()) ** -0.5
    return Estimate.within(np.average(ratio, weights=weights), half)


def _near_barriers(tables: Tables, name: str, farthest: float) -> pd.DataFrame:
    """The times of a table with Φ B/h > 1 at r up to r_c + `farthest`, of estimators whose barrier
    is known next to the fold too, and `distance`, r − r_c, `measured`, the barrier that they tell
    of, Φ h/B, `expected`, the fold's law, and `weight`, 1/variance of log(measured)."""
    table, theory = tables[name], tables["escape_barriers"]
    if theory.empty:
        raise NoRows("no barrier")
    critical = float((theory["separation"] - theory["distance"]).mean())
    law = (theory["law"] / theory["distance"] ** 1.5).groupby(theory["estimator"]).mean()
    barrier = table["exponent"] + np.log(table["steps"] / table["forecast"])
    seen = (table["exponent"] > 1) & (table["separation"] < critical + farthest) & (barrier > 0)
    seen &= table["estimator"].isin(law.index)
    table, barrier = table[seen], barrier[seen]
    distance = table["separation"] - critical
    return table.assign(
        distance=distance,
        measured=barrier * table["step_size"] / table["batch"],
        expected=table["estimator"].map(law) * distance**1.5,
        weight=table["exponent"] ** 2 * table["n_left"],
    )


def _power(near: pd.DataFrame, y: pd.Series) -> Estimate:
    """Slope of y against log(r − r_c), weighted by its error, with a level for each estimator."""
    x, y, weight, group = np.log(near["distance"]), y.copy(), near["weight"], near["estimator"]
    total = weight.groupby(group).transform("sum")
    for values in (x, y):
        values -= (weight * values).groupby(group).transform("sum") / total
    spread = float((weight * x * x).sum())
    if len(x) < 4 or spread == 0:
        raise NoRows("fewer than four barriers next to the fold")
    return Estimate.within((weight * x * y).sum() / spread, 1.96 * spread**-0.5)


def _less_than_the_path(tables: Tables, name: str, farthest: float) -> Estimate:
    """Slope of the log of the measured barrier, less that of the path's barrier at the same r."""
    near = _near_barriers(tables, name, farthest)
    path = near["exponent"] * near["step_size"] / near["batch"]
    return _power(near, np.log(near["measured"] / path))


def _measured_exponent(tables: Tables) -> Estimate:
    return _less_than_the_path(tables, "escape_times", FITTED)


def _near_exponent(tables: Tables) -> Estimate:
    return _less_than_the_path(tables, "escape_near", LAW)


def _measured_power(tables: Tables) -> Estimate:
    """Slope of the log of the measured barrier against log(r − r_c)."""
    near = _near_barriers(tables, "escape_near", LAW)
    return _power(near, np.log(near["measured"]))


def _measured_coefficient(tables: Tables) -> Estimate:
    """Weighted mean of the measured barrier over the law of the fold, next to it."""
    near = _near_barriers(tables, "escape_near", LAW)
    if near.empty:
        raise NoRows("no time next to the fold")
    half = 1.96 * float(near["weight"].sum()) ** -0.5
    ratio = near["measured"] / near["expected"]
    return Estimate.within(np.average(ratio, weights=near["weight"]), half)


def _typical(tables: Tables) -> Estimate:
    """Root mean square of log(steps/forecast)."""
    square = mean(np.log(tables["escape_times"].eval("steps / forecast")) ** 2)
    return Estimate(*(max(value, 0.0) ** 0.5 for value in square))


def _decades(tables: Tables) -> Estimate:
    table = tables["escape_times"]
    if len(table) < 2:
        raise NoRows("one time or none")
    return Estimate.exact(float(np.log10(table["steps"].max() / table["steps"].min())))


def _full(tables: Tables) -> Estimate:
    """Mean log(steps/forecast) in all coordinates."""
    table = tables["escape_full"]
    if table.empty:
        raise NoRows("no times")
    return mean_log(table["steps"] / table["forecast"], 1 / table["n_left"])


CLAIMS = (
    Claim(
        "escape-exponent",
        "figure",
        f"The barrier that batch noise has to cross to leave collapse ({PROBLEM}; minimum-action "
        "path) grows with the power 3/2 of r − r_c next to the fold, r − r_c up to 0.01.",
        "slope of log Φ against log(r − r_c)",
        ("escape_barriers",),
        _exponent,
        above=1.4,
        below=1.6,
        formed="after looking",
    ),
    Claim(
        "escape-coefficient",
        "figure",
        f"To r − r_c = 0.04 that barrier ({PROBLEM}) is the fold's (4/3) a^{{3/2}} b^{{-1/2}} "
        "(r − r_c)^{3/2} over the noise along the null direction, to a tenth, by either estimator; "
        "with the score term the law is too high beyond.",
        "largest |Φ/law − 1|",
        ("escape_barriers",),
        _coefficient,
        below=0.1,
        formed="after looking",
    ),
    Claim(
        "escape-skewness",
        "figure",
        f"The samples' law is skewed, and that lowers the barrier whatever h and B ({PROBLEM}): "
        "without the score term, at the separation nearest to 2.5, it is less than nine tenths of "
        "what Gaussian noise of the same covariance would have to cross.",
        "Φ over that for Gaussian noise",
        ("escape_barriers",),
        _skewness,
        below=0.9,
        formed="after looking",
    ),
    Claim(
        "escape-measured",
        "figure",
        f"The times in which descent leaves collapse ({PROBLEM}; r from 2.1 to 2.6, h = 0.5, B "
        "from 8 to 32) tell of the barrier of the minimum-action path, to a tenth.",
        "measured barrier over Φ, mean over the times with Φ B/h > 2",
        ("escape_times",),
        _measured_barrier,
        above=0.9,
        below=1.1,
        formed="after looking",
    ),
    Claim(
        "escape-forecast",
        "figure",
        f"Their mean number of steps ({PROBLEM}) is forecast without a fit to a fifth, typically, "
        "on both sides of the fold.",
        "root mean square of log(measured/forecast)",
        ("escape_times",),
        _typical,
        below=0.2,
        formed="after looking",
    ),
    Claim(
        "escape-measured-exponent",
        "figure",
        f"The barriers that those times ({PROBLEM}) tell of grow with r − r_c up to 0.1 as that of "
        "the path does, to 0.1 in the power.",
        "slope of the log of the measured barrier against log(r − r_c), less that of the path's",
        ("escape_times", "escape_barriers"),
        _measured_exponent,
        above=-0.1,
        below=0.1,
        formed="after looking",
    ),
    Claim(
        "escape-near-exponent",
        "figure",
        f"Next to the fold, r − r_c from 0.01 to 0.04 ({PROBLEM}; d = 1, h = 0.5, B from 30 to "
        "480), the barriers that times tell of grow as that of the path does, to 0.1 in the power.",
        "slope of the log of the measured barrier against log(r − r_c), less that of the path's",
        ("escape_near", "escape_barriers"),
        _near_exponent,
        above=-0.1,
        below=0.1,
        formed="on other runs",
    ),
    Claim(
        "escape-measured-power",
        "figure",
        f"The barriers that those times ({PROBLEM}; r − r_c from 0.01 to 0.04) tell of grow with "
        "the power 3/2 of r − r_c, to 0.1 in the power, both estimators together.",
        "slope of the log of the measured barrier against log(r − r_c)",
        ("escape_near", "escape_barriers"),
        _measured_power,
        above=1.4,
        below=1.6,
        formed="on other runs",
    ),
    Claim(
        "escape-measured-coefficient",
        "figure",
        f"To r − r_c = 0.04 the barriers that those times ({PROBLEM}; Φ B/h > 1) tell of, the "
        "prefactor being that of the forecast, are the fold's law to a tenth.",
        "measured barrier over the law, mean",
        ("escape_near", "escape_barriers"),
        _measured_coefficient,
        above=0.9,
        below=1.1,
        formed="on other runs",
    ),
    Claim(
        "escape-decades",
        "figure",
        f"These numbers of steps ({PROBLEM}) range over four decades.",
        "decades between the shortest and the longest mean",
        ("escape_times",),
        _decades,
        above=4.0,
        formed="after looking",
    ),
    Claim(
        "escape-all-coordinates",
        "figure",
        f"Descent in all coordinates ({PROBLEM}; d = 4, r = 2.28 and 2.3, h = 0.5, B = 16) "
        "leaves collapse in the steps forecast, to a factor of 4/3.",
        "mean log(measured/forecast)",
        ("escape_full",),
        _full,
        above=-float(np.log(4 / 3)),
        below=float(np.log(4 / 3)),
        formed="on other runs",
    ),
    *CHOICES,
    *CHECKS,
    *HEALING,
)
