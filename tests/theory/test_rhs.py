"""The closed equations against brute force, identities and limits."""

import math

import mpmath
import numpy as np
import pytest
import torch
from scipy.integrate import quad
from scipy.special import expit, logit
from scipy.stats import chi2, norm

from modecollapse.overlaps import Overlaps
from modecollapse.quadrature import _sigmoid
from modecollapse.targets import GaussianMixture
from modecollapse.theory import core
from modecollapse.theory.rhs import (
    axial_to_overlaps,
    jacobian,
    kl_divergence,
    mode_masses,
    overlaps_to_axial,
    velocity,
)


def order_parameters(means, l, r):
    """y of two means, rows of shape (2, d), where μ* = r e_1."""
    gram = means @ means.T
    return np.array([*(r * means[:, 0]), gram[0, 0], gram[0, 1], gram[1, 1], l])


def mixtures(means, l, r, weight):
    mode = r * np.eye(means.shape[1])[0]
    q = GaussianMixture(means, expit(np.array([l, -l])))
    return q, GaussianMixture(np.stack([mode, -mode]), [weight, 1 - weight])


def brute_force(means, l, r, weight, step=0.12, reach=8.5):
    """KL, its gradient by the means and ℓ, and the mode masses, by the trapezoidal rule.

    The gradients are ∇_{μ_i} KL = w_i E_i[(x − μ_i) log q/p] and ∂KL/∂ℓ = w_1 w_2 (A_1 − A_2),
    which share no step with the equations under test.  Error exp(−2π²/(D h)) < 1e-13 for D, 2r < 5.
    """
    q, p = mixtures(means, l, r, weight)
    axes = [np.arange(low - reach, high + reach, step) for low, high in zip(
        means.min(0), means.max(0), strict=True)]  # fmt: skip
    x = np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1).reshape(-1, means.shape[1])
    log_joint = q.component_log_joint(x)
    u = np.logaddexp(*log_joint.T) - p.log_density(x)
    density = np.exp(log_joint) * step ** means.shape[1]  # w_i N_i dx
    kl = (density.sum(1) * u).sum()
    by_means = np.stack([(density[:, i] * u) @ (x - means[i]) for i in range(2)])
    w = density.sum(0)
    advantage = (density * u[:, None]).sum(0) / w
    masses = density.sum(1) @ p.responsibilities(x)
    return kl, by_means, w[0] * w[1] * (advantage[0] - advantage[1]), masses


def rates(means, by_means, by_l, r, eta):
    """dy/dt from the gradient in full space."""
    g, f = -by_means, -by_means @ means.T
    return np.array([*(r * g[:, 0]), 2 * f[0, 0], f[0, 1] + f[1, 0], 2 * f[1, 1], -eta * by_l])


CASES = {
    "generic": (np.array([[0.4, 1.1], [-0.7, 0.3]]), 0.3, 1.7, 0.35),
    "near the target": (np.array([[1.68, 0.01], [-1.71, -0.02]]), 0.0, 1.7, 0.5),
    "aligned": (np.array([[2.1, 0.1], [1.7, -0.2]]), -1.0, 2.0, 0.5),
    "merged": (np.array([[0.5, 0.8], [0.5, 0.8 + 1e-9]]), 0.7, 1.5, 0.8),
    "light component": (np.array([[1.0, -1.0], [-1.5, 0.4]]), -12.0, 1.5, 0.3),
    "three dimensions": (np.array([[0.4, 1.1, 0.0], [-0.7, 0.3, -0.6]]), 0.3, 1.7, 0.35),
}


@pytest.mark.parametrize("case", CASES)
def test_against_brute_force_quadrature(case):
    means, l, r, weight = CASES[case]
    step = 0.25 if means.shape[1] == 3 else 0.12
    tolerance = 1e-9 if means.shape[1] == 3 else 1e-11  # exp(−2π²/(2 r h)) = 1e-10 at h = 0.25
    kl, by_means, by_l, masses = brute_force(means, l, r, weight, step)
    y, eta = order_parameters(means, l, r), 1.7
    assert kl_divergence(y, r, weight) == pytest.approx(kl, abs=tolerance)
    assert mode_masses(y, r, weight) == pytest.approx(masses, abs=tolerance)
    expected = rates(means, by_means, by_l, r, eta)
    assert velocity(y, r, weight, eta) == pytest.approx(expected, abs=10 * tolerance)


