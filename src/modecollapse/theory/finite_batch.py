"""How many dimensions a finite batch leaves: the linear stage of descent by noisy gradients."""

from __future__ import annotations

from typing import NamedTuple

from ..checks import integer, require, within
from ..quadrature import expected_sigmoid, expected_sigmoid_slope
from ..targets import BimodalTarget

__all__ = ["LinearStage", "effective_dimension", "linear_stage"]


class LinearStage(NamedTuple):
    """The means' positions along μ* while they are small (docs/theory.md, Eq. 10.13).

    rate : λ of their growth.
    variance : Var t, of s_+ − s_− at a point of a component.
    """

    rate: float
    variance: float


def linear_stage(target: BimodalTarget) -> LinearStage:
    """Rate and noise of the linear stage: equal fixed weights, v = 1, means that do not overlap.

    >>> rate, variance = linear_stage(BimodalTarget(3.0, 64))
    >>> round(rate, 3), round(variance, 3)
    (0.647, 0.745)
    """
    r, logit = target.separation, target.logit
    slope = float(expected_sigmoid_slope(logit, 2 * r))
    tilt = 2 * float(expected_sigmoid(logit, 2 * r)) - 1
    return LinearStage(0.5 * (4 * r * r * slope - 1), 1 - 4 * slope - tilt * tilt)


def effective_dimension(
    target: BimodalTarget, step_size: float, batch: int, norm: float | None = None
) -> float:
    """d_eff, in which gradient flow collapses as often as noisy descent in d (Eq. 10.14).

    Starts whose means have the norm `norm` (root mean square), by default on the sphere of radius
    r, and do not overlap; equal fixed weights, stratified batches of `batch` samples, and gradients
    without the score term ("sticking the landing").

    Raises
    ------
    ValueError : where the separation is so small that positions along μ* do not grow.

    >>> target = BimodalTarget(3.0, 10**6)
    >>> round(effective_dimension(target, step_size=0.1, batch=64))
    2217
    >>> round(effective_dimension(target, step_size=0.1, batch=64, norm=6.0))
    8809
    """
    step_size, batch = within("step_size", step_size, 0), integer("batch", batch, 2)
    rate, variance = linear_stage(target)
    allowed = "a separation at which means grow from zero, r > 1 at least"
    require(rate > 0, "separation", target.separation, allowed)
    size = target.separation if norm is None else within("norm", norm, 0)
    blur = (target.separation / size) ** 2 * variance / (4 * rate) * step_size / batch
    return 1 / (1 / target.dimension + blur)
