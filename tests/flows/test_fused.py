"""The compiled couplings are torch's own: values, gradients, what is not finite, memory, cores."""

import numpy as np
import pytest
import torch
from threadpoolctl import threadpool_info

from modecollapse.devices import limited_threads
from modecollapse.flows.architectures import realnvp
from modecollapse.flows.architectures.realnvp import RealNVP
from modecollapse.flows.ensemble import Ensemble
from modecollapse.flows.settings import FlowSettings
from modecollapse.flows.training import resolve
from modecollapse.targets import BimodalTarget

# dimension, couplings, hidden, depth, c
SHAPES = [(2, 2, 8, 1, 2.0), (3, 4, 4, 3, 0.7), (5, 3, 16, 2, 2.0), (16, 8, 32, 2, 5.0)]
WAYS = ["forward", "inverse"]


def flow(shape):
    return RealNVP(*shape[:4], scale_bound=shape[4])


def parameters(own, n=3, scale=1.0):
    rng = np.random.default_rng(0)
    return torch.as_tensor(np.stack([scale * own.initial(rng) for _ in range(n)]))


def normal(*shape, seed=1):
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(*shape, generator=generator, dtype=torch.float64)


def results(own, way, theta, points, dtype):
    """Image, log det and the gradient of a sum of both with weights of their own."""
    theta = theta.detach().to(dtype, copy=True).requires_grad_()
    image, log_det = getattr(own, way)(theta, points.to(dtype))
    one, other = normal(*image.shape, seed=2).to(dtype), normal(*log_det.shape, seed=3).to(dtype)
    (gradient,) = torch.autograd.grad((image * one).sum() + (log_det * other).sum(), theta)
    return image.detach(), log_det.detach(), gradient


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("shape", SHAPES)
def test_values_and_gradients_are_those_of_torch_in_float64(shape, way):
    own = flow(shape)
    theta, points = parameters(own), normal(3, 9, shape[0])
    for single, double in zip(
        results(own, way, theta, points, torch.float32),
        results(own, way, theta, points, torch.float64),
        strict=True,
    ):
        assert single.dtype == torch.float32
        assert (single.double() - double).abs().max() < 2e-5 * double.abs().max()


def test_it_is_taken_for_steps_of_training_and_for_nothing_else():
    own = flow(SHAPES[0])
    theta, points = parameters(own).float(), normal(3, 9, 2).float()

    def made(theta, points):
        return type(own.forward(theta, points)[0].grad_fn).__name__

    training = theta.clone().requires_grad_()
    assert made(training, points) == "_MappedBackward"
    assert made(theta, points) == "NoneType"
    assert made(training, points.clone().requires_grad_()) != "_MappedBackward"
    assert made(training.detach().double().requires_grad_(), points.double()) != "_MappedBackward"
    with torch.no_grad():
        assert made(training, points) == "NoneType"


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("bad", [torch.nan, torch.inf])
def test_what_is_not_finite_shows_in_its_own_flow_alone(way, bad):
    own = flow(SHAPES[2])
    theta, points = parameters(own).float(), normal(3, 9, 5)
    clean = results(own, way, theta, points, torch.float32)
    theta[1, 0] = bad
    for found, before in zip(results(own, way, theta, points, torch.float32), clean, strict=True):
        assert torch.equal(found[[0, 2]], before[[0, 2]])
    _, log_det, gradient = results(own, way, theta, points, torch.float32)
    assert not bool(log_det[1].isfinite().all() and gradient[1].isfinite().all())


@pytest.mark.parametrize("way", WAYS)
def test_large_coefficients_stay_at_their_bound(way):
    own = flow(SHAPES[2])
    theta, points = 300 * parameters(own), normal(3, 9, 5)
    _, single, gradient = results(own, way, theta, points, torch.float32)
    _, double, _ = results(own, way, theta, points, torch.float64)
    assert bool(gradient.isfinite().all())
    assert single.double() == pytest.approx(double, rel=1e-3)


def test_bits_depend_neither_on_where_the_numbers_lie_nor_on_the_flows_beside():
    own = flow(SHAPES[3])
    theta, points = parameters(own, 4).float(), normal(4, 33, 16).float()
    whole = results(own, "forward", theta, points, torch.float32)
    for first in range(3):
        room = torch.empty(first + theta[2:].numel(), dtype=torch.float32)
        shifted = room[first:].view_as(theta[2:]).copy_(theta[2:])
        part = results(own, "forward", shifted, points[2:], torch.float32)
        assert torch.equal(part[0], whole[0][2:])
        assert torch.equal(part[1], whole[1][2:])


def test_memory_that_is_used_again_changes_nothing():
    own, fresh = flow(SHAPES[2]), flow(SHAPES[2])
    theta = parameters(own)
    for batch in (9, 9, 4, 9):
        points = normal(3, batch, 5, seed=batch)
        again = results(own, "forward", theta, points, torch.float32)
        first = results(flow(SHAPES[2]), "forward", theta, points, torch.float32)
        assert all(map(torch.equal, again, first))
    # Two losses before the first gradient: each keeps what its own needs.
    one, other = theta.float().requires_grad_(), (2 * theta).float().requires_grad_()
    points = normal(3, 9, 5).float()
    losses = [fresh.forward(each, points)[1].sum() for each in (one, other)]
    for each, loss in zip((one, other), losses, strict=True):
        (gradient,) = torch.autograd.grad(loss, each)
        (right,) = torch.autograd.grad(flow(SHAPES[2]).forward(each, points)[1].sum(), each)
        assert torch.equal(gradient, right)


@pytest.mark.parametrize("way", WAYS)
def test_the_gradient_of_a_retained_graph_is_the_same_again(way):
    own = flow(SHAPES[2])
    theta, points = parameters(own).float().requires_grad_(), normal(3, 9, 5).float()
    image, log_det = getattr(own, way)(theta, points)
    loss = (image.square().sum(-1) + log_det).sum()
    once, twice = (torch.autograd.grad(loss, theta, retain_graph=True)[0] for _ in range(2))
    getattr(own, way)(2 * theta, points)[1].sum().backward()
    (thrice,) = torch.autograd.grad(loss, theta)
    assert torch.equal(once, twice)
    assert torch.equal(once, thrice)


@pytest.mark.parametrize("objective", ["reverse-kl", "sticking-the-landing", "maximum-likelihood"])
def test_a_training_is_that_of_torch_but_for_rounding(monkeypatch, objective):
    settings = FlowSettings.of(
        **{"seeds": 3, "couplings": 3, "hidden": 8, "depth": 2, "batch": 32, "device": "cpu"},
        objective=objective,
    )

    def trained():
        ensemble = Ensemble(BimodalTarget(2.0, 5), resolve(settings), range(3))
        losses = []
        for _ in range(10):
            loss = ensemble.loss()
            ensemble.step(loss)
            losses.append(loss.detach())
        return torch.stack(losses)

    compiled = trained()
    monkeypatch.setattr(realnvp, "applies", lambda *_: False)
    plain = trained()
    assert compiled == pytest.approx(plain, rel=1e-4, abs=1e-4)


def test_blas_keeps_to_the_cores_that_it_is_given():
    def cores():
        return {pool["num_threads"] for pool in threadpool_info() if pool["user_api"] == "blas"}

    before = cores()
    assert before
    with limited_threads(1):
        assert cores() == {1}
    assert cores() == before
