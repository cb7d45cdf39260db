"""Measurements of distributions whose values are known."""

import math
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from scipy.integrate import quad
from scipy.special import expit
from scipy.stats import norm

from modecollapse.flows.measurement import measure
from modecollapse.targets import BimodalTarget
from modecollapse.targets.densities import density as density_of

TARGET = BimodalTarget(separation=1.2, dimension=3, weight=0.7)
N = 20_000
FLOWS = 4


class Shift:
    """q = N(θ u, σ² I) with u = μ*/r: as a flow, x = σ z + θ u."""

    dimension = TARGET.dimension
    bounds = np.ones(1)

    def __init__(self, axes, sigma=1.0, sign=1):
        self.axes, self.sigma, self.sign = axes, sigma, sign

    def forward(self, theta, z):
        log_det = z.new_full(z.shape[:2], self.sign * self.dimension * math.log(self.sigma))
        return self.sigma * z + (theta * self.axes)[:, None], log_det

    def inverse(self, theta, x):
        raise NotImplementedError


def as_record(measured):
    return SimpleNamespace(**measured[0])


def measured(shift, sigma=1.0, sign=1):
    axes = torch.eye(3, dtype=torch.float64)[[0, 1, 2, 0]]
    theta = torch.full((FLOWS, 1), shift)
    z = torch.randn(FLOWS, N, 3, generator=torch.Generator().manual_seed(5), dtype=torch.float64)
    return as_record(
        measure(Shift(axes, sigma, sign), theta, TARGET, density_of(TARGET, axes[:, None]), z)
    )


def expectation(function, shift):
    """E[f(t)] over t ~ N(shift, 1)."""
    value = quad(lambda t: function(t) * norm.pdf(t - shift), shift - 12, shift + 12, epsabs=1e-12)
    return value[0]


def log_ratio(t, shift):
    """log q − log p at x·u = t: what lies across μ* cancels."""
    r, weight = TARGET.separation, TARGET.weight
    p = np.logaddexp(np.log(weight) + norm.logpdf(t - r), np.log(1 - weight) + norm.logpdf(t + r))
    return norm.logpdf(t - shift) - p


@pytest.mark.parametrize("shift", [0.0, 1.2, -0.5])
def test_estimates_of_a_gaussian(shift):
    m = measured(shift)
    kl = expectation(lambda t: log_ratio(t, shift), shift)
    spread = math.sqrt(expectation(lambda t: log_ratio(t, shift) ** 2, shift) - kl**2)
    # The largest of 4 flows is beyond 4.5 standard errors with a probability below 3e-5.
    assert (m.kl - kl).abs().max() < 4.5 * spread / math.sqrt(N)
    assert torch.allclose(m.kl_se, torch.full((FLOWS,), spread / math.sqrt(N)).double(), rtol=0.05)
    log_odds = lambda t: 2 * TARGET.separation * t + TARGET.logit  # noqa: E731
    mass = expectation(lambda t: expit(log_odds(t)), shift)
    assert (m.mass_plus - mass).abs().max() < 4.5 * 0.5 / math.sqrt(N)
    assert torch.allclose(m.mass_plus + m.mass_minus, torch.ones(FLOWS).double(), atol=1e-12)
    assert (m.projection_mean - shift).abs().max() < 4.5 / math.sqrt(N)
    assert (m.projection_std - 1).abs().max() < 4.5 / math.sqrt(2 * N)


def test_the_sign_of_the_log_determinant_counts():
    """A narrower Gaussian has KL(q‖p) as large as its log-determinant says, not less."""
    right, wrong = measured(0.0, sigma=0.8), measured(0.0, sigma=0.8, sign=-1)
    difference = 2 * TARGET.dimension * math.log(0.8)
    assert torch.allclose(wrong.kl - right.kl, torch.full((FLOWS,), difference).double())
    assert (right.kl > 0).all()
    assert (wrong.kl < 0).all()


def test_effective_sample_size_of_a_gaussian():
    """1/ess = E_q[(p/q)²] = Σ π_i π_j exp(ν_i·ν_j) for q = N(0, I)."""
    r, weights = 0.8, np.array([0.7, 0.3])
    axes = torch.eye(3, dtype=torch.float64)[:1].expand(FLOWS, 3)
    z = torch.randn(FLOWS, N, 3, generator=torch.Generator().manual_seed(6), dtype=torch.float64)
    p = BimodalTarget(r, 3, 0.7)
    m = as_record(measure(Shift(axes), torch.zeros(FLOWS, 1), p, density_of(p, axes[:, None]), z))
    modes = r * np.array([1, -1])
    second = weights @ np.exp(np.outer(modes, modes)) @ weights
    # (p/q)² has a standard deviation below 3.3: E[(p/q)⁴] is below exp(6 r²) Σ π⁴ + 1 = 12.
    tolerance = 4.5 * 3.3 / N**0.5
    assert torch.allclose(m.ess, torch.full((FLOWS,), 1 / second).double(), atol=tolerance)
    assert 1 - 1 / second > 2 * tolerance


def test_effective_sample_size_of_a_perfect_fit_is_all_of_it():
    near = BimodalTarget(separation=1e-9, dimension=3)
    axes = torch.eye(3, dtype=torch.float64)[:1]
    z = torch.randn(1, 100, 3, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    density = density_of(near, axes[:, None])
    m = as_record(measure(Shift(axes), torch.zeros(1, 1), near, density, z))
    assert float(m.ess) == pytest.approx(1, abs=1e-12)
    assert float(m.kl) == pytest.approx(0, abs=1e-12)


def test_mass_keeps_its_relative_precision_where_a_mode_is_lost():
    far = BimodalTarget(separation=10.0, dimension=3)
    axes = torch.eye(3, dtype=torch.float64)[:1]
    z = torch.zeros(1, 2, 3, dtype=torch.float64)
    density = density_of(far, axes[:, None])
    m = as_record(measure(Shift(axes), torch.full((1, 1), 10.0), far, density, z))
    assert float(m.mass_minus) == pytest.approx(math.exp(-200), rel=1e-12)
