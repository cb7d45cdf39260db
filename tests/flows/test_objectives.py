"""Objectives and optimisers: the same mean gradient, another variance; maximum likelihood."""

import numpy as np
import pytest
import torch

from modecollapse.flows import fit, train
from modecollapse.flows.architectures.realnvp import RealNVP
from modecollapse.flows.objectives import OBJECTIVES
from modecollapse.schedules import Exponential
from modecollapse.targets import BimodalTarget
from modecollapse.targets.densities import density as density_of

TARGET = BimodalTarget(1.5, 3, 0.7)
SMALL = {
    "seeds": 2,
    "couplings": 2,
    "hidden": 8,
    "depth": 1,
    "steps": 20,
    "batch": 64,
    "device": "cpu",
}


def gradients(name, theta, z, beta=1.0):
    """Of each row's own loss, (S, P), and the losses."""
    flow = RealNVP(3, 2, 8, 1)
    axes = torch.eye(3, dtype=torch.float64)[:2].expand(len(theta), -1, -1)
    loss = OBJECTIVES[name].loss(flow, density_of(TARGET, axes))
    theta = theta.clone().requires_grad_()
    values = loss(theta, z, torch.full([len(theta)], beta, dtype=torch.float64))
    return torch.autograd.grad(values.sum(), theta)[0], values.detach()


def batches(n, rows=64, seed=0):
    flow = RealNVP(3, 2, 8, 1)
    theta = torch.as_tensor(flow.initial(np.random.default_rng(1)))[None].expand(rows, -1)
    z = torch.randn(rows, n, 3, generator=torch.Generator().manual_seed(seed)).double()
    return theta, z


@pytest.mark.parametrize("beta", [1.0, 0.3])
def test_both_gradients_have_the_same_mean_and_the_same_loss(beta):
    """The score of q, which the one has and the other has not, has mean zero (Eq. 12.4)."""
    theta, z = batches(500)
    one, loss = gradients("reverse-kl", theta, z, beta)
    other, same = gradients("sticking-the-landing", theta, z, beta)
    assert torch.allclose(loss, same, rtol=1e-12)
    assert not torch.allclose(one, other, rtol=1e-3)
    difference = one - other
    error = difference.std(0) / len(z) ** 0.5
    moved = error > 1e-12
    assert moved.sum() > 50
    # |t| of 64 rows beyond 5 in one of about 100 entries: probability below 5e-4.
    assert (difference.mean(0).abs() <= 5 * error + 1e-12).all()
    assert torch.allclose(one.mean(0)[~moved], other.mean(0)[~moved], atol=1e-10)


def test_sticking_the_landing_has_no_noise_where_q_is_p():
    """At θ = 0 the flow is N(0, I), and so is the target with modes that coincide."""
    near = BimodalTarget(1e-9, 3)
    flow = RealNVP(3, 2, 8, 1)
    axes = torch.eye(3, dtype=torch.float64)[:2][None]
    theta = torch.zeros(1, flow.bounds.size, dtype=torch.float64)
    z = torch.randn(1, 10, 3, generator=torch.Generator().manual_seed(0)).double()
    sizes = {}
    for name in ("reverse-kl", "sticking-the-landing"):
        loss = OBJECTIVES[name].loss(flow, density_of(near, axes))
        moving = theta.clone().requires_grad_()
        (gradient,) = torch.autograd.grad(loss(moving, z, torch.ones(1)).sum(), moving)
        sizes[name] = float(gradient.abs().max())
    assert sizes["sticking-the-landing"] < 1e-8
    assert sizes["reverse-kl"] > 0.05


def test_the_gradient_of_maximum_likelihood_is_that_of_the_likelihood():
    theta, x = batches(200, rows=1, seed=3)
    found, _ = gradients("maximum-likelihood", theta, x)
    flow, h = RealNVP(3, 2, 8, 1), 1e-6
    direction = torch.as_tensor(np.random.default_rng(2).standard_normal(theta.shape))

    def likelihood(values):
        z, log_det = flow.inverse(values, x)
        base = -0.5 * (z.square().sum(-1) + 3 * np.log(2 * np.pi))
        return float((base + log_det).mean())

    slope = (likelihood(theta + h * direction) - likelihood(theta - h * direction)) / (2 * h)
    assert float((found * direction).sum()) == pytest.approx(-slope, rel=1e-5)


