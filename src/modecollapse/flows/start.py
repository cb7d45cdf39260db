"""Where flows begin: the law of x·μ*/r under q before the first step."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray

from ..checks import count
from ..targets import Target
from ..targets.densities import density
from .architectures.base import base_noise
from .ensemble import build
from .settings import FlowSettings
from .streams import normal, streams

__all__ = ["Start", "start"]


class Start(NamedTuple):
    """m(0) and σ(0) of each run, (n,), the mean and standard deviation of x·μ*/r under q."""

    mean: NDArray[np.float64]
    std: NDArray[np.float64]


def start(target: Target, settings: FlowSettings, samples: int = 8192) -> Start:
    """m(0) and σ(0) of the runs that :func:`~.training.train` would train with these settings.

    A mixture is put beside flows on equal terms where its means are drawn with the law of m(0).
    The standard error of `mean` is σ(0)/√samples.

    >>> from modecollapse import target
    >>> m, _ = start(target(3.0, 4), FlowSettings.of(seeds=5, couplings=2, hidden=8))
    >>> m.shape
    (5,)
    """
    device = torch.device("cpu")
    flow, n = build(target, settings, device), count("samples", samples, 2)
    means, spreads = [], []
    for run in range(settings.first_seed, settings.first_seed + settings.seeds):
        own = streams(settings.seed, run, device)
        axes = torch.as_tensor(target.axes(settings.direction, own.start))[None]
        theta = torch.as_tensor(flow.initial(own.start))[None]
        z = normal([own.evaluation], axes.new_empty(1, n, target.dimension))
        z = base_noise(flow, theta, z, [own.evaluation])
        with torch.no_grad():
            along = density(target, axes).projection(flow.forward(theta, z)[0])
        means.append(float(along.mean()))
        spreads.append(float(along.std()))
    return Start(np.array(means), np.array(spreads))
