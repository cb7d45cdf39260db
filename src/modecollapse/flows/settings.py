"""What a flow is and how it is trained: one frozen record, checked when it is made."""

from __future__ import annotations

from dataclasses import dataclass, field, fields, replace
from typing import Any

from ..checks import choice, count, integer, require, within
from ..devices import DEVICES
from ..schedules import NoAnnealing, Schedule
from ..targets import Target
from ..targets.directions import DIRECTIONS
from .architectures import ARCHITECTURES
from .architectures.base import FlowKind
from .architectures.realnvp import Couplings
from .objectives import OBJECTIVES
from .optimizers import OPTIMIZERS

__all__ = ["FlowSettings", "description"]

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
    architecture : the flow, by a record such as ``Couplings(couplings=8, hidden=64, depth=2)``; in
        :meth:`of` and in :func:`~modecollapse.flows.train` also by its name: "realnvp", alternating
        affine couplings; "maf", autoregressive affine maps; "nsf", autoregressive
        rational-quadratic splines; "zuko", any flow of zuko.
    objective : "reverse-kl", KL(q‖p) with the gradient of automatic differentiation;
        "sticking-the-landing", the same without the score of q; "maximum-likelihood", KL(p‖q) by
        exact samples of p, where the target has them; "mixed", (1 − λ) of the first and λ of the
        third, each by its part of the batch.
    target_share : λ of "mixed", in (0, 1).
    base_scale : s > 0 of the noise N(0, s² I) that a flow maps; 1 is the usual.
    base_components, base_radius : K and R; for K > 1 the noise is a mixture of K such normals of
        equal weights, with centres that each run draws uniformly on the sphere ‖z‖ = R.  None of
        it is trained.
    optimizer : "adam" or "sgd".
    direction : of the bimodal target's μ* against the coordinates that the layers act on: "random",
        drawn uniformly for each run; "axis", the first coordinate; "diagonal", (1, …, 1)/√d.  Other
        targets lie as they are.
    steps, batch : optimisation steps, and samples in each.
    learning_rate, learning_rate_schedule : of the optimiser; "constant", or "cosine", which ends at
        zero.
    clip : the largest gradient norm, of each run on its own.
    schedule : β of the target p^β, in units of steps.
    log_every : steps between two measurements; the start and the end are always measured.
    evaluation_samples : fresh samples for each measurement, made in float64.
    projection_samples : how many of them to keep, projected on μ* (or the line on which the modes
        spread most) and one orthogonal direction.
    forward_samples : fresh samples of p for KL(p‖q) at each measurement; 0 for none.
    dtype : "float32" or "float64", for training.
    device : "cpu", "cuda", or "auto", a GPU where there is one.
    ensemble_size : how many runs are trained at once; None lets the device decide.  A different
        size can change the last bits of a result, never its law.
    compile : whether to use torch.compile, where it works.

    Examples
    --------
    >>> FlowSettings.of(couplings=4, steps=100).architecture
    Couplings(couplings=4, hidden=64, depth=2, scale_bound=2.0)
    >>> FlowSettings.of(couplings=0)
    Traceback (most recent call last):
    ...
    ValueError: couplings: got 0; allowed: a whole number >= 2 and <= 1000
    """

    seeds: int = 8
    first_seed: int = 0
    seed: int = 0
    architecture: FlowKind = field(default_factory=Couplings)
    objective: str = "reverse-kl"
    target_share: float = 0.5
    base_scale: float = 1.0
    base_components: int = 1
    base_radius: float = 3.0
    optimizer: str = "adam"
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
    forward_samples: int = 0
    dtype: str = "float32"
    device: str = "auto"
    ensemble_size: int | None = None
    compile: bool = False

    def __post_init__(self) -> None:
        integer("first_seed", self.first_seed, 0)
        integer("seed", self.seed, 0)
        for name in ("seeds", "steps", "log_every"):
            count(name, getattr(self, name))
        for name in ("batch", "evaluation_samples"):
            count(name, getattr(self, name), 2)
        integer("projection_samples", self.projection_samples, 0, self.evaluation_samples)
        within("learning_rate", self.learning_rate, 0)
        within("clip", self.clip, 0)
        known = hasattr(self.architecture, "build")
        allowed = f"a kind of flow, or one of {', '.join(ARCHITECTURES)}"
        require(known, "architecture", self.architecture, allowed)
        choice("objective", self.objective, OBJECTIVES)
        self._check_noise()
        choice("optimizer", self.optimizer, OPTIMIZERS)
        count("forward_samples", self.forward_samples, 0)
        require(self.forward_samples != 1, "forward_samples", 1, "0, or a whole number >= 2")
        choice("direction", self.direction, DIRECTIONS)
        choice("learning_rate_schedule", self.learning_rate_schedule, LEARNING_RATE_SCHEDULES)
        choice("dtype", self.dtype, DTYPES)
        choice("device", self.device, DEVICES)
        annealed = isinstance(self.schedule, Schedule)
        require(annealed, "schedule", self.schedule, "a Schedule of modecollapse.schedules")
        if self.ensemble_size is not None:
            count("ensemble_size", self.ensemble_size)
        require(isinstance(self.compile, bool), "compile", self.compile, "True or False")

    def _check_noise(self) -> None:
        """What a batch is made of."""
        share = within("target_share", self.target_share, 0, 1)
        if self.objective == "mixed":
            own = round(self.batch * (1 - share))
            some = f"such that some of {self.batch} samples are of p and some of q"
            require(0 < own < self.batch, "target_share", self.target_share, some)
        within("base_scale", self.base_scale, 0)
        integer("base_components", self.base_components, 1)
        within("base_radius", self.base_radius, 0)

    @classmethod
    def of(cls, **values: Any) -> FlowSettings:
        """Settings with these values; those of the flow itself by their own names."""
        return cls().changed(**values)

    def changed(self, **values: Any) -> FlowSettings:
        """The same with some values changed.

        `architecture` may be a name; what its settings have in common with the present ones stays.

        Raises
        ------
        TypeError : naming a value that neither the training nor the flow knows.
        """
        kind = values.pop("architecture", self.architecture)
        if isinstance(kind, str):
            made = ARCHITECTURES[choice("architecture", kind, ARCHITECTURES)]()
            old = self.architecture
            kind = replace(made, **{n: getattr(old, n) for n in _names(made) if hasattr(old, n)})  # type: ignore[type-var]
        general = {name: values.pop(name) for name in _names(self) if name in values}
        require(hasattr(kind, "build"), "architecture", kind, "a kind of flow, or its name")
        unknown = [name for name in values if name not in _names(kind)]
        if unknown:
            allowed = ", ".join([*_names(self), *_names(kind)])
            raise TypeError(f"{unknown[0]}: no setting of training or of {kind.name}: {allowed}")
        return replace(self, architecture=replace(kind, **values), **general)


def description(target: Target, settings: FlowSettings) -> dict[str, Any]:
    """Target and settings as plain values, name by name."""
    kind = settings.architecture
    values = {f"target {name}": value for name, value in target.description().items()}
    values |= {name: getattr(settings, name) for name in _names(settings)}
    values |= {name: getattr(kind, name) for name in _names(kind)}
    return values | {"architecture": kind.name, "schedule": repr(settings.schedule)}


def _names(record: Any) -> list[str]:
    return [one.name for one in fields(record)]
