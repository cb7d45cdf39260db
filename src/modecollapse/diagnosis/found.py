"""What a diagnosis found, in numbers and in words."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ..counting import counted
from ..flows import FlowSettings, judge
from ..flows.training import Training
from ..outcomes import COVERAGE
from ..targets import Modes
from ..trajectory import Trajectory
from .price import MEASURED, VOLUMES, heavier, price_list, volumes_apart

__all__ = ["NEGLIGIBLE", "Diagnosis", "ratios"]

FloatArray = NDArray[np.float64]
JUDGED = 2048  # samples of each run that the metrics of the field are estimated from
HOT = 0.1  # the inverse temperature that annealing is judged at
NEGLIGIBLE = 1e-3  # of all mass: a mode that is lighter is told apart, and not counted as lost
DOUBTFUL = 0.25  # a standard error over its weight, above which weights are not known


@dataclass(frozen=True, eq=False)
class Diagnosis:
    """What is known of a target before a flow is trusted on it.

    Attributes
    ----------
    target : the target, with the modes that were found.
    modes : :class:`~modecollapse.targets.Modes`, all that were found.
    settings : of the flows.
    early : A_k/π_k of each run after 2 % of the steps, (n, K); None where there is one mode.
    forecast : P(collapse) of each run, (n,); None likewise.
    run : the trained ensemble, where it was asked for.
    """

    target: Any
    modes: Modes
    settings: FlowSettings
    early: FloatArray | None
    forecast: FloatArray | None
    run: Training | None

    @property
    def probability(self) -> float:
        """The mean forecast over runs; 0 where there is one mode."""
        return 0.0 if self.forecast is None else float(self.forecast.mean())

    @property
    def frequency(self) -> dict[str, Any] | None:
        """How many runs of the ensemble collapsed, with a 95 % interval; None without one."""
        if self.run is None or not self.run.finished.any():
            return None
        return counted(int(self.run.collapsed.sum()), int(self.run.finished.sum()))

    @property
    def counted(self) -> Modes:
        """The modes that can be lost: all but negligible ones."""
        return heavier(self.modes, NEGLIGIBLE)

    @property
    def prices(self) -> pd.DataFrame:
        """What remedies cost here, and did elsewhere (:func:`.price.price_list`)."""
        prices = price_list(self.counted, self.settings)
        return prices if len(self.counted) > 1 else prices.iloc[:0]

    def sentences(self) -> list[str]:
        """What was found, in words, and what cannot be known."""
        told = [f"Found {self.modes.unseen}."]
        light = len(self.modes) - len(self.counted)
        if light:
            rest = float(self.modes.weights[-light:].sum())
            told.append(
                f"Of these {light} of weight below {NEGLIGIBLE:g}, together {rest:.1g}: "
                "negligible, and not counted as modes that can be lost."
            )
        if self.forecast is None or self.early is None:
            return [*told, "One mode: among what was found there is nothing to lose."]
        modes = self.counted
        told.append(
            f"The nearest modes are r = {modes.separation:.2f} apart (half distance in their own "
            f"metric); their barrier is that of two unit Gaussians at r = "
            f"{modes.barrier_separation:.2f}."
        )
        if not (modes.errors < DOUBTFUL * modes.weights).all():
            told.append(
                "The weights are Laplace's, or uncertain: importance sampling had "
                f"{modes.effective:.0f} effective samples; outcomes below depend on them."
            )
        ahead = np.bincount(self.early.argmax(-1), minlength=len(modes)).argmax()
        told.append(
            f"Forecast after 2 % of {self.settings.steps} steps, by a law fitted on other targets: "
            f"{self.probability:.0%} of runs will collapse (lose a mode: less than {COVERAGE:g} of "
            f"its weight); mode {ahead} is ahead most often. On kinds of target that it had not "
            "seen the law's calibration error is that of the claim forecast-calibration."
        )
        found = self.frequency
        if found is not None:
            told.append(
                f"Ensemble: {found['n_collapsed']} of {found['n_runs']} runs collapsed "
                f"({found['probability']:.0%}, 95 % interval {found['low']:.0%} to "
                f"{found['high']:.0%})."
            )
        if (found["probability"] if found else self.probability) > 0.1:
            told += [self._heating(modes), self._price()]
        return told

    def _heating(self, modes: Modes) -> str:
        """What annealing would do to the modes' weights."""
        kept, apart = modes.heated(HOT) / modes.weights, volumes_apart(modes)
        told = (
            "What may help: several seeds compared by their negative evidence bound, and annealing "
            f"(docs/practice.md, docs/remedies.md): at β = {HOT:g} mode {kept.argmin()} has "
            f"{kept.min():.2g} of its weight"
        )
        if kept.min() >= COVERAGE and apart < VOLUMES:
            return f"{told}."
        return (
            f"{told}, and the volumes of the modes are {apart:.1f} nats apart, so that annealing "
            "by p^β may lose it; on the path of targets.correct_path(target, modes) it keeps up "
            "(docs/theory.md, section 17)."
        )

    def _price(self) -> str:
        """The best remedy for flows where all were compared, and what it would cost here."""
        prices = self.prices
        plain = prices[prices["remedy"] == "plain"].iloc[0]
        parts = [
            f"{one.setting} {one.regret:.2f}, {one.price:.1f} times the evaluations of log p "
            f"({one.evaluations:,} here{', and samples of p' if one.needs_samples else ''})"
            for one in prices[prices["remedy"] != "plain"].itertuples(index=False)
        ]
        return (
            "Price: remedies of flows were compared at equal settings on "
            f"{MEASURED[plain['problem']]}, where the mean regret was {plain['regret']:.2f} plain "
            f"({plain['evaluations']:,} evaluations here); {'; '.join(parts)}. The prices carry "
            "over to this target, the regrets are of that one."
        )

    def table(self) -> pd.DataFrame:
        """A row for each run: its forecast, its early and last A_k/π_k, its outcome, and, once it
        is trained, the metrics of the field (:func:`modecollapse.flows.judge`)."""
        if self.forecast is None or self.early is None:
            return pd.DataFrame(columns=["run", "forecast"])
        columns: dict[str, Any] = {"run": np.arange(len(self.forecast)), "forecast": self.forecast}
        columns |= {f"early_{k}": column for k, column in enumerate(self.early.T)}
        if self.run is not None:
            last = ratios(self.run, self.target)[:, -1]
            columns |= {f"last_{k}": column for k, column in enumerate(last.T)}
            columns["outcome"] = [str(o) if o is not None else "" for o in self.run.outcome]
            judged = judge(self.run, self.target, JUDGED).drop(columns="run")
            columns |= dict(judged.items())
        return pd.DataFrame(columns)


def ratios(run: Trajectory, target: Any) -> FloatArray:
    """A_k/π_k of each run at each logged time, (n, T, K)."""
    masses = [run.statistics[f"mass_{name}"] for name in target.mode_names]
    return np.stack(masses, -1) / target.weights
