"""The normaliser of the tempered target against limits and brute force."""

import numpy as np
import pytest
from scipy import integrate
from scipy.stats import norm

from modecollapse.targets import BimodalTarget
from modecollapse.targets.tempered import log_normalizer, log_partition


def test_one_mode_is_gaussian():
    for beta, d in ((0.3, 7), (1e-4, 512)):
        lonely = BimodalTarget(1e-9, d)
        assert log_normalizer(lonely, beta) == pytest.approx(-0.5 * d * np.log(beta), rel=1e-12)


def test_far_modes_are_two_gaussians():
    target, beta = BimodalTarget(30.0, 3, 0.8), 0.5
    two = np.log(0.8**beta + 0.2**beta) - 1.5 * np.log(beta)
    assert log_normalizer(target, beta) == pytest.approx(two, rel=1e-12)


@pytest.mark.parametrize("beta", [1e-3, 0.2, 0.9])
def test_brute_force(beta):
    target = BimodalTarget(2.0, 4, 0.7)

    def tempered(y):
        modes = np.log(0.7) + norm.logpdf(y, 2), np.log(0.3) + norm.logpdf(y, -2)
        return np.exp(beta * np.logaddexp(*modes))

    end = 2 + 10 / np.sqrt(beta)
    along, error = integrate.quad(tempered, -end, end, limit=400, epsrel=1e-10)
    across = 3 * (0.5 * (1 - beta) * np.log(2 * np.pi) - 0.5 * np.log(beta))
    whole = np.log(along) + across - 0.5 * 4 * (1 - beta) * np.log(2 * np.pi)
    assert log_normalizer(target, beta) == pytest.approx(whole, abs=1e-10 + 10 * error / along)


@pytest.mark.parametrize("separation", [0.1, 3.0, 12.0, 20.0])
def test_it_tends_to_zero_at_the_temperature_of_the_target(separation):
    """d log Z/dβ = E_p[log p] at β = 1, which is −d/2 log 2πe − H of the modes far apart."""
    target, step = BimodalTarget(separation, 3, 0.8), 1e-6
    slope = -log_partition(target, 1 - step) / step
    entropy = 1.5 * np.log(2 * np.pi * np.e)
    if separation > 10:
        entropy -= 0.8 * np.log(0.8) + 0.2 * np.log(0.2)
        assert slope == pytest.approx(-entropy, abs=1e-5)
    assert log_normalizer(target, 1 - 1e-13) == pytest.approx(0, abs=2e-12)
    assert log_partition(target, 1.0) == 0
