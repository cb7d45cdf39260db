"""Claims of fig2_theory_vs_simulation: a few statistics obey closed equations."""

from __future__ import annotations

from scipy.stats import norm

from .claim import Claim, Estimate, Tables, only
from .intervals import mean

__all__ = ["CLAIMS"]


def _mean_square(tables: Tables) -> Estimate:
    """The mean z² over settings, each setting's own mean taken as one value."""
    z = tables["validation"]
    return mean((z["z"] ** 2).groupby(z["setting"]).mean())


def _largest(tables: Tables) -> Estimate:
    """The largest |z| over the bound that n standard normals keep with probability 95 %."""
    z = tables["validation"]["z"].abs()
    bound = float(norm.isf(0.05 / (2 * len(z))))
    return Estimate.exact(float(z.max()) / bound)


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
        return Estimate(float(gap), float(gap - half), float(gap + half))

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
    *(_exponent(*each) for each in EXPONENTS),
)
