"""Stochastic gradient descent on the reverse KL divergence, in full dimension and reduced."""

from __future__ import annotations

from importlib import import_module
from typing import Any

_HOME = {
    "simulate": "full",
    "simulate_reduced": "reduced",
}

__all__ = list(_HOME)


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module 'modecollapse.simulation' has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOME[name]}"), name)
