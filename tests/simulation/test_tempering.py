"""The normaliser of the tempered target against limits and brute force."""

import numpy as np
import pytest
from scipy import integrate
from scipy.stats import norm

from modecollapse.simulation.tempering import log_normalizer
from modecollapse.targets import BimodalTarget


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
