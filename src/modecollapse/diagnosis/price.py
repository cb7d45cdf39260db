"""What remedies cost on a target, and what they did for flows where all were compared."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd

from ..flows import FlowSettings
from ..targets import Modes
from ..theory import rank_remedies

__all__ = ["EVEN", "MEASURED", "VOLUMES", "heavier", "price_list", "problem_of", "volumes_apart"]

EVEN = 0.4  # the weight of the lighter of two modes from which they count as even
VOLUMES = float(np.log(4))  # nats, beyond which annealing by p^β loses the narrow mode (section 17)
MEASURED = {
    "equal modes": "two even unit Gaussians, r = 4",
    "unequal modes": "two unit Gaussians of weights 0.7 and 0.3, r = 3",
    "four modes": "four even unit Gaussians, r = 4",
}
SAMPLES = ("share", "maximum likelihood")  # remedies that need samples of p begin so


def heavier(modes: Modes, least: float) -> Modes:
    """Those of a weight of `least` or more, at any rate the heaviest; their weights sum to 1."""
    k = max(1, int((modes.weights >= least).sum()))
    total = modes.weights[:k].sum()
    rows = ("places", "covariances", "laplace", "reached")
    return replace(
        modes,
        weights=modes.weights[:k] / total,
        errors=modes.errors[:k] / total,
        separations=modes.separations[:k, :k],
        barriers=modes.barriers[:k, :k],
        **{name: getattr(modes, name)[:k] for name in rows},
    )


def problem_of(modes: Modes) -> str:
    """Which of the problems on which all remedies were compared is nearest to these modes."""
    if len(modes) > 2:
        return "four modes"
    return "equal modes" if modes.weights.min() >= EVEN else "unequal modes"


def volumes_apart(modes: Modes) -> float:
    """The largest difference of ½ log|Σ_k| between two modes, nats."""
    volumes = 0.5 * np.linalg.slogdet(modes.covariances)[1]
    return float(np.ptp(volumes))


def price_list(modes: Modes, settings: FlowSettings) -> pd.DataFrame:
    """A row for each remedy of flows, the best first, on the problem nearest to the target.

    Returns
    -------
    problem; remedy, setting; regret, regret_low, regret_high and n_collapsed of n_runs as measured
    *there*, at d = 16, RealNVP; price, its evaluations of log p over those of plain training;
    evaluations, the same for these `settings`; and needs_samples, whether it takes samples of p.
    Only the price carries over.

    >>> from modecollapse.targets import find_modes, target
    >>> prices = price_list(find_modes(target(4.0, 2), starts=8), FlowSettings.of(steps=100))
    >>> bool((prices.set_index("remedy").loc["plain", "price"] == 1).all())
    True
    """
    problem = problem_of(modes)
    table = rank_remedies(problem, flows=True)
    plain = float(table.loc[table["remedy"] == "plain", "cost"].iloc[0])
    price = table["cost"] / plain
    columns = ["remedy", "setting", "regret", "regret_low", "regret_high", "n_collapsed", "n_runs"]
    return table[columns].assign(
        problem=problem,
        price=price,
        evaluations=(price * settings.steps * settings.batch).round().astype(int),
        needs_samples=table["remedy"].str.startswith(SAMPLES),
    )
