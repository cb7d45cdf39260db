"""The closed equations under D_α: against autograd in R^d, in both limits, and on the line."""

import math

import numpy as np
import pytest
import torch

from modecollapse import random_start, target
from modecollapse.geometries import GEOMETRIES
from modecollapse.theory.divergence import (
    divergence,
    divergence_velocity,
    integrate_divergence,
)
from modecollapse.theory.divergence_folds import divergence_critical_separation
from modecollapse.theory.divergence_line import objective, on_the_line
from modecollapse.theory.divergence_plane import _plane
from modecollapse.theory.geometry import geometry_velocity
from modecollapse.theory.rhs import kl_divergence, overlaps_to_axial, velocity

OBJECTIVES = [{"alpha": a} for a in (0.0, 0.3, 0.75, 1.0)] + [{"share": 0.3}]


def states(n, r, d, seed, scale=1.0):
    rng = np.random.default_rng(seed)
    start = random_start(target(r, d), n, rng, law="gaussian", scale=scale * r)
    return np.concatenate([start.m, start.q, rng.normal(size=(n, 1))], axis=1)


def log_density(x, means, log_weights):
    squares = ((x[:, None] - means) ** 2).sum(-1)
    d = means.shape[1]
    return torch.logsumexp(log_weights - 0.5 * squares, 1) - 0.5 * d * math.log(2 * math.pi)


def integrand(log_p, log_q, alpha, share):
    """The density of the objective in x, differentiable."""
    p, q = log_p.exp(), log_q.exp()
    if share > 0 or alpha in (0, 1):
        forward = share if share > 0 else alpha
        return (1 - forward) * q * (log_q - log_p) + forward * p * (log_p - log_q)
    powers = (alpha * log_p + (1 - alpha) * log_q).exp()
    return (alpha * p + (1 - alpha) * q - powers) / (alpha * (1 - alpha))


def problem(means, l, r, weight):
    mu = torch.tensor(means, dtype=torch.float64, requires_grad=True)
    ell = torch.tensor(l, dtype=torch.float64, requires_grad=True)
    modes = torch.zeros(2, mu.shape[1], dtype=torch.float64)
    modes[0, 0], modes[1, 0] = r, -r
    log_pi = torch.tensor([weight, 1 - weight], dtype=torch.float64).log()
    log_w = torch.nn.functional.logsigmoid(torch.stack([ell, -ell]))
    return mu, ell, log_w, modes, log_pi


def rates(mu, by_means, by_l, r, eta):
    """y and dy/dt in the order parameters, from the gradient in R^d."""
    m, f = mu.detach().numpy(), -by_means
    gram, turn = m @ m.T, f @ m.T
    y = [*(r * m[:, 0]), gram[0, 0], gram[0, 1], gram[1, 1]]
    dy = [*(r * f[:, 0]), 2 * turn[0, 0], turn[0, 1] + turn[1, 0], 2 * turn[1, 1], -eta * by_l]
    return y, np.array(dy)


@pytest.mark.parametrize("kind", OBJECTIVES, ids=str)
@pytest.mark.parametrize("d", [2, 3])
def test_against_autograd_on_a_grid(kind, d):
    """In R³ the means have a part in common across μ* and each other, so that h of (14.3) is there.

    The grid's error: exp(−2π²/(2 r h)) = 2e-14 at h = 0.2 (d = 2), 1e-10 at 0.28 (d = 3).
    """
    r, weight, eta, l = 1.55, 0.35, 1.7, -0.8
    means = np.array([[0.4, 1.1, 0.5], [-0.7, 0.3, 0.9]])[:, :d]
    h = 0.2 if d == 2 else 0.28
    mu, ell, log_w, modes, log_pi = problem(means, l, r, weight)
    axes = [torch.arange(-8.6, 8.6, h, dtype=torch.float64)] * d
    x = torch.cartesian_prod(*axes)
    log_q, log_p = log_density(x, mu, log_w), log_density(x, modes, log_pi)
    alpha, share = kind.get("alpha", 0.0), kind.get("share", 0.0)
    value = integrand(log_p, log_q, alpha, share).sum() * h**d
    by_means, by_l = (g.numpy() for g in torch.autograd.grad(value, (mu, ell)))
    value = value.item()
    y, expected = rates(mu, by_means, float(by_l), r, eta)
    y = [*y, l]
    assert divergence(y, r, weight, **kind) == pytest.approx(value, abs=2e-8)
    assert divergence_velocity(y, r, weight, eta, **kind) == pytest.approx(expected, abs=5e-8)


