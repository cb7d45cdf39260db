"""Where collapse is born under D_α(q‖p), and with a share λ of KL(p‖q), equal fixed weights."""

from __future__ import annotations

import logging
from dataclasses import dataclass

import pandas as pd

from .columns import common
from .kinds import Strengths, Weight
from .share import Share

__all__ = ["UNITS", "Settings", "compute"]

log = logging.getLogger(__name__)

UNITS = {
    "source": "theory, or formula: Eq. 14.14",
    "objective": "alpha (D_α) or share (λ of the forward KL)",
    "strength": "α or λ, 1",
    **common("target_weight", "separation"),
}


@dataclass(frozen=True)
class Settings:
    """Both objectives at a target; the heavier mode is collapsed on."""

    target_weight: Weight
    alphas: Strengths
    shares: Strengths


def compute(settings: Settings, share: Share) -> pd.DataFrame:
    """A row for each objective of the share that has a critical separation up to 50."""
    from ..theory.bifurcations import NoFoldError
    from ..theory.divergence_folds import divergence_critical_separation, far_separation

    rows = []
    points = [("alpha", alpha) for alpha in settings.alphas]
    points += [("share", strength) for strength in settings.shares]
    weight = settings.target_weight
    for objective, strength in share.progress(points):
        try:
            alpha, mixed = (strength, 0.0) if objective == "alpha" else (0.0, strength)
            r = divergence_critical_separation(weight, alpha, mixed)
        except NoFoldError as error:
            log.warning("left out %s = %g: %s", objective, strength, error)
            continue
        rows.append(("theory", objective, strength, weight, r))
        if objective == "alpha" and weight == 0.5 and strength > 0.5:
            rows.append(("formula", objective, strength, weight, far_separation(strength)))
    return pd.DataFrame(rows, columns=list(UNITS))
