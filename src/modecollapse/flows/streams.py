"""The random numbers of one run: its start, its training and what it is measured on."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

__all__ = ["Streams", "normal", "streams"]


@dataclass(frozen=True)
class Streams:
    """Independent streams; what is measured never changes what is trained."""

    start: np.random.Generator
    training: torch.Generator
    evaluation: torch.Generator  # noise
    held_out: torch.Generator  # samples of p


def streams(seed: int, run: int, device: torch.device) -> Streams:
    """The streams of run number `run`, whichever runs are trained beside it."""
    start, *others = np.random.SeedSequence(seed, spawn_key=(run,)).spawn(4)
    return Streams(np.random.default_rng(start), *(_generator(one, device) for one in others))


def _generator(sequence: np.random.SeedSequence, device: torch.device) -> torch.Generator:
    return torch.Generator(device).manual_seed(int(sequence.generate_state(1)[0]))


def normal(generators: list[torch.Generator], out: Tensor) -> Tensor:
    """Fill `out` (S, ...) with standard normal numbers, row s from generator s."""
    for generator, row in zip(generators, out, strict=True):
        row.normal_(generator=generator)
    return out
