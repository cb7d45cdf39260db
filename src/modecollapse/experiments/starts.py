"""Random starts as the settings of an experiment name them: a law, and a size."""

from __future__ import annotations

import math
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

import numpy as np

from ..checks import choice, require, within
from ..overlaps import Overlaps, random_start
from ..targets import BimodalTarget

__all__ = ["START_UNITS", "check_starts", "draw_start", "start_columns"]

START_UNITS: Mapping[str, str] = MappingProxyType(
    {
        "start": "law of the means at the start: sphere (uniform on one), or normal (N(0, s²) in "
        "each coordinate)",
        "norm": "norm of the means at the start, root mean square, standard deviations of a mode",
    }
)


LAWS = ("sphere", "normal", "modes")


def check_starts(laws: tuple[str, ...], sizes: tuple[float, ...]) -> None:
    """Raise ``ValueError`` unless each law has a size.

    A size is the norm of the means on a "sphere", the standard deviation of each coordinate of
    "normal" ones, and on the sphere of the "modes" the norm in units of r.
    """
    for law in laws:
        choice("laws", law, LAWS)
    require(len(sizes) == len(laws), "sizes", sizes, f"one for each of {len(laws)} laws")
    for size in sizes:
        within("sizes", size, 0)


def draw_start(
    target: BimodalTarget,
    n: int,
    rng: np.random.Generator,
    law: str,
    size: float,
    variance: float = 1.0,
) -> Overlaps:
    """n random starts of a law and size, both variances `variance`."""
    norm = start_columns(target, law, size)["norm"]
    if law == "normal":
        return random_start(target, n, rng, law="normal", scale=size, variance=variance)
    return random_start(target, n, rng, law="sphere", scale=norm, variance=variance)


def start_columns(target: BimodalTarget, law: str, size: float) -> dict[str, Any]:
    """The columns of :data:`START_UNITS`.

    >>> start_columns(BimodalTarget(3.0, 64), "normal", 1.0)
    {'start': 'normal', 'norm': 8.0}
    >>> start_columns(BimodalTarget(3.0, 64), "modes", 1.0)
    {'start': 'sphere', 'norm': 3.0}
    """
    unit = {"sphere": 1.0, "normal": math.sqrt(target.dimension), "modes": target.separation}[law]
    return {"start": "normal" if law == "normal" else "sphere", "norm": size * unit}
