"""Targets p: what q is fitted to."""

from .bimodal import BimodalTarget, target
from .mixtures import GaussianMixture, mixture

__all__ = ["BimodalTarget", "GaussianMixture", "mixture", "target"]
