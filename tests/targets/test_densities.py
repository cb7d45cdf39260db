"""The target in torch against the target in numpy, and its tempered normalisation."""

import numpy as np
import pytest
import torch
from scipy.integrate import quad

from modecollapse.targets import BimodalTarget
from modecollapse.targets.densities import density as density_of
from modecollapse.targets.directions import directions

TARGET = BimodalTarget(separation=3.0, dimension=5, weight=0.8)


def made(target=TARGET, flows=3):
    rng = np.random.default_rng(0)
    axes = np.stack([directions("random", target.dimension, rng)[0] for _ in range(flows)])
    return density_of(target, torch.as_tensor(axes)[:, None]), axes


def test_agrees_with_the_mixture_in_numpy():
    density, axes = made()
    x = 4 * torch.randn(3, 50, 5, generator=torch.Generator().manual_seed(0)).double()
    plus, minus = density.masses(x)
    for s, axis in enumerate(axes):
        p = TARGET.mixture(axis)
        assert np.allclose(density.log_density(x)[s], p.log_density(x[s]), rtol=1e-12, atol=1e-12)
        both = np.stack([plus[s], minus[s]], axis=-1)
        assert np.allclose(both, p.responsibilities(x[s].numpy()), rtol=1e-10, atol=1e-300)


@pytest.mark.parametrize("kind", ["random", "axis", "diagonal"])
def test_directions_are_unit_vectors_and_orthogonal(kind):
    for dimension in (2, 3, 64):
        axes = directions(kind, dimension, np.random.default_rng(1))
        assert np.allclose(axes @ axes.T, np.eye(2), atol=1e-14)


def test_random_directions_are_uniform_on_the_sphere():
    rng = np.random.default_rng(2)
    n, d = 4000, 3
    u = np.stack([directions("random", d, rng)[0] for _ in range(n)])
    # E[u uᵀ] = I/d; an entry of the mean has a standard error below √(2/15/n).
    assert np.abs(u.T @ u / n - np.eye(d) / d).max() < 5 * np.sqrt(2 / 15 / n)
    assert np.abs(u.mean(0)).max() < 5 * np.sqrt(1 / d / n)


@pytest.mark.parametrize("separation", [0.5, 3.0, 20.0])
@pytest.mark.parametrize("weight", [0.5, 0.8, 0.999])
@pytest.mark.parametrize("beta", [1e-4, 0.03, 0.5, 1.0])
def test_log_partition_against_quadrature(separation, weight, beta):
    target = BimodalTarget(separation, 3, weight)
    density = density_of(target, torch.eye(3, dtype=torch.float64)[:1, None])
    value = float(density.log_partition(torch.tensor([beta], dtype=torch.float64)))
    r, peak = separation, np.log(max(target.weights)) - 0.5 * np.log(2 * np.pi)

    def integrand(t):
        modes = np.logaddexp(np.log(weight) + r * t, np.log1p(-weight) - r * t)
        return np.exp(beta * (modes - (t**2 + r**2 + np.log(2 * np.pi)) / 2 - peak))

    reach = r + 12 / np.sqrt(beta)
    kinks = [-r, 0, r]
    along = sum(
        quad(integrand, a, b, epsabs=0, epsrel=1e-12, limit=500)[0]
        for a, b in zip([-reach, *kinks], [*kinks, reach], strict=True)
    )
    across = 2 * ((1 - beta) * np.log(2 * np.pi) - np.log(beta)) / 2
    assert value == pytest.approx(np.log(along) + beta * peak + across, abs=2e-11)


def test_log_partition_of_a_normalised_density_is_zero():
    density, _ = made()
    assert float(density.log_partition(torch.ones(1))) == pytest.approx(0, abs=1e-13)
