"""The closed equations: integration, fixed points and bifurcations, collapse probability."""

from __future__ import annotations

from importlib import import_module
from typing import Any

_HOME = {
    "integrate": "integration",
    "fixed_points": "equilibria",
    "best_fit": "regret",
    "endings": "regret",
    "regret_line": "regret",
    "critical_separation": "bifurcations",
    "integrate_annealed": "annealed",
    "recommend": "advice",
    "collapse_probability": "probability",
    "integrate_modes": "multimodal",
    "random_modes_start": "multimodal",
    "MultimodalOverlaps": "multimodal",
    "MultimodalTarget": "multimodal",
}

__all__ = list(_HOME)


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module 'modecollapse.theory' has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOME[name]}"), name)
