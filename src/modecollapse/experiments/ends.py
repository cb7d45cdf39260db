"""What became of a batch of runs by a time: the columns of every table of frequencies.

A run is a *failure* where it has collapsed and a better fit was to be had: where its regret, KL
minus the least KL that its constraints allow, is above :data:`FAILURE`.  It is *still moving* where
its KL has changed by more than :data:`MOVED` since half the time.  A run that does not move may
still recover later, from a metastable state.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from ..counting import COUNT_UNITS, Looks, counted
from ..outcomes import Outcome, arrived, outcome
from ..targets import BimodalTarget
from ..trajectory import Trajectory

__all__ = ["END_UNITS", "FAILURE", "MOVED", "Ends", "best_kl", "count_on", "halving_times"]

log = logging.getLogger(__name__)
FAILURE = 0.05  # nats of regret
MOVED = 0.01  # nats
END_UNITS: Mapping[str, str] = MappingProxyType(
    {
        "time": "gradient-flow time at which one looks",
        **COUNT_UNITS,
        "n_mean_alignment": "runs that collapsed by mean alignment",
        "n_vanishing_weight": "runs that collapsed by vanishing weight",
        "n_failed": f"failures: runs that collapsed with a regret above {FAILURE:g} nats",
        "n_moving": f"runs whose KL changed by more than {MOVED:g} nats since half the time "
        "(of that at β = 1 where the target is annealed)",
        "kl": "mean of KL(q‖p) over the runs, nats",
        "regret": "mean over the runs of KL minus the least KL that their constraints allow, nats",
        "collapsed_regret": "mean of the same over the collapsed runs, nats; 0 where none is",
    }
)


@dataclass(frozen=True, eq=False)
class Ends:
    """The runs that finished, at one time: outcomes, KL, and KL at half the time, (n,) each."""

    outcome: NDArray[np.object_]
    kl: NDArray[np.float64]
    earlier: NDArray[np.float64]

    @classmethod
    def of(
        cls,
        run: Trajectory,
        target: BimodalTarget,
        time: float | None = None,
        since: float | None = None,
    ) -> Self:
        """The runs at the logged time next to `time`, the last unless given; `since` when they
        would have to have moved, unless given half of that."""
        done = run.finished
        times = run.times
        at = len(times) - 1 if time is None else int(np.abs(times - time).argmin())
        half = int(np.abs(times - (times[at] / 2 if since is None else since)).argmin())

        def values(*names: str) -> NDArray[np.float64]:
            return np.stack([run.statistics[name][done, at] for name in names], axis=-1)

        weight = values("weight")
        variances = values("v1", "v2") if "v1" in run.statistics else 1.0
        outcomes = outcome(
            values("mass_plus", "mass_minus"),
            [target.weight, 1 - target.weight],
            np.concatenate([weight, 1 - weight], axis=-1),
            arrived(values("m1", "m2"), target.separation, variances),
        )
        return cls(outcomes, _kl(run, target, done, at), _kl(run, target, done, half))

    @classmethod
    def joined(cls, parts: Sequence[Ends]) -> Self:
        """The runs of several batches."""
        names = ("outcome", "kl", "earlier")
        return cls(*(np.concatenate([getattr(p, name) for p in parts]) for name in names))

    def counts_for(self, point: object) -> bool:
        """Whether a run finished; if none did, there is no row for this point, which is logged."""
        if not len(self.kl):
            log.warning("no row for %s: no run finished", point)
        return len(self.kl) > 0

    @property
    def collapsed(self) -> NDArray[np.bool_]:
        return np.array([Outcome(o).is_collapse for o in self.outcome], bool)

    def columns(self, time: float, best: float, looks: Looks | None = None) -> dict[str, Any]:
        """The columns of :data:`END_UNITS`; `best` is the least KL to be had."""
        collapsed, regret = self.collapsed, self.kl - best
        count = looks.counted if looks else counted
        return {
            "time": time,
            **count(int(collapsed.sum()), len(self.kl)),
            "n_mean_alignment": int((self.outcome == Outcome.MEAN_ALIGNMENT).sum()),
            "n_vanishing_weight": int((self.outcome == Outcome.VANISHING_WEIGHT).sum()),
            "n_failed": int((collapsed & (regret > FAILURE)).sum()),
            "n_moving": int((np.abs(self.kl - self.earlier) > MOVED).sum()),
            "kl": float(self.kl.mean()),
            "regret": float(regret.mean()),
            "collapsed_regret": float(regret[collapsed].mean()) if collapsed.any() else 0.0,
        }


def count_on(looks: Looks, train: Callable[[int, int], Ends]) -> Ends:
    """Runs number 0, 1, … until there are enough; `train` makes those from one number to another.

    Each run must be the same however many are made at once; then so is what comes out.
    """
    parts: list[Ends] = []
    first = 0
    for size in looks.sizes:
        parts.append(train(first, size))
        first, ends = size, Ends.joined(parts)
        if len(ends.kl) and looks.enough(int(ends.collapsed.sum()), len(ends.kl)):
            break
    return Ends.joined(parts)


def halving_times(times: Sequence[float]) -> NDArray[np.float64]:
    """The times, and half of each, sorted.

    >>> halving_times([1.0, 2.0])
    array([0.5, 1. , 2. ])
    """
    return np.unique([t / k for t in times for k in (1, 2)])


def _kl(
    run: Trajectory, target: BimodalTarget, done: NDArray[np.bool_], at: int
) -> NDArray[np.float64]:
    """KL of the runs that are `done` at a logged time; of simulated states too without the error of
    a sample, where their variances are 1."""
    from ..theory.rhs import kl_divergence

    if run.source == "theory" or "v1" in run.statistics:
        return run.statistics["kl"][done, at]
    names = ("m1", "m2", "q11", "q12", "q22", "logit")
    states = np.stack([run.statistics[name][done, at] for name in names], axis=-1)
    return kl_divergence(states, target.separation, target.weight)


def best_kl(target: BimodalTarget, eta: float = 0.0) -> float:
    """The least KL at unit variances: 0 with trained weights, else with equal fixed ones.

    >>> best_kl(BimodalTarget(3.0, 8)) < 1e-9, best_kl(BimodalTarget(3.0, 8, 0.7), eta=1.0)
    (True, 0.0)
    """
    from ..theory.regret import best_fit

    weights = "trained" if eta > 0 else "equal"
    return max(best_fit(target.separation, target.weight, weights).kl, 0.0)
