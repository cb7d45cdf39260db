"""Targets by the names and parameters that a configuration or a script gives them."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

from ..checks import choice, require
from .bimodal import BimodalTarget
from .elliptical import anisotropic, heavy_tailed, simplex, uneven
from .many_well import ManyWell
from .phi4 import Phi4
from .posteriors import LabelSwitching, SignPosterior
from .protocol import Target

__all__ = ["KINDS", "named"]

KINDS: Mapping[str, Callable[..., Target]] = MappingProxyType(
    {
        "bimodal": BimodalTarget,
        "simplex": simplex,
        "anisotropic": anisotropic,
        "heavy-tailed": heavy_tailed,
        "uneven": uneven,
        "many-well": ManyWell,
        "phi4": Phi4,
        "sign-posterior": SignPosterior,
        "label-switching": LabelSwitching,
    }
)


def named(kind: str, **parameters: Any) -> Target:
    """The target of that `kind`, one of :data:`KINDS`, with its `parameters`.

    Raises
    ------
    ValueError : naming the kind or the parameter that is wrong.

    >>> named("phi4", extent=4, lattice_dimensions=1).dimension
    4
    >>> named("phi4", width=4)
    Traceback (most recent call last):
    ...
    ValueError: parameters: got ['width']; allowed: extent, lattice_dimensions, mass_squared, \
coupling, field for the target 'phi4'
    """
    make = KINDS[choice("kind", kind, KINDS)]
    known = inspect.signature(make).parameters
    needed = {name for name, p in known.items() if p.default is inspect.Parameter.empty}
    fits = needed <= parameters.keys() <= known.keys()
    allowed = f"{', '.join(known)} for the target {kind!r}"
    require(fits, "parameters", sorted(parameters), allowed)
    return make(**parameters)
