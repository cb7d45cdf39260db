"""A target of one's own: a log-density in torch, and what is known of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from torch import Tensor

from ..checks import integer, numbers_of, require, within
from ..memory import check_memory
from .densities import CustomDensity, evaluated
from .directions import directions, principal
from .protocol import Density

__all__ = ["CustomTarget", "custom"]

FloatArray = NDArray[np.float64]
PROBES = 8  # points at which a log-density is evaluated to know it again


@dataclass(frozen=True, eq=False)
class CustomTarget:
    """A target given by its log-density; made by :func:`custom`, which says what the fields are."""

    log_density: Callable[[Tensor], Tensor]
    dimension: int
    modes: FloatArray | None
    weights: FloatArray | None
    log_z: float | None
    reach: float

    @property
    def mode_names(self) -> tuple[str, ...]:
        """The numbers of its modes; none where they are not known."""
        return () if self.modes is None else tuple(str(k) for k in range(len(self.modes)))

    def axes(self, direction: str, rng: np.random.Generator) -> FloatArray:
        """The directions in which the modes spread most, or random ones, (2, d)."""
        drawn = directions("random", self.dimension, rng)  # in any case: the rest draws after it
        return drawn if self.modes is None or len(self.modes) < 2 else principal(self.modes)

    def density(self, axes: Tensor) -> Density:
        """The target in the dtype and on the device of `axes` (S, 2, d)."""
        modes = None if self.modes is None else axes.new_tensor(self.modes)
        return CustomDensity(self.log_density, axes[:, 0].contiguous(), modes)

    def description(self) -> dict[str, Any]:
        """What is known of it, and its log-density at a few fixed points."""
        return {
            "dimension": self.dimension,
            "modes": None if self.modes is None else self.modes.tolist(),
            "weights": None if self.weights is None else self.weights.tolist(),
            "log_z": self.log_z,
            "reach": self.reach,
            "log_density at fixed points": self.probe(),
        }

    def probe(self) -> list[float]:
        """The log-density at a few points of N(0, I).

        Raises
        ------
        ValueError : where it fails there, or has another shape, is not finite or has no gradient.
        """
        points = np.random.default_rng(0).standard_normal((PROBES, self.dimension))
        x = torch.as_tensor(points).requires_grad_()
        values = evaluated(self.log_density, x)
        finite = bool(values.isfinite().any()) and not bool(values.isnan().any())
        given = str(values.tolist())[:80]
        require(finite, "log_density", given, "finite numbers somewhere near 0, and never NaN")
        require(values.requires_grad, "log_density", "no gradient", "one that torch can follow")
        return [float(value) for value in values.detach()]


def custom(
    log_density: Callable[[Tensor], Tensor],
    dimension: int,
    *,
    modes: ArrayLike | None = None,
    weights: ArrayLike | None = None,
    log_z: float | None = None,
    reach: float = 10.0,
) -> CustomTarget:
    """A target of your own, for :func:`modecollapse.train`.

    Parameters
    ----------
    log_density : x (N, d) -> log p(x) + log Z, (N,), a function of torch tensors, whose gradient
        torch can follow; each value may depend on its own point alone.
    dimension : d ≥ 2.
    modes : (K, d), the places of the modes, if they are known; a point belongs to the nearest.
    weights : (K,), the weights π_k of the modes, which sum to 1.
    log_z : log Z, if it is known; without it KL(q‖p) is known up to log Z only.
    reach : how far from the origin p has mass: beyond it, splines are the identity.

    Raises
    ------
    ValueError : naming the argument that is wrong.

    >>> import torch
    >>> p = custom(lambda x: -(x[:, 0].square() - 4).square() - x[:, 1].square(), dimension=2,
    ...            modes=[[2.0, 0.0], [-2.0, 0.0]], weights=[0.5, 0.5])
    >>> p.mode_names
    ('0', '1')
    """
    require(callable(log_density), "log_density", log_density, "a function of a torch tensor")
    d = integer("dimension", dimension, 2)
    check_memory("dimension", dimension, 256.0 * d, "take fewer coordinates")
    places = None if modes is None else numbers_of("modes", modes, f"an array (K, {d})")
    if places is not None:
        fits = places.ndim == 2 and places.shape[1:] == (d,) and len(places) > 0
        require(fits, "modes", places.shape, f"an array (K, {d})")
        require(bool(np.isfinite(places).all()), "modes", "NaN or infinity", "finite numbers")
        apart = len(np.unique(places, axis=0)) == len(places)
        require(apart, "modes", places.tolist(), "different places")
    parts = None if weights is None else numbers_of("weights", weights)
    if parts is not None:
        k = 0 if places is None else len(places)
        require(parts.shape == (k,), "weights", parts.shape, f"one for each of the {k} modes")
        summed = bool((parts > 0).all() and abs(parts.sum() - 1) < 1e-9)
        require(summed, "weights", parts.tolist(), "numbers in (0, 1] that sum to 1")
    known = None if log_z is None else within("log_z", log_z)
    made = CustomTarget(log_density, d, places, parts, known, within("reach", reach, 0))
    made.probe()
    return made
