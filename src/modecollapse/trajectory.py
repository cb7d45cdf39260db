"""One record of a batch of runs, whoever made it: theory, simulation or flows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from .checks import require
from .outcomes import Outcome

__all__ = ["UNITS", "Status", "Trajectory"]

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
