"""Each run and each purpose has its own stream."""

import itertools

import numpy as np
import torch

from modecollapse.overlaps import random_start
from modecollapse.simulation import descent, normals, reduced, simulate, simulate_reduced
from modecollapse.simulation.normals import NormalStream
from modecollapse.simulation.streams import Purpose, generator
from modecollapse.targets import BimodalTarget


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


def test_a_run_opens_each_of_its_streams_once(monkeypatch):
    """Two uses of one stream would be the same numbers twice."""
    opened = []

    def recorded(seed, run, purpose):
        opened.append((seed, run, Purpose(purpose).name))
        return generator(seed, run, purpose)

    for module in (descent, normals, reduced):
        monkeypatch.setattr(module, "generator", recorded)
    p = BimodalTarget(2.0, 3)
    start = random_start(p, 2, np.random.default_rng(0))
    options = {"step_size": 0.1, "steps": 1, "batch": 4, "seed": 8, "first_run": 5}
    for run, purposes in (
        (simulate, {"NOISE", "COMPONENTS", "EVALUATION", "DIRECTIONS"}),
        (simulate_reduced, {"REDUCED_NOISE", "REDUCED_EVALUATION"}),
    ):
        opened.clear()
        run(p, start, **options)
        assert len(opened) == len(set(opened))
        assert set(opened) == {(8, k, name) for k in (5, 6) for name in purposes}
