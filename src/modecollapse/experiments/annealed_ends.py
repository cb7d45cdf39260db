"""The least KL to be had where the variances are trained."""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from ..overlaps import Overlaps
from ..targets import BimodalTarget

__all__ = ["best_annealed_kl"]

REST = 200.0  # time after which the runs below no longer move
ASIDE = 0.1  # angle between the two means and the mode at the start


@lru_cache(maxsize=256)
def best_annealed_kl(target: BimodalTarget, *, sphere: bool) -> float:
    """The least KL of two components of equal fixed weight with trained variances; with `sphere`
    the means are held at the distance r.

    It is that of the state on both modes or of the one on the heavier mode, whichever is less,
    each found by gradient flow from where it is for far-apart modes.

    >>> best_annealed_kl(BimodalTarget(3.0, 64), sphere=False) < 1e-6
    True
    """
    from ..theory.annealed import integrate_annealed

    r2, side = target.separation**2, 1.0 if target.weight >= 0.5 else -1.0
    near, apart = np.cos(ASIDE), np.cos(2 * ASIDE)
    m = r2 * np.array([[1.0, -1.0], [side * near, side * near]])
    q = r2 * np.array([[1.0, -1.0, 1.0], [1.0, apart, 1.0]])
    run = integrate_annealed(
        target, Overlaps(m, q), [REST], sphere=sphere, variances="bures", rtol=1e-8, threads=1
    )
    return max(float(run.final("kl").min()), 0.0)
