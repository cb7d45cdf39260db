"""Targets in a configuration: a block with a `kind` and its parameters, as the schema has them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import WithJsonSchema

from ..checks import require

__all__ = ["PARAMETERS", "Targets", "check_targets", "label"]


def _number(low: float, high: float, words: str) -> dict[str, Any]:
    told = f"a number from {low:g} to {high:g}, {words}"
    return {"type": "number", "minimum": low, "maximum": high, "description": told}


def _whole(low: int, high: int, words: str) -> dict[str, Any]:
    told = f"a whole number from {low} to {high}, {words}"
    return {"type": "integer", "minimum": low, "maximum": high, "description": told}


SEPARATION = _number(0.05, 1e3, "half the distance of the modes")
DIMENSION = _whole(2, 10**5, "the dimension")
WEIGHT = _number(1e-9, 1 - 1e-9, "the weight of the first mode")
SEED = _whole(0, 2**32 - 1, "a seed")
COUNT = _whole(1, 10**6, "observations")

# Every parameter of each kind of modecollapse.targets.KINDS; those in REQUIRED have no default.
PARAMETERS: Mapping[str, Mapping[str, Any]] = {
    "bimodal": {"separation": SEPARATION, "dimension": DIMENSION, "weight": WEIGHT},
    "simplex": {
        "n_modes": _whole(2, 64, "modes"),
        "separation": SEPARATION,
        "dimension": DIMENSION,
    },
    "anisotropic": {
        "separation": SEPARATION,
        "dimension": DIMENSION,
        "condition": _number(1, 1e6, "the largest over the least eigenvalue"),
        "weight": WEIGHT,
        "seed": SEED,
    },
    "heavy-tailed": {
        "separation": SEPARATION,
        "dimension": DIMENSION,
        "degrees": _number(0.1, 1e6, "degrees of freedom"),
        "weight": WEIGHT,
    },
    "uneven": {
        "separation": SEPARATION,
        "dimension": DIMENSION,
        "narrow": _number(1e-6, 1e3, "the variance of the heaviest mode, geometric mean"),
        "seed": SEED,
    },
    "many-well": {
        "wells": _whole(1, 6, "wells"),
        "tilt": _number(-1e3, 1e3, "a"),
        "bump": _number(1e-6, 1e3, "b"),
        "wall": _number(1e-6, 1e3, "c"),
    },
    "phi4": {
        "extent": _whole(2, 64, "sites in each direction"),
        "lattice_dimensions": _whole(1, 2, "dimensions of the lattice"),
        "mass_squared": _number(-1e3, 1e3, "m²"),
        "coupling": _number(1e-6, 1e3, "λ"),
        "field": _number(-1e3, 1e3, "h"),
    },
    "sign-posterior": {
        "dimension": DIMENSION,
        "observations": COUNT,
        "noise": _number(1e-6, 1e6, "the standard deviation of the noise"),
        "seed": SEED,
    },
    "label-switching": {
        "components": _whole(2, 4, "components"),
        "features": _whole(1, 1000, "features"),
        "observations": COUNT,
        "spacing": _number(1e-6, 1e3, "between neighbouring means"),
        "prior": _number(1e-6, 1e6, "the standard deviation of the prior"),
        "seed": SEED,
    },
}
REQUIRED: Mapping[str, tuple[str, ...]] = {
    "bimodal": ("separation", "dimension"),
    "simplex": ("n_modes", "separation", "dimension"),
    "anisotropic": ("separation", "dimension", "condition"),
    "heavy-tailed": ("separation", "dimension", "degrees"),
    "uneven": ("separation", "dimension", "narrow"),
    "phi4": ("extent",),
    "sign-posterior": ("dimension",),
}


def _schema(kind: str) -> dict[str, Any]:
    """The schema of a block of one kind; a parameter that has a default may be left out."""
    named = {"kind": {"const": kind, "description": f"the kind {kind}"}}
    return {
        "type": "object",
        "description": f"a block of {kind}: {', '.join(PARAMETERS[kind])}",
        "properties": {**named, **PARAMETERS[kind]},
        "propertyNames": {
            "enum": ["kind", *PARAMETERS[kind]],
            "description": f"one of kind, {', '.join(PARAMETERS[kind])}",
        },
        "required": ["kind", *REQUIRED.get(kind, ())],
    }


Targets = Annotated[
    tuple[Mapping[str, Any], ...],
    WithJsonSchema(
        {
            "type": "array",
            "minItems": 1,
            "maxItems": 200,
            "uniqueItems": True,
            "description": "a list of different targets, each a block with a kind, one of "
            + ", ".join(PARAMETERS),
            "items": {
                "description": f"a block with a kind, one of {', '.join(PARAMETERS)}",
                "oneOf": [_schema(kind) for kind in PARAMETERS],
            },
        }
    ),
]


def check_targets(targets: tuple[Mapping[str, Any], ...]) -> None:
    """Raise ``ValueError`` for a target whose modes have no weights that are known."""
    for one in targets:
        lattice = one["kind"] == "phi4" and one.get("lattice_dimensions", 2) == 2
        fits = not (lattice and one.get("field", 0) != 0)
        allowed = "a field on a ring only (lattice_dimensions: 1): else weights are not known"
        require(fits, "targets", dict(one), allowed)


def label(block: Mapping[str, Any]) -> str:
    """A target in words.

    >>> label({"kind": "phi4", "extent": 4, "mass_squared": -1.0})
    'phi4 (extent 4, mass_squared -1)'
    """
    parts = [f"{name} {value:g}" for name, value in block.items() if name != "kind"]
    return f"{block['kind']} ({', '.join(parts)})" if parts else str(block["kind"])
