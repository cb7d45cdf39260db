"""The closed formula for the probability of collapse, where it holds."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product

import pandas as pd

from ..targets import BimodalTarget
from .columns import common
from .kinds import Dimensions, Laws, Separations, Sizes, Weights
from .share import Share
from .starts import START_UNITS, check_starts, start_columns

__all__ = ["UNITS", "Settings", "compute"]

# Good to 0.07 from here on (docs/theory.md, section 7); at d = 2 not from small starts.
SMALLEST_SEPARATION, SMALLEST_DIMENSION = 3.0, 4
UNITS = {
    "source": "formula",
    **common("separation", "dimension", "target_weight"),
    **START_UNITS,
    "probability": "probability of collapse (docs/theory.md, Eq. 7.5), 1",
}


@dataclass(frozen=True)
class Settings:
    """Every combination of targets and starts; those for which the formula does not hold are left
    out.  The starts are the entries of `laws` and `sizes` in turn."""

    target_weights: Weights
    separations: Separations
    dimensions: Dimensions
    laws: Laws
    sizes: Sizes

    def __post_init__(self) -> None:
        check_starts(self.laws, self.sizes)


def compute(settings: Settings, share: Share) -> pd.DataFrame:
    """A row for each combination of the share for which the formula holds."""
    from ..theory.probability import LARGEST_SCALE, collapse_probability

    starts = zip(settings.laws, settings.sizes, strict=True)
    grid = product(settings.target_weights, settings.separations, settings.dimensions, starts)
    rows = []
    for weight, separation, dimension, (law, size) in share.progress(list(grid)):
        target = BimodalTarget(separation, dimension, weight)
        start = start_columns(target, law, size)
        holds = separation >= SMALLEST_SEPARATION and dimension >= SMALLEST_DIMENSION
        if not holds or start["norm"] >= LARGEST_SCALE:
            continue
        p = collapse_probability(target, start["norm"])
        rows.append(("formula", separation, dimension, weight, *start.values(), p))
    return pd.DataFrame(rows, columns=list(UNITS))
