"""Escape from collapse by batch noise: limits that are known, and roads that share no code."""

from __future__ import annotations

import math
import re

import numpy as np
import pytest
import unevaluated
from scipy.integrate import quad, solve_ivp

from modecollapse import survival
from modecollapse.overlaps import Overlaps
from modecollapse.targets import BimodalTarget
from modecollapse.theory.bifurcations import critical_separation
from modecollapse.theory.equilibria import fixed_points
from modecollapse.theory.escape import path as path_module
from modecollapse.theory.escape.noise import noise
from modecollapse.theory.escape.normal_form import normal_form, passage_function
from modecollapse.theory.escape.passage import passage
from modecollapse.theory.escape.path import Exit, barrier, find_exit
from modecollapse.theory.escape.survival import escape, escape_law
from modecollapse.theory.metastability import fold_delay
from modecollapse.theory.rhs import kl_divergence, velocity

CRITICAL = critical_separation()


@pytest.mark.parametrize("score", [False, True])
@pytest.mark.parametrize("spread", [0.0, 0.3])
def test_the_mean_of_the_noise_is_the_closed_equations(score, spread):
    """The spread Δ is P_11 = P_22 = Δ/2; the coordinates along μ* see it through D² alone."""
    r, a = 2.5, np.array([[2.8, 1.9], [3.0, 0.2], [-1.0, 2.0]])
    half = np.full(3, spread / 2)
    y = np.stack(
        [*(r * a).T, a[:, 0] ** 2 + half, a[:, 0] * a[:, 1], a[:, 1] ** 2 + half, 0 * half], -1
    )
    f, _ = noise(a, r, score, spread=spread)
    np.testing.assert_allclose(f, velocity(y, r)[:, :2] / r, rtol=0, atol=1e-9)


@pytest.mark.parametrize("estimator", ["pathwise", "sticking-the-landing"])
@pytest.mark.parametrize("components", ["stratified", "sampled"])
@pytest.mark.parametrize("place", [(2.8, 1.6), (3.4, 0.2)], ids=["at rest", "in drift"])
def test_the_covariance_is_that_of_a_step_in_all_coordinates(estimator, components, place):
    r, a, n, batch = 2.5, np.array(place), 3000, 4
    start = Overlaps(np.tile(r * a, (n, 1)), np.tile([a[0] ** 2, a[0] * a[1], a[1] ** 2], (n, 1)))
    run = unevaluated.simulate(
        BimodalTarget(r, 2), start, step_size=1.0, steps=1, batch=batch, seed=3,
        estimator=estimator, components=components, evaluation_samples=4,
    )  # fmt: skip
    moved = np.stack([run.statistics[m][:, -1] for m in ("m1", "m2")], -1) / r - a
    f, c = noise(a, r, estimator == "pathwise", components == "stratified")
    scale = np.sqrt(np.outer(np.diag(c), np.diag(c)))
    error = 1 / math.sqrt(n)
    assert (np.abs(moved.mean(0) - f) < 5 * error * np.sqrt(np.diag(c) / batch)).all()
    # of samples with heavy tails, whose fourth moment is up to twice the normal one
    assert (np.abs(batch * np.cov(moved.T) - c) < 8 * error * scale).all()


def test_the_fold_is_that_of_the_bifurcations():
    """a and b of Eq. 8.1, by another quadrature; the law 8.2 from them."""
    form = normal_form(score=False)
    assert form.separation == pytest.approx(CRITICAL, abs=1e-9)
    law = fold_delay([1e-3]).law[0]
    assert 0.5 * math.pi / math.sqrt(form.pull * form.bend * 1e-3) == pytest.approx(law, rel=1e-6)
    assert (round(form.pull, 5), round(form.bend, 5)) == (0.37279, 0.15583)
    assert form.barrier(CRITICAL + 1) == pytest.approx(0.769, abs=1e-3)


