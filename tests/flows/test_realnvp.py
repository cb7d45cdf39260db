"""RealNVP against zuko, autograd and its own inverse."""

import math

import numpy as np
import pytest
import torch
import zuko
from torch.distributions import Transform, constraints
from torch.func import jacrev, vmap

from modecollapse.flows.architectures.base import log_density, push_forward
from modecollapse.flows.architectures.realnvp import RealNVP

FLOWS = 3
SHAPES = [(2, 2, 8, 1), (5, 3, 16, 2), (16, 8, 32, 2)]  # dimension, couplings, hidden, depth


def parameters(flow, dtype=torch.float64, scale=1.5, seed=0):
    """Parameters away from the identity, but not so far that the map is ill-conditioned."""
    rng = np.random.default_rng(seed)
    theta = np.stack([flow.initial(rng) for _ in range(FLOWS)])
    return torch.as_tensor(scale * theta, dtype=dtype)


def points(flow, n=7, dtype=torch.float64, seed=1):
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(FLOWS, n, flow.dimension, generator=generator, dtype=dtype)


class Bounded(Transform):
    """b -> b exp(2 tanh(s/2)) + t, as a transform that zuko can put into a coupling."""

    domain = codomain = constraints.real
    bijective = True

    def __init__(self, raw, shift):
        super().__init__()
        self.log_scale, self.shift = 2 * torch.tanh(raw / 2), shift

    def _call(self, x):
        return x * self.log_scale.exp() + self.shift

    def _inverse(self, y):
        return (y - self.shift) / self.log_scale.exp()

    def log_abs_det_jacobian(self, x, y):
        return self.log_scale.expand(x.shape)


def oracle(flow, theta, hidden, depth):
    """zuko's flow with one row of `theta` copied into it."""
    first = torch.arange(flow.dimension) < flow.halves[0]
    couplings, position = [], 0
    shapes = iter(flow.shapes)
    for number in range(flow.couplings):
        coupling = zuko.flows.GeneralCouplingTransform(
            flow.dimension,
            mask=first if number % 2 == 0 else ~first,  # ones stay as they are
            univariate=Bounded,
            shapes=[(), ()],
            hidden_features=[hidden] * depth,
        ).double()
        for layer in [module for module in coupling.hyper if hasattr(module, "weight")]:
            for value in (layer.weight, layer.bias):
                shape = next(shapes)
                piece = theta[position : position + shape.numel()].view(shape)
                position += shape.numel()
                copied = piece.mT if value.ndim == 2 else piece[0]
                if layer is coupling.hyper[-1]:  # zuko puts (s, t) of each coordinate together
                    copied = torch.stack(copied.chunk(2), 1).flatten(0, 1)
                value.data.copy_(copied)
        couplings.append(coupling)
    base = zuko.flows.UnconditionalDistribution(
        zuko.distributions.DiagNormal,
        torch.zeros(flow.dimension).double(),
        torch.ones(flow.dimension).double(),
        buffer=True,
    )
    assert position == theta.numel()
    composed = zuko.lazy.LazyComposedTransform(*couplings)
    return zuko.flows.Flow(composed.inv, base)()


@pytest.mark.parametrize("shape", SHAPES)
def test_agrees_with_zuko_with_the_same_weights(shape):
    flow = RealNVP(*shape)
    theta, z = parameters(flow), points(flow)
    x, log_q = push_forward(flow, theta, z)
    at_any_point = log_density(flow, theta, 3 * z)
    for s in range(FLOWS):
        q = oracle(flow, theta[s], *shape[2:])
        assert torch.allclose(q.transform.inv(z[s]), x[s], rtol=1e-12, atol=1e-12)
        assert torch.allclose(q.log_prob(x[s]), log_q[s], rtol=1e-10, atol=1e-10)
        assert torch.allclose(q.log_prob(3 * z[s]), at_any_point[s], rtol=1e-10, atol=1e-10)


