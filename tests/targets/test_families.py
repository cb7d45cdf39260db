"""Each family's log-density against an independent formula, log Z and weights against integrals."""

from __future__ import annotations

import math
from itertools import permutations

import numpy as np
import pytest
import torch
from scipy import integrate, stats

from modecollapse.flows import train
from modecollapse.targets import (
    KINDS,
    LabelSwitching,
    ManyWell,
    Phi4,
    SignPosterior,
    Target,
    elliptical,
    named,
)
from modecollapse.targets.densities import density as density_of
from modecollapse.targets.elliptical import anisotropic, heavy_tailed, simplex
from modecollapse.targets.transfer import Ring

MEANS = np.array([[3.0, 0.0, 0.0], [-1.0, 2.0, 0.0]])
SCALES = np.array(
    [[[1.0, 0.3, 0.0], [0.3, 0.5, 0.1], [0.0, 0.1, 2.0]], [[2.0, 0, 0], [0, 1.0, 0], [0, 0, 0.3]]]
)
FAMILIES = {
    "gaussians": elliptical(MEANS, [0.7, 0.3], SCALES),
    "t": elliptical(MEANS, [0.7, 0.3], SCALES, degrees=3.0),
    "anisotropic": anisotropic(3.0, 4, 10.0),
    "simplex": simplex(4, 3.0, 5),
    "many well": ManyWell(2),
    "φ⁴ on a ring": Phi4(5, 1, -1.0, 0.7, 0.1),
    "φ⁴ on a square": Phi4(3, 2, -1.0, 1.0),
    "φ⁴ in its symmetric phase": Phi4(3, 2, 1.0, 1.0),
    "signs": SignPosterior(3),
    "labels": LabelSwitching(3),
    "labels in the plane": LabelSwitching(2, features=2),
}


