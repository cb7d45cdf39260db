"""The gradient flow of K components towards K* modes, on a simplex or in random directions."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from itertools import product
from typing import TYPE_CHECKING, Annotated, Any, Literal

import numpy as np
import pandas as pd
from pydantic import Field

from ..checks import require
from .columns import common
from .ends import MOVED
from .kinds import Dimension, Etas, Positive, Seed, Separations, from_to, several
from .share import Share, stream
from .starts import START_UNITS

if TYPE_CHECKING:
    from ..theory.multimodal import MultimodalTarget

__all__ = ["UNITS", "Settings", "compute"]

UNITS = {
    "source": "theory",
    "arrangement": "of the modes: simplex, or random directions",
    "n_modes": "K*, modes of the target",
    **common("dimension"),
    "separation": "r = ‖ν_k‖, standard deviations of a mode",
    "eta": "η, speed of the softmax logits (docs/theory.md, Eq. 9.3), 1",
    "n_components": "K, components of q",
    "time": "gradient-flow time at which one looks",
    **START_UNITS,
    "n_runs": "runs that finished",
    "n_found": "modes found at the end, mean over runs",
    "n_found_se": "standard error of n_found",
    "kl": "KL(q‖p) at the end, nats, mean over runs",
    "kl_se": "standard error of kl, nats",
    "n_moving": f"runs whose KL changed by more than {MOVED:g} nats since half the time",
}
Arrangements = Annotated[
    tuple[Annotated[Literal["simplex", "random"], Field(description="simplex or random")], ...],
    Field(
        min_length=1,
        max_length=1000,
        description="a list of simplex or random, one for each target",
    ),
]
Few = Annotated[int, from_to(2, 32, "a whole number from 2 to 32")]
log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Settings:
    """Every combination of targets, separations, η and numbers of components.

    The targets are the entries of `arrangements`, `n_modes` and `dimensions` in turn, with equal
    weights; each run has a start of its own on the sphere, and a target of its own where the
    arrangement is random.
    """

    seed: Seed
    arrangements: Arrangements
    n_modes: Annotated[
        tuple[Few, ...],
        Field(
            min_length=1,
            max_length=1000,
            description="a list of whole numbers from 2 to 32, one for each arrangement",
        ),
    ]
    dimensions: Annotated[
        tuple[Dimension, ...],
        Field(
            min_length=1,
            max_length=1000,
            description="a list of whole numbers from 2 to 1e7, one for each arrangement",
        ),
    ]
    separations: Separations
    etas: Etas
    components: Annotated[
        tuple[Annotated[int, from_to(1, 32, "a whole number from 1 to 32")], ...],
        several("a list of one or more different whole numbers from 1 to 32"),
    ]
    runs: Annotated[int, from_to(2, 10**6, "a whole number from 2 to 1e6")]
    time: Positive
    rtol: Annotated[
        float,
        from_to(1e-11, 1e-2, "a number from 1e-11 to 1e-2, for each step and each expectation"),
    ]

    def __post_init__(self) -> None:
        for name in ("n_modes", "dimensions"):
            given = getattr(self, name)
            allowed = f"one entry for each of {len(self.arrangements)} arrangements"
            require(len(given) == len(self.arrangements), name, given, allowed)
        for arrangement, modes, d in zip(
            self.arrangements, self.n_modes, self.dimensions, strict=True
        ):
            allowed = f"numbers >= {modes - 1} for a simplex of {modes} modes"
            fits = arrangement != "simplex" or d >= modes - 1
            require(fits, "dimensions", self.dimensions, allowed)


def compute(settings: Settings, share: Share) -> pd.DataFrame:
    """A row for each combination of the share."""
    targets = zip(settings.arrangements, settings.n_modes, settings.dimensions, strict=True)
    grid = product(targets, settings.etas, settings.separations, settings.components)
    rows = []
    for index, point in share.progress(list(enumerate(grid))):
        rows += _row(settings, index, point)
    return pd.DataFrame(rows, columns=list(UNITS))


def _row(settings: Settings, index: int, point: tuple[Any, ...]) -> list[dict[str, Any]]:
    """The row of one combination; none, with a warning, where fewer than two runs finish."""
    from ..theory.multimodal import integrate_modes, random_modes_start

    (arrangement, n_modes, dimension), eta, separation, n_components = point
    found: list[float] = []
    kl: list[float] = []
    moved: list[float] = []
    for k in range(settings.runs):
        rng = stream(settings.seed, index, k)
        target = _target(arrangement, n_modes, separation, dimension, rng)
        start = random_modes_start(target, 1, n_components, rng)
        times = [settings.time / 2, settings.time]
        run = integrate_modes(target, start, times, eta=eta, rtol=settings.rtol)
        found += run.final("n_found")[run.finished].tolist()
        half, last = run.statistics["kl"][run.finished].T
        kl += last.tolist()
        moved += abs(last - half).tolist()
    if len(found) < 2:
        log.warning("no row for %s: a run ended %s", point, run.message[0])
        return []
    row = {
        "source": "theory",
        "arrangement": arrangement,
        "n_modes": n_modes,
        "dimension": dimension,
        "separation": separation,
        "eta": eta,
        "n_components": n_components,
        "time": settings.time,
        "start": "sphere",
        "norm": separation,
        "n_runs": len(found),
        "n_found": np.mean(found),
        "n_found_se": np.std(found, ddof=1) / np.sqrt(len(found)),
        "kl": np.mean(kl),
        "kl_se": np.std(kl, ddof=1) / np.sqrt(len(kl)),
        "n_moving": sum(move > MOVED for move in moved),
    }
    return [row]


def _target(
    arrangement: str, n_modes: int, separation: float, dimension: int, rng: np.random.Generator
) -> MultimodalTarget:
    from ..theory.multimodal import MultimodalTarget

    if arrangement == "simplex":
        return MultimodalTarget.simplex(n_modes, separation, dimension)
    return MultimodalTarget.random(n_modes, separation, dimension, rng)
