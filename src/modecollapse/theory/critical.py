"""The critical separation of every objective, behind one name."""

from __future__ import annotations

from ..checks import require, within
from . import bifurcations
from .divergence_folds import divergence_critical_separation

__all__ = ["critical_separation"]


def critical_separation(
    target_weight: float = 0.5,
    component_weight: float = 0.5,
    mode: str = "heavy",
    *,
    alpha: float = 0.0,
    share: float = 0.0,
) -> float:
    """The least separation of the modes at which training can stay collapsed, fixed weights.

    At that r = ‖μ*‖ the state collapsed on a mode is born in a fold; below it no fixed point has
    both means near that mode.  The objective is KL(q‖p), D_α(q‖p) or (1 − λ) KL(q‖p) + λ KL(p‖q)
    (docs/remedies.md, section 14).  Right to 1e-9 for KL(q‖p), where
    :func:`.bifurcations.critical_separation` finds it, to 1e-8 of itself for the others.

    Parameters
    ----------
    target_weight : π in [1e-12, 1 − 1e-12].
    component_weight : w_1 in [1e-3, 1 − 1e-3]; one half where `alpha` or `share` is given.
    mode : "heavy" or "light", the mode that is collapsed on.
    alpha : α in [0, 1); 0 is KL(q‖p).
    share : λ in [0, 1), the share of KL(p‖q); not together with `alpha`.

    Raises
    ------
    NoFoldError
        The state is not born in a fold: the only attractor turns into it without one (a heavy mode,
        :func:`.bifurcations.critical_separation`), or no separation up to 50 is one, as at λ ≥ ½
        with two equal modes.

    Examples
    --------
    >>> [round(critical_separation(alpha=alpha), 6) for alpha in (0.0, 0.5, 0.9)]
    [2.259608, 2.708309, 5.109937]
    >>> round(critical_separation(share=0.2), 6)
    3.547587
    """
    alpha = within("alpha", alpha, 0, 1, closed="[")
    share = within("share", share, 0, 1, closed="[")
    require(alpha == 0 or share == 0, "alpha and share", (alpha, share), "one of them, the other 0")
    if alpha == 0 and share == 0:
        return bifurcations.critical_separation(target_weight, component_weight, mode)
    half = within("component_weight", component_weight, 0, 1) == 0.5
    require(half, "component_weight", component_weight, "0.5 where alpha or share is given")
    return divergence_critical_separation(target_weight, alpha, share, mode)
