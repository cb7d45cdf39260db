"""The kinds of value that settings have: type, bounds, and what a user reads where one is wrong.

They annotate the fields of each experiment's ``Settings``; the schema of the configuration is made
from those (:mod:`modecollapse.pipeline.schema`).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal, get_type_hints

from pydantic import Field, TypeAdapter, ValidationError

from ..checks import require


def check(settings: type, given: Mapping[str, Any]) -> None:
    """Check values by the kinds of the fields of `settings`, its ``Settings``.

    Raises
    ------
    ValueError : naming the setting that is missing, unknown, or of another kind.

    >>> from modecollapse.experiments.fold_lines import Settings
    >>> check(Settings, {"highest": 3.0, "points": 1})
    Traceback (most recent call last):
    ...
    ValueError: points: got 1; allowed: a whole number from 2 to 10000
    """
    kinds = get_type_hints(settings, include_extras=True)
    for name in given:
        require(name in kinds, name, given[name], f"no such key; the keys are {', '.join(kinds)}")
    for name, kind in kinds.items():
        require(name in given, name, "nothing", "a value, which is missing")
        adapter, value = TypeAdapter(kind), given[name]
        try:
            adapter.validate_python(value, strict=True)
        except ValidationError:
            require(False, name, value, adapter.json_schema()["description"])
        repeated = isinstance(value, tuple) and len({repr(each) for each in value}) < len(value)
        unique = repeated and adapter.json_schema().get("uniqueItems", False)
        require(not unique, name, value, "different values")


def several(description: str, most: int = 1000) -> Any:
    """What a list of different values says of itself."""
    return Field(
        min_length=1,
        max_length=most,
        description=description,
        json_schema_extra={"uniqueItems": True},
    )


def from_to(low: float, high: float, description: str) -> Any:
    """What a number from `low` to `high`, both included, says of itself."""
    return Field(ge=low, le=high, description=description)


Jobs = Annotated[
    Annotated[int, Field(ge=1, le=20000)] | Literal["shared"],
    Field(
        description="a whole number from 1 to 20000, the number of jobs that share the work, or"
        " shared, for one process with others of the figure"
    ),
]
Seed = Annotated[int, from_to(0, 2**32 - 1, "a whole number from 0 to 4294967295")]
Count = Annotated[int, from_to(1, 10**8, "a whole number from 1 to 1e8")]
Dimension = Annotated[int, from_to(2, 10**7, "a whole number from 2 to 1e7")]
Batch = Annotated[int, from_to(2, 10**7, "a whole number from 2 to 1e7, samples a step")]
Points = Annotated[int, from_to(2, 10000, "a whole number from 2 to 10000")]
Runs = Annotated[int, from_to(1, 10**6, "a whole number from 1 to 1e6")]
Repeats = Annotated[int, from_to(2, 10**6, "a whole number from 2 to 1e6, for an error bar")]
Steps = Annotated[int, from_to(1, 10**7, "a whole number from 1 to 1e7")]
Couplings = Annotated[int, from_to(2, 1000, "a whole number from 2 to 1000, layers of a flow")]

Positive = Annotated[float, from_to(1e-9, 1e12, "a number > 0 (from 1e-9 to 1e12)")]
Horizon = Annotated[float, Field(gt=1, le=1e12, description="a number > 1 (at most 1e12)")]
Rate = Annotated[float, from_to(1e-9, 1e6, "a number > 0 (from 1e-9 to 1e6)")]
Separation = Annotated[
    float, from_to(0.05, 19, "a number from 0.05 to 19, half the distance between the modes")
]
Weight = Annotated[
    float,
    from_to(1e-12, 1 - 1e-12, "a number between 0 and 1, from 1e-12 to 1 - 1e-12"),
]
Eta = Annotated[
    float,
    from_to(0, 1e6, "a number >= 0, the weights' learning-rate ratio (0 keeps them fixed)"),
]
Tolerance = Annotated[float, from_to(1e-11, 1e-3, "a number from 1e-11 to 1e-3")]
StepSize = Annotated[float, from_to(1e-9, 10, "a number > 0 and at most 10 (from 1e-9)")]
Cosine = Annotated[float, from_to(1e-9, 0.7, "a number > 0 and at most 0.7 (from 1e-9)")]
Beta = Annotated[
    float,
    Field(
        ge=1e-15,
        le=1 - 1e-9,
        description="a number between 0 and 1, from 1e-15 to 1 - 1e-9, an inverse temperature",
    ),
]
Fraction = Annotated[float, from_to(0, 1, "a number from 0 to 1")]
Strength = Annotated[float, from_to(0, 0.999, "a number from 0 to 0.999, α or λ of an objective")]

Device = Annotated[Literal["auto", "cpu", "cuda"], Field(description="auto, cpu or cuda")]
Start = Annotated[Literal["sphere", "gaussian"], Field(description="sphere or gaussian")]
Law = Annotated[
    Literal["sphere", "normal", "modes"],
    Field(
        description="sphere, normal or modes (on the sphere of the modes, its size in units of r)"
    ),
]
Size = Annotated[
    float, from_to(1e-9, 100, "a number > 0 and at most 100 (from 1e-9), the size of a start")
]
HalfWidth = Annotated[
    float,
    Field(gt=0, lt=0.5, description="a number between 0 and 0.5, both left out, of an interval"),
]
Estimator = Annotated[
    Literal["pathwise", "sticking-the-landing"],
    Field(description="pathwise or sticking-the-landing"),
]
Component = Annotated[Literal["stratified", "sampled"], Field(description="stratified or sampled")]
Direction = Annotated[
    Literal["axis", "random", "diagonal"], Field(description="axis, random or diagonal")
]
Optimizer = Annotated[Literal["adam", "sgd"], Field(description="adam or sgd")]
Geometry = Annotated[
    Literal["euclidean", "wasserstein", "natural"],
    Field(description="euclidean, wasserstein or natural"),
]
Architecture = Annotated[Literal["realnvp", "maf", "nsf"], Field(description="realnvp, maf or nsf")]

Counts = Annotated[tuple[Count, ...], several("a list of one or more different whole numbers")]
Dimensions = Annotated[
    tuple[Dimension, ...],
    several("a list of one or more different whole numbers from 2 to 1e7"),
]
Batches = Annotated[
    tuple[Batch, ...],
    several("a list of one or more different whole numbers from 2 to 1e7, samples a step"),
]
ManyCouplings = Annotated[
    tuple[Couplings, ...],
    several("a list of one or more different whole numbers from 2 to 1000"),
]
Positives = Annotated[tuple[Positive, ...], several("a list of one or more different numbers > 0")]
Separations = Annotated[
    tuple[Separation, ...],
    several("a list of one or more different numbers from 0.05 to 19"),
]
Weights = Annotated[
    tuple[Weight, ...], several("a list of one or more different numbers between 0 and 1")
]
Etas = Annotated[tuple[Eta, ...], several("a list of one or more different numbers >= 0")]
StepSizes = Annotated[
    tuple[StepSize, ...],
    several("a list of one or more different numbers > 0 and at most 10"),
]
Betas = Annotated[
    tuple[Beta, ...],
    several("a list of one or more different numbers between 0 and 1, inverse temperatures"),
]
Rates = Annotated[tuple[Rate, ...], several("a list of one or more different numbers > 0")]
Fractions = Annotated[
    tuple[Fraction, ...],
    several("a list of one to eight different numbers from 0 to 1, parts of the training time", 8),
]
Laws = Annotated[
    tuple[Law, ...],
    Field(
        min_length=1,
        max_length=1000,
        description="a list of sphere, normal or modes, each with a size",
    ),
]
Sizes = Annotated[
    tuple[Size, ...],
    Field(
        min_length=1,
        max_length=1000,
        description="a list of numbers > 0 and at most 100, one for each law",
    ),
]
Starts = Annotated[tuple[Start, ...], several("a list of sphere, gaussian or both")]
Estimators = Annotated[
    tuple[Estimator, ...], several("a list of pathwise, sticking-the-landing or both")
]
Components = Annotated[tuple[Component, ...], several("a list of stratified, sampled or both")]
Directions = Annotated[
    tuple[Direction, ...], several("a list of one or more of axis, random and diagonal")
]
Geometries = Annotated[
    tuple[Geometry, ...], several("a list of one or more of euclidean, wasserstein and natural")
]
Strengths = Annotated[
    tuple[Strength, ...], several("a list of one or more different numbers from 0 to 0.999")
]
Architectures = Annotated[
    tuple[Architecture, ...], several("a list of one or more of realnvp, maf and nsf")
]