@pytest.mark.parametrize("kind", OBJECTIVES, ids=str)
def test_against_autograd_in_eight_dimensions(kind):
    """By Monte Carlo from (p + q)/2, in 40 blocks: within 4.5 standard errors, which are small."""
    r, weight, eta, l, d = 1.8, 0.6, 1.3, 0.5, 8
    rng = np.random.default_rng(4)
    means = 0.9 * rng.normal(size=(2, d))
    mu, ell, log_w, modes, log_pi = problem(means, l, r, weight)
    generator = torch.Generator().manual_seed(5)
    rows = []
    for _ in range(40):
        centres = torch.cat([mu.detach(), modes])
        chances = torch.cat([log_w.detach().exp(), log_pi.exp()]) / 2
        chosen = torch.multinomial(chances, 4000, replacement=True, generator=generator)
        x = centres[chosen] + torch.randn(4000, d, generator=generator, dtype=torch.float64)
        log_q, log_p = log_density(x, mu, log_w), log_density(x, modes, log_pi)
        drawn = torch.logaddexp(log_q, log_p).detach().exp() / 2
        density = integrand(log_p, log_q, kind.get("alpha", 0.0), kind.get("share", 0.0))
        value = (density / drawn).mean()
        by_means, by_l = torch.autograd.grad(value, (mu, ell), retain_graph=True)
        y, dy = rates(mu, by_means.numpy(), float(by_l), r, eta)
        rows.append([value.item(), *dy])
    y = [*y, l]
    mean, error = np.mean(rows, 0), np.std(rows, 0, ddof=1) / math.sqrt(len(rows))
    got = [divergence(y, r, weight, **kind), *divergence_velocity(y, r, weight, eta, **kind)]
    assert (abs(mean - got) < 4.5 * error).all()
    assert (error < 0.02 * (1 + abs(np.array(got)))).all()


@pytest.mark.parametrize("geometry", GEOMETRIES)
def test_the_reverse_kl_is_the_common_code(geometry):
    y = states(30, 3.0, 5, 0)
    expected = geometry_velocity(y, 3.0, 0.7, 2.0, geometry)
    assert divergence_velocity(y, 3.0, 0.7, 2.0, geometry=geometry) == pytest.approx(
        expected, rel=1e-9, abs=1e-11
    )
    assert divergence(y, 3.0, 0.7) == pytest.approx(kl_divergence(y, 3.0, 0.7), abs=1e-12)


@pytest.mark.parametrize("limit", [0.0, 1.0])
def test_the_plane_tends_to_the_one_dimensional_limits(limit):
    """Extrapolated from two values of α: the curvature in α leaves 1e-10 times a few hundred."""
    y = states(20, 2.5, 6, 1, 0.6)
    h = 1e-5

    def extrapolated(function, *arguments):
        near, far = (function(y, *arguments, alpha=abs(limit - k * h)) for k in (1, 2))
        return 2 * near - far

    expected = divergence_velocity(y, 2.5, 0.6, 1.0, alpha=limit)
    scale = 1 + abs(expected).max()
    got = extrapolated(divergence_velocity, 2.5, 0.6, 1.0)
    assert got == pytest.approx(expected, abs=3e-8 * scale)
    value = divergence(y, 2.5, 0.6, alpha=limit)
    assert extrapolated(divergence, 2.5, 0.6) == pytest.approx(value, abs=3e-8)
    if limit == 0:
        assert expected == pytest.approx(velocity(y, 2.5, 0.6, 1.0), abs=1e-11)


def test_the_forward_kl_is_the_slope_of_its_closed_form():
    y, h = states(10, 2.5, 6, 2, 0.7), 1e-5
    f = divergence_velocity(y, 2.5, 0.6, 1.0, alpha=1.0)
    fall = divergence(y + h * f, 2.5, 0.6, alpha=1.0) - divergence(y - h * f, 2.5, 0.6, alpha=1.0)
    assert (fall < 0).all()
    line = np.array([1.3, -0.4, 0.7])
    y = [2.5 * line[0], 2.5 * line[1], line[0] ** 2, line[0] * line[1], line[1] ** 2, line[2]]
    _, grad, _ = on_the_line(line, 2.5, 0.3, objective(alpha=1.0))
    weight = 1 / (1 + math.exp(-0.3))
    f = divergence_velocity(y, 2.5, weight, 1.0, alpha=1.0)
    assert -grad == pytest.approx([f[0] / 2.5, f[1] / 2.5, f[5]], abs=1e-9)


@pytest.mark.parametrize("kind", OBJECTIVES, ids=str)
def test_the_plane_on_the_line_of_the_modes(kind):
    r, logit = 3.0, 0.3
    weight = 1 / (1 + math.exp(-logit))
    parts = objective(kind.get("alpha", 0.0), kind.get("share", 0.0))
    for line in ([3.2, 2.7, 0.4], [1.0, -2.0, -1.5], [2.0, 2.0, 0.0], [-1.0, 3.0, -25.0]):
        a, b, l = line
        y = [r * a, r * b, a * a, a * b, b * b, l]
        value, grad, _ = on_the_line(np.array(line), r, logit, parts)
        f = divergence_velocity(y, r, weight, 1.0, **kind)
        assert [f[0] / r, f[1] / r, f[5]] == pytest.approx(-grad, abs=2e-8)
        assert divergence(y, r, weight, **kind) == pytest.approx(value, abs=2e-8)