@pytest.mark.parametrize("kappa", [-3.0, 0.0, 2.0])
def test_the_passage_function_is_the_double_integral(kappa):
    def inner(x):
        return quad(lambda y: math.exp(kappa * (x - y) - (x**3 - y**3) / 3), -12, x, limit=200)[0]

    # Beyond |x| = 8 the passage is ballistic: dx/x² from both ends.
    double = quad(inner, -8, 8, limit=200)[0]
    assert passage_function(kappa) == pytest.approx(double + 2 / 8, rel=0.01)


def test_the_limits_of_the_passage_function():
    assert passage_function(-1e4) == pytest.approx(math.pi / 100, rel=1e-6)
    kramers = math.pi / math.sqrt(20) * math.exp(4 / 3 * 20**1.5)
    assert passage_function(20.0) == pytest.approx(kramers, rel=0.003)


def test_far_below_the_fold_the_noise_does_not_matter():
    """Both halves of the bottleneck, Eq. 8.2; and the grid against the closed equations."""
    form = normal_form(score=True)
    law = fold_delay([0.05]).law[0]
    assert form.time(CRITICAL - 0.05, 1e-6, 10) == pytest.approx(2 * law, rel=1e-3)

    r, start = 2.12, np.array(form.positions)
    arrives = lambda t, a: a[1]  # noqa: E731
    arrives.terminal = True
    path = solve_ivp(lambda t, a: noise(a, r, True)[0], (0, 1e3), start, rtol=1e-8, events=arrives)
    found = passage(start, r, 1e-3, score=True, points=160)
    assert found.mean == pytest.approx(path.t[-1], rel=0.03)
    assert found.deviation < 0.2 * found.mean


def test_isotropic_noise_has_twice_the_potential(monkeypatch):
    """da = −∇V dt + √ε dW has Φ = 2 ΔV, V being KL, since μ moves by the gradient of KL."""
    r = 2.5
    exit = find_exit(r, score=False)

    def isotropic(a, *args, **options):
        f, c = noise(a, *args, **options)
        return f, np.broadcast_to(0.3 * np.eye(2), c.shape)

    monkeypatch.setattr(path_module, "noise", isotropic)

    def kl(a):
        return kl_divergence([r * a[0], r * a[1], a[0] ** 2, a[0] * a[1], a[1] ** 2, 0.0], r)

    expected = 2 * (kl(exit.saddle) - kl(exit.state)) / 0.3
    assert barrier(exit, gaussian=True) == pytest.approx(expected, rel=1e-4)


@pytest.mark.parametrize("score", [False, True])
def test_exits_are_the_fixed_points(score):
    for r in np.linspace(CRITICAL + 1e-4, 2.8, 12):
        exit = find_exit(float(r), score)
        points = [p for p in fixed_points(float(r)) if p.split > 0 and p.positions[1] > 0]
        found = {True: exit.state, False: exit.saddle}
        for p in points:
            np.testing.assert_allclose(found[p.stable], p.positions, atol=1e-8)
    assert find_exit(CRITICAL - 1e-3, score) is None


@pytest.mark.parametrize("score", [False, True])
def test_the_barrier_is_the_law_of_the_fold_next_to_it(score):
    form = normal_form(score)
    for distance, most in ((1e-3, 0.005), (1e-2, 0.02)):
        found = barrier(find_exit(CRITICAL + distance, score))
        law = form.barrier(CRITICAL + distance) / form.diffusivity(1.0, 1)
        assert abs(found / law - 1) < most


def test_no_path_is_cheaper():
    exit = find_exit(2.45, score=True)
    best = barrier(exit)
    rng = np.random.default_rng(1)
    for _ in range(5):
        shape = rng.normal(0, 0.3, path_module.TERMS)
        assert path_module._action(shape, exit, path_module._cost) > best - 1e-9


