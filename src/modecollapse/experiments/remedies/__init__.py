"""Every remedy on one scale: regret, part collapsed, and evaluations of log p paid for."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Annotated, Any, Literal, Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from pydantic import Field

from ...counting import COUNT_UNITS, counted
from ...outcomes import modes_found
from ...targets import BimodalTarget, GaussianMixture
from ...trajectory import Trajectory
from ..columns import common
from ..kinds import several

__all__ = ["PROBLEMS", "UNITS", "Ends", "Problem", "Problems", "at_the_end"]

FloatArray = NDArray[np.float64]

UNITS: Mapping[str, str] = MappingProxyType(
    {
        "source": "simulation (of mixtures) or flow",
        "problem": "equal modes (r = 4), unequal modes (r = 3, π = 0.7) or four modes (corners of "
        "a simplex, r = 4)",
        **common("dimension"),
        "remedy": "what is done",
        "setting": "with which numbers",
        "n_components": "K, components of q (flows: 0)",
        "time": "gradient-flow time, step size × steps (flows: steps of Adam)",
        "cost": "evaluations of log p with its gradient paid for by then, for a run (for all runs "
        "of which one is chosen)",
        "start": "law of the means at the start: sphere (uniform on one), or flow (the untrained)",
        "norm": "norm of the means at the start, standard deviations of a mode (flows: 0)",
        **COUNT_UNITS,
        "n_diverged": "runs that diverged, and are left out",
        "n_found": "modes found, mean over runs",
        "regret": "mean over the runs of KL(q‖p) above the best that the family can do: 0 for as "
        "many components as modes with free weights, that of maximum likelihood for flows, nats",
        "regret_low": "lower end of its 95 % interval",
        "regret_high": "upper end of its 95 % interval",
        "floor": "the least regret that the remedy's own constraints allow (equal fixed weights), "
        "nats",
    }
)


@dataclass(frozen=True)
class Problem:
    """Modes of unit variance at the corners of a simplex, ‖ν_k‖ = r; two of them lie at ±r."""

    separation: float
    weights: tuple[float, ...]

    @property
    def n_modes(self) -> int:
        return len(self.weights)

    @property
    def equal(self) -> bool:
        """Whether all modes have the same weight."""
        return len(set(self.weights)) == 1

    def target(self, dimension: int) -> GaussianMixture:
        """p in R^d, its modes in the first coordinates.

        >>> PROBLEMS["four modes"].target(16).means.round(2)[:, :3].tolist()[:2]
        [[3.27, 1.89, 1.33], [-3.27, 1.89, 1.33]]
        """
        n = self.n_modes
        means = np.zeros((n, dimension))
        for k in range(1, n):  # Helmert's basis of what is orthogonal to (1, …, 1)
            means[:k, k - 1], means[k, k - 1] = 1 / math.sqrt(k * (k + 1)), -k
            means[k, k - 1] /= math.sqrt(k * (k + 1))
        return GaussianMixture(
            means * self.separation / math.sqrt(1 - 1 / n), np.array(self.weights)
        )

    @property
    def bimodal(self) -> BimodalTarget:
        """The same of two modes, up to the dimension."""
        return BimodalTarget(self.separation, 2, self.weights[0])


PROBLEMS: Mapping[str, Problem] = MappingProxyType(
    {
        "equal modes": Problem(4.0, (0.5, 0.5)),
        "unequal modes": Problem(3.0, (0.7, 0.3)),
        "four modes": Problem(4.0, (0.25,) * 4),
    }
)
Problems = Annotated[
    tuple[
        Annotated[
            Literal["equal modes", "unequal modes", "four modes"],
            Field(description="equal modes, unequal modes or four modes"),
        ],
        ...,
    ],
    several("a list of one or more of equal modes, unequal modes and four modes"),
]


@dataclass(frozen=True, eq=False)
class Ends:
    """What became of n runs at one time: KL(q‖p) (n,), and the masses on the modes (n, K*)."""

    kl: FloatArray
    masses: FloatArray
    n_diverged: int = 0

    @classmethod
    def of(cls, run: Trajectory, place: int) -> Self:
        """The runs that finished, at one of the logged times."""
        done, statistics = run.finished, run.statistics
        names = [name for name in statistics if name.startswith("mass_")]  # in the modes' order
        masses = np.stack([statistics[name][done, place] for name in names], axis=-1)
        return cls(statistics["kl"][done, place], masses, int((~done).sum()))

    @classmethod
    def best_of(cls, run: Trajectory, place: int, n: int) -> Self:
        """Of each `n` runs in turn the one with the least KL, by an estimate of its own if any."""
        every = cls.of(run, place)
        groups = len(every.kl) // n
        by = run.statistics.get("choice_kl", run.statistics["kl"])
        by = by[run.finished, place][: groups * n].reshape(groups, n)
        chosen = by.argmin(axis=1) + n * np.arange(groups)
        return cls(every.kl[chosen], every.masses[chosen], every.n_diverged)

    def columns(self, target: GaussianMixture, best: float, floor: float) -> dict[str, Any]:
        """The columns of the counts, of the regret above KL = `best`, and `floor`."""
        from scipy.special import stdtrit

        found = modes_found(self.masses, target.weights)
        regret, n = self.kl - best, len(self.kl)
        error = float(regret.std(ddof=1)) / math.sqrt(n)
        half = float(stdtrit(n - 1, 0.975)) * error
        return {
            **counted(int((~found.all(-1)).sum()), n),
            "n_diverged": self.n_diverged,
            "n_found": float(found.sum(-1).mean()),
            "regret": float(regret.mean()),
            "regret_low": float(regret.mean()) - half,
            "regret_high": float(regret.mean()) + half,
            "floor": floor,
        }


def at_the_end(table: pd.DataFrame) -> pd.DataFrame:
    """What :func:`modecollapse.theory.ranking.rank_remedies` keeps of the whole table."""
    from ...theory.ranking import last_rows

    return last_rows(table)
