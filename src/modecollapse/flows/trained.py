"""Flows that have been trained: to sample from, to evaluate, to keep."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray

from ..checks import choice, count, integer, numbers_of, path_of, require, within
from . import sealed, stored
from .architectures import ARCHITECTURES
from .architectures.base import FlowKind, base_noise, least_parameters, log_density, push_forward
from .architectures.bases import with_base

__all__ = ["TrainedFlows", "load"]

FloatArray = NDArray[np.float64]
KIND = "flows"
NORMAL = (1.0, 1, 3.0)  # N(0, I)
ALWAYS = 10**7  # parameters that are tried to be made, however few a file holds
LONGEST = 300  # characters of a reason


@dataclass(frozen=True, eq=False)
class TrainedFlows:
    """S flows of one architecture, evaluated in float64 on the CPU.

    Attributes
    ----------
    architecture : their kind and its settings.
    dimension : d.
    reach : of the target that they were made for.
    theta : (S, P), their parameters.
    base : scale, number of components and radius of the noise, as the settings have them.

    >>> from modecollapse import target, train
    >>> run = train(target(1.0, 2), seeds=2, couplings=2, hidden=8, steps=5, batch=16)
    >>> x = run.flows[0].sample(4, seed=1)
    >>> run.flows[0].log_density(x).shape
    (1, 4)
    """

    architecture: FlowKind
    dimension: int
    reach: float
    theta: FloatArray
    base: tuple[float, int, float] = NORMAL

    def __len__(self) -> int:
        return len(self.theta)

    def __getitem__(self, run: int | slice) -> TrainedFlows:
        """The flow number `run`, or some of them."""
        rows = run if isinstance(run, slice) else slice(run, run + 1 or None)
        chosen = self.theta[rows]
        if not isinstance(run, slice) and len(chosen) != 1:
            raise IndexError(f"run: got {run}; allowed: a number below {len(self)}")
        return replace(self, theta=chosen)

    def __iter__(self) -> Iterator[TrainedFlows]:
        return (self[run] for run in range(len(self)))

    def sample(self, n: int, seed: int = 0) -> FloatArray:
        """n independent samples of each flow, (S, n, d); flow s draws from a stream of its own."""
        n, sequence = count("n", n), np.random.SeedSequence(integer("seed", seed, 0))
        streams = [np.random.default_rng(child) for child in sequence.spawn(len(self))]
        z = np.stack([rng.standard_normal((n, self.dimension)) for rng in streams])
        chosen = [torch.Generator().manual_seed(int(rng.integers(2**63))) for rng in streams]
        flow, theta = self._build(), self._theta()
        with torch.no_grad():
            x, _ = push_forward(flow, theta, base_noise(flow, theta, torch.as_tensor(z), chosen))
        return np.asarray(x.numpy())

    def log_density(self, x: ArrayLike) -> FloatArray:
        """log q_s(x), (S, n), at points x (n, d), the same for all flows, or (S, n, d)."""
        points = numbers_of("x", x)
        shape = (len(self), points.shape[-2] if points.ndim > 1 else 0, self.dimension)
        fits = points.ndim in (2, 3) and points.shape[-1] == self.dimension
        fits = fits and points.shape in (shape, shape[1:])
        allowed = f"points (n, {self.dimension}), or ({len(self)}, n, {self.dimension})"
        require(fits, "x", points.shape, allowed)
        each = torch.as_tensor(np.broadcast_to(points, shape).copy())
        with torch.no_grad():
            return np.asarray(log_density(self._build(), self._theta(), each).numpy())

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the flows to a file, for :func:`load`.

        Raises
        ------
        StoreError : naming the file, where it cannot be written.
        ValueError : for an architecture without a name in this package, or no flow at all.
        """
        require(len(self) > 0, "flows", len(self), "one flow or more")
        named = ARCHITECTURES.get(self.architecture.name) is type(self.architecture)
        require(named, "architecture", self.architecture, f"one of {', '.join(ARCHITECTURES)}")
        values: dict[str, Any] = {
            "name": self.architecture.name,
            "settings": asdict(self.architecture),  # type: ignore[call-overload]
            "dimension": self.dimension,
            "reach": self.reach,
            "theta": torch.as_tensor(self.theta),
            "base": list(self.base),
        }
        sealed.write(Path(path), KIND, values)

    def _build(self) -> Any:
        return with_base(self.architecture.build(self.dimension, self.reach, "cpu"), *self.base)

    def _theta(self) -> torch.Tensor:
        return torch.as_tensor(self.theta).double()


def load(path: str | os.PathLike[str]) -> TrainedFlows:
    """Flows that :meth:`TrainedFlows.save` wrote.

    Raises
    ------
    StoreError : naming the file, where it cannot be read or holds something else.
    """
    file = path_of("path", path)
    content = sealed.read(file, KIND)
    found = {"base": list(NORMAL), **content}  # files that are older than bases have none
    stored.check(file, KIND, STORED, found)
    name, settings, dimension, reach, theta, base = (found[field] for field in STORED)
    size = max(theta.shape[1], ALWAYS)
    try:
        kind = ARCHITECTURES[name](**settings)
        least = least_parameters(kind, dimension) + (base[1] > 1) * base[1] * dimension
        require(least <= size, "settings", settings, f"a flow of {theta.shape[1]} parameters")
        flow = with_base(kind.build(dimension, float(reach), "cpu"), *base)
        size = flow.initial(np.random.default_rng(0)).size
        require(theta.shape[1] == size, "theta", tuple(theta.shape), f"parameters (S, {size})")
    except Exception as error:  # of settings that are none a flow can fail in as many ways as torch
        reason = str(error) if isinstance(error, ValueError) else f"settings: {error!r}"
        raise sealed.refusal(file, KIND, reason.partition("\n")[0][:LONGEST]) from error
    return TrainedFlows(kind, dimension, float(reach), theta.contiguous().numpy(), tuple(base))


def _named(name: str, found: Any) -> None:
    """A check for settings: plain values by name."""
    named = type(found) is dict and all(isinstance(key, str) for key in found)
    require(named, name, found, "settings by name")


STORED = {
    "name": lambda name, found: choice(name, found, ARCHITECTURES),
    "settings": _named,
    "dimension": lambda name, found: count(name, found, 2),
    "reach": lambda name, found: within(name, found, 0),
    "theta": stored.tensor((None, None), stored.FLOATS),
    "base": [
        lambda name, found: within(name, found, 0),
        count,
        lambda name, found: within(name, found, 0),
    ],
}