def estimates(means, l, r, weight, blocks, size, seed):
    """Monte Carlo estimates of the gradient by torch's autograd, (blocks, 2 d + 1)."""
    d = means.shape[1]
    generator = torch.Generator().manual_seed(seed)
    mode = torch.zeros(d, dtype=torch.float64)
    mode[0] = r
    mu = torch.tensor(means, requires_grad=True)
    ell = torch.tensor(l, dtype=torch.float64, requires_grad=True)
    rows = []
    for _ in range(blocks):
        z = torch.randn(2, size, d, generator=generator, dtype=torch.float64)
        x = mu[:, None, :] + z
        log_w = torch.nn.functional.logsigmoid(torch.stack([ell, -ell]))

        def log_mixture(x, centres, log_weights):
            squares = ((x[..., None, :] - centres) ** 2).sum(-1)
            return torch.logsumexp(log_weights - 0.5 * squares, dim=-1)

        log_p = torch.log(torch.tensor([weight, 1 - weight], dtype=torch.float64))
        u = log_mixture(x, mu, log_w) - log_mixture(x, torch.stack([mode, -mode]), log_p)
        loss = (log_w.exp() * u.mean(1)).sum()
        by_mu, by_ell = torch.autograd.grad(loss, [mu, ell])
        rows.append(np.append(by_mu.numpy().ravel(), by_ell.item()))
    return np.array(rows)


def misfit(rows, expected):
    """p-value of the hypothesis that the rows have this mean (Hotelling's T², many blocks)."""
    n, k = rows.shape
    gap = rows.mean(0) - expected
    statistic = n * gap @ np.linalg.solve(np.cov(rows.T), gap)
    return chi2.sf(statistic * (n - k) / (n - 1), k)


def test_against_torch_autograd():
    rng = np.random.default_rng(5)
    r, weight, l, d = 1.8, 0.3, 0.4, 5
    means = rng.normal(size=(2, d))
    rows = estimates(means, l, r, weight, blocks=100, size=1000, seed=6)

    # The gradient by the means, from the equations: −dμ_i/dt in the span of μ_1, μ_2 and μ*.
    x = overlaps_to_axial(order_parameters(means, l, r), r)
    d2 = ((means[0] - means[1]) ** 2).sum()
    pull = expit(l) * _sigmoid(-l - d2 / 2, math.sqrt(d2))
    mode = r * np.eye(d)[0]
    w = expit(np.array([l, -l]))
    tilt = [2 * _sigmoid(2 * r * a + logit(weight), 2 * r) - 1 for a in x[:2]]
    away = pull * (means[0] - means[1])
    by_means = np.stack(
        [w[0] * (means[0] - tilt[0] * mode) - away, w[1] * (means[1] - tilt[1] * mode) + away]
    )
    by_l = -velocity(order_parameters(means, l, r), r, weight, 1.0)[5]
    expected = np.append(by_means.ravel(), by_l)
    assert rates(means, by_means, by_l, r, 1.0) == pytest.approx(
        velocity(order_parameters(means, l, r), r, weight, 1.0), abs=1e-13
    )
    assert misfit(rows, expected) > 1e-5
    # The same data reject equations without the overlap S, or with the weights' speed doubled.
    without = np.append((by_means + np.stack([away, -away])).ravel(), by_l)
    assert misfit(rows, without) < 1e-8
    assert misfit(rows, np.append(by_means.ravel(), 2 * by_l)) < 1e-8


def random_states(n, seed, r=2.3):
    rng = np.random.default_rng(seed)
    means = 1.5 * rng.normal(size=(n, 2, 4))
    return np.stack([order_parameters(m, rng.normal(), r) for m in means])


def finite_differences(f, y, h=1e-3):
    """Sixth-order central differences of f along each order parameter, last axis."""
    c = np.array([-1, 9, -45, 45, -9, 1]) / (60 * h)
    shifts = h * np.array([-3, -2, -1, 1, 2, 3])
    return np.stack(
        [
            sum(ci * f(y + s * e) for ci, s in zip(c, shifts, strict=True))
            for e in np.eye(y.shape[-1])
        ],
        axis=-1,
    )


