"""Targets p: what q is fitted to."""

from .bimodal import BimodalTarget, target
from .custom import CustomTarget, custom
from .mixtures import GaussianMixture, mixture
from .protocol import Density, Target

__all__ = [
    "BimodalTarget",
    "CustomTarget",
    "Density",
    "GaussianMixture",
    "Target",
    "custom",
    "mixture",
    "target",
]
