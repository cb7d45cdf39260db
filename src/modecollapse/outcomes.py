"""THE definition of collapse, used by theory, simulation and flows alike.

It is computed from q, never from its parameters alone.  With the mass that q puts on mode k of p,

    A_k = E_q[s_k(x)],   s_k(x) = P(mode k | x) under p,                (docs/theory.md, Eq. 5.1)

mode k is *found* when A_k ≥ c π_k, with the coverage c = 1/4, and *lost* otherwise; q has collapsed
when it has lost a mode.  How the components lie only names the mechanism.  A component is *dead*
when its weight is below c · min_k π_k, too small to have found any mode; it has *arrived* when at
least 19/20 of its own mass lies on one side of the plane half-way between the modes.  A collapse is
by vanishing weight where a component died before it arrived, and by mean alignment otherwise: then
the components lie together, whatever becomes of their weights, which are free there.  A flow has no
components: it is just collapsed.

The coverage is a convention.  A mode that is found has at least half of π_k in the worst case of
equal fixed weights; a state collapsed in a balanced target keeps 0.16 π_k where it is born
(r = 2.26), but for unbalanced targets it is born where the modes overlap and keeps more
(docs/theory.md, section 5).
"""

from __future__ import annotations

from enum import StrEnum
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import ndtr

from .checks import numbers_of, require, within

__all__ = ["ARRIVED", "COVERAGE", "Outcome", "arrived", "modes_found", "outcome"]

COVERAGE = 0.25
ARRIVED = 0.95
ROUNDING = 1e-6  # by which the masses of a state may fail to sum to 1


class Outcome(StrEnum):
    """What became of a run."""

    BOTH_MODES = "both modes"
    MEAN_ALIGNMENT = "mean alignment"
    VANISHING_WEIGHT = "vanishing weight"
    COLLAPSED = "collapsed"  # no components, so no mechanism

    @property
    def is_collapse(self) -> bool:
        return self is not Outcome.BOTH_MODES


def modes_found(
    masses: ArrayLike, target_weights: ArrayLike, coverage: float = COVERAGE
) -> NDArray[np.bool_]:
    """Whether each mode is found, A_k ≥ c π_k: shape (..., K*), as `masses` (..., K*).

    >>> modes_found([[0.97, 0.03]], [0.5, 0.5])
    array([[ True, False]])
    """
    masses = numbers_of("masses", masses, finite=True)
    weights = numbers_of("target_weights", target_weights, finite=True)
    require(weights.ndim == 1 and weights.size > 0, "target_weights", weights.shape, "one a mode")
    _parts("target_weights", weights)
    fits = masses.ndim > 0 and masses.shape[-1] == len(weights)
    require(fits, "masses", masses.shape, f"one for each of the {weights.size} modes, last axis")
    coverage = within("coverage", coverage, 0, 1)
    _parts("masses", masses)
    return masses >= coverage * weights


def _parts(name: str, parts: NDArray[np.float64]) -> None:
    """Refuse what are no parts of a whole along the last axis."""
    whole = (parts >= -ROUNDING).all(-1) & (abs(parts.sum(-1) - 1) <= ROUNDING)
    wrong = parts[~whole][:1].tolist() if parts.ndim > 1 else parts.tolist()
    require(bool(whole.all()), name, wrong, "numbers >= 0 that sum to 1")


def arrived(m: ArrayLike, separation: ArrayLike, variances: ArrayLike = 1.0) -> NDArray[np.bool_]:
    """Whether each component of a bimodal problem has arrived at a mode: shape of `m`.

    P_i(x·μ* > 0) = Φ(m_i / (r √v_i)) is at least 19/20, or at most 1/20 (Eq. 5.2).

    Parameters
    ----------
    m : (..., 2), m_i = μ_i·μ*.
    separation : r, a number or anything that broadcasts with `m`.
    variances : v_i, likewise.

    >>> arrived([[9.0, 0.5]], separation=3.0)
    array([[ True, False]])
    """
    depth = np.abs(np.asarray(m, dtype=float)) / (separation * np.sqrt(variances))
    return ndtr(depth) >= ARRIVED


def _truths(name: str, value: Any, shape: tuple[int, ...]) -> NDArray[np.bool_]:
    """True or False for each entry of an array of this shape."""
    try:
        given = np.broadcast_to(value, shape)
    except (TypeError, ValueError, RuntimeError, MemoryError):  # ragged, or no array of truths
        given = np.empty(shape)
    require(given.dtype == bool, name, value, f"True or False, one or an array {shape}")
    return given


def outcome(
    masses: ArrayLike,
    target_weights: ArrayLike,
    component_weights: ArrayLike | None = None,
    components_arrived: ArrayLike = False,
    coverage: float = COVERAGE,
) -> NDArray[np.object_]:
    """Say of each run whether q has kept all modes, and if not, by what mechanism it lost one.

    Parameters
    ----------
    masses : (..., K*), the mass of q on each mode of the target; they sum to 1.
    target_weights : (K*,), the weights π_k of these modes.
    component_weights : (..., K), the weights of q's components; None where q has none (a flow).
    components_arrived : (..., K), whether each component lies at a mode, see :func:`arrived`; where
        that is not known, False: then a collapse with a dead component is by vanishing weight.
    coverage : c in (0, 1), the part of π_k below which a mode counts as lost.

    Returns
    -------
    An array (...) of :class:`Outcome`.

    >>> masses = [[0.52, 0.48], [1.0, 0.0], [0.99, 0.01]]
    >>> weights = [[0.5, 0.5], [0.5, 0.5], [0.99, 0.01]]
    >>> [str(o) for o in outcome(masses, [0.5, 0.5], weights)]
    ['both modes', 'mean alignment', 'vanishing weight']
    """
    complete = modes_found(masses, target_weights, coverage).all(-1)
    result = np.empty(complete.shape, dtype=object)
    result.fill(Outcome.COLLAPSED)
    if component_weights is not None:
        parts = numbers_of("component_weights", component_weights, finite=True)
        fits = parts.ndim > 0 and parts.shape[:-1] in (complete.shape, ())
        require(fits, "component_weights", parts.shape, f"an array {(*complete.shape, 'K')}")
        _parts("component_weights", parts)
        there = _truths("components_arrived", components_arrived, parts.shape)
        dead = parts < coverage * np.min(numbers_of("target_weights", target_weights))
        dead = np.asarray((dead & ~there).any(-1))
        result[dead], result[~dead] = Outcome.VANISHING_WEIGHT, Outcome.MEAN_ALIGNMENT
    result[complete] = Outcome.BOTH_MODES
    return result
