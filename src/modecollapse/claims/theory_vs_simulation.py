"""Claims of fig2_theory_vs_simulation: a few statistics obey closed equations."""

from __future__ import annotations

import math

import pandas as pd
from scipy.special import ndtri

from .claim import Claim, Estimate, NoRows, Tables, only
from .intervals import Z, frequency, mean

__all__ = ["CLAIMS"]

ENDS = (
    "r = 3, π = 1/2 and 0.7, d from 2 to 64, η = 0 and 1, either estimator, h/B = 0.1/128, means "
    "N(0, 1) in each coordinate at the start, at time 60"
)


def _mean_square(tables: Tables) -> Estimate:
    """The mean z² over settings, each setting's own mean taken as one value."""
    z = tables["validation"]
    return mean((z["z"] ** 2).groupby(z["setting"]).mean())


def _largest(tables: Tables) -> Estimate:
    """The largest |z| over the bound that n standard normals keep with probability 95 %."""
    z = tables["validation"]["z"].abs()
    if z.empty:
        raise NoRows("no setting")
    bound = -float(ndtri(0.05 / (2 * len(z))))
    return Estimate.exact(float(z.max()) / bound)


def _ends(tables: Tables) -> pd.DataFrame:
    return only(tables["validation_outcomes"], separation=3.0, start="normal", time=60.0)


def _same(tables: Tables) -> Estimate:
    """The part of all starts from which theory and simulation end alike."""
    rows = _ends(tables)
    return frequency(rows["n_same"].sum(), rows["n_runs"].sum())


def _more(tables: Tables) -> Estimate:
    """P of the simulation minus P of gradient flow from the same starts: of n pairs b collapse in
    the one alone and c in the other, so (b − c)/n ± 1.96 √(b + c + 1 − (b − c)²/n)/n."""
    rows = _ends(tables)
    n, b, c = (int(rows[name].sum()) for name in ("n_runs", "n_simulation", "n_theory"))
    if not n:
        raise NoRows("no pair")
    gap, half = (b - c) / n, Z * math.sqrt(b + c + 1 - (b - c) ** 2 / n) / n
    return Estimate.within(gap, half)


def _exponent(series: str, variable: str) -> Claim:
    words = {
        "bias": "The bias of Q_11 that a step size leaves",
        "spread": "The spread of m_1 over runs",
        "floor": "The KL at which the full pathwise gradient comes to rest",
    }

    def measure(tables: Tables) -> Estimate:
        rows = tables["scaling"]
        row = only(rows, series=series, variable=variable).iloc[0]
        gap, half = row["exponent"] - row["expected"], (row["high"] - row["low"]) / 2
        return Estimate.within(gap, half)

    return Claim(
        f"{series}-against-{variable.replace('_', '-')}",
        "figure",
        f"{words[series]} follows its predicted power of the {variable.replace('_', ' ')} "
        "(r = 3, π = 1/2, equal fixed weights, a start on the sphere of radius r).",
        "fitted exponent minus the predicted one",
        ("scaling",),
        measure,
        above=-0.25,
        below=0.25,
    )


EXPONENTS = (
    ("bias", "step_size"),
    ("spread", "batch"),
    ("spread", "dimension"),
    ("floor", "step_size"),
    ("floor", "batch"),
    ("floor", "dimension"),
)

CLAIMS = (
    Claim(
        "closed-equations",
        "abstract",
        "A few statistics obey closed equations: means, overlaps, weight, mass and KL of "
        "stochastic descent in full dimension, extrapolated to step size 0, differ from the closed "
        "equations by no more than their statistical error, in every setting of "
        "results/validation.csv (d from 2 to 512, fixed and trained weights, both estimators).",
        "mean of z² over settings, z the difference in standard errors",
        ("validation",),
        _mean_square,
        above=0.5,
        below=1.5,
    ),
    Claim(
        "closed-equations-worst",
        "figure",
        "Not one of the statistics compared in results/validation.csv is further from the closed "
        "equations than the largest of as many standard normal errors may be.",
        "largest |z| over the bound that as many independent normals keep with probability 0.95",
        ("validation",),
        _largest,
        below=1.0,
    ),
    Claim(
        "same-outcomes",
        "figure",
        f"What is lost is the same too: from nine starts in ten or more stochastic descent in full "
        f"dimension has the outcome of gradient flow from that start ({ENDS}).",
        "part of the starts from which both have the same outcome",
        ("validation_outcomes",),
        _same,
        above=0.9,
    ),
    Claim(
        "outcomes-not-biased",
        "figure",
        f"Where their ends differ, neither loses modes much more often than the other ({ENDS}).",
        "frequency of collapse in simulation minus that in gradient flow from the same starts",
        ("validation_outcomes",),
        _more,
        above=-0.05,
        below=0.05,
    ),
    *(_exponent(*each) for each in EXPONENTS),
)
