"""The law of m(0): that of the flows that are trained, and known where the flow is affine."""

import numpy as np
import pytest

from modecollapse.flows import FlowSettings, train
from modecollapse.flows.start import start
from modecollapse.targets import BimodalTarget

TARGET = BimodalTarget(3.0, 4)
SETTINGS = FlowSettings.of(
    seeds=6, first_seed=2, seed=3, couplings=2, hidden=8, steps=1, batch=8, device="cpu"
)


@pytest.mark.parametrize("direction", ["random", "diagonal"])
def test_it_is_what_a_training_measures_before_its_first_step(direction):
    settings = SETTINGS.changed(direction=direction)
    run = train(TARGET, settings)
    found = start(TARGET, settings, samples=settings.evaluation_samples)
    # The same noise: what is left is that training holds its parameters in float32.
    assert np.allclose(found.mean, run.statistics["projection_mean"][:, 0], atol=1e-5)
    assert np.allclose(found.std, run.statistics["projection_std"][:, 0], atol=1e-5)


def test_runs_differ_by_more_than_the_noise_of_the_samples():
    found = start(TARGET, SETTINGS.changed(seeds=40), samples=4096)
    assert found.mean.std() > 3 / np.sqrt(4096)
    # A direction is as likely as its opposite: the mean of 40 is within 4.5 standard errors of 0.
    assert abs(found.mean.mean()) < 4.5 * found.mean.std() / np.sqrt(40)
