"""How well a number tells, before training, which runs will collapse."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike
from scipy.special import ndtri

from .checks import numbers_of, require

__all__ = ["AUC", "auc"]

FEWEST = 4  # runs of either end that a setting needs to say what foretells its ends


class AUC(NamedTuple):
    """P(score of a run that collapses > score of one that does not), and its 95 % interval."""

    value: float
    low: float
    high: float


def auc(scores: ArrayLike, collapsed: ArrayLike) -> AUC:
    """The area under the receiver operating characteristic: 1/2 is chance, 1 is certainty.

    The Mann-Whitney statistic over n₁ n₀, ties counted half, with the standard error of Hanley and
    McNeil, and the interval taken on the logit scale so that it stays inside (0, 1).

    Parameters
    ----------
    scores : (n,), higher for the runs that should collapse.
    collapsed : (n,), which did; at least one of each kind.

    Source: J. A. Hanley, B. J. McNeil, Radiology 143 (1982) 29; for perfect separation the
    variance is that of one discordant pair less.

    >>> auc([0.1, 0.4, 0.35, 0.8], [False, False, True, True]).value
    0.75
    """
    x, lost = numbers_of("scores", scores), np.asarray(collapsed, dtype=bool)
    fits = x.ndim == 1 and x.shape == lost.shape and bool(np.isfinite(x).all())
    require(fits, "scores", x.shape, "finite numbers (n,), one for each of `collapsed`")
    n1, n0 = int(lost.sum()), int((~lost).sum())
    require(n1 > 0 and n0 > 0, "collapsed", f"{n1} of {len(lost)}", "runs of both kinds")
    value = float((pd.Series(x).rank()[lost].sum() - n1 * (n1 + 1) / 2) / (n1 * n0))
    a = min(max(value, 0.5 / (n1 * n0)), 1 - 0.5 / (n1 * n0))
    q1, q2 = a / (2 - a), 2 * a * a / (1 + a)
    variance = (a * (1 - a) + (n1 - 1) * (q1 - a * a) + (n0 - 1) * (q2 - a * a)) / (n1 * n0)
    half = float(ndtri(0.975)) * math.sqrt(variance) / (a * (1 - a))
    low, high = (1 / (1 + math.exp(-(math.log(a / (1 - a)) + s * half))) for s in (-1, 1))
    return AUC(value, min(low, value), max(high, value))
