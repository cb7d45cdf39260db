"""One record of a batch of runs, whoever made it: theory, simulation or flows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from scipy.special import expit

from .checks import require
from .outcomes import Outcome, arrived, outcome

__all__ = ["UNITS", "Status", "Trajectory", "finish"]

FloatArray = NDArray[np.float64]

UNITS: Mapping[str, str] = MappingProxyType(
    {
        "time": "gradient-flow time (step size × steps)",
        "m1": "μ_1·μ*, standard deviations of a mode squared",
        "m2": "μ_2·μ*, standard deviations of a mode squared",
        "q11": "μ_1·μ_1, standard deviations of a mode squared",
        "q12": "μ_1·μ_2, standard deviations of a mode squared",
        "q22": "μ_2·μ_2, standard deviations of a mode squared",
        "weight": "w_1, weight of component 1, 1",
        "logit": "ℓ = log w_1/w_2, 1",
        "v1": "variance of component 1, variances of a mode",
        "v2": "variance of component 2, variances of a mode",
        "beta": "inverse temperature of the target, 1",
        "kl": "KL(q‖p), nats",
        "kl_se": "standard error of kl, nats",
        "negative_elbo": "KL(q‖p) − log Z, where log Z is not known, nats",
        "negative_elbo_se": "standard error of negative_elbo, nats",
        "forward_kl": "KL(p‖q), nats",
        "forward_kl_se": "standard error of forward_kl, nats",
        "mass_plus": "mass of q on the mode at +μ*, 1",
        "mass_minus": "mass of q on the mode at −μ*, 1",
        "ess": "effective sample size under p/q, part of the sample",
        "projection_mean": "mean of x·μ*/r under q, standard deviations of a mode",
        "projection_std": "standard deviation of x·μ*/r under q, standard deviations of a mode",
        "loss": "training loss, nats",
    }
)


class Status(StrEnum):
    """How a run ended."""

    FINISHED = "finished"
    DIVERGED = "diverged"
    STEP_LIMIT = "step limit"
    PRECISION = "precision"


@dataclass(frozen=True, eq=False)
class Trajectory:
    """A batch of n runs, logged at T times.

    Attributes
    ----------
    source : who made it, "theory", "simulation", "reduced simulation" or "flow".
    times : (T,), gradient-flow time; for flows, optimisation steps.
    statistics : name -> (n, T).  Names and units stand in :data:`UNITS`.  A run that did not finish
        keeps what it logged; what it did not reach is NaN here and absent from :meth:`table`.
    outcome : (n,), of :class:`Outcome`, at the last time; None for a run that did not finish.
    status : (n,), of :class:`Status`.
    message : n sentences, empty for a run that finished, else why it did not.
    """

    source: str
    times: FloatArray
    statistics: Mapping[str, FloatArray]
    outcome: NDArray[np.object_]
    status: NDArray[np.object_]
    message: tuple[str, ...]
    diagnostics: Mapping[str, NDArray] = field(default_factory=dict)

    def __post_init__(self) -> None:
        shape = (len(self.outcome), len(self.times))
        for name, values in self.statistics.items():
            require(values.shape == shape, f"statistics[{name!r}]", values.shape, f"{shape}")
        n = len(self.outcome)
        consistent = len(self.status) == n and len(self.message) == n
        require(consistent, "status and message", len(self.status), f"one a run, {n}")

    def __len__(self) -> int:
        return len(self.outcome)

    @property
    def finished(self) -> NDArray[np.bool_]:
        """Which runs finished, shape (n,)."""
        return np.array([s == Status.FINISHED for s in self.status], dtype=bool)

    @property
    def collapsed(self) -> NDArray[np.bool_]:
        """Which runs finished collapsed, shape (n,)."""
        return np.array([o is not None and Outcome(o).is_collapse for o in self.outcome], bool)

    def final(self, name: str) -> FloatArray:
        """The last value of a statistic, shape (n,)."""
        return self.statistics[name][:, -1]

    def table(self, first_run: int = 0) -> pd.DataFrame:
        """Tidy table: a row per run and logged time, a column per statistic; no NaN rows."""
        n, t = len(self), len(self.times)
        columns = {
            "source": self.source,
            "run": np.repeat(np.arange(first_run, first_run + n), t),
            "time": np.tile(self.times, n),
        }
        columns |= {name: values.ravel() for name, values in self.statistics.items()}
        frame = pd.DataFrame(columns)
        return frame.dropna(subset=list(self.statistics), how="any", ignore_index=True)

    def summary(self, first_run: int = 0) -> pd.DataFrame:
        """A row per run: its outcome, status, message and last statistics."""
        columns = {
            "source": self.source,
            "run": np.arange(first_run, first_run + len(self)),
            "outcome": [str(o) if o is not None else "" for o in self.outcome],
            "status": [str(s) for s in self.status],
            "message": list(self.message),
        }
        columns |= {name: self.final(name) for name in self.statistics}
        return pd.DataFrame(columns)


def finish(
    source: str,
    times: FloatArray,
    statistics: Mapping[str, FloatArray],
    targets: Any,
    status: Sequence[Status],
    reached: ArrayLike,
    why: Mapping[Status, str] | Sequence[str],
    diagnostics: Mapping[str, NDArray] | None = None,
) -> Trajectory:
    """The record of n runs that have ended, with what became of each.

    Parameters
    ----------
    source, times, statistics, diagnostics : of the :class:`Trajectory`.  The masses of q are in
        mass_plus and mass_minus, or in mass_0, mass_1, …; the weights of its components, if it has
        any, in logit, or in weight_0, weight_1, …; the means in m1 and m2, or nowhere.
    targets : one for all runs, or one a run; anything with `weights`, and with `separation` where
        there are m1 and m2.
    status : n, how each run ended.
    reached : the time that it had reached, n or one for all.
    why : what to say of a run that did not finish: for each status a sentence in which {time}
        stands for the time reached, or n sentences that are ready.

    >>> masses = {"mass_plus": np.array([[0.5]]), "mass_minus": np.array([[0.5]])}
    >>> from .targets import BimodalTarget
    >>> p = BimodalTarget(2.0, 3)
    >>> str(finish("flow", np.array([9.0]), masses, p, [Status.FINISHED], 9.0, {}).outcome[0])
    'both modes'
    """
    n = len(status)
    each = [targets] * n if hasattr(targets, "weights") else list(targets)
    finished = np.array([one == Status.FINISHED for one in status], dtype=bool)
    if isinstance(why, Mapping):
        when = np.broadcast_to(np.asarray(reached, dtype=float), (n,)).tolist()
        why = [why.get(one, "").format(time=t) for one, t in zip(status, when, strict=True)]
    return Trajectory(
        source=source,
        times=times,
        statistics=statistics,
        outcome=_outcomes(each, statistics, finished),
        status=np.array(list(status), dtype=object),
        message=tuple(why),
        diagnostics=diagnostics or {},
    )


def _outcomes(
    targets: Sequence[Any], statistics: Mapping[str, FloatArray], finished: NDArray[np.bool_]
) -> NDArray[np.object_]:
    """The outcome of each run at the last time; None where it did not finish."""
    ends = np.full(len(targets), None, dtype=object)
    alike: dict[tuple[float, ...], list[int]] = {}
    for k in np.flatnonzero(finished).tolist():
        alike.setdefault((*targets[k].weights, getattr(targets[k], "separation", 0)), []).append(k)
    for rows in alike.values():
        last = {name: values[rows, -1] for name, values in statistics.items()}
        ends[rows] = _outcomes_against(targets[rows[0]], last)
    return ends


def _outcomes_against(target: Any, last: Mapping[str, FloatArray]) -> NDArray[np.object_]:
    """The outcomes of runs against one target, by their `last` statistics."""
    masses = _columns(last, "mass_plus", "mass_minus")
    if masses is None:
        masses = _columns(last, *_numbered(last, "mass_"))
    weights = _columns(last, *_numbered(last, "weight_"))
    if "logit" in last:
        weights = expit(np.multiply.outer(last["logit"], [1.0, -1.0]))
    means, variances = _columns(last, "m1", "m2"), _columns(last, "v1", "v2")
    there: ArrayLike = False
    if means is not None:
        there = arrived(means, target.separation, 1.0 if variances is None else variances)
    require(masses is not None, "statistics", sorted(last), "the masses of q on the modes")
    return outcome(masses, target.weights, weights, there)  # type: ignore[arg-type]


def _columns(last: Mapping[str, FloatArray], *names: str) -> FloatArray | None:
    """The statistics of these `names`, (n, K); None where they are not there."""
    there = bool(names) and all(name in last for name in names)
    return np.stack([last[name] for name in names], axis=-1) if there else None


def _numbered(last: Mapping[str, FloatArray], prefix: str) -> list[str]:
    """The names `prefix`0, `prefix`1, … as far as there are."""
    return [name for k in range(len(last)) if (name := f"{prefix}{k}") in last]