def test_a_fit_covers_both_modes_where_descent_of_the_reverse_kl_may_not():
    p = BimodalTarget(3.0, 2)
    run = fit(
        p,
        seeds=2,
        couplings=4,
        hidden=16,
        steps=600,
        batch=256,
        learning_rate=5e-3,
        log_every=300,
        forward_samples=4000,
    )
    assert (run.statistics["forward_kl"][:, 0] > 1).all()
    assert (run.final("forward_kl") < 0.15).all()
    assert (run.final("forward_kl") > -4.5 * run.final("forward_kl_se")).all()
    assert not run.collapsed.any()
    # On fresh samples the training loss is an estimate of the same number.
    assert np.allclose(run.final("loss"), run.final("forward_kl"), atol=0.15)


def test_the_forward_divergence_of_a_known_pair():
    """KL(p‖q) at θ = 0, where q = N(0, I), by quadrature along μ*."""
    from scipy.integrate import quad
    from scipy.stats import norm

    from modecollapse.flows.measurement import measure_forward

    flow = RealNVP(3, 2, 8, 1)
    axes = torch.eye(3, dtype=torch.float64)[:2][None]
    density = density_of(TARGET, axes)
    x = density.sample([torch.Generator().manual_seed(0)], torch.empty(1, 40_000, 3).double())
    found = measure_forward(flow, torch.zeros(1, flow.bounds.size), TARGET, density, x)

    def integrand(t):
        p = 0.7 * norm.pdf(t - 1.5) + 0.3 * norm.pdf(t + 1.5)
        return p * (np.log(p) - norm.logpdf(t))

    exact = quad(integrand, -12, 12, epsabs=1e-10)[0]
    assert float(found["forward_kl"]) == pytest.approx(
        exact, abs=4.5 * float(found["forward_kl_se"])
    )
    assert float(found["forward_kl_se"]) < 0.02


def test_held_out_samples_change_nothing_else():
    without, with_them = train(TARGET, **SMALL), train(TARGET, **SMALL, forward_samples=50)
    for name, values in without.statistics.items():
        assert np.array_equal(values, with_them.statistics[name])


def test_gradient_descent_moves_along_the_gradient():
    settings = {**SMALL, "steps": 1, "clip": 1e9, "dtype": "float64"}
    still = train(TARGET, **settings, optimizer="sgd", learning_rate=1e-12).flows.theta
    moved = train(TARGET, **settings, optimizer="sgd", learning_rate=1e-3).flows.theta
    twice = train(TARGET, **settings, optimizer="sgd", learning_rate=2e-3).flows.theta
    assert np.allclose(twice - still, 2 * (moved - still), rtol=1e-6, atol=1e-12)
    adam = train(TARGET, **settings, learning_rate=1e-3).flows.theta
    assert np.allclose(np.abs(adam - still)[np.abs(adam - still) > 0], 1e-3, rtol=1e-2)


def test_gradient_descent_goes_on_from_a_checkpoint(tmp_path):
    run = train(TARGET, **SMALL, optimizer="sgd", checkpoint=tmp_path / "c.pt", checkpoint_every=7)
    assert run.finished.all()
    again = train(TARGET, **SMALL, optimizer="sgd", checkpoint=tmp_path / "c.pt")
    assert np.array_equal(run.flows.theta, again.flows.theta)


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"objective": "forward"}, "^objective: got 'forward'"),
        ({"optimizer": "lion"}, "^optimizer: got 'lion'"),
        ({"forward_samples": 1}, "^forward_samples: got 1"),
        ({"forward_samples": -1}, "^forward_samples: got -1"),
        ({"objective": "maximum-likelihood", "schedule": Exponential(0.1, 5.0)}, "^schedule: got"),
    ],
)
def test_what_cannot_be_is_named(changes, told):
    with pytest.raises(ValueError, match=told):
        train(TARGET, **SMALL, **changes)
