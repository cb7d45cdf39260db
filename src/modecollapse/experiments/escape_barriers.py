"""The barrier that batch noise has to cross to leave collapse, by the minimum-action path."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product
from typing import Annotated

import pandas as pd

from .columns import common
from .kinds import Components, Estimators, from_to, several
from .share import Share

__all__ = ["UNITS", "Settings", "compute"]

UNITS = {
    "source": "theory",
    "estimator": "pathwise or sticking-the-landing",
    "components": "stratified or sampled",
    **common("separation"),
    "distance": "r − r_c",
    "barrier": "Φ of Eq. 16.4, for the batches' own law; log τ grows by Φ B/h",
    "gaussian": "the same for Gaussian noise of the batches' covariance",
    "law": "ΔV h/(B D) of Eq. 16.3, the normal form of the fold",
}


@dataclass(frozen=True)
class Settings:
    """Every estimator with every distance r − r_c from the fold."""

    estimators: Estimators
    components: Components
    distances: Annotated[
        tuple[Annotated[float, from_to(1e-5, 0.54, "a number from 1e-5 to 0.54")], ...],
        several("a list of one or more different numbers from 1e-5 to 0.54"),
    ]


def compute(settings: Settings, share: Share) -> pd.DataFrame:
    """A row for each point of the share."""
    from ..theory.escape.normal_form import normal_form
    from ..theory.escape.path import barrier, find_exit

    rows = []
    grid = list(product(settings.estimators, settings.components, settings.distances))
    for estimator, components, distance in share.progress(grid):
        score, stratified = estimator == "pathwise", components == "stratified"
        form = normal_form(score, stratified)
        exit = find_exit(form.separation + distance, score, stratified)
        assert exit is not None
        rows.append(
            {
                "source": "theory",
                "estimator": estimator,
                "components": components,
                "separation": exit.separation,
                "distance": distance,
                "barrier": barrier(exit),
                "gaussian": barrier(exit, gaussian=True),
                "law": form.barrier(exit.separation) / form.diffusivity(1.0, 1),
            }
        )
    return pd.DataFrame(rows, columns=list(UNITS))