@pytest.mark.parametrize("shape", SHAPES)
def test_log_determinant_is_that_of_the_jacobian(shape):
    flow = RealNVP(*shape)
    theta, z = parameters(flow), points(flow)
    _, log_det = flow.forward(theta, z)

    def at(row, point):
        return flow.forward(row[None], point[None, None])[0][0, 0]

    jacobian = vmap(vmap(jacrev(at, argnums=1), in_dims=(None, 0)))(theta, z)
    assert torch.allclose(torch.linalg.slogdet(jacobian)[1], log_det, rtol=1e-10, atol=1e-10)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("shape", SHAPES)
def test_inverse_undoes_forward(shape, dtype):
    flow = RealNVP(*shape)
    theta, z = parameters(flow, dtype, scale=1.0), points(flow, 500, dtype)
    x, there = flow.forward(theta, z)
    back, here = flow.inverse(theta, x)
    # Each coupling rounds a few times, and the ones after it can magnify that by e^2 at most.
    growth = (there.abs().amax() / flow.dimension).exp()
    tolerance = 200 * shape[1] * torch.finfo(dtype).eps * float(growth)
    assert torch.allclose(back, z, rtol=tolerance, atol=tolerance)
    assert torch.allclose(here, -there, rtol=tolerance, atol=tolerance * flow.dimension)
    assert tolerance < (2e-3 if dtype is torch.float32 else 1e-11)


def test_log_scale_is_bounded_whatever_the_parameters():
    flow = RealNVP(6, 4, 16, 1)
    theta = parameters(flow, torch.float32, scale=100)
    _, log_det = flow.forward(theta, points(flow, 50, torch.float32))
    bound = 2 * 4 * 3  # each of 4 couplings moves 3 coordinates, by a factor of e² at most
    assert 0.5 * bound < log_det.abs().max() <= bound * (1 + 1e-6)


def test_zero_parameters_are_the_identity():
    flow = RealNVP(7, 3, 4, 1)
    z = points(flow)
    x, log_det = flow.forward(torch.zeros(FLOWS, flow.bounds.size, dtype=z.dtype), z)
    # After an odd number of couplings the halves are put back where they belong.
    assert torch.equal(x, z)
    assert torch.equal(log_det, torch.zeros_like(log_det))


def test_every_coordinate_depends_on_every_other():
    flow = RealNVP(5, 4, 16, 1)
    theta, z = parameters(flow), points(flow, 1)

    def at(point):
        return flow.forward(theta[:1], point[None, None])[0][0, 0]

    assert (jacrev(at)(z[0, 0]) != 0).all()


def test_flows_of_an_ensemble_do_not_touch_one_another():
    flow = RealNVP(4, 4, 8, 2)
    theta, z = parameters(flow), points(flow)
    x, log_det = flow.forward(theta, z)
    disturbed = theta.clone()
    disturbed[1] = math.nan
    x2, log_det2 = flow.forward(disturbed, z)
    for s in (0, 2):
        assert torch.equal(x[s], x2[s])
        assert torch.equal(log_det[s], log_det2[s])
    assert torch.isnan(x2[1]).any()


@pytest.mark.parametrize(
    ("arguments", "name"),
    [
        ((1, 2, 4, 1), "dimension"),
        ((2.0, 2, 4, 1), "dimension"),
        ((4, 1, 4, 1), "couplings"),
        ((4, 2, 0, 1), "hidden"),
        ((4, 2, 4, 0), "depth"),
    ],
)
def test_bad_sizes_are_named(arguments, name):
    with pytest.raises(ValueError, match=f"^{name}: got"):
        RealNVP(*arguments)


def test_points_of_another_dimension_are_refused():
    flow = RealNVP(4, 2, 4, 1)
    with pytest.raises(ValueError, match=r"^x: got"):
        log_density(flow, parameters(flow), torch.zeros(FLOWS, 2, 5, dtype=torch.float64))
