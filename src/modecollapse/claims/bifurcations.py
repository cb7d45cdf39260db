"""Claims of figs_bifurcations: collapse is born in a fold, and how long it lasts."""

from __future__ import annotations

import numpy as np

from .claim import Claim, Estimate, NoRows, Tables, only
from .intervals import fitted_slope

__all__ = ["CLAIMS"]


def _delay_exponent(tables: Tables) -> Estimate:
    near = tables["fold_delay"].nsmallest(4, "distance")
    return fitted_slope(np.log(near["distance"]), np.log(near["time"]))


def _lifetime_growth(tables: Tables) -> Estimate:
    """d log(lifetime) / d r² at the smallest η that recovers at most separations."""
    rows = tables["collapsed_lifetime"]
    rows = rows[rows["recovered"].astype(bool)]
    if rows.empty:
        raise NoRows("no collapse recovered")
    eta = rows.groupby("eta").size().idxmax()
    rows = only(rows, eta=float(eta)).nlargest(4, "separation")
    return fitted_slope(rows["separation"] ** 2, np.log(rows["time"]))


CLAIMS = (
    Claim(
        "fold-delay",
        "figure",
        "A little below the fold, with equal fixed weights and π = 1/2, gradient flow recovers "
        "from the collapsed state in a time that grows like the distance to the fold to the power "
        "−1/2.",
        "exponent of the time against the distance, fitted at the four smallest distances",
        ("fold_delay",),
        _delay_exponent,
        above=-0.52,
        below=-0.48,
    ),
    Claim(
        "collapsed-lifetime",
        "figure",
        "With trained weights collapse by mean alignment is not for ever at π = 1/2: from the "
        "state that is collapsed at fixed weights, gradient flow recovers after a time that grows "
        "exponentially with r², over these r nearly as exp(5r²/4), to which Eq. 8.4 tends.",
        "growth of the logarithm of the time with r², fitted at the four largest separations that "
        "recover within the horizon",
        ("collapsed_lifetime",),
        _lifetime_growth,
        above=0.9,
        below=1.6,
    ),
)
