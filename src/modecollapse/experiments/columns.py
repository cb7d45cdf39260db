"""The units of columns that several tables have."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

__all__ = ["COMMON", "common"]

COMMON: Mapping[str, str] = MappingProxyType(
    {
        "separation": "r = ‖μ*‖, standard deviations of a mode",
        "dimension": "d, 1",
        "target_weight": "π, weight of the mode at +μ*, 1",
        "eta": "η, the weights' learning-rate ratio, 1",
        "beta_initial": "β_i, inverse temperature at the start, 1",
        "position1": "μ_1·μ*/r, standard deviations of a mode",
        "position2": "μ_2·μ*/r, standard deviations of a mode",
        "mean_kl": "mean of KL(q‖p) over the runs at the end, nats",
    }
)


def common(*names: str) -> dict[str, str]:
    """The units of these columns, in this order.

    >>> common("dimension")
    {'dimension': 'd, 1'}
    """
    return {name: COMMON[name] for name in names}
