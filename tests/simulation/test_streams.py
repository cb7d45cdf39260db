"""Each run and each purpose has its own stream."""

import itertools

import numpy as np
import torch

from modecollapse.simulation.normals import NormalStream
from modecollapse.simulation.streams import Purpose, generator


def test_streams_differ():
    keys = itertools.product((1, 2), (0, 1, 2), Purpose)
    first = {generator(*key).integers(2**63) for key in keys}
    assert len(first) == 2 * 3 * len(Purpose)


def test_seeds_far_apart_are_told_apart():
    # torch's own CPU generator keeps 32 bits of a seed, and would not tell these two apart
    assert (
        generator(5, 0, Purpose.NOISE).random() != generator(5 + 2**32, 0, Purpose.NOISE).random()
    )


def test_normals_continue_from_block_to_block():
    whole, parts = torch.empty(10, dtype=torch.float64), torch.empty(10, dtype=torch.float64)
    NormalStream(1, 2, torch.device("cpu")).fill(whole)
    stream = NormalStream(1, 2, torch.device("cpu"))
    stream.fill(parts[:4])
    stream.fill(parts[4:])
    assert torch.equal(whole, parts)
    assert np.isclose(whole.std(), 1, atol=1)
