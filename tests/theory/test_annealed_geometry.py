"""The annealed equations in each geometry: against the other roads, and why no component dies."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.integrate import solve_ivp

from modecollapse.geometries import GEOMETRIES
from modecollapse.overlaps import Overlaps, random_start
from modecollapse.schedules import Exponential, schedule
from modecollapse.simulation.reduced import simulate_reduced
from modecollapse.targets import BimodalTarget
from modecollapse.theory.annealed import annealed_velocity, integrate_annealed, tempered_kl
from modecollapse.theory.geometry import geometry_velocity

P = BimodalTarget(2.5, 8, 0.6)


def some_states(n=6, variances=(1.4, 0.9)):
    start = random_start(P, n, np.random.default_rng(7))
    v = np.broadcast_to(variances, (n, 2)).copy()
    return Overlaps(start.m, start.q, np.linspace(-4, 3, n), v)


@pytest.mark.parametrize("geometry", GEOMETRIES)
def test_at_rest_they_are_the_equations_of_that_geometry(geometry):
    """v = 1, β = 1: those of theory.geometry, written independently."""
    start = some_states(variances=(1.0, 1.0))
    y = np.concatenate([start.m, start.q, start.logit[:, None]], axis=1)
    rate = annealed_velocity(P, start, 1.0, eta=3.0, geometry=geometry)
    expected = geometry_velocity(y, P.separation, P.weight, 3.0, geometry)
    np.testing.assert_allclose(rate[:, :6], expected, rtol=0, atol=1e-10)


@pytest.mark.parametrize("geometry", GEOMETRIES)
@pytest.mark.parametrize("clock", ["euclidean", "bures"])
def test_velocities_are_the_gradient_over_the_metric(geometry, clock):
    """G θ̇ = −∇KL with differences of KL in means, ℓ and variances (docs/remedies.md, 13.11)."""
    metric, h, beta, start = GEOMETRIES[geometry], 1e-5, 0.4, some_states(3)
    mode = P.separation * np.eye(P.dimension)[0]
    options = {"eta": 2.0, "variances": clock, "geometry": geometry}
    rate = annealed_velocity(P, start, beta, **options)
    for k in range(len(start)):
        vectors, logit, v = start.vectors(P)[k], start.logit[k], start.variances[k]

        def kl(vectors=vectors, logit=logit, v=v):
            state = Overlaps.from_vectors(vectors[None], mode, np.array([logit]), v[None])
            return tempered_kl(P, state, beta)[0]

        moved = np.zeros_like(vectors)
        for place in np.ndindex(2, 3):  # the vectors stand on the first three axes
            unit = np.zeros_like(vectors)
            unit[place] = h
            moved[place] = -(kl(vectors + unit) - kl(vectors - unit)) / (2 * h)
        w = start.weights[k]
        moved /= w[:, None] ** metric.means
        turned = moved[0] @ vectors[1] + moved[1] @ vectors[0]
        grown = 2 * (moved * vectors).sum(1)
        expected = [*(moved @ mode), grown[0], turned, grown[1]]
        by_logit = (kl(logit=logit + h) - kl(logit=logit - h)) / (2 * h)
        expected.append(-2.0 * by_logit / w.prod() ** metric.weights)
        for i, unit in enumerate(h * np.eye(2)):
            by_v = (kl(v=v + unit) - kl(v=v - unit)) / (2 * h)
            factor = 4 * v[i] / P.dimension if clock == "bures" else 1.0
            expected.append(-factor * by_v / w[i] ** metric.means)
        np.testing.assert_allclose(rate[k], expected, rtol=2e-6, atol=2e-6)


@pytest.mark.parametrize("geometry", GEOMETRIES)
def test_the_speed_at_the_end_is_that_of_the_vectors(geometry):
    """√(Σ ‖dμ_i/dt‖² + (d√v_i/dt)² + ℓ̇²), the means' part by differences of KL."""
    start = some_states(3)
    options = {"eta": 2.0, "variances": "bures", "geometry": geometry}
    speeds = integrate_annealed(P, start, [0.0], **options).diagnostics["speed"]
    rate = annealed_velocity(P, start, **options)
    mode, h, power = P.separation * np.eye(P.dimension)[0], 1e-5, GEOMETRIES[geometry].means
    for k, vectors in enumerate(start.vectors(P)):
        squares = [rate[k, 5] ** 2, *(rate[k, 6:] ** 2 / (4 * start.variances[k]))]
        for i, axis in np.ndindex(2, 3):
            unit = np.zeros_like(vectors)
            unit[i, axis] = h
            both = np.stack([vectors + unit, vectors - unit])
            state = Overlaps.from_vectors(both, mode, start.logit[[k, k]], start.variances[[k, k]])
            up, down = tempered_kl(P, state)
            squares.append(((up - down) / (2 * h) / start.weights[k, i] ** power) ** 2)
        assert speeds[k] == pytest.approx(math.sqrt(sum(squares)), rel=1e-6)


