"""How often descent by finite batches collapses against the dimension; the gradient flow beside."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from ...targets import BimodalTarget
from ...trajectory import Trajectory
from ..columns import common
from ..ends import END_UNITS, Ends, best_kl
from ..starts import START_UNITS, start_columns

__all__ = ["UNITS", "row"]

UNITS: Mapping[str, str] = MappingProxyType(
    {
        "source": "theory or reduced simulation",
        **common("separation", "target_weight"),
        "estimator": "of the gradient; gradient flow has none",
        "step_size": "h, 1; 0 for gradient flow",
        "batch": "B, samples a step; 0 for gradient flow",
        **common("dimension"),
        "effective_dimension": "d_eff (docs/theory.md, Eq. 10.14); d where small means do not "
        "grow, 1",
        **START_UNITS,
        **END_UNITS,
    }
)


def row(
    target: BimodalTarget,
    run: Trajectory,
    time: float,
    *,
    effective_dimension: float,
    estimator: str = "gradient flow",
    step_size: float = 0.0,
    batch: int = 0,
) -> dict[str, Any]:
    """One row of the table: what was run, and what became of it by `time`."""
    return {
        "source": run.source,
        "separation": target.separation,
        "target_weight": target.weight,
        "estimator": estimator,
        "step_size": step_size,
        "batch": batch,
        "dimension": target.dimension,
        "effective_dimension": effective_dimension,
        **start_columns(target, "modes", 1.0),
        **Ends.of(run, target).columns(time, best_kl(target)),
    }
