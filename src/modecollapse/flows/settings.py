"""What a flow is and how it is trained: one frozen record, checked when it is made."""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from typing import Any

from ..checks import choice, integer, require, within
from ..devices import DEVICES
from ..schedules import NoAnnealing, Schedule
from ..targets import BimodalTarget

__all__ = ["ARCHITECTURES", "DIRECTIONS", "FlowSettings", "description"]

ARCHITECTURES = ("realnvp", "maf", "nsf")
DIRECTIONS = ("random", "axis", "diagonal")
LEARNING_RATE_SCHEDULES = ("constant", "cosine")
DTYPES = ("float32", "float64")


@dataclass(frozen=True)
class FlowSettings:
    """Everything that decides the result of :func:`~modecollapse.flows.train` but the target.

    Parameters
    ----------
    seeds, first_seed, seed : the runs number `first_seed`, …, `first_seed` + `seeds` − 1.  Run k
        draws from streams of its own, derived from `seed` and k, so that it starts the same and
        sees the same noise whichever runs are trained beside it.
    architecture : "realnvp", alternating affine couplings; "maf", autoregressive affine maps;
        "nsf", autoregressive rational-quadratic splines (the last two from zuko).
    couplings, hidden, depth : number of layers of the flow; width and number of the hidden layers
        of each one's network.
    direction : of μ* against the coordinates that the layers act on: "random", drawn uniformly for
        each run; "axis", the first coordinate; "diagonal", (1, …, 1)/√d.
    steps, batch : optimisation steps, and samples in each.
    learning_rate, learning_rate_schedule : of Adam; "constant", or "cosine" that ends at zero.
    clip : the largest gradient norm, of each run on its own.
    schedule : β of the target p^β, in units of steps.
    log_every : steps between two measurements; the start and the end are always measured.
    evaluation_samples : fresh samples for each measurement, made in float64.
    projection_samples : how many of them to keep, projected on μ* and one orthogonal direction.
    dtype : "float32" or "float64", for training.
    device : "cpu", "cuda", or "auto", a GPU where there is one.
    ensemble_size : how many runs are trained at once; None lets the device decide.  A different
        size can change the last bits of a result, never its law.
    compile : whether to use torch.compile, where it works.

    Examples
    --------
    >>> FlowSettings(couplings=0)
    Traceback (most recent call last):
    ...
    ValueError: couplings: got 0; allowed: a whole number >= 2
    """

    seeds: int = 8
    first_seed: int = 0
    seed: int = 0
    architecture: str = "realnvp"
    couplings: int = 8
    hidden: int = 64
    depth: int = 2
    direction: str = "random"
    steps: int = 2000
    batch: int = 512
    learning_rate: float = 1e-3
    learning_rate_schedule: str = "constant"
    clip: float = 10.0
    schedule: Schedule = field(default_factory=NoAnnealing)
    log_every: int = 100
    evaluation_samples: int = 2048
    projection_samples: int = 0
    dtype: str = "float32"
    device: str = "auto"
    ensemble_size: int | None = None
    compile: bool = False

    def __post_init__(self) -> None:
        integer("first_seed", self.first_seed, 0)
        integer("seed", self.seed, 0)
        for name in ("seeds", "hidden", "depth", "steps", "log_every"):
            integer(name, getattr(self, name), 1)
        for name in ("couplings", "batch", "evaluation_samples"):
            integer(name, getattr(self, name), 2)
        integer("projection_samples", self.projection_samples, 0, self.evaluation_samples)
        within("learning_rate", self.learning_rate, 0)
        within("clip", self.clip, 0)
        choice("architecture", self.architecture, ARCHITECTURES)
        choice("direction", self.direction, DIRECTIONS)
        choice("learning_rate_schedule", self.learning_rate_schedule, LEARNING_RATE_SCHEDULES)
        choice("dtype", self.dtype, DTYPES)
        choice("device", self.device, DEVICES)
        annealed = isinstance(self.schedule, Schedule)
        require(annealed, "schedule", self.schedule, "a Schedule of modecollapse.schedules")
        if self.ensemble_size is not None:
            integer("ensemble_size", self.ensemble_size, 1)
        require(isinstance(self.compile, bool), "compile", self.compile, "True or False")


def description(target: BimodalTarget, settings: FlowSettings) -> dict[str, Any]:
    """Target and settings as plain values, name by name."""
    values = {f"target {f.name}": getattr(target, f.name) for f in fields(target)}
    values |= {f.name: getattr(settings, f.name) for f in fields(settings)}
    return values | {"schedule": repr(settings.schedule)}