@pytest.mark.parametrize("eta", [0.0, 3.0])
def test_jacobian(eta):
    y = random_states(20, 1)
    numeric = finite_differences(lambda y: velocity(y, 2.3, 0.62, eta), y)
    # rounding 1e-15 r²/h and truncation h⁶: 1e-11
    assert jacobian(y, 2.3, 0.62, eta) == pytest.approx(numeric, abs=3e-10)


def test_kl_falls_at_the_rate_of_the_squared_gradient():
    """dKL/dt = −Σ_i ‖dμ_i/dt‖² − (dℓ/dt)²/η, along the flow in full space."""
    r, weight, eta = 2.0, 0.3, 1.3
    rng = np.random.default_rng(2)
    for means in 1.3 * rng.normal(size=(5, 2, 3)):
        l = rng.normal()

        def kl(v, r=r, weight=weight):
            return kl_divergence(order_parameters(v[:6].reshape(2, 3), v[6], r), r, weight)

        gradient = finite_differences(kl, np.append(means.ravel(), l))
        y = order_parameters(means, l, r)
        by_y = finite_differences(lambda y: kl_divergence(y, r, weight), y)
        rate = by_y @ velocity(y, r, weight, eta)
        assert rate == pytest.approx(-(gradient[:6] ** 2).sum() - eta * gradient[6] ** 2, abs=1e-9)


def test_the_target_is_at_rest_with_no_divergence():
    for r, weight in [(0.3, 0.5), (2.0, 0.2), (20.0, 0.9)]:
        for side in (1, -1):
            y = [side * r**2, -side * r**2, r**2, -(r**2), r**2, side * logit(weight)]
            assert abs(kl_divergence(y, r, weight)) < 1e-28
            assert np.abs(velocity(y, r, weight, 5.0)).max() < 1e-13 * r**2


def exact_kl(x, r, weight):
    """KL(q‖p) by 40-digit arithmetic: Eq. 3.9, the expectations by a fine rule."""
    a1, a2, p11, p12, p22, l = (mpmath.mpf(float(v)) for v in x)
    r, weight = mpmath.mpf(r), mpmath.mpf(weight)
    d2 = (a1 - a2) ** 2 + p11 - 2 * p12 + p22

    def soft(a, b):  # trapezoidal rule: errors exp(−2π²/(b h)) and exp(−2π²/h²), below 1e-80
        nodes = (mpmath.mpf(k) / 64 for k in range(-14 * 64, 14 * 64))
        return sum(mpmath.npdf(z) * mpmath.log1p(mpmath.e ** (a + b * z)) for z in nodes) / 64

    prior = mpmath.log(weight / (1 - weight))
    total = mpmath.mpf(0)
    for sign, a, p in ((1, a1, p11), (-1, a2, p22)):
        log_w = -mpmath.log1p(mpmath.e ** (-sign * l))
        log_q = log_w + soft(-sign * l - d2 / 2, mpmath.sqrt(d2))
        log_p = mpmath.log(weight) - ((a - r) ** 2 + p) / 2 + soft(-2 * r * a - prior, 2 * r)
        total += mpmath.e**log_w * (log_q - log_p)
    return total


@pytest.mark.parametrize("gap", [0.19, 0.21, 1e-2, 1e-5, 1e-9])
def test_kl_keeps_its_relative_precision_near_the_target(gap):
    """The condition number of KL by a is r/gap: a is rounded, so is any KL made of it."""
    r, weight = 1.5, 0.4
    mpmath.mp.dps = 40
    for side in (1, -1):
        x = np.array([side * (r + gap), side * (-r + gap / 3), gap**2, gap**2 / 4, gap**2 / 2, 0.0])
        x[5] = side * (logit(weight) + gap / 2)
        expected = exact_kl(x, r, weight)
        found = core._kl(x, r, float(np.log(weight) - np.log1p(-weight)))
        assert abs(float(found / expected) - 1) < 1e-14 * (10 + r / gap)


def test_kl_keeps_its_relative_precision_when_collapsed():
    r, weight = 3.0, 0.5
    for split in (0.0, 1e-3, 0.4):
        x = np.array([r + split, r - split, 0.0, 0.0, 0.0, 0.0])
        expected = exact_kl(x, r, weight)
        assert abs(float(core._kl(x, r, 0.0) / expected) - 1) < 1e-14


