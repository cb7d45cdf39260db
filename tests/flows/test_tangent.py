"""Tangent speeds of families whose values are known."""

import math

import numpy as np
import pytest
import torch

from modecollapse.flows.architectures.realnvp import RealNVP
from modecollapse.flows.tangent import alignment_rate, tangent_speeds
from modecollapse.targets.directions import directions


class Affine:
    """x = e^{a} z + b for one parameter a and a vector b: K_mm = 1, K_σσ = σ²."""

    dimension = 3
    bounds = np.ones(4)

    def forward(self, theta, z):
        x = theta[:, None, :1].exp() * z + theta[:, None, 1:]
        return x, (3 * theta[:, :1]).expand(z.shape[:2])

    def inverse(self, theta, x):
        raise NotImplementedError


def test_an_affine_family():
    u = torch.tensor([[0.6, 0.8, 0.0], [0.0, 0.0, 1.0]], dtype=torch.float64)
    z = torch.randn(2, 50, 3, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    a = torch.tensor([0.3, -0.5], dtype=torch.float64)
    theta = torch.cat([a[:, None], torch.zeros(2, 3, dtype=torch.float64)], dim=1)
    speeds = tangent_speeds(Affine(), theta, u, z)
    spread = a.exp() * torch.einsum("sbd,sd->sb", z, u).std(-1, correction=0)
    mean = a.exp() * torch.einsum("sbd,sd->sb", z, u).mean(-1)
    assert torch.allclose(speeds.shift, 1 + mean**2, rtol=1e-12)
    assert torch.allclose(speeds.stretch, spread**2, rtol=1e-12)


def test_speeds_are_how_fast_the_statistics_move():
    """A small step up the gradient of m moves m by K_mm times its length, and so for σ."""
    flow, d = RealNVP(6, 3, 8, 1), 6
    rng = np.random.default_rng(1)
    theta = torch.as_tensor(flow.initial(rng))[None]
    u = torch.as_tensor(directions("random", d, rng)[:1])
    z = torch.randn(1, 400, d, generator=torch.Generator().manual_seed(2), dtype=torch.float64)

    def statistics(parameters):
        along = torch.einsum("sbd,sd->sb", flow.forward(parameters, z)[0], u)
        return along.mean(-1), along.std(-1, correction=0)

    speeds, step = tangent_speeds(flow, theta, u, z), 1e-6
    for index in range(2):
        moving = theta.clone().requires_grad_()
        (gradient,) = torch.autograd.grad(statistics(moving)[index].sum(), moving)
        with torch.no_grad():
            change = statistics(theta + step * gradient)[index] - statistics(theta)[index]
        assert float(change / step) == pytest.approx(float(speeds[index]), rel=1e-3)


@pytest.mark.parametrize(("kind", "low", "high"), [("axis", 0.7, 1.4), ("diagonal", 10, 100)])
def test_shift_is_easier_than_stretch_unless_one_coordinate_does_both(kind, low, high):
    """One log-scale stretches along an axis; along the diagonal all of them must, and rotate."""
    flow, d, rng = RealNVP(64, 4, 16, 2), 64, np.random.default_rng(0)
    u = torch.as_tensor(np.stack([directions(kind, d, rng)[0] for _ in range(4)])).float()
    theta = torch.as_tensor(np.stack([flow.initial(rng) for _ in range(4)])).float()
    z = torch.randn(4, 1000, d, generator=torch.Generator().manual_seed(0))
    speeds = tangent_speeds(flow, theta, u, z)
    ratio = math.exp(float((speeds.shift / speeds.stretch).log().mean()))
    assert low < ratio < high


@pytest.mark.parametrize("r", [0.1, 1.0, 3.0, 20.0])
def test_alignment_rate_is_the_curvature_of_kl(r):
    """−∂²F/∂m² and, by Stein's identity, −∂F/∂σ − 1 at m = 0, σ = 1, from F itself (Eq. 12.6)."""
    z = np.linspace(-12, 12, 200_001)
    weights = np.exp(-(z**2) / 2) / np.exp(-(z**2) / 2).sum()

    def kl(m, s):
        y = np.abs(r * (m + s * z))
        return -np.log(s) + (s**2 + m**2) / 2 - weights @ (y + np.log1p(np.exp(-2 * y)))

    h = 1e-3 / max(r, 1)
    curvature = (kl(h, 1) + kl(-h, 1) - 2 * kl(0, 1)) / h**2
    slope = (kl(0, 1 + h) - kl(0, 1 - h)) / (2 * h)
    # Central differences: relative errors of order (r h)² = 1e-6, rounding 1e-16/h² = 1e-8.
    assert -curvature == pytest.approx(alignment_rate(r), abs=1e-4 * max(r, 1))
    assert -slope - 1 == pytest.approx(alignment_rate(r), abs=1e-4 * max(r, 1))


def test_alignment_rate_at_large_separation():
    assert alignment_rate(500.0) == pytest.approx(math.sqrt(2 / math.pi) * 500 - 1, rel=1e-4)
