"""What does not fit into the machine's memory is refused before any of it is taken."""

from __future__ import annotations

import math
import os
import tracemalloc
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import modecollapse as mc
from modecollapse import memory, simulate, train
from modecollapse.simulation import MixtureStart, simulate_mixture, simulate_reduced
from modecollapse.simulation.settings import Descent

P = mc.target(separation=3.0, dimension=4)
START = mc.random_start(P, 2, np.random.default_rng(0))
PAIR = mc.mixture([[2.0, 0.0], [-2.0, 0.0]])
TWO = MixtureStart(np.ones((3, 2, 2)) * [[[1.0], [-1.0]]])
LONG = 10**9  # steps
BATCHES = {"step_size": 0.1, "batch": 8, "seed": 0}


def peak(call: Callable[[], Any]) -> int:
    """The most bytes that numpy and Python hold at once during a call."""
    tracemalloc.start()
    try:
        call()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def mixtures(steps: int, at: Any, batch: int = 8) -> Callable[[], Any]:
    descent = Descent(0.1, steps, batch, seed=0)
    return lambda: simulate_mixture(PAIR, TWO, descent, at, evaluation_samples=2)


# What is asked for, and how the message begins.
TOO_MUCH = {
    "simulate": (
        lambda: simulate(P, START, steps=LONG, log_every=1, **BATCHES),
        r"memory: got 4294967296; allowed: at least \d+ bytes .* logged 1000000001 times$",
    ),
    "simulate_reduced": (
        lambda: simulate_reduced(P, START, steps=LONG, log_every=1, **BATCHES),
        r"log_every: got 1; allowed: .* memory .* 1000000001 logged times of 2 runs",
    ),
    "simulate_reduced, one stretch": (
        lambda: simulate_reduced(P, START, steps=LONG, log_every=LONG, **BATCHES),
        r"log_every: got 1000000000; allowed: .* memory .* 1000000000 steps apart",
    ),
    "simulate_mixture": (
        mixtures(LONG, range(LONG + 1)),
        r"at: got '1000000001 steps'; allowed: .* memory ",
    ),
    "simulate_mixture, its path": (
        mixtures(LONG, [LONG]),
        r"descent: got '1000000000 steps'; allowed: .* memory ",
    ),
    "train": (
        lambda: train(P, seeds=2, steps=LONG, log_every=1),
        r"log_every: got 1; allowed: .* memory .* 1000000001 measurements of 2 runs",
    ),
}


@pytest.mark.parametrize("road", TOO_MUCH)
def test_a_billion_logged_steps_are_refused_before_anything_is_taken(road, monkeypatch):
    monkeypatch.setattr(memory, "installed", lambda: 2.0**33)
    call, says = TOO_MUCH[road]

    def refused() -> None:
        with pytest.raises(ValueError, match=f"^{says}"):
            call()

    assert peak(refused) < 2**22


@pytest.mark.parametrize(
    ("call", "module"),
    [
        (
            lambda: simulate_reduced(
                P, START, step_size=0.1, steps=1000, batch=2, seed=0, log_every=1,
                evaluation_samples=4,
            ),
            "reduced",
        ),
        (mixtures(1000, range(1001), 2), "mixtures"),
        (mixtures(100_000, [1], 2), "mixtures"),
    ],
    ids=["reduced", "mixtures", "path"],
)  # fmt: skip
def test_what_is_said_to_be_needed_is(call, module, monkeypatch):
    """Within a factor of three of what is held at once."""
    said = []
    where = f"modecollapse.simulation.{module}.check_memory"
    monkeypatch.setattr(where, lambda name, given, needed, remedy: said.append(needed))
    call()  # compiles
    said.clear()
    held = peak(call)
    assert held / 3 < sum(said) < 3 * held


def test_what_fits_exactly_is_taken(monkeypatch):
    monkeypatch.setattr(memory, "installed", lambda: 100.0)
    memory.check_memory("steps", 3, 100.0, "take fewer")
    with pytest.raises(ValueError, match=r"^steps: got 3; allowed: what fits .*: take fewer$"):
        memory.check_memory("steps", 3, 101.0, "take fewer")


@pytest.mark.parametrize("found", [-1, None])
def test_where_the_system_does_not_tell_nothing_is_refused(found, monkeypatch):
    def told(name: str) -> int:
        if found is None:
            raise ValueError(name)
        return found if name == "SC_PHYS_PAGES" else 4096

    monkeypatch.setattr(os, "sysconf", told, raising=False)
    assert memory.installed() == math.inf
    memory.check_memory("steps", 3, 1e30, "take fewer")
