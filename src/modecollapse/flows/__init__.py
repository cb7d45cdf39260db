"""Normalizing flows trained by reverse KL, many seeds at once (docs/theory.md, Section 12).

Each name is imported when it is first used, so that torch is loaded only by jobs that train.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

_HOME = {
    "FlowSettings": "settings",
    "train": "training",
}

__all__ = ["FlowSettings", "train"]


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module 'modecollapse.flows' has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOME[name]}"), name)
