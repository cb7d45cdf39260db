"""Flows from zuko behind the ensemble's interface: autoregressive ones, and any other by its name.

An autoregressive layer is x_i = f(z_i; φ_i(z_1, …, z_{i−1})), the order reversed from one layer to
the next; f is affine (the inverse autoregressive flow of D. Kingma and others, 2016) or a monotone
rational-quadratic spline (C. Durkan and others, 2019), the identity outside [−bound, bound].
zuko's transforms are taken from noise to data, the direction that costs one pass.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any, ClassVar, final

import numpy as np
import torch
import zuko
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.func import functional_call, vmap
from zuko.transforms import MonotonicRQSTransform

from ...checks import choice, count, integer, require
from .base import MOST_LAYERS, stacked, uniform

__all__ = ["MAF", "NSF", "Stacked", "Zuko"]

BINS = 8


@dataclass(frozen=True)
class _Autoregressive:
    """`couplings` layers with networks of `depth` hidden layers, `hidden` wide each."""

    name: ClassVar[str]
    couplings: int = 8
    hidden: int = 64
    depth: int = 2

    def __post_init__(self) -> None:
        integer("couplings", self.couplings, 2, MOST_LAYERS)
        count("hidden", self.hidden)
        integer("depth", self.depth, 1, MOST_LAYERS)

    def build(self, dimension: int, reach: float, device: torch.device | str) -> Stacked:
        widths = [self.hidden] * self.depth
        univariate = self._univariate(reach)
        return Stacked(
            lambda: zuko.flows.MAF(
                dimension, transforms=self.couplings, hidden_features=widths, **univariate
            ),
            dimension,
            device,
            fan=1,
        )

    def footprint(self) -> tuple[int, int]:
        return self.hidden, self.couplings * (self.depth + 2)

    def _univariate(self, reach: float) -> dict[str, Any]:
        return {}


@dataclass(frozen=True)
class MAF(_Autoregressive):
    """Autoregressive affine maps."""

    name: ClassVar[str] = "maf"


@dataclass(frozen=True)
class NSF(_Autoregressive):
    """Autoregressive rational-quadratic splines, as wide as the target's reach."""

    name: ClassVar[str] = "nsf"

    def _univariate(self, reach: float) -> dict[str, Any]:
        return {
            "univariate": partial(MonotonicRQSTransform, bound=reach),
            "shapes": [(BINS,), (BINS,), (BINS - 1,)],
        }


@dataclass(frozen=True)
class Zuko:
    """Any flow of zuko, `zuko.flows.<flow>(d, **options)`, that torch.func.vmap can carry.

    >>> Zuko("NICE", {"transforms": 4, "hidden_features": (32, 32)}).build(3, 8.0, "cpu").dimension
    3
    """

    name: ClassVar[str] = "zuko"
    flow: str = "NICE"
    options: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        choice("flow", self.flow, _flows())
        named = isinstance(self.options, Mapping) and all(isinstance(k, str) for k in self.options)
        require(named, "options", self.options, "arguments of the flow by their names")
        require(type(self._widths) in (tuple, list), "hidden_features", self._widths, "a list")
        for width in self._widths:
            count("hidden_features", width)
        integer("transforms", self._transforms, 0, MOST_LAYERS)

    @property
    def depth(self) -> int:
        """How many hidden layers its networks have."""
        return len(self._widths)

    @property
    def _widths(self) -> Sequence[int]:
        return self.options.get("hidden_features", (64, 64))

    @property
    def _transforms(self) -> int:
        return self.options.get("transforms", 3)

    def build(self, dimension: int, reach: float, device: torch.device | str) -> Stacked:
        try:
            return Stacked(
                lambda: getattr(zuko.flows, self.flow)(dimension, **self.options), dimension, device
            )
        except (TypeError, ValueError, AttributeError) as error:
            allowed = f"what zuko.flows.{self.flow} takes in d = {dimension}"
            given = f"{dict(self.options)} ({error})"
            raise ValueError(f"options: got {given}; allowed: {allowed}") from error

    def footprint(self) -> tuple[int, int]:
        return max(self._widths, default=1), self._transforms * (self.depth + 2)


def _flows() -> list[str]:
    """The names of zuko's flows."""
    kinds = {name: kind for name, kind in vars(zuko.flows).items() if isinstance(kind, type)}
    base = zuko.flows.Flow
    return [name for name, kind in kinds.items() if issubclass(kind, base) and kind is not base]


class _Map(nn.Module):
    """A zuko transform as a module that a vector of parameters can be put into."""

    def __init__(self, transform: nn.Module) -> None:
        super().__init__()
        self.transform = transform

    def forward(self, points: Tensor, inverse: bool) -> tuple[Tensor, Tensor]:
        transform = self.transform()
        return (transform.inv if inverse else transform).call_and_ladj(points)


@final
class Stacked:
    """A flow of zuko for each row of θ; see :class:`~.base.Architecture`.

    Parameters
    ----------
    make : makes the flow in R^d.  Whatever it draws but its parameters, all rows share.
    device : of the parameters that it will be called with.
    fan : where its parameters are weights and biases by turns, the axis of a weight that its inputs
        are on: then they start from U(−1, 1)/√fan-in.  None: as zuko starts them.
    """

    def __init__(
        self,
        make: Callable[[], nn.Module],
        dimension: int,
        device: torch.device | str = "cpu",
        fan: int | None = None,
    ) -> None:
        self.dimension, self._make = dimension, make
        flow = self._flow(0)
        self._map = _Map(flow.transform).requires_grad_(False).to(device)
        named = dict(self._map.named_parameters())
        self._names = list(named)
        self.shapes = [parameter.shape for parameter in named.values()]
        self.bounds = None if fan is None else uniform(self.shapes, fan)

    def initial(self, rng: np.random.Generator) -> NDArray[np.float64]:
        if self.bounds is not None:
            return rng.uniform(-1, 1, self.bounds.size) * self.bounds
        drawn = _Map(self._flow(int(rng.integers(2**63))).transform).parameters()
        return torch.cat([p.detach().double().flatten() for p in drawn]).numpy()

    def forward(self, theta: Tensor, z: Tensor) -> tuple[Tensor, Tensor]:
        return self._apply(theta, z, inverse=False)

    def inverse(self, theta: Tensor, x: Tensor) -> tuple[Tensor, Tensor]:
        return self._apply(theta, x, inverse=True)

    def _flow(self, seed: int) -> Any:
        """A flow of zuko whose draws leave the global random state alone."""
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            return self._make()

    def _apply(self, theta: Tensor, points: Tensor, inverse: bool) -> tuple[Tensor, Tensor]:
        parameters = dict(zip(self._names, stacked(theta, self.shapes), strict=True))

        def one(values: dict[str, Tensor], its_points: Tensor) -> tuple[Tensor, Tensor]:
            return functional_call(self._map, values, (its_points, inverse))

        try:
            return vmap(one)(parameters, points)
        except RuntimeError as error:
            if not re.search(r"functorch|torch\.func|vmap", str(error)):
                raise
            given = (
                f"one of zuko's whose {'inverse' if inverse else 'forward'} map vmap cannot carry"
            )
            allowed = "one that it can, such as NICE, RealNVP, MAF, NSF and NCSF"
            raise ValueError(f"architecture: got {given}; allowed: {allowed}") from error