def test_the_hamiltonian_vanishes_on_the_path_and_its_slopes_are_its_differences():
    g, weights = path_module.contributions(np.array([[2.8, 1.4]]), 2.5, True)
    p, h = np.array([[0.2, -0.4]]), 1e-5
    for stratified in (True, False):
        at = lambda p: path_module._hamiltonian(g, weights, p, stratified)  # noqa: B023, E731
        _, slope, bend = at(p)
        for k in range(2):
            step = h * np.eye(2)[k]
            up, down = at(p + step), at(p - step)
            assert (up[0] - down[0]) / (2 * h) == pytest.approx(slope[:, k], abs=1e-8)
            np.testing.assert_allclose((up[1] - down[1]) / (2 * h), bend[:, k], atol=1e-8)
        assert at(0 * p)[0] == pytest.approx(0.0, abs=1e-12)


def test_without_noise_nothing_leaves():
    p = BimodalTarget(2.6, 64)
    kept = survival(p, [0, 10**6, 10**9], step_size=1e-3, batch=10**6)
    np.testing.assert_array_equal(kept, 1.0)


def test_survival_falls_from_one_to_nothing():
    p, settings = BimodalTarget(2.3, 1), {"step_size": 0.5, "batch": 8}
    steps = np.geomspace(1, 1e6, 30)
    kept = survival(p, steps, **settings)
    assert kept.shape == steps.shape
    assert kept[0] > 0.998
    assert kept[-1] < 1e-6
    assert (np.diff(kept) <= 0).all()
    law = escape(p, **settings)
    assert np.trapezoid(law.survival(t := np.linspace(0, 60 * law.mean, 20001)), t) == (
        pytest.approx(law.mean, rel=1e-3)
    )


def test_more_batch_waits_longer_and_the_dimension_counts_with_the_score_term_alone():
    def mean(d, batch, estimator):
        p = BimodalTarget(2.35, d)
        return escape(p, step_size=0.1, batch=batch, estimator=estimator).mean

    stl, full = "sticking-the-landing", "pathwise"
    assert mean(1, 4, stl) < mean(1, 8, stl) < mean(1, 16, stl)
    assert mean(1, 4, stl) == mean(1000, 4, stl)
    assert mean(1, 4, full) < mean(9, 4, full)


def test_skewness_shortens_the_whole_law():
    """Φ < Φ_G: mean and deviation of the diffusion's law (Eq. 16.6) times e^{(Φ − Φ_G) B/h}."""
    law = escape(BimodalTarget(2.4, 1), step_size=0.1, batch=4)
    exit = find_exit(2.4, True)
    grid = passage(exit.state, 2.4, 0.025, True)
    factor = math.exp((barrier(exit) - barrier(exit, gaussian=True)) / 0.025)
    assert factor < 0.9
    assert law.gaussian == pytest.approx(grid.mean, rel=1e-12)
    assert law.mean == pytest.approx(factor * grid.mean, rel=1e-12)
    assert law.deviation == pytest.approx(factor * grid.deviation, rel=1e-12)


def law_at(r, height, score=False):
    """The law where Φ_G B/h = `height`."""
    cost = barrier(find_exit(r, score), gaussian=True)
    return escape_law(r, cost / height, score)


@pytest.mark.parametrize(("r", "score"), [(2.3, False), (2.4, True), (2.6, True), (2.8, False)])
def test_a_high_barrier_is_the_grid_gone_on(r, score):
    """No jump at 14, no fall on the way, and the times of a finer grid, which has digits left."""
    heights = [10.0, 13.999, 14.001, 20.0]
    laws = [law_at(r, height, score) for height in heights]
    means = np.log([law.gaussian for law in laws])
    assert means[2] - means[1] == pytest.approx(0.002, abs=2e-4)
    np.testing.assert_allclose(np.diff(means), np.diff(heights), rtol=0.08, atol=1e-3)
    exit = find_exit(r, score)
    grid = passage(exit.state, r, barrier(exit, gaussian=True) / 20, score, points=160)
    assert laws[-1].gaussian == pytest.approx(grid.mean, rel=0.06)
    assert laws[-1].deviation == pytest.approx(laws[-1].mean, rel=1e-3)


