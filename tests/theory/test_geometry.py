"""The equations in three geometries: against autograd, the Euclidean code, and their laws."""

import math

import numpy as np
import pytest
import torch

from modecollapse import random_start, target
from modecollapse.geometries import GEOMETRIES
from modecollapse.overlaps import Overlaps
from modecollapse.theory.geometry import geometry_velocity, integrate_geometry
from modecollapse.theory.geometry_lifetime import aligned_lifetime, dead_component_wait
from modecollapse.theory.integration import integrate
from modecollapse.theory.rhs import kl_divergence, velocity


def states(n, r, d, seed):
    """Order parameters of random means of several norms, and random weights."""
    rng = np.random.default_rng(seed)
    start = random_start(target(r, d), n, rng, law="gaussian", scale=1.5 * r)
    return np.concatenate([start.m, start.q, rng.normal(scale=2, size=(n, 1))], axis=1)


def test_euclidean_is_the_common_code():
    y = states(50, 3.0, 5, 0)
    for weight in (0.5, 0.8):
        got = geometry_velocity(y, 3.0, weight, eta=2.5)
        assert got == pytest.approx(velocity(y, 3.0, weight, 2.5), abs=1e-11)


@pytest.mark.parametrize("geometry", GEOMETRIES)
def test_against_autograd_in_two_dimensions(geometry):
    """KL on a grid of R², differentiated by torch in μ and ℓ: nothing is shared with the code.

    The gradient is divided by the metric (Eqs. 13.1 to 13.5).  Error of the rule below 1e-11.
    """
    r, weight, eta = 1.6, 0.35, 1.7
    means = torch.tensor([[0.4, 1.1], [-0.7, 0.3]], dtype=torch.float64, requires_grad=True)
    l = torch.tensor(-0.8, dtype=torch.float64, requires_grad=True)
    axis = torch.arange(-11, 11, 0.12, dtype=torch.float64)
    x = torch.cartesian_prod(axis, axis)

    def log_density(centres, log_weights):
        squares = ((x[:, None] - centres) ** 2).sum(-1)
        return torch.logsumexp(log_weights - 0.5 * squares, 1) - math.log(2 * math.pi)

    log_w = torch.nn.functional.logsigmoid(torch.stack([l, -l]))
    modes = torch.tensor([[r, 0.0], [-r, 0.0]], dtype=torch.float64)
    log_q = log_density(means, log_w)
    log_p = log_density(modes, torch.tensor([weight, 1 - weight], dtype=torch.float64).log())
    kl = (log_q.exp() * (log_q - log_p)).sum() * 0.12**2
    by_means, by_l = torch.autograd.grad(kl, (means, l))
    w = log_w.exp().detach()
    metric = {"euclidean": (1.0, 1.0, 1.0), "wasserstein": (w[0], w[1], 1.0)}
    metric["natural"] = w[0], w[1], w[0] * w[1]
    g1, g2, g3 = metric[geometry]
    rates = -by_means / torch.tensor([[g1], [g2]])
    dl = float(-eta * by_l / g3)

    mu, f = means.detach().numpy(), rates.numpy()
    gram, turn = mu @ mu.T, f @ mu.T
    y = [*(r * mu[:, 0]), gram[0, 0], gram[0, 1], gram[1, 1], -0.8]
    expected = [*(r * f[:, 0]), 2 * turn[0, 0], turn[0, 1] + turn[1, 0], 2 * turn[1, 1], dl]
    assert geometry_velocity(y, r, weight, eta, geometry) == pytest.approx(expected, abs=1e-9)


@pytest.mark.parametrize("geometry", GEOMETRIES)
def test_kl_falls_at_the_rate_of_its_metric(geometry):
    """−dKL/dt = Σ w_i v_i |g_i|² + …: positive, and zero at the target alone (Eq. 13.2)."""
    r, eta, h = 2.5, 3.0, 1e-5
    y = states(20, r, 6, 1)
    f = geometry_velocity(y, r, 0.6, eta, geometry)
    rise = (kl_divergence(y + h * f, r, 0.6) - kl_divergence(y - h * f, r, 0.6)) / (2 * h)
    assert (rise < 0).all()
    at_target = [r * r, -r * r, r * r, -r * r, r * r, math.log(0.6 / 0.4)]
    assert abs(geometry_velocity(at_target, r, 0.6, eta, geometry)).max() < 1e-12


