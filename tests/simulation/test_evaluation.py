"""The Monte Carlo KL and masses against direct evaluation in R^d."""

import numpy as np
import pytest
import torch

from modecollapse.simulation.densities import Mixtures, densities, log_weights
from modecollapse.simulation.evaluation import evaluate
from modecollapse.simulation.products import project
from modecollapse.targets import BimodalTarget, GaussianMixture

D = 6


def state(seed, variances, logit):
    rng = np.random.default_rng(seed)
    target = BimodalTarget(1.5, D, 0.7)
    mode = rng.standard_normal(D)
    mode *= target.separation / np.linalg.norm(mode)
    vectors = torch.tensor(np.concatenate([rng.standard_normal((2, D)), mode[None]]))
    mixtures = Mixtures(
        gram=project(vectors[None], vectors[None]),
        log_weights=log_weights(torch.tensor([logit], dtype=torch.float64)),
        variances=torch.tensor([variances], dtype=torch.float64),
        target_log_weights=torch.tensor(np.log(target.weights))[None],
        beta=torch.ones(1, dtype=torch.float64),
        dimension=D,
    )
    weight = 1 / (1 + np.exp(-logit))
    q = GaussianMixture(vectors[:2].numpy(), [weight, 1 - weight], variances)
    return target, vectors, mixtures, q, target.mixture(mode)


CASES = [((1.0, 1.0), 0.0), ((1.0, 1.0), -2.0), ((0.4, 2.5), 1.0)]


@pytest.mark.parametrize(("variances", "logit"), CASES)
def test_densities_are_those_of_the_mixtures(variances, logit):
    _, vectors, mixtures, q, p = state(1, variances, logit)
    x = q.sample(50, np.random.default_rng(2))
    products = torch.tensor(x @ vectors.numpy().T).T[None]
    norms = torch.tensor((x**2).sum(1))[None]
    seen = densities(mixtures, products, norms)
    expected = q.log_density(x) - p.log_density(x)
    f = seen.log_ratio(mixtures.beta)
    np.testing.assert_allclose(f[0], expected, rtol=1e-12, atol=1e-12)
    np.testing.assert_allclose(seen.responsibilities[0].T, q.responsibilities(x), atol=1e-13)
    np.testing.assert_allclose(seen.modes[0].T, p.responsibilities(x), atol=1e-13)
    if variances == (1.0, 1.0):  # the norms cancel
        left_out = densities(mixtures, products, None).log_ratio(mixtures.beta)
        torch.testing.assert_close(left_out, f, rtol=1e-11, atol=1e-12)


@pytest.mark.parametrize(("variances", "logit"), CASES)
def test_estimates_agree_with_sampling_in_full_dimension(variances, logit):
    target, vectors, mixtures, q, p = state(3, variances, logit)
    rng = np.random.default_rng(4)
    ours = evaluate(target, vectors, mixtures, 40_000, rng)
    x = q.sample(40_000, rng)
    f, s = q.log_density(x) - p.log_density(x), p.responsibilities(x)
    error = np.hypot(ours.kl_se, f.std() / 200)
    assert abs(ours.kl - f.mean()) < 4.5 * error
    assert ours.mass_plus + ours.mass_minus == pytest.approx(1, abs=1e-12)
    assert abs(ours.mass_plus - s[:, 0].mean()) < 4.5 * s[:, 0].std() / 200 * np.sqrt(2)


def test_the_standard_error_is_that_of_the_estimate():
    target, vectors, mixtures, _, _ = state(5, (1.0, 1.0), 0.5)
    rng = np.random.default_rng(6)
    estimates = np.array([evaluate(target, vectors, mixtures, 64, rng) for _ in range(400)])
    spread, claimed = estimates[:, 0].std(ddof=1), np.sqrt((estimates[:, 1] ** 2).mean())
    assert abs(spread / claimed - 1) < 4.5 / np.sqrt(2 * 400) * 1.5  # f is not quite normal
