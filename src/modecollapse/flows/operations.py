"""How many operations the matrix products of a flow take: what its cost elsewhere is told by."""

from __future__ import annotations

from torch.utils.flop_counter import FlopCounterMode

from ..targets import BimodalTarget
from .architectures.base import FlowKind
from .ensemble import Ensemble
from .settings import FlowSettings

__all__ = ["operations"]


def operations(dimension: int, architecture: FlowKind) -> tuple[float, float]:
    """Additions and multiplications for each sample of a step, and of a measurement, on two
    Gaussians in R^d; they are counted, by torch."""
    tiny = FlowSettings(  # in float64 every product is torch's
        architecture=architecture,
        seeds=1,
        batch=2,
        evaluation_samples=2,
        device="cpu",
        dtype="float64",
    )
    ensemble = Ensemble(BimodalTarget(3.0, dimension, 0.5), tiny, range(1))
    with FlopCounterMode(display=False) as step:
        loss = ensemble.loss()
        ensemble.step(loss)
    with FlopCounterMode(display=False) as measurement:
        ensemble.measure(loss)
    return step.get_total_flops() / 2, measurement.get_total_flops() / 2