def test_a_component_without_weight_moves_as_fast_as_any():
    y = np.array([0.0, 9.0, 9.0, 0.0, 9.0, -30.0])
    slow, _, fast = (geometry_velocity(y, 3.0, eta=2.0, geometry=g) for g in GEOMETRIES)
    assert abs(slow[0]) < 1e-11
    assert fast[0] == pytest.approx(-9 * (1 - 0.0), rel=0.02)  # −r² (1 − T(0)), T(0) = 0
    force = 3 * math.sqrt(2 / math.pi)  # f(0) = E softplus(−2rZ) of Eq. 8.5, but for 1/r
    assert fast[5] == pytest.approx(2.0 * force, rel=0.1)


def test_the_integrator_agrees_with_the_common_one():
    p = target(3.0, 16)
    start = random_start(p, 8, np.random.default_rng(2))
    times = [0.0, 1.0, 30.0]
    mine = integrate_geometry(p, start, times, eta=4.0, geometry="euclidean", rtol=1e-9)
    other = integrate(p, start, times, eta=4.0, rtol=1e-9)
    for name in ("m1", "q12", "logit", "kl", "mass_plus"):
        assert mine.statistics[name] == pytest.approx(other.statistics[name], abs=2e-5), name
    assert list(mine.outcome) == list(other.outcome)
    assert mine.finished.all()


def test_no_weight_vanishes_in_the_natural_geometry():
    """r = 4, η = 10, d = 16 (docs/remedies.md, section 13): the Euclidean part is 0.65."""
    p = target(4.0, 16)
    start = random_start(p, 60, np.random.default_rng(3))
    runs = {
        "euclidean": integrate(p, start, [300.0], eta=10.0),
        "natural": integrate_geometry(p, start, [300.0], eta=10.0, geometry="natural"),
    }
    dead = {g: int((run.outcome == "vanishing weight").sum()) for g, run in runs.items()}
    assert dead["euclidean"] > 25
    assert dead["natural"] <= 3
    assert runs["natural"].collapsed.sum() < runs["euclidean"].collapsed.sum()


@pytest.mark.parametrize(("geometry", "far"), [("euclidean", 0.06), ("natural", 0.06)])
def test_lifetime_of_the_aligned_state(geometry, far):
    table = aligned_lifetime([3.2, 3.6], [0.1], geometry)
    assert table.recovered.all()
    assert (abs(table.time / table.law - 1) < far).all()


def test_the_natural_lifetime_is_an_eighth_and_has_the_same_exponent():
    natural, euclidean = (
        aligned_lifetime([3.0, 4.5], [1.0], g, 1.0) for g in ("natural", "euclidean")
    )
    assert not natural.recovered.any()
    assert (natural.asymptote / euclidean.asymptote).tolist() == pytest.approx([0.125, 0.125])
    ratio = natural.law / euclidean.law
    assert 0.125 < ratio[1] < ratio[0] < 0.25


def test_a_dead_component_waits_no_longer_in_proportion_to_its_weight():
    table = dead_component_wait([4.0, 8.0], [10.0])
    assert table.recovered.all()
    assert table.time.max() < 3
    slow = dead_component_wait([4.0], [10.0], "euclidean")
    assert slow.time[0] == pytest.approx(2399, rel=0.01)  # docs/theory.md, Eq. 8.7


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        ({"geometry": "riemann"}, "geometry: got 'riemann'"),
        ({"eta": -1.0}, "eta: got -1.0"),
        ({"times": [2.0, 1.0]}, "times"),
        ({"rtol": 1.0}, "rtol"),
    ],
)
def test_wrong_arguments(arguments, named):
    p = target(2.0, 4)
    start = random_start(p, 2, np.random.default_rng(0))
    with pytest.raises(ValueError, match=named):
        integrate_geometry(p, start, **({"times": [1.0]} | arguments))


def test_wrong_states():
    with pytest.raises(ValueError, match="geometry"):
        geometry_velocity(np.zeros(6), 2.0, geometry="")
    start = Overlaps(np.zeros((1, 2)), np.zeros((1, 3)), variances=np.full((1, 2), 2.0))
    with pytest.raises(ValueError, match="variances"):
        integrate_geometry(target(2.0, 4), start, [1.0])
    with pytest.raises(ValueError, match="separations"):
        aligned_lifetime([2.0], [1.0])
