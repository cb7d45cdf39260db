"""What is minimised, by name: functions of θ, a batch and β whose gradient is followed."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import NamedTuple

from torch import Tensor

from ...targets import Density
from ..architectures.base import Architecture
from .maximum_likelihood import forward_kl
from .mixed import mixed_kl
from .reverse_kl import reverse_kl
from .sticking_the_landing import sticking_the_landing

__all__ = ["OBJECTIVES", "Loss", "Objective", "loss_of"]

Loss = Callable[[Tensor, Tensor, Tensor], Tensor]


class Objective(NamedTuple):
    """A loss (θ (S, P), batch (S, B, d), β (S,)) -> (S,), and what it is a mean over.

    The batch is noise of q's base, but for the part `from_target` at its end, which is exact
    samples of p; None for the share that the settings have, which `loss` then takes as well.
    """

    loss: Callable[..., Loss]
    from_target: float | None = 0.0


OBJECTIVES: Mapping[str, Objective] = MappingProxyType(
    {
        "reverse-kl": Objective(reverse_kl),
        "sticking-the-landing": Objective(sticking_the_landing),
        "maximum-likelihood": Objective(forward_kl, from_target=1.0),
        "mixed": Objective(mixed_kl, from_target=None),
    }
)


def loss_of(name: str, share: float, flow: Architecture, density: Density) -> tuple[float, Loss]:
    """The part of a batch that is samples of p, and the loss; `share` is λ of "mixed"."""
    objective = OBJECTIVES[name]
    if objective.from_target is None:
        return share, objective.loss(flow, density, share)
    return objective.from_target, objective.loss(flow, density)