@pytest.mark.parametrize("edge", [0.036, 0.12, 0.22])
def test_the_rules_across_the_modes_agree_where_they_meet(edge):
    """Coarser rules are used for smaller |b| (Eq. 14.10); dy/dt is smooth there, to 1e-8."""
    rates = []
    for size in (edge * (1 - 1e-6), edge * (1 + 1e-6), edge * (1 + 3e-6)):
        b1, b2 = size, -0.4 * size
        x = [2.9, 1.1, b1 * b1, b1 * b2, b2 * b2]
        y = [3 * x[0], 3 * x[1], x[2] + x[0] ** 2, x[3] + x[0] * x[1], x[4] + x[1] ** 2, 0.3]
        rates.append(divergence_velocity(y, 3.0, 0.6, 1.0, alpha=0.5))
    below, above, beyond = rates
    assert below == pytest.approx(2 * above - beyond, abs=2e-8)
    assert abs(beyond - above).max() > 1e-9  # there is something to see


@pytest.mark.parametrize("alpha", [0.05, 0.5, 0.95])
@pytest.mark.parametrize("r", [1.5, 4.0])
def test_the_two_lattices_of_the_plane_agree(alpha, r):
    """Along μ* and μ_1 − μ_2, or along μ* and across it, where the value is wanted (Eq. 14.17)."""
    x = overlaps_to_axial(states(60, r, 6, 7), r)
    x[:, :2] *= 1.5
    for state in x:
        skewed, product = np.zeros(7), np.zeros(7)
        _plane(state, r, 0.4, alpha, 1.0, False, skewed)
        _plane(state, r, 0.4, alpha, 1.0, True, product)
        assert skewed == pytest.approx(product, rel=1e-8, abs=1e-8)


def test_merged_means_need_no_direction():
    """Where the means meet the frame across μ* is free: the velocity is continuous there."""
    y = np.array([1.0, 1.0, 5.0, 5.0, 5.0, 0.4])
    near = y + np.array([0, 0, 1e-7, 0, -1e-7, 0])
    far = y + np.array([0, 0, 1e-5, 0.5e-5, 0, 0])
    f = divergence_velocity(y, 2.0, 0.6, 1.0, alpha=0.6)
    for other in (near, far):
        got = divergence_velocity(other, 2.0, 0.6, 1.0, alpha=0.6)
        assert got == pytest.approx(f, abs=1e-4)


@pytest.mark.parametrize("kind", [{"alpha": 0.7}, {"share": 0.2}])
def test_runs_on_both_sides_of_the_critical_separation(kind):
    """Random starts collapse above r_c alone: r_c(α = 0.7) = 3.209, r_c(λ = 0.2) = 3.548."""
    r_c = divergence_critical_separation(**kind)
    parts = []
    for r in (r_c - 0.35, r_c + 1.2):
        p = target(r, 4)
        start = random_start(p, 8, np.random.default_rng(6))
        run = integrate_divergence(p, start, [400.0], **kind)
        assert run.finished.all()
        parts.append(int(run.collapsed.sum()))
    assert parts[0] == 0
    assert parts[1] >= 1


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        ({"alpha": 1.5}, "alpha: got 1.5"),
        ({"share": 1.0}, "share: got 1.0"),
        ({"alpha": 0.5, "share": 0.1}, "alpha and share"),
        ({"geometry": "flat"}, "geometry: got 'flat'"),
    ],
)
def test_wrong_arguments(arguments, named):
    with pytest.raises(ValueError, match=named):
        divergence_velocity(np.zeros(6), 2.0, **arguments)


def test_wide_starts_are_as_exact_as_others():
    """A start on the sphere at r = 9: the means are 13 apart, and 18 from a mode."""
    start = random_start(target(9.0, 16), 5, np.random.default_rng(8))
    y = np.concatenate([start.m, start.q, start.logit[:, None]], axis=1)
    f, h = divergence_velocity(y, 9.0, alpha=0.9), 1e-5
    rise = divergence(y + h * f, 9.0, alpha=0.9) - divergence(y - h * f, 9.0, alpha=0.9)
    x = overlaps_to_axial(y, 9.0)
    for state in x:
        skewed, product = np.zeros(7), np.zeros(7)
        _plane(state, 9.0, 0.0, 0.9, 1.0, False, skewed)
        _plane(state, 9.0, 0.0, 0.9, 1.0, True, product)
        assert skewed == pytest.approx(product, rel=1e-8, abs=1e-8)
    assert (rise <= 1e-8).all()


def test_what_underflows_is_refused():
    y = [0.0, 0.0, 3600.0, 0.0, 3600.0, 0.0]
    with pytest.raises(ValueError, match="means too far from the modes"):
        divergence_velocity(y, 3.0, alpha=0.5)
    out = np.zeros(7)
    assert math.isnan(_plane(np.array([0.0, 0, np.nan, 0, 1, 0]), 3.0, 0.0, 0.5, 1.0, False, out))
    assert math.isnan(_plane(np.array([np.nan, 0, 1, 0, 1, 0]), 3.0, 0.0, 0.5, 1.0, True, out))
