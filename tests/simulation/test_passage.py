"""Runs on the line of the modes until they leave: those of the other simulations."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from modecollapse.overlaps import Overlaps
from modecollapse.simulation import passage, simulate_reduced
from modecollapse.simulation.optimizers import OPTIMIZERS
from modecollapse.simulation.passage import first_passages
from modecollapse.simulation.settings import Descent
from modecollapse.simulation.streams import Purpose, generator
from modecollapse.targets import BimodalTarget

START = 2.72, 1.44


@pytest.mark.parametrize(
    ("estimator", "d"), [("pathwise", 1), ("pathwise", 4), ("sticking-the-landing", 1)]
)
@pytest.mark.parametrize("components", ["stratified", "sampled"])
def test_runs_are_those_of_the_reduced_simulation(estimator, d, components):
    """Both draw the same numbers, so that each run leaves at the same step."""
    r, (x, y), n, steps = 2.3, START, 8, 400
    descent = Descent(0.4, steps, 4, 5, estimator, components, first_run=3)
    taken, left = first_passages(r, START, descent, n, dimension=d)
    start = Overlaps(np.tile([r * x, r * y], (n, 1)), np.tile([x * x, x * y, y * y], (n, 1)))
    run = simulate_reduced(
        BimodalTarget(r, d), start, step_size=0.4, steps=steps, batch=4, seed=5, first_run=3,
        estimator=estimator, components=components, log_every=1, evaluation_samples=4,
    )  # fmt: skip
    across = np.minimum(run.statistics["m1"], run.statistics["m2"]) <= 0
    assert left.any()
    np.testing.assert_array_equal(left, across.any(1))
    np.testing.assert_array_equal(taken[left], across.argmax(1)[left])
    assert (taken[~left] == steps).all()


@pytest.mark.parametrize("optimizer", passage.OPTIMIZERS)
def test_optimizers_are_those_of_the_full_simulation(optimizer):
    descent = Descent(0.1, 300, 4, 7, optimizer=optimizer)
    taken, left = first_passages(2.1, START, descent, 3)
    for run in range(3):
        rng = generator(7, run, Purpose.REDUCED_NOISE)
        setting = passage._setting(2.1, descent, 1)
        means, gradient, kind = np.zeros((2, 3)), np.empty(2), OPTIMIZERS[optimizer]()
        means[:, 0] = START
        steps = 0
        while steps < 300 and means[:, 0].min() > 0:
            passage._gradient(rng, means, np.ones(2), gradient, setting)
            means[:, 0] -= 0.1 * kind.direction(torch.from_numpy(gradient.copy())).numpy()
            steps += 1
        assert (taken[run], left[run]) == (steps, means[:, 0].min() <= 0)


def test_a_run_does_not_depend_on_those_beside_it():
    descent = Descent(0.4, 300, 4, 5)
    taken, _ = first_passages(2.3, START, descent, 6, threads=2)
    alone, _ = first_passages(2.3, START, Descent(0.4, 300, 4, 5, first_run=4), 1)
    assert alone[0] == taken[4]


def test_without_the_score_term_every_dimension_is_the_same():
    descent = Descent(0.4, 300, 4, 5, "sticking-the-landing")
    many, _ = first_passages(2.3, START, descent, 4, dimension=64)
    one, _ = first_passages(2.3, START, descent, 4)
    np.testing.assert_array_equal(many, one)


def test_an_optimizer_that_is_not_there_is_refused():
    with pytest.raises(ValueError, match="optimizer: got 'lion'; allowed"):
        first_passages(2.3, START, Descent(0.4, 300, 4, 5, optimizer="lion"), 1)
    with pytest.raises(ValueError, match="optimizer: got 'adam'; allowed"):
        first_passages(2.3, START, Descent(0.4, 300, 4, 5, optimizer="adam"), 1, dimension=4)
    with pytest.raises(ValueError, match="dimension: got 0; allowed"):
        first_passages(2.3, START, Descent(0.4, 300, 4, 5), 1, dimension=0)
