"""Tangent speeds of untrained flows: shift and stretch along μ* (docs/theory.md, Eq. 12.7)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import product
from types import MappingProxyType
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from ..targets import BimodalTarget
from ..targets.directions import directions
from .columns import common
from .kinds import (
    Architectures,
    Batch,
    Count,
    Couplings,
    Dimension,
    Dimensions,
    Directions,
    Runs,
    Seed,
    Separations,
)
from .share import Share, stream
from .size import TOGETHER

if TYPE_CHECKING:
    from ..flows.settings import FlowSettings

__all__ = ["UNITS", "Settings", "compute"]

UNITS: Mapping[str, str] = MappingProxyType(
    {
        "source": "flow",
        **common("dimension"),
        "direction": "of μ* against the coordinates that the layers act on",
        "architecture": "realnvp, maf or nsf",
        "couplings": "layers of the flow, 1",
        **common("separation"),
        "run": "number of the flow in its setting",
        "shift": "K_mm = ‖∇m‖², variances of a mode",
        "stretch": "K_σσ = ‖∇σ‖², variances of a mode",
        "ratio": "shift / stretch, 1",
        "race": "ratio × Λ(r) (docs/theory.md, Eq. 12.9), 1",
    }
)


@dataclass(frozen=True)
class Settings:
    """RealNVPs of `couplings` for every dimension and direction, and each of the `architectures`,
    of `architecture_couplings` layers, in one dimension and random directions; `runs` flows each,
    on `samples` samples.
    """

    seed: Seed
    separations: Separations
    dimensions: Dimensions
    directions: Directions
    couplings: Couplings
    architectures: Architectures
    architecture_dimension: Dimension
    architecture_couplings: Couplings
    hidden: Count
    depth: Count
    runs: Runs
    samples: Batch


def compute(settings: Settings, share: Share) -> pd.DataFrame:
    """A row for each flow of the share's combinations, and separation; the flows are the same."""
    from ..flows.tangent import alignment_rate

    tables = [pd.DataFrame(columns=list(UNITS))]
    for index, (dimension, flow) in share.progress(list(enumerate(_flows(settings)))):
        # The speeds depend on the separation through the splines' interval alone.
        target = BimodalTarget(max(settings.separations), dimension)
        speeds = _speeds(target, flow, settings, stream(settings.seed, index))
        for separation in settings.separations:
            columns = {
                "source": "flow",
                "dimension": dimension,
                "direction": flow.direction,
                "architecture": flow.architecture.name,
                "couplings": vars(flow.architecture)["couplings"],
                "separation": separation,
                **speeds,
                "race": speeds["ratio"] * alignment_rate(separation),
            }
            tables.append(pd.DataFrame(columns)[list(UNITS)])
    return pd.concat(tables[1:] or tables, ignore_index=True)


def _flows(settings: Settings) -> list[tuple[int, FlowSettings]]:
    """Dimension and architecture of each combination."""
    from ..flows.settings import FlowSettings

    base = FlowSettings.of(hidden=settings.hidden, depth=settings.depth)
    flows = [
        (dimension, base.changed(direction=direction, couplings=settings.couplings))
        for dimension, direction in product(settings.dimensions, settings.directions)
    ]
    layers = settings.architecture_couplings
    return flows + [
        (settings.architecture_dimension, base.changed(architecture=name, couplings=layers))
        for name in settings.architectures
    ]


def _speeds(
    target: BimodalTarget, flow: FlowSettings, settings: Settings, rng: np.random.Generator
) -> dict[str, np.ndarray]:
    """The speeds of `settings.runs` untrained flows, each with a direction and noise of its own."""
    import torch

    from ..flows.ensemble import build
    from ..flows.tangent import tangent_speeds

    built = build(target, flow)
    found = []
    for first in range(0, settings.runs, TOGETHER):
        axes, theta, z = [], [], []
        for _ in range(first, min(first + TOGETHER, settings.runs)):
            axes.append(directions(flow.direction, target.dimension, rng)[0])
            theta.append(built.initial(rng))
            z.append(rng.standard_normal((settings.samples, target.dimension)))
        batch = (torch.as_tensor(np.stack(values)) for values in (theta, axes, z))
        found.append([speed.numpy() for speed in tangent_speeds(built, *batch)])
    shift, stretch = (np.concatenate(speeds) for speeds in zip(*found, strict=True))
    runs = np.arange(settings.runs)
    return {"run": runs, "shift": shift, "stretch": stretch, "ratio": shift / stretch}
