"""The theory of mode collapse in variational inference, and two independent checks of it.

The few names that a notebook needs are here; each is imported when it is first used, so that
``import modecollapse`` is quick and a job loads only what it needs.

>>> import modecollapse as mc
>>> p = mc.target(separation=3.0, dimension=64)
>>> p.dimension
64
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

__version__ = "0.1.0"

_HOME = {
    "target": "targets",
    "mixture": "targets",
    "random_start": "overlaps",
    "Overlaps": "overlaps",
    "outcome": "outcomes",
    "Outcome": "outcomes",
    "Trajectory": "trajectory",
    "integrate": "theory",
    "fixed_points": "theory",
    "critical_separation": "theory",
    "integrate_annealed": "theory",
    "recommend": "theory",
    "schedule": "schedules",
    "simulate": "simulation",
    "train": "flows",
}

__all__ = [*_HOME, "__version__"]


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module 'modecollapse' has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOME[name]}"), name)


def __dir__() -> list[str]:
    return sorted(__all__)
