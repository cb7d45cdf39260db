"""The random numbers of one run: its start, its training noise and its evaluation noise."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ..checks import choice

__all__ = ["Streams", "directions", "streams"]

FloatArray = NDArray[np.float64]


@dataclass(frozen=True)
class Streams:
    """Three independent streams; what is measured never changes what is trained."""

    start: np.random.Generator
    training: torch.Generator
    evaluation: torch.Generator


def streams(seed: int, run: int, device: torch.device) -> Streams:
    """The streams of run number `run`, whichever runs are trained beside it."""
    start, training, evaluation = np.random.SeedSequence(seed, spawn_key=(run,)).spawn(3)
    return Streams(
        np.random.default_rng(start), _generator(training, device), _generator(evaluation, device)
    )


def _generator(sequence: np.random.SeedSequence, device: torch.device) -> torch.Generator:
    return torch.Generator(device).manual_seed(int(sequence.generate_state(1)[0]))


def directions(kind: str, dimension: int, rng: np.random.Generator) -> FloatArray:
    """The unit vector of μ* and a random unit vector orthogonal to it, shape (2, d).

    >>> directions("diagonal", 4, np.random.default_rng(0))[0]
    array([0.5, 0.5, 0.5, 0.5])
    """
    choice("kind", kind, ("random", "axis", "diagonal"))
    first, second = rng.standard_normal((2, dimension))
    if kind == "axis":
        first = np.eye(dimension)[0]
    elif kind == "diagonal":
        first = np.ones(dimension)
    first = first / np.linalg.norm(first)
    second = second - (second @ first) * first
    return np.stack([first, second / np.linalg.norm(second)])


def normal(generators: list[torch.Generator], out: Tensor) -> Tensor:
    """Fill `out` (S, ...) with standard normal numbers, row s from generator s."""
    for generator, row in zip(generators, out, strict=True):
        row.normal_(generator=generator)
    return out
