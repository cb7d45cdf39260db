"""The outcome of starts on the sphere, over the angles that the two means make with μ*.

Start i has the cosine c_i = μ_i·μ*/(‖μ_i‖ ‖μ*‖); the parts of the two means orthogonal to μ* are
orthogonal to each other, as they are in high dimension, where c_i is of order 1/√d.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from ..overlaps import Overlaps
from ..targets import BimodalTarget
from .columns import common
from .kinds import Cosine, Points, Positive, Separation, Tolerance, Weights
from .share import Share

__all__ = ["UNITS", "Settings", "compute"]

UNITS = {
    "source": "theory",
    **common("separation", "target_weight"),
    "cosine1": "cosine of the angle between μ_1 and μ* at the start, 1",
    "cosine2": "cosine of the angle between μ_2 and μ* at the start, 1",
    "mass_plus": "mass of q on the mode at +μ* at the end, 1",
    "kl": "KL(q‖p) at the end, nats",
    "outcome": "outcome at the end",
}
DIMENSION = 3  # the span of μ_1, μ_2 and μ*


@dataclass(frozen=True)
class Settings:
    """A square grid of `points` × `points` cosines in (−`extent`, `extent`), for each target."""

    separation: Separation
    target_weights: Weights
    points: Points
    extent: Cosine
    time: Positive
    rtol: Tolerance


def compute(settings: Settings, share: Share) -> pd.DataFrame:
    """A row for each start, for the target weights of the share."""
    tables = [_map(settings, weight, share) for weight in share.progress(settings.target_weights)]
    return pd.concat(tables, ignore_index=True) if tables else pd.DataFrame(columns=list(UNITS))


def _map(settings: Settings, weight: float, share: Share) -> pd.DataFrame:
    from ..theory.integration import integrate

    target = BimodalTarget(settings.separation, DIMENSION, weight)
    cosines = _grid(settings)
    start = orthogonal_start(target, cosines)
    times = np.array([settings.time])
    run = integrate(target, start, times, rtol=settings.rtol, threads=share.threads)
    table = pd.DataFrame(
        {
            "source": "theory",
            "separation": target.separation,
            "target_weight": weight,
            "cosine1": cosines[:, 0],
            "cosine2": cosines[:, 1],
            "mass_plus": run.final("mass_plus"),
            "kl": run.final("kl"),
            "outcome": [str(o) for o in run.outcome],
        }
    )
    return table[run.finished].reset_index(drop=True)


def _grid(settings: Settings) -> np.ndarray:
    """Cell centres, so that neither c_i = 0 nor c_1 = c_2 need be special."""
    edges = np.linspace(-settings.extent, settings.extent, settings.points + 1)
    centres = (edges[1:] + edges[:-1]) / 2
    return np.stack(np.meshgrid(centres, centres, indexing="ij"), axis=-1).reshape(-1, 2)


def orthogonal_start(target: BimodalTarget, cosines: np.ndarray) -> Overlaps:
    """Means on the sphere of radius r with these cosines, otherwise orthogonal: shape (n, 2)."""
    squared = target.separation**2
    q = squared * np.stack(
        [np.ones(len(cosines)), cosines.prod(axis=-1), np.ones(len(cosines))], axis=-1
    )
    return Overlaps(squared * cosines, q)
