"""What moves, and how: the dynamics that theory and simulation share.

A record of the two states what a run follows, whichever road it takes: the closed equations need
nothing more, the simulation a :class:`Descent` beside it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .checks import choice, numbers_of, require
from .geometries import Metric, metric_of
from .overlaps import Overlaps
from .schedules import NoAnnealing, Schedule
from .targets import BimodalTarget

__all__ = ["VARIANCES", "Dynamics", "check_start", "targets_of"]

FloatArray = NDArray[np.float64]
FASTEST = 1e50  # η, of which a square is a number still
VARIANCES = ("fixed", "euclidean", "bures")


@dataclass(frozen=True, eq=False)
class Dynamics:
    """Which parameters of q follow the gradient of KL(q‖p^β), and how fast.

    Parameters
    ----------
    eta : η ≥ 0, one or one a run, the speed of ℓ = logit w_1; 0 keeps the weights fixed.
    variances : "fixed"; "euclidean", dv/dt = −∂KL/∂v; or "bures", dv/dt = −(4v/d) ∂KL/∂v.
    schedule : of β, in the unit of time.  Default: β = 1.
    sphere : keep each mean on the sphere ‖μ_i‖ = const. of its start.
    speed_over_beta : divide every speed by β.
    geometry : one of :data:`.geometries.GEOMETRIES`, the metric of means and weights.

    >>> Dynamics(eta=1.0).tempered
    False
    """

    eta: ArrayLike = 0.0
    variances: str = "fixed"
    schedule: Schedule = field(default_factory=NoAnnealing)
    sphere: bool = False
    speed_over_beta: bool = False
    geometry: str = "euclidean"

    def __post_init__(self) -> None:
        eta = numbers_of("eta", self.eta, "a number >= 0, or one a run")
        good = eta.ndim <= 1 and bool(((eta >= 0) & (eta <= FASTEST)).all())
        allowed = f"finite numbers >= 0 and at most {FASTEST:g}, one or one a run"
        require(good, "eta", eta.tolist(), allowed)
        eta.setflags(write=False)
        object.__setattr__(self, "eta", eta)
        choice("variances", self.variances, VARIANCES)
        metric_of(self.geometry)
        known = isinstance(self.schedule, Schedule)
        require(known, "schedule", self.schedule, "a schedule, such as of schedule('linear', …)")
        for name in ("sphere", "speed_over_beta"):
            value = getattr(self, name)
            require(isinstance(value, bool | np.bool_), name, value, "True or False")

    @property
    def metric(self) -> Metric:
        return metric_of(self.geometry)

    @property
    def tempered(self) -> bool:
        """Whether β may differ from 1."""
        return not isinstance(self.schedule, NoAnnealing)

    @property
    def trains_variances(self) -> bool:
        return self.variances != "fixed"

    def rates(self, n: int) -> FloatArray:
        """η of each of n runs."""
        eta = np.asarray(self.eta, dtype=float)
        require(eta.shape in ((), (n,)), "eta", eta.shape, f"a number, or one a run, ({n},)")
        return np.broadcast_to(eta, (n,))

    def is_unit(self, start: Overlaps) -> bool:
        """Whether v = 1 and β = 1 throughout runs from this start."""
        still = not self.trains_variances and not self.tempered
        return still and bool((start.variances == 1).all())


def targets_of(target: Any, n: int) -> list[BimodalTarget]:
    """The target of each of n runs, given one for all or one a run."""
    allowed = f"a bimodal target, or one a run, {n}"
    one = isinstance(target, BimodalTarget)
    many = isinstance(target, Sequence) and not isinstance(target, str)
    require(one or many, "target", target, allowed)
    require(one or len(target) == n, "target", f"{0 if one else len(target)} targets", allowed)
    targets = [target] * n if one else list(target)
    known = all(isinstance(each, BimodalTarget) for each in targets)
    require(known, "target", target, allowed)
    return targets


def check_start(start: Any) -> Overlaps:
    """The start, or ``ValueError`` where it is none."""
    require(isinstance(start, Overlaps), "start", start, "Overlaps, such as of random_start")
    return start
