"""Ascent of a log-density from many starts, bounded in steps and time, and its curvature."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.optimize import minimize

from ..checks import require

__all__ = ["FLAT", "Surface", "ascend", "draw_starts", "polish"]

FloatArray = NDArray[np.float64]
STEPS = 300  # of L-BFGS from one start
NEWTON = 20  # steps that make a maximum exact
FLAT = 1e-7  # of the largest curvature, below which a direction is a ridge
FAR = 1e3  # times the target's reach: a point that has run away
SMOOTH = "a log-density that torch can differentiate twice, each value of its own point alone"


@dataclass(frozen=True, eq=False)
class Surface:
    """A log-density (N, d) -> (N,) in float64, with its gradient and Hessian by autograd."""

    log_density: Callable[[torch.Tensor], torch.Tensor]
    dimension: int

    def values(self, x: FloatArray) -> FloatArray:
        """log p at points (N, d); ValueError for a wrong shape or NaN."""
        with torch.no_grad():
            found = self.log_density(torch.as_tensor(x, dtype=torch.float64))
        return self._checked(found, len(x))

    def slope(self, x: FloatArray) -> tuple[float, FloatArray]:
        """log p and its gradient at one point (d,)."""
        point = torch.as_tensor(x, dtype=torch.float64)[None].requires_grad_()
        value = self.log_density(point)
        self._checked(value.detach(), 1)
        require(value.requires_grad, "log_density", "no gradient", SMOOTH)
        (gradient,) = torch.autograd.grad(value.sum(), point)
        return float(value.detach()), gradient[0].numpy()

    def curvature(self, x: FloatArray) -> tuple[FloatArray, FloatArray]:
        """The gradient (d,) and the Hessian (d, d) of log p at one point."""
        point = torch.as_tensor(x, dtype=torch.float64)[None].requires_grad_()
        (gradient,) = torch.autograd.grad(
            self.log_density(point).sum(), point, create_graph=True, materialize_grads=True
        )
        rows = [self._row(gradient[0, i], point) for i in range(self.dimension)]
        hessian = torch.stack(rows).numpy()
        return gradient[0].detach().numpy(), (hessian + hessian.T) / 2

    @staticmethod
    def _row(entry: torch.Tensor, point: torch.Tensor) -> torch.Tensor:
        if not entry.requires_grad:  # a constant slope
            return torch.zeros_like(point[0])
        (row,) = torch.autograd.grad(entry, point, retain_graph=True, materialize_grads=True)
        return row[0]

    def _checked(self, found: Any, n: int) -> FloatArray:
        shape = tuple(found.shape) if isinstance(found, torch.Tensor) else type(found).__name__
        require(shape == (n,), "log_density", shape, f"a value for each point, ({n},)")
        values = np.array(found.detach().double().cpu().numpy())
        require(not np.isnan(values).any(), "log_density", "NaN", "numbers, or -infinity")
        return values


def draw_starts(dimension: int, reach: float, n: int, rng: np.random.Generator) -> FloatArray:
    """n points (n, d) at distances from about 1 to `reach` of the origin, uniform in their log."""
    directions = rng.standard_normal((n, dimension))
    norms = np.linalg.norm(directions, axis=1, keepdims=True)
    nearest = min(1.0, reach / 2)
    return directions / norms * np.exp(rng.uniform(math.log(nearest), math.log(reach), (n, 1)))


def ascend(surface: Surface, starts: FloatArray, reach: float, deadline: float) -> FloatArray:
    """The ends of L-BFGS from those starts where p > 0, (m, d), m ≤ N, until the `deadline`.

    Raises
    ------
    ValueError : where log p is −∞ at all starts, is infinite, or all ascents run away.
    """
    heights = surface.values(starts)
    require(bool((heights < np.inf).all()), "log_density", "+infinity", "numbers, or -infinity")
    inside = starts[heights > -np.inf]
    given = f"-infinity at all {len(starts)} starts"
    require(len(inside) > 0, "log_density", given, "a density whose mass lies within `reach`")
    ends = []
    for start in inside:
        if time.monotonic() > deadline:
            break
        end = _climb(surface, start, FAR * reach, deadline)
        if np.isfinite(end).all() and np.linalg.norm(end) < FAR * reach:
            ends.append(end)
    given = "no mode: the ascent from every start runs away"
    require(bool(ends), "log_density", given, "a density that has a maximum")
    return np.array(ends)


def _climb(surface: Surface, start: FloatArray, far: float, deadline: float) -> FloatArray:
    """The end of L-BFGS from one start."""

    def descent(x: FloatArray) -> tuple[float, FloatArray]:
        value, gradient = surface.slope(x)
        return (-value, -gradient) if value > -np.inf else (1e300, np.zeros_like(x))

    def hopeless(x: FloatArray) -> None:
        if time.monotonic() > deadline or np.linalg.norm(x) > far:
            raise StopIteration

    options = {"maxiter": STEPS, "ftol": 1e-13, "gtol": 1e-8}
    with np.errstate(all="ignore"):
        done = minimize(
            descent, start, jac=True, method="L-BFGS-B", callback=hopeless, options=options
        )
    return np.asarray(done.x, dtype=float)


def polish(surface: Surface, x: FloatArray) -> tuple[FloatArray, FloatArray, float]:
    """x moved to the maximum next to it by Newton's steps, −H there, and how far off it still is.

    The last number is √(gᵀ(−H)⁻¹g), the distance in standard deviations; infinite where −H is not
    positive definite.
    """
    for _ in range(NEWTON):
        gradient, hessian = surface.curvature(x)
        precision = -hessian
        if not np.isfinite(precision).all():
            return x, precision, math.inf
        curved = np.linalg.eigvalsh(precision)
        if curved[0] <= FLAT * curved[-1]:
            return x, precision, math.inf
        step = np.linalg.solve(precision, gradient)
        off = math.sqrt(max(float(gradient @ step), 0.0))
        if off < 1e-9 or surface.values((x + step)[None])[0] < surface.values(x[None])[0] - 1e-9:
            break
        x = x + step
    return x, precision, off
