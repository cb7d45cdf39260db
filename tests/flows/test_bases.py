"""Flows from a wider base or a mixture, and shares of samples of p other than one half."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from modecollapse import mixture, target
from modecollapse.flows import FlowSettings, fit, load, train
from modecollapse.flows.architectures.base import base_noise, log_density, push_forward
from modecollapse.flows.architectures.bases import Based, with_base
from modecollapse.flows.architectures.realnvp import RealNVP
from modecollapse.flows.ensemble import Ensemble
from modecollapse.flows.objectives.reverse_kl import reverse_kl
from modecollapse.flows.start import start
from modecollapse.targets.densities import density

PAIR = mixture([[1.5, 0.0], [-1.5, 0.0]], weights=[0.7, 0.3])
SMALL = {"couplings": 2, "hidden": 6, "depth": 1, "batch": 64, "evaluation_samples": 128}
BASES = {"wider": (1.8, 1, 3.0), "mixture": (0.7, 3, 2.0)}


def flows(base, seed=0, n=1):
    """Flows in the plane and their parameters in float64."""
    flow = with_base(RealNVP(2, couplings=2, hidden=6, depth=1), *base)
    rngs = [np.random.default_rng(seed + k) for k in range(n)]
    theta = torch.tensor(np.stack([flow.initial(rng) for rng in rngs]))
    theta[:, : flow._size] *= 0.6  # so that no tail leaves the grid
    return flow, theta


def noise(flow, theta, n, seed=0):
    generators = [torch.Generator().manual_seed(seed + k) for k in range(len(theta))]
    z = torch.stack([torch.randn(n, 2, generator=g, dtype=torch.float64) for g in generators])
    return base_noise(flow, theta, z, generators)


def grid(step=0.125, reach=16.0):
    line = torch.arange(-reach, reach, step, dtype=torch.float64)
    return torch.cartesian_prod(line, line), step**2


@pytest.mark.parametrize("base", BASES.values(), ids=BASES)
def test_density_is_normalised_and_that_of_the_samples(base):
    flow, theta = flows(base)
    points, area = grid()
    log_q = log_density(flow, theta, points[None])[0]
    assert float(log_q.exp().sum() * area) == pytest.approx(1, abs=2e-4)
    x, of_samples = push_forward(flow, theta, noise(flow, theta, 20_000))
    torch.testing.assert_close(of_samples, log_density(flow, theta, x), rtol=1e-9, atol=1e-9)
    # moments under the density are those of the samples
    mass = log_q.exp() * area
    for moments in (lambda y: y, lambda y: y**2, lambda y: y[:, :1] * y[:, 1:]):
        exact, seen = (mass[:, None] * moments(points)).sum(0), moments(x[0])
        error = seen.std(0) / np.sqrt(len(seen))
        assert bool((abs(seen.mean(0) - exact) < 5 * error).all())


@pytest.mark.parametrize("base", BASES.values(), ids=BASES)
def test_gradient_is_that_of_finite_differences(base):
    flow, theta = flows(base, n=2)
    z = noise(flow, theta, 50)
    own = density(PAIR, torch.eye(2, dtype=torch.float64).expand(2, 2, 2))
    loss = reverse_kl(flow, own)
    beta = torch.ones(2, dtype=torch.float64)
    leaf = theta.clone().requires_grad_()
    (gradient,) = torch.autograd.grad(loss(leaf, z, beta).sum(), leaf)
    trained = flow._size
    assert float(gradient[:, trained:].abs().sum()) == 0  # the centres stay where they are
    for k in np.random.default_rng(1).choice(trained, 25, replace=False):
        step = torch.zeros_like(theta)
        step[:, k] = 1e-6
        slope = (loss(theta + step, z, beta) - loss(theta - step, z, beta)) / 2e-6
        torch.testing.assert_close(gradient[:, k], slope, rtol=1e-5, atol=1e-7)


@pytest.mark.parametrize("base", BASES.values(), ids=BASES)
def test_gradient_is_unbiased(base):
    """Its mean over batches is the derivative of KL(q‖p), which an integral over the plane gives:
    fixed components do not bias it, for their weights are not trained."""
    flow, theta = flows(base)
    points, area = grid(0.3, 12.0)
    own = density(PAIR, torch.eye(2, dtype=torch.float64)[None])

    def exact(theta):
        log_q = log_density(flow, theta, points[None])
        return float((log_q.exp() * (log_q - own.log_density(points[None]))).sum() * area)

    loss, beta, leaf = reverse_kl(flow, own), torch.ones(1, dtype=torch.float64), theta.clone()
    leaf.requires_grad_()
    found = []
    for seed in range(60):
        z = noise(flow, theta, 300, seed=100 + seed)
        found.append(torch.autograd.grad(loss(leaf, z, beta).sum(), leaf)[0][0])
    gradients = torch.stack(found)
    mean, error = gradients.mean(0), gradients.std(0) / np.sqrt(len(gradients))
    largest = gradients[:, : flow._size].mean(0).abs().argsort(descending=True)[:2]
    for k in largest.tolist():
        step = torch.zeros_like(theta)
        step[:, k] = 1e-4
        slope = (exact(theta + step) - exact(theta - step)) / 2e-4
        assert abs(float(mean[k]) - slope) < 5 * float(error[k])
        assert abs(float(mean[k])) > 5 * float(error[k])  # the test has teeth


def test_components_are_drawn_evenly_and_centres_are_each_flows_own():
    flow, theta = flows((0.01, 4, 5.0), n=3)
    centres = flow._centres(theta)
    torch.testing.assert_close(centres.norm(dim=-1), torch.full((3, 4), 5.0).double())
    assert not torch.equal(centres[0], centres[1])
    z = noise(flow, theta, 8000)
    nearest = (z[:, :, None] - centres[:, None]).square().sum(-1).argmin(-1)
    for row in nearest:
        counts = np.bincount(row.numpy(), minlength=4)
        assert ((counts - 2000) ** 2 / 2000).sum() < 25  # χ² of 3 degrees, one in 60,000
    assert float((z - centres.gather(1, nearest[..., None].expand(-1, -1, 2))).std()) < 0.011


def test_the_usual_base_is_not_wrapped():
    flow = RealNVP(2, couplings=2, hidden=6, depth=1)
    assert with_base(flow, 1.0, 1, 3.0) is flow
    assert isinstance(with_base(flow, 1.0, 2, 3.0), Based)


def test_training_starts_as_wide_as_asked_and_keeps_its_centres():
    p = target(4.0, 4)
    usual, wide = (start(p, FlowSettings.of(seeds=4, base_scale=s, **SMALL)) for s in (1.0, 2.0))
    assert (wide.std > 1.5 * usual.std).all()
    base = {"base_scale": 1.0, "base_components": 3, "base_radius": 4.0}
    run = train(p, seeds=3, steps=20, log_every=10, **base, **SMALL)
    settings = FlowSettings.of(seeds=3, device="cpu", **base, **SMALL)
    ensemble = Ensemble(p, settings, range(3))
    ensemble.loss()  # on noise of the base: ‖z‖² is R² + s² d on average, of 192 samples
    assert float(ensemble.noise.square().sum(-1).mean()) == pytest.approx(20, rel=0.15)
    begin = ensemble.theta.detach().numpy()
    np.testing.assert_array_equal(run.flows.theta[:, -12:], begin[:, -12:])
    assert not np.array_equal(run.flows.theta[:, :-12], begin[:, :-12])


def test_trained_flows_keep_their_base(tmp_path):
    base = {"base_scale": 0.5, "base_components": 2, "base_radius": 4.0}
    run = train(PAIR, seeds=2, steps=3, **base, **SMALL)
    run.flows.save(tmp_path / "flows.pt")
    again = load(tmp_path / "flows.pt")
    x = run.flows.sample(500, seed=3)
    np.testing.assert_array_equal(again.sample(500, seed=3), x)
    np.testing.assert_array_equal(again[1].log_density(x[1]), run.flows[1].log_density(x[1]))
    # KL by the flows' own samples is what training measured last
    log_ratio = run.flows.log_density(x) - PAIR.log_density(x)
    error = log_ratio.std(1) / np.sqrt(500) + run.final("kl_se")
    assert (abs(log_ratio.mean(1) - run.final("kl")) < 5 * error).all()


def test_a_checkpoint_goes_on_with_the_same_base(tmp_path):
    base = {"base_components": 2, "base_radius": 4.0, "seeds": 2, "steps": 12, **SMALL}
    whole = train(PAIR, **base)
    path = tmp_path / "checkpoint"
    train(PAIR, checkpoint=path, checkpoint_every=5, **base)
    again = train(PAIR, checkpoint=path, **base)
    np.testing.assert_array_equal(again.flows.theta, whole.flows.theta)
    with pytest.raises(ValueError, match=r"base_radius: got 4\.0; allowed: 2\.0"):
        train(PAIR, checkpoint=path, **(base | {"base_radius": 2.0}))


@pytest.mark.parametrize("share", [0.1, 0.5, 0.8])
def test_a_share_weighs_both_divergences_by_its_part_of_the_batch(share):
    settings = FlowSettings.of(
        seeds=1, device="cpu", objective="mixed", target_share=share, **SMALL
    )
    ensemble = Ensemble(PAIR, settings, range(1))
    loss = ensemble.loss()
    own = round(64 * (1 - share))
    z, x = ensemble.noise[:, :own], ensemble.noise[:, own:]
    with torch.no_grad():
        y, log_q = push_forward(ensemble.architecture, ensemble.theta, z)
        reverse = (log_q - ensemble.density.log_density(y)).mean()
        of_p = log_density(ensemble.architecture, ensemble.theta, x)
        forward = (ensemble.density.log_density(x) - of_p).mean()
    exact = (1 - share) * reverse + share * forward
    torch.testing.assert_close(loss[0].detach(), exact, rtol=1e-5, atol=1e-6)
    # samples of p lie around its modes, 1.5 from the origin with unit variance
    assert float(x.square().sum(-1).mean()) > float(z.square().sum(-1).mean())


def test_maximum_likelihood_knows_the_base():
    """p is its own base: the identity is next to perfect."""
    base = {"base_components": 2, "base_radius": 3.0}
    ends = [fit(PAIR, seeds=3, steps=60, learning_rate=5e-3, **base, **SMALL).final("forward_kl")]
    ends.append(fit(PAIR, seeds=3, steps=60, learning_rate=5e-3, **SMALL).final("forward_kl"))
    assert np.isfinite(ends).all()


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"base_scale": 0.0}, "base_scale: got 0.0"),
        ({"base_scale": float("inf")}, "base_scale: got inf"),
        ({"base_components": 0}, "base_components: got 0"),
        ({"base_components": 1.5}, "base_components: got 1.5"),
        ({"base_radius": -1.0}, "base_radius: got -1.0"),
        ({"target_share": 0.0}, "target_share: got 0.0"),
        ({"target_share": 1.0}, "target_share: got 1.0"),
        ({"target_share": 0.001, "objective": "mixed"}, "target_share: got 0.001"),
    ],
)
def test_bad_input(wrong, message):
    with pytest.raises(ValueError, match=f"^{message}"):
        FlowSettings.of(**(SMALL | wrong))