@pytest.mark.parametrize("score", [False, True])
def test_far_above_the_barrier_is_all_that_grows(score):
    """log τ grows by Φ B/h, at 300 to 0.02 and for ever monotonously, until it is no number."""
    a, b = law_at(2.5, 300.0, score), law_at(2.5, 500.0, score)
    assert math.log(b.mean / a.mean) == pytest.approx(b.exponent - a.exponent, abs=0.02)
    assert math.log(b.gaussian / a.gaussian) == pytest.approx(200, abs=0.02)
    assert b.exponent / a.exponent == pytest.approx(5 / 3)
    last = law_at(2.5, 1e5, score).mean
    assert b.mean < last < math.inf


@pytest.mark.parametrize(("r", "most"), [(2.27, 0.02), (2.3, 0.02), (2.4, 0.06)])
def test_noise_that_grows_on_the_way_lengthens_kramers_time(r, most):
    """In one dimension τ = 2π (λ_s λ_u)^{−1/2} (D_u/D_s)^{1/2} e^{ΔV/D}, D at the saddle over D at
    the state: without the score term the outer mean hardly moves, and the noise is the inner's."""
    exit = find_exit(r, False)
    _, c = noise(np.array([exit.state, exit.saddle]), r, False)
    law = law_at(r, 25.0)
    prefactor = law.gaussian * math.exp(-25) * exit.rate / (2 * math.pi)
    growth = math.sqrt(c[1, 1, 1] / c[0, 1, 1])
    assert growth > 1.15
    assert prefactor == pytest.approx(growth, rel=most)


@pytest.mark.parametrize("d", [1, 3])
def test_the_score_moves_the_means_apart_across_the_line(d):
    """Eq. 16.8: Δ = (d − 1) h/B, none on the line itself."""
    law = escape(BimodalTarget(2.35, d), step_size=0.1, batch=4)
    exit = find_exit(2.35, True, spread=(d - 1) * 0.1 / 4)
    assert law.exponent == pytest.approx(barrier(exit) * 4 / 0.1, rel=1e-12)


@pytest.mark.parametrize(
    ("target", "change", "name"),
    [
        (BimodalTarget(2.4, 1, 0.6), {}, "target.weight"),
        (BimodalTarget(3.5, 1), {}, "target.separation"),
        (BimodalTarget(1.5, 1), {}, "target.separation"),
        (BimodalTarget(2.4, 1), {"step_size": 0.6}, "step_size"),
        (BimodalTarget(2.4, 1), {"batch": 7}, "batch"),
        (BimodalTarget(2.4, 1), {"batch": 1}, "batch"),
        (BimodalTarget(2.4, 1), {"components": "other"}, "components"),
        (BimodalTarget(2.4, 1), {"estimator": "other"}, "estimator"),
        (BimodalTarget(2.2, 1), {"step_size": 1e-4}, "step_size / batch"),
        (BimodalTarget(2.4, 100), {}, "(d - 1) step_size / batch"),
        (BimodalTarget(2.4, 1), {"steps": [-1]}, "steps"),
    ],
)  # fmt: skip
def test_what_is_outside_is_refused(target, change, name):
    given = {"step_size": 0.1, "batch": 8, "steps": [1]} | change
    with pytest.raises(ValueError, match=re.escape(f"{name}: got ")):
        survival(target, **given)


def test_an_exit_needs_no_more_than_its_ends():
    """The chord's cost is above the minimum's, and that of a path of no length is zero."""
    exit = find_exit(2.4, score=False)
    still = Exit(2.4, exit.state, exit.state + 1e-9, exit.rate, False)
    assert abs(path_module._action(np.zeros(4), still, path_module._gaussian_cost)) < 1e-8
