"""The autoregressive flows: zuko's own values, autograd's determinant, the inverse."""

import numpy as np
import pytest
import torch
from torch.func import functional_call, jacrev, vmap

from modecollapse.flows.architectures.base import log_density, push_forward
from modecollapse.flows.architectures.zuko import MAF, NSF

KINDS = {"maf": MAF, "nsf": NSF}
REACH = 7.0


def made(kind, dimension=4, couplings=3):
    flow = KINDS[kind](couplings, hidden=8, depth=2).build(dimension, REACH, "cpu")
    rng = np.random.default_rng(0)
    theta = torch.as_tensor(np.stack([2 * flow.initial(rng) for _ in range(3)]))
    z = torch.randn(3, 6, dimension, generator=torch.Generator().manual_seed(1)).double()
    return flow, theta, z


@pytest.mark.parametrize("kind", KINDS)
def test_an_ensemble_is_its_flows_one_by_one(kind):
    flow, theta, z = made(kind)
    x, log_det = flow.forward(theta, z)
    for s in range(3):
        pieces = theta[s].split([shape.numel() for shape in flow.shapes])
        named = zip(flow._names, pieces, flow.shapes, strict=True)
        values = {name: piece.view(shape) for name, piece, shape in named}
        alone, its_log_det = functional_call(flow._map, values, (z[s], False))
        assert torch.allclose(alone, x[s], rtol=1e-12, atol=1e-12)
        assert torch.allclose(its_log_det, log_det[s], rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("kind", KINDS)
def test_log_determinant_is_that_of_the_jacobian(kind):
    flow, theta, z = made(kind)
    _, log_det = flow.forward(theta, z)

    def at(point):
        """x of all flows at points (3, d), the flows' own Jacobians on the diagonal."""
        return flow.forward(theta, point[:, None])[0][:, 0]

    for number in range(2):
        jacobian = jacrev(at)(z[:, number])
        own = torch.stack([jacobian[s, :, s] for s in range(3)])
        determinants = torch.linalg.slogdet(own)[1]
        assert torch.allclose(determinants, log_det[:, number], rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("kind", KINDS)
def test_inverse_undoes_forward(kind):
    flow, theta, z = made(kind)
    x, log_q = push_forward(flow, theta, z)
    back, _ = flow.inverse(theta, x)
    # The spline's inverse solves a quadratic, which loses some digits where it is steep.
    assert torch.allclose(back, z, rtol=1e-7, atol=1e-7)
    assert torch.allclose(log_density(flow, theta, x), log_q, rtol=1e-6, atol=1e-6)


def test_splines_are_the_identity_beyond_their_bound():
    flow, theta, _ = made("nsf")
    far = torch.full((3, 1, 4), 7.5, dtype=torch.float64)
    x, log_det = flow.forward(theta, far)
    assert torch.equal(x, far)
    assert torch.equal(log_det, torch.zeros_like(log_det))


def test_the_global_random_state_is_left_alone():
    torch.manual_seed(3)
    before = torch.get_rng_state()
    made("maf")
    assert torch.equal(before, torch.get_rng_state())


def test_gradients_reach_every_parameter_that_the_masks_let_through():
    flow, theta, z = made("nsf")
    theta.requires_grad_()
    x, log_det = flow.forward(theta, z)
    (gradient,) = torch.autograd.grad((x.square().sum() - log_det.sum()), theta)
    assert torch.isfinite(gradient).all()
    assert vmap(lambda g: (g != 0).double().mean())(gradient).min() > 0.3