def test_descent_follows_the_equations_in_the_natural_geometry():
    """h = 0.02 and 512 samples, in the mean over 64 starts; tolerance as for the Euclidean."""
    target = BimodalTarget(2.0, 24, 0.8)
    start = random_start(target, 64, np.random.default_rng(8), variance=10.0)
    options = {
        "schedule": schedule("exponential", beta_initial=0.1, time=3.0),
        "variances": "bures", "speed_over_beta": True, "eta": 0.5, "geometry": "natural",
    }  # fmt: skip
    exact = integrate_annealed(target, start, [4.0], **options)
    noisy = simulate_reduced(
        target, start, step_size=0.02, steps=200, batch=512, seed=1, log_every=200,
        evaluation_samples=64, **options,
    )  # fmt: skip
    for name in ("m1", "m2", "q12", "v1", "v2", "logit"):
        gap = noisy.final(name) - exact.final(name)
        scale = 0.02 * max(1.0, abs(exact.final(name)).max())
        assert abs(gap.mean()) < 5 * gap.std() / 8 + scale, name


@pytest.mark.parametrize("geometry", GEOMETRIES)
def test_a_small_difference_of_weights_grows_by_the_lag_of_a_variance(geometry):
    """Both means at 0 while the target is hot: Eqs. 13.12, one mode and all geometries.

    ḃ = κb + c(1 − b), (log v_1/v_2)˙ = −u(1 − 1/b)ℓ, ℓ̇ = −(ηd/ 2βs)(b − 1) log v_1/v_2: c = 1,
    u = 1, s = 4 in the Euclidean geometry; c = 2, u = 0 where the means' speed has no weight.
    """
    d, eta, beta, span = 4000, 1e-4, 1e-3, 12.0
    target = BimodalTarget(1.0, d)
    annealing = Exponential(beta, 60.0)
    kappa = -math.log(beta) / 60.0
    metric = GEOMETRIES[geometry]
    clock, turn = 1 + metric.means, 1 - metric.means
    slow = 1 if metric.weights else 4

    def linear(t, y):
        b, ratio, ell = y
        now = beta * math.exp(kappa * t)
        return [
            kappa * b + clock * (1 - b),
            -turn * (1 - 1 / b) * ell,
            -eta * d / (2 * slow * now) * (b - 1) * ratio,
        ]

    expected = solve_ivp(linear, (0, span), [1.0, 0.0, 1e-5], rtol=1e-9, atol=1e-14).y[:, -1]
    start = Overlaps(
        np.zeros((1, 2)), np.zeros((1, 3)), np.array([1e-5]), np.full((1, 2), 1 / beta)
    )
    run = integrate_annealed(
        target, start, [span], schedule=annealing, eta=eta, variances="bures",
        speed_over_beta=True, geometry=geometry, rtol=1e-10,
    )  # fmt: skip
    b = run.final("beta") * (run.final("v1") + run.final("v2")) / 2
    assert b[0] == pytest.approx(expected[0], rel=1e-3)
    ratio = np.log(run.final("v1") / run.final("v2"))[0]
    assert run.final("logit")[0] == pytest.approx(expected[2], rel=0.02)
    assert ratio == pytest.approx(expected[1], rel=0.02, abs=1e-9)
    grown = run.final("logit")[0] / 1e-5
    assert grown > 30 if geometry == "euclidean" else grown == pytest.approx(1, abs=0.02)


def test_an_unknown_geometry_is_named():
    start = some_states(1)
    for call in (annealed_velocity, lambda *a, **k: integrate_annealed(*a, [1.0], **k)):
        with pytest.raises(ValueError, match=r"^geometry: got 'flat'; allowed: one of euclidean"):
            call(P, start, geometry="flat")
