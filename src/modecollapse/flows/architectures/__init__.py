"""The kinds of flows, by name; each has settings of its own.  One file a kind."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from .base import FlowKind
from .realnvp import Couplings
from .zuko import MAF, NSF, Zuko

__all__ = ["ARCHITECTURES"]

ARCHITECTURES: Mapping[str, type[FlowKind]] = MappingProxyType(
    {kind.name: kind for kind in (Couplings, MAF, NSF, Zuko)}
)
