"""Collapse frequency of mixtures by the closed equations."""

from ..mixture_collapse.theory import UNITS, Settings, compute

__all__ = ["UNITS", "Settings", "compute"]
