"""What is computed on a GPU is what is computed on a processor, but for rounding and the draws."""

import copy

import numpy as np
import pytest
import torch

from modecollapse.flows import FlowSettings, train
from modecollapse.flows.ensemble import Ensemble
from modecollapse.flows.objectives import OBJECTIVES
from modecollapse.flows.training import resolve
from modecollapse.overlaps import random_start
from modecollapse.schedules import Adaptive, Exponential
from modecollapse.simulation import simulate
from modecollapse.targets import BimodalTarget, GaussianMixture

pytestmark = pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no GPU")

TARGET = BimodalTarget(2.0, 6, 0.6)
SMALL = FlowSettings.of(
    seeds=4, couplings=3, hidden=16, steps=40, batch=64, log_every=20, evaluation_samples=256
)


def both(**changes):
    """The same ensemble, its parameters and its noise, on a processor and on a GPU."""
    host, guest = (
        Ensemble(TARGET, resolve(SMALL.changed(device=device, **changes)), range(4))
        for device in ("cpu", "cuda")
    )
    assert np.array_equal(host.theta.detach(), guest.theta.detach().cpu())
    return host, guest


def share(host, guest):
    """Have both see the same noise and samples of p."""
    host.loss()
    guest.noise.copy_(host.noise)
    beta = torch.ones(4)
    return [one.objective(one.theta, one.noise, beta.to(one.theta)) for one in (host, guest)]


@pytest.mark.parametrize("objective", OBJECTIVES)
@pytest.mark.parametrize("architecture", ["realnvp", "maf", "nsf"])
def test_loss_and_gradient_are_the_same(architecture, objective):
    host, guest = both(architecture=architecture, objective=objective)
    losses = share(host, guest)
    assert torch.allclose(losses[0], losses[1].cpu(), rtol=1e-4, atol=1e-4)
    one, other = (
        torch.autograd.grad(loss.sum(), e.theta)[0].cpu()
        for loss, e in zip(losses, (host, guest), strict=True)
    )
    assert torch.linalg.vector_norm(one - other) < 1e-3 * torch.linalg.vector_norm(one)


@pytest.mark.parametrize(
    "base", [{}, {"base_scale": 2.0}, {"base_components": 3, "base_radius": 2.0}]
)
def test_a_training_has_the_same_statistics(base):
    changes = {"seeds": 96, "steps": 200, "log_every": 100, "learning_rate": 2e-3, **base}
    one, other = (train(TARGET, SMALL, device=device, **changes) for device in ("cpu", "cuda"))
    assert (one.statistics["kl"].shape, one.times.tolist()) == (
        other.statistics["kl"].shape,
        other.times.tolist(),
    )
    for name in ("kl", "mass_plus", "loss"):
        a, b = one.final(name), other.final(name)
        assert abs(a.mean() - b.mean()) < 4.5 * np.hypot(a.std(), b.std()) / np.sqrt(96)
    first = one.statistics["kl"][:, 0] - other.statistics["kl"][:, 0]
    error = np.hypot(one.statistics["kl_se"][:, 0], other.statistics["kl_se"][:, 0])
    assert np.mean(np.abs(first) < 3 * error) > 0.9  # the same flows, measured on other noise
    assert other.flows.sample(5).shape == (96, 5, 6)


def test_a_checkpoint_goes_on_bit_for_bit(tmp_path):
    undisturbed = train(TARGET, SMALL, device="cuda", optimizer="adam")
    path = tmp_path / "state.pt"
    train(TARGET, SMALL, device="cuda", checkpoint=path, checkpoint_every=10)
    kept = Ensemble(TARGET, resolve(SMALL.changed(device="cuda")), range(4))
    for _ in range(25):
        kept.step(kept.loss())
    state = copy.deepcopy(kept.state())
    again = Ensemble(TARGET, resolve(SMALL.changed(device="cuda")), range(4))
    again.restore({**state, "theta": state["theta"].cpu(), "beta": torch.as_tensor(kept.beta)})
    for one in (kept, again):
        one.step(one.loss())
    assert torch.equal(kept.theta, again.theta)
    resumed = train(TARGET, SMALL, device="cuda", checkpoint=path)
    assert np.array_equal(resumed.statistics["kl"], undisturbed.statistics["kl"])


def test_a_training_on_other_targets_and_annealed():
    mixture = GaussianMixture(means=3.0 * np.eye(3, 5), weights=[0.5, 0.3, 0.2])
    for target, way in ((mixture, Exponential(0.1, 20.0)), (TARGET, Adaptive(0.1, 0.5, 0.1))):
        run = train(target, SMALL, device="cuda", schedule=way)
        assert np.isfinite(run.final("kl")).all()
        assert (np.diff(run.statistics["beta"], axis=1) >= 0).all()
    run = train(TARGET, SMALL, device="cuda", forward_samples=100, projection_samples=7)
    assert run.diagnostics["projection"].shape == (4, 3, 7, 2)
    assert np.isfinite(run.final("forward_kl")).all()
    run = train(TARGET, SMALL, device="cuda", learning_rate=1e30)
    assert all(status.name == "DIVERGED" for status in run.status)


def test_a_simulation_has_the_same_statistics():
    target = BimodalTarget(2.0, 16, 0.7)
    states = random_start(target, 1, np.random.default_rng(7))[np.zeros(200, dtype=int)]
    changes = {"steps": 40, "log_every": 40, "eta": 1.0, "components": "sampled", "seed": 3}
    changes |= {"step_size": 0.05, "batch": 32, "evaluation_samples": 64}
    host, guest = (simulate(target, states, device=device, **changes) for device in ("cpu", "cuda"))
    for name in ("m1", "m2", "q12", "weight"):
        one, other = host.final(name), guest.final(name)
        error = np.hypot(one.std(), other.std()) / np.sqrt(200)
        assert abs(one.mean() - other.mean()) < 4.5 * error
        assert 0.6 < one.std() / other.std() < 1.6