def points(p, n=40, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return 1.5 * torch.randn(n, p.dimension, generator=generator, dtype=torch.float64)


@pytest.mark.parametrize("p", FAMILIES.values(), ids=FAMILIES)
def test_every_family_is_a_target_whose_masses_sum_to_one(p):
    assert isinstance(p, Target)
    axes = np.stack([p.axes("random", np.random.default_rng(k)) for k in (0, 1)])
    density = density_of(p, torch.as_tensor(axes))
    x = points(p)[None].expand(2, -1, -1)
    assert density.log_density(x).shape == (2, 40)
    assert torch.allclose(density.log_density(x)[0], p.log_density(x[0]))
    masses = density.masses(x)
    assert len(masses) == len(p.mode_names) == len(p.weights) == len(p.places)
    assert torch.allclose(sum(masses), torch.ones(2, 40).double())
    assert torch.allclose(density.projection(x), torch.einsum("sbd,sd->sb", x, density.directions))
    assert p.weights.sum() == pytest.approx(1)
    own = torch.tensor(p.places)
    assert torch.stack(list(p.masses(own))).argmax(0).tolist() == list(range(len(p.places)))
    assert np.linalg.norm(p.places, axis=1).max() < p.reach
    assert p.description()["dimension"] == p.dimension


@pytest.mark.parametrize("degrees", [math.inf, 3.0])
def test_an_elliptical_mixture_is_scipys(degrees):
    p = elliptical(MEANS, [0.7, 0.3], SCALES, degrees)
    x = points(p).numpy()
    law = (
        stats.multivariate_normal
        if degrees == math.inf
        else lambda m, s: stats.multivariate_t(m, s, df=degrees)
    )
    parts = [w * law(m, s).pdf(x) for w, m, s in zip([0.7, 0.3], MEANS, SCALES, strict=True)]
    np.testing.assert_allclose(p.log_density(torch.as_tensor(x)), np.log(sum(parts)), rtol=1e-10)
    found = torch.stack(list(p.masses(torch.as_tensor(x)))).numpy()
    np.testing.assert_allclose(found, np.stack(parts) / sum(parts), rtol=1e-9)


@pytest.mark.parametrize("name", ["gaussians", "t", "many well"])
def test_samples_have_the_law_of_the_density(name):
    """Along a line, by the distribution function of the density, integrated numerically."""
    p = FAMILIES[name]
    n = 20_000
    x = p.draw(torch.Generator().manual_seed(1), torch.empty(n, p.dimension, dtype=torch.float64))
    found = torch.stack(list(p.masses(x))).mean(-1).numpy()
    assert found == pytest.approx(p.weights, abs=4.5 * 0.5 / math.sqrt(n))
    if name == "many well":
        y = np.linspace(-4, 4, 4001)
        pdf = np.exp(0.5 * y + 6 * y**2 - y**4)
        cdf = integrate.cumulative_trapezoid(pdf, y, initial=0)
        law = lambda t: np.interp(t, y, cdf / cdf[-1])  # noqa: E731
        assert stats.kstest(x[:, 2].numpy(), law).pvalue > 1e-3
        assert stats.kstest(x[:, 1].numpy(), stats.norm.cdf).pvalue > 1e-3
    else:
        one = stats.norm.cdf if name == "gaussians" else stats.t(3.0).cdf
        widths = np.sqrt(SCALES[:, 1, 1])
        law = lambda t: sum(  # noqa: E731
            w * one((t - m[1]) / s) for w, m, s in zip([0.7, 0.3], MEANS, widths, strict=True)
        )
        assert stats.kstest(x[:, 1].numpy(), law).pvalue > 1e-3


def test_separations_are_those_of_the_modes_own_metric():
    p = anisotropic(3.0, 4, 10.0, seed=2)
    half = (p.means[0] - p.means[1]) / 2
    assert half @ np.linalg.solve(p.scales[0], half) == pytest.approx(9.0)
    values = np.linalg.eigvalsh(p.scales[0])
    assert values[-1] / values[0] == pytest.approx(10.0)
    assert np.log(values).sum() == pytest.approx(0, abs=1e-12)
    distances = [np.linalg.norm(a - b) for a, b in permutations(simplex(4, 2.0, 3).means, 2)]
    assert np.ptp(distances) < 1e-12
    assert heavy_tailed(2.0, 4, 3.0).degrees == 3.0


def test_the_many_well_has_its_published_normaliser_and_its_integral():
    assert ManyWell(16).log_z == pytest.approx(
        16 * (math.log(11784.50927) + 0.5 * math.log(2 * math.pi)), abs=1e-6
    )
    p = ManyWell(1, 0.3, 2.0, 0.5)

    def value(y, z):
        return math.exp(p.log_density(torch.tensor([y, z], dtype=torch.float64)))

    whole = integrate.dblquad(value, -8, 8, -5, 5, epsabs=1e-6)[0]
    barrier = p.stationary[1]
    above = integrate.dblquad(value, -8, 8, barrier, 5, epsabs=1e-6)[0]
    assert p.log_z == pytest.approx(math.log(whole), abs=1e-6)
    assert p.weights == pytest.approx([1 - above / whole, above / whole], abs=1e-6)
    y = torch.as_tensor(p.stationary).requires_grad_()
    (slope,) = torch.autograd.grad((0.3 * y + 2 * y**2 - 0.5 * y**4).sum(), y)
    assert slope.abs().max() < 1e-12


def test_phi4_is_the_sum_over_sites_and_links():
    p = Phi4(3, 2, -1.3, 0.6, 0.2)
    x = points(p, 5).numpy()
    for phi in x:
        field, action = phi.reshape(3, 3), 0.0
        for i in range(3):
            for j in range(3):
                here = field[i, j]
                action += (field[(i + 1) % 3, j] - here) ** 2
                action += (field[i, (j + 1) % 3] - here) ** 2
                action += -1.3 * here**2 + 0.6 * here**4 - 0.2 * here
        assert float(p.log_density(torch.as_tensor(phi))) == pytest.approx(-action)
    ring = Phi4(2, 1, -1.0, 1.0)
    assert float(ring.log_density(torch.tensor([1.0, 0.0]))) == pytest.approx(-2.0)


def test_phi4_on_two_sites_is_its_double_integral():
    p = Phi4(2, 1, -1.0, 1.0, 0.2)

    def value(b, a):
        return math.exp(p.log_density(torch.tensor([a, b], dtype=torch.float64)))

    whole = integrate.dblquad(value, -4, 4, -4, 4, epsabs=1e-7)[0]
    plus = integrate.dblquad(value, -4, 4, lambda a: -a, 8, epsabs=1e-7)[0]
    mean = integrate.dblquad(lambda b, a: a * value(b, a), -4, 4, -4, 4, epsabs=1e-7)[0]
    assert p.log_z == pytest.approx(math.log(whole), abs=1e-6)
    assert p.weights == pytest.approx([plus / whole, 1 - plus / whole], abs=1e-6)
    assert p.ring.mean == pytest.approx(mean / whole, abs=1e-6)


def test_phi4_on_a_ring_without_interaction_is_gaussian():
    """log Z = ½ Σ_k log(π / (m² + 2(1 − cos 2πk/N))), ⟨φ⟩ = h/(2m²)."""
    n, m2, h = 6, 0.5, 0.4
    ring = Ring(n, m2, 1e-10, h)
    eigenvalues = m2 + 2 * (1 - np.cos(2 * np.pi * np.arange(n) / n))
    exact = 0.5 * np.log(np.pi / eigenvalues).sum() + n * h**2 / (4 * m2)
    assert ring.log_z == pytest.approx(exact, abs=1e-6)
    assert ring.mean == pytest.approx(h / (2 * m2), abs=1e-6)
    total = stats.norm(n * h / (2 * m2), math.sqrt(n / (2 * m2)))
    assert ring.positive == pytest.approx(total.sf(0), abs=1e-6)


def test_the_field_derivative_of_log_z_is_the_mean():
    h, step = 0.1, 1e-4
    up, down = (Ring(8, -1.0, 0.8, h + s).log_z for s in (step, -step))
    assert Ring(8, -1.0, 0.8, h).mean == pytest.approx((up - down) / (2 * step * 8), abs=1e-7)


def test_modes_of_phi4_are_stationary_and_r_is_its_formula():
    for p in (Phi4(4, 2, -1.0, 0.7), Phi4(3, 2, -2.0, 1.0, 0.3), Phi4(3, 1, 1.0, 1.0, 0.5)):
        x = torch.as_tensor(p.places).requires_grad_()
        (gradient,) = torch.autograd.grad(p.log_density(x).sum(), x)
        assert gradient.abs().max() < 1e-10
    assert Phi4(4, 2, -1.0, 0.7).separation == pytest.approx(math.sqrt(32 / 0.7))
    assert Phi4(3, 2, -1.0, 1.0, 0.2).weights is None
    assert Phi4(3, 2, 1.0, 1.0).separation == 0.0


def test_the_sign_posterior_is_its_formula_and_even():
    p = SignPosterior(3, observations=6, noise=0.7, seed=4)
    a, y, truth = p.data
    x = points(p)
    exact = [
        stats.norm.logpdf(y, (a @ t) ** 2, 0.7).sum() + stats.norm.logpdf(t).sum()
        for t in x.numpy()
    ]
    difference = p.log_density(x).numpy() - exact
    assert np.ptp(difference) < 1e-9
    assert torch.equal(p.log_density(x), p.log_density(-x))
    assert np.linalg.norm(truth) == pytest.approx(math.sqrt(3))


def test_label_switching_is_its_formula_and_symmetric():
    p = LabelSwitching(3, features=2, observations=7, spacing=2.0, prior=1.5, seed=3)
    x = points(p)
    exact = []
    for theta in x.numpy():
        means = theta.reshape(3, 2)
        parts = [stats.multivariate_normal(m).pdf(p.data) / 3 for m in means]
        prior = -0.5 * (theta**2).sum() / 1.5**2
        exact.append(np.log(sum(parts)).sum() + prior)
    np.testing.assert_allclose(p.log_density(x), exact, rtol=1e-10)
    for order in permutations(range(3)):
        moved = x.unflatten(-1, (3, 2))[:, list(order)].flatten(-2)
        assert torch.allclose(p.log_density(moved), p.log_density(x))
    assert len({tuple(place) for place in p.places}) == 6


def test_every_kind_is_made_by_name_and_tells_what_is_wrong():
    given = {
        "bimodal": {"separation": 2.0, "dimension": 3},
        "simplex": {"n_modes": 3, "separation": 2.0, "dimension": 3},
        "anisotropic": {"separation": 2.0, "dimension": 3, "condition": 4.0},
        "heavy-tailed": {"separation": 2.0, "dimension": 3, "degrees": 4.0},
        "uneven": {"separation": 3.0, "dimension": 3, "narrow": 0.5},
        "many-well": {"wells": 2},
        "phi4": {"extent": 2},
        "sign-posterior": {"dimension": 3},
        "label-switching": {},
    }
    assert given.keys() == KINDS.keys()
    for kind, parameters in given.items():
        assert isinstance(named(kind, **parameters), Target)
    with pytest.raises(ValueError, match=r"^kind: got 'ising'; allowed: one of bimodal"):
        named("ising")
    with pytest.raises(ValueError, match=r"^parameters: got \['wells', 'x'\]; allowed: wells"):
        named("many-well", wells=1, x=2)
    with pytest.raises(ValueError, match=r"^parameters: got \[\]"):
        named("phi4")


@pytest.mark.parametrize(
    ("make", "told"),
    [
        (lambda: elliptical([[0.0, 1.0]], scales=[[[1.0, 2.0], [2.0, 1.0]]]), "^scales: .*eigenv"),
        (lambda: elliptical([[0.0, 1.0]], scales=[[[1.0, 2.0], [0.0, 9.0]]]), "^scales: .*symm"),
        (lambda: elliptical([[0.0, 1.0]], degrees=0.0), "^degrees: got 0.0"),
        (lambda: elliptical([[0.0, 1.0]], [0.5]), "^weights: got"),
        (lambda: ManyWell(1, tilt=50.0), "^tilt: got 50.0"),
        (lambda: Phi4(3, 3), "^lattice_dimensions: got 3"),
        (lambda: Phi4(3, coupling=0.0), "^coupling: got 0.0"),
        (lambda: SignPosterior(3, noise=-1.0), "^noise: got -1.0"),
        (lambda: LabelSwitching(5), "^components: got 5"),
        (lambda: simplex(5, 2.0, 3), "^dimension: got 3"),
    ],
)
def test_wrong_parameters_are_named(make, told):
    with pytest.raises(ValueError, match=told):
        make()


@pytest.mark.parametrize("name", ["t", "many well", "φ⁴ on a ring", "labels"])
def test_flows_train_on_a_family(name):
    p = FAMILIES[name]
    run = train(p, seeds=2, couplings=2, hidden=8, depth=1, steps=10, batch=32, log_every=5,
                evaluation_samples=256, device="cpu")  # fmt: skip
    kl = "kl" if p.log_z is not None else "negative_elbo"
    assert np.isfinite(run.final(kl)).all()
    assert all(o is not None for o in run.outcome)


def test_what_has_no_exact_samples_says_so():
    with pytest.raises(ValueError, match=r"^target: got a Phi4, which has none"):
        train(Phi4(2), seeds=1, steps=1, objective="maximum-likelihood")
