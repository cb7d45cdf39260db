"""What conclusions stand on: the time at which one looks, and the norm of the start.

The numbers are those of 400 starts with this seed; a frequency p has the standard error
√(p(1 − p)/400) ≤ 0.025, and the bounds are three of them wide.
"""

import numpy as np
import pytest

from modecollapse.outcomes import modes_found
from modecollapse.overlaps import random_start
from modecollapse.targets import BimodalTarget
from modecollapse.theory.integration import integrate

RUNS = 400


def frequencies(target, times, eta=0.0, **start):
    """The part of random starts that is collapsed at each time, and the trajectory."""
    begin = random_start(target, RUNS, np.random.default_rng(0), **start)
    run = integrate(target, begin, times, eta=eta, rtol=1e-6)
    masses = np.stack([run.statistics["mass_plus"], run.statistics["mass_minus"]], axis=-1)
    lost = ~modes_found(masses, target.weights).all(-1)
    return lost.mean(0), run


def close(found, expected):
    expected = np.array(expected)
    error = np.sqrt(np.maximum(expected * (1 - expected), 0.01) / RUNS)
    assert (np.abs(np.asarray(found) - expected) < 3 * error).all(), found


@pytest.mark.parametrize(
    ("target", "eta", "times", "expected"),
    [
        (
            BimodalTarget(3.0, 512, 0.8),
            10.0,
            [60.0, 100.0, 300.0, 600.0, 1e4],
            [0.94, 0.70, 0.135, 0.055, 0.0],
        ),
        (BimodalTarget(4.0, 16), 10.0, [100.0, 1e4, 1e5], [0.885, 0.28, 0.005]),
        (BimodalTarget(3.0, 16), 1.0, [300.0, 1e5], [0.31, 0.0]),
    ],
)
def test_with_trained_weights_the_frequency_is_one_of_a_time(target, eta, times, expected):
    found, run = frequencies(target, times, eta)
    close(found, expected)
    assert run.finished.all()
    assert run.diagnostics["moving"][run.collapsed].all()  # and what is left is leaving


def test_the_dependence_on_dimension_is_that_of_a_start_with_the_norm_of_the_modes():
    """From N(0, 1) in each coordinate each mean chooses for itself, and one half collapses."""
    for weight, plain in ((0.5, [0.365, 0.455, 0.470, 0.475]), (0.8, [0.46, 0.50, 0.51, 0.52])):
        found = [
            frequencies(BimodalTarget(3.0, d, weight), [1e4], law="normal")[0][0]
            for d in (8, 64, 512, 4096)
        ]
        close(found, plain)
    (sphere,) = frequencies(BimodalTarget(3.0, 512, 0.8), [1e4])[0]
    assert sphere > 0.95


def test_a_small_start_cures_equal_modes():
    target = BimodalTarget(3.0, 64)
    found = [frequencies(target, [1e4], scale=s)[0][0] for s in (3.0, 0.1)]
    close(found, [0.347, 0.02])