def test_a_single_gaussian():
    """One weight gone, or the means merged: KL(N(μ, I)‖p), a single integral."""
    r, weight, mean = 1.6, 0.3, np.array([0.9, 0.7])

    def integrand(z):
        odds = 2 * r * (mean[0] + z) + logit(weight)
        log_p = np.log(weight) + np.logaddexp(0, -odds) - 0.5 * ((mean[0] - r) ** 2 + mean[1] ** 2)
        return -norm.pdf(z) * log_p

    single = quad(integrand, -12, 12, epsabs=1e-13, limit=200)[0]
    away = np.array([-2.0, 0.5])
    for means, l in [((mean, mean), 0.4), ((mean, away), 500.0), ((away, mean), -500.0)]:
        y = order_parameters(np.stack(means), l, r)
        assert kl_divergence(y, r, weight) == pytest.approx(single, abs=1e-12)


def test_a_target_of_one_mode():
    """As π → 1, and with the means merged, KL = ‖μ − μ*‖²/2."""
    r, mean = 2.0, np.array([1.4, -0.5])
    y = order_parameters(np.stack([mean, mean]), 0.0, r)
    expected = 0.5 * ((mean[0] - r) ** 2 + mean[1] ** 2)
    assert kl_divergence(y, r, 1 - 1e-15) == pytest.approx(expected, abs=1e-13)


def test_symmetries():
    y = random_states(10, 3)
    r, weight, eta = 2.3, 0.3, 2.0
    swap = np.array([1, 0, 4, 3, 2, 5])
    exchanged = y[:, swap] * [1, 1, 1, 1, 1, -1]  # the components renamed
    mirrored = y * [-1, -1, 1, 1, 1, 1]  # the modes renamed
    v = velocity(y, r, weight, eta)
    assert velocity(exchanged, r, weight, eta)[:, swap] * [1, 1, 1, 1, 1, -1] == pytest.approx(
        v, abs=1e-12
    )
    assert velocity(mirrored, r, 1 - weight, eta) * [-1, -1, 1, 1, 1, 1] == pytest.approx(
        v, abs=1e-12
    )
    kl = kl_divergence(y, r, weight)
    assert kl_divergence(exchanged, r, weight) == pytest.approx(kl, abs=1e-13)
    assert kl_divergence(mirrored, r, 1 - weight) == pytest.approx(kl, abs=1e-13)


def test_mode_masses():
    y = random_states(10, 4)
    masses = mode_masses(y, 2.3, 0.4)
    assert masses.sum(1) == pytest.approx(1, abs=1e-14)
    # Both means on the + mode of a well separated target: a tiny mass, to its relative precision.
    r = 10.0
    light = mode_masses([[r * r, r * r, r * r, r * r, r * r, 0.0]], r)[0, 1]
    expected = quad(lambda z: norm.pdf(z) * expit(-2 * r * (r + z)), -20, 5, epsabs=0)[0]
    assert light == pytest.approx(expected, rel=1e-7)
    assert light < 1e-20


def test_coordinates_there_and_back():
    y = random_states(5, 6)
    assert axial_to_overlaps(overlaps_to_axial(y, 2.3), 2.3) == pytest.approx(y, abs=1e-13)


def test_order_parameters_of_vectors_agree_with_overlaps():
    means = np.random.default_rng(0).normal(size=(1, 2, 4))
    o = Overlaps.from_vectors(means, [2.0, 0, 0, 0], [0.3])
    y = np.concatenate([o.m, o.q, o.logit[:, None]], axis=1)[0]
    assert order_parameters(means[0], 0.3, 2.0) == pytest.approx(y, abs=1e-14)


@pytest.mark.parametrize(
    ("change", "name"),
    [
        ({"separation": -1.0}, "separation"),
        ({"separation": 20.5}, "separation"),
        ({"weight": 0.0}, "weight"),
        ({"weight": 1.0}, "weight"),
        ({"eta": -0.1}, "eta"),
        ({"y": np.zeros(5)}, "y"),
        ({"y": [0, 0, np.nan, 0, 0, 0]}, "y"),
    ],
)
def test_refusals(change, name):
    arguments = {"y": np.zeros(6), "separation": 2.0, "weight": 0.5, "eta": 0.0} | change
    for function in (velocity, jacobian):
        with pytest.raises(ValueError, match=f"^{name}: "):
            function(**arguments)
