"""The flow that settings ask for."""

from __future__ import annotations

import torch

from ..checks import require
from ..targets import BimodalTarget
from .architecture import Architecture
from .realnvp import RealNVP
from .settings import FlowSettings

__all__ = ["build"]

SPLINE_MARGIN = 6.0  # standard deviations beyond a mode's centre that splines still reach


def build(
    target: BimodalTarget, settings: FlowSettings, device: torch.device | str = "cpu"
) -> Architecture:
    """The flow that `settings` ask for, in the target's dimension.

    Raises
    ------
    ValueError : in one dimension, where there is nothing to condition on.
    """
    d = target.dimension
    require(d >= 2, "target.dimension", d, ">= 2, for one coordinate to depend on another")
    if settings.architecture == "realnvp":
        return RealNVP(d, settings.couplings, settings.hidden, settings.depth)
    from .autoregressive import Autoregressive

    bound = None if settings.architecture == "maf" else target.separation + SPLINE_MARGIN
    return Autoregressive(d, settings.couplings, settings.hidden, settings.depth, bound, device)
