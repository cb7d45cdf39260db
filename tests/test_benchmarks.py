"""The benchmarks run: each of their own calls, at its smallest; and their sums are right."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from benchmarks import flows, gpu, growth, simulation, theory

from modecollapse.flows.operations import operations
from modecollapse.overlaps import random_start

CALLS = {
    "theory": lambda: theory.integrated(random_start(theory.TARGET, 2, np.random.default_rng(0))),
    "simulation": lambda: simulation.run(simulation.TARGET, 1),
    "reduced": lambda: simulation.run_reduced(1),
    "normals": lambda: simulation.normals(1),
    "distributions": lambda: simulation.distributions(1),
    "flows": lambda: flows.ours()(),
    "products": lambda: flows.gemm()(),
    "zuko": lambda: flows.zuko()(),
    **{
        f"growth {name}": lambda call=call, s=sizes[0]: call(s)
        for name, sizes, call, _ in growth.LAWS
    },
}


@pytest.mark.parametrize("name", CALLS)
def test_a_call_runs(name):
    CALLS[name]()


@pytest.mark.parametrize("exponent", [0.0, 1.0, 1.5])
def test_an_exponent_is_found_within_its_interval(exponent):
    sizes, rng = (10, 30, 100, 300, 1000), np.random.default_rng(0)
    seconds = [[n**exponent * np.exp(0.1 * rng.normal()) for _ in range(3)] for n in sizes]
    found, low, high = growth.slope(sizes, seconds)
    assert low < found < high
    assert exponent == pytest.approx(found, abs=high - low)  # twice the interval's reach
    assert high - low < 0.1


def test_the_operations_of_a_step_are_those_of_its_products():
    # 8 couplings, d = 4: weights 2·3 + 3·3 + 3·4 = 27, six operations each but two for the input.
    assert flows.operations(3, 4) == flows.PEAK_BATCH * (8 * 6 * 27 - 2 * 2 * 3)


def test_a_gpus_operations_are_counted_as_those_of_a_core():
    counted, _ = operations(4, gpu.settings(gpu.Case(4, 8, 3), "cpu").architecture)
    target = 4 * 4  # the projection on μ*, and its gradient
    assert counted == flows.operations(3, 4) / flows.PEAK_BATCH + target


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU here")
def test_no_gpu_is_said(capsys):
    assert list(gpu.rows()) == []
    assert "torch finds none" in capsys.readouterr().err
