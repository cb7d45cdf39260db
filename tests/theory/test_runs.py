"""Whether a run still moves at its end, and what the integrators share."""

import numpy as np
import pytest

from modecollapse.overlaps import Overlaps, random_start
from modecollapse.quadrature import expected_sigmoid
from modecollapse.schedules import schedule
from modecollapse.targets import BimodalTarget
from modecollapse.theory.annealed import integrate_annealed
from modecollapse.theory.bifurcations import critical_separation
from modecollapse.theory.equilibria import fixed_points
from modecollapse.theory.integration import integrate
from modecollapse.theory.multimodal import MultimodalOverlaps, integrate_modes
from modecollapse.theory.runs import in_chunks, motion


def mean_rates(target, state):
    """dμ_i/dt of vectors, (n, 2, d), at fixed weights (docs/theory.md, Eq. 3.6)."""
    means, r = state.vectors(target), target.separation
    mode = r * np.eye(target.dimension)[0]
    gap = means[:, 0] - means[:, 1]
    distance = np.linalg.norm(gap, axis=1)
    w = state.weights[..., None]
    s = w[:, 0, 0] * expected_sigmoid(-state.logit - 0.5 * distance**2, distance)
    tilt = 2 * expected_sigmoid(2 * state.m + target.logit, 2 * r)[..., None] - 1
    rates = -w * (means - tilt * mode)
    rates[:, 0] += s[:, None] * gap
    rates[:, 1] -= s[:, None] * gap
    return means, rates


@pytest.fixture
def state():
    target = BimodalTarget(2.0, 6, 0.7)
    start = random_start(target, 20, np.random.default_rng(0), law="gaussian", weight=0.35)
    return target, start


def test_speed_is_that_of_the_vectors(state):
    target, start = state
    rates = mean_rates(target, start)[1]
    speed = np.sqrt((rates**2).sum(axis=(1, 2)))
    for run in (integrate, integrate_annealed):
        np.testing.assert_allclose(run(target, start, [0.0]).diagnostics["speed"], speed, rtol=1e-9)
    other = MultimodalOverlaps.from_bimodal(start)
    many = integrate_modes(target, other, [0.0], rtol=1e-8)
    np.testing.assert_allclose(many.diagnostics["speed"], speed, rtol=1e-6)


def test_speed_on_the_sphere_lacks_the_part_along_each_mean(state):
    target, start = state
    means, rates = mean_rates(target, start)
    along = (rates * means).sum(-1, keepdims=True) / (means**2).sum(-1, keepdims=True)
    rates = rates - along * means
    speed = np.sqrt((rates**2).sum(axis=(1, 2)))
    run = integrate_annealed(target, start, [0.0], sphere=True)
    np.testing.assert_allclose(run.diagnostics["speed"], speed, rtol=1e-9)


def test_speed_counts_weights_and_variances(state):
    target, start = state
    still = integrate_annealed(target, start, [0.0]).diagnostics["speed"]
    step = 1e-6
    for options, moved in (
        ({"eta": 2.0}, lambda run: run.statistics["logit"]),
        ({"variances": "bures"}, lambda run: np.sqrt(run.statistics["v1"])),
    ):
        run = integrate_annealed(target, start, [0.0, step], **options)
        change = np.diff(moved(run))[:, 0] / step
        if "variances" in options:
            other = np.diff(np.sqrt(run.statistics["v2"]))[:, 0] / step
            change = np.hypot(change, other)
        speed = integrate_annealed(target, start, [0.0], **options).diagnostics["speed"]
        np.testing.assert_allclose(speed, np.hypot(still, change), rtol=1e-4)


def test_speeds_over_beta():
    target = BimodalTarget(2.0, 6, 0.7)
    start = random_start(target, 3, np.random.default_rng(1), variance=4.0)
    hot = schedule("step", beta_initial=0.25, time=1.0)
    options = {"schedule": hot, "variances": "bures", "sphere": True}
    plain = integrate_annealed(target, start, [0.0], **options)
    fast = integrate_annealed(target, start, [0.0], speed_over_beta=True, **options)
    np.testing.assert_allclose(fast.diagnostics["speed"], 4 * plain.diagnostics["speed"])


def on_the_line(point, r):
    x = np.array(point)
    return Overlaps(r * x[None], [[x[0] ** 2, x[0] * x[1], x[1] ** 2]])


def test_runs_that_have_arrived_do_not_move():
    target = BimodalTarget(3.0, 64)
    start = random_start(target, 40, np.random.default_rng(2))
    run = integrate(target, start, [1e4])
    assert run.collapsed.any()
    assert not run.diagnostics["moving"].any()
    early = integrate(target, start, [10.0])
    assert early.diagnostics["moving"].all()


@pytest.mark.parametrize("below", [1e-2, 1e-4, 1e-6])
def test_a_bottleneck_is_seen_to_move(below):
    """KL hardly falls there; from its middle a run takes 6.5 (r_c − r)^{−1/2} to leave it."""
    fold = critical_separation()
    r = fold - below
    start = on_the_line((1.19416 * fold, 0.48930 * fold), r)
    run = integrate(BimodalTarget(r, 3), start, [3.0 / np.sqrt(below)])
    assert run.collapsed.all()
    assert run.diagnostics["moving"].all()


def test_drifting_weights_are_seen_to_move():
    """At r = 3 and η = 1 collapse lives 6.4e3; after a tenth of that KL has hardly changed."""
    (state,) = [p for p in fixed_points(3.0) if p.stable and min(p.positions) > 0]
    run = integrate(BimodalTarget(3.0, 3), on_the_line(state.positions, 3.0), [600.0], eta=1.0)
    assert abs(run.final("kl")[0] - state.kl) < 1e-4
    assert run.diagnostics["moving"].all()
    fixed = integrate(BimodalTarget(3.0, 3), on_the_line(state.positions, 3.0), [600.0])
    assert not fixed.diagnostics["moving"].any()


def test_a_run_that_did_not_finish_is_not_said_to_move():
    target = BimodalTarget(3.0, 64)
    start = random_start(target, 2, np.random.default_rng(3))
    for integrator in (integrate, integrate_annealed):
        run = integrator(target, start, [100.0], max_steps=3)
        assert not run.finished.any()
        assert not run.diagnostics["moving"].any()


def test_motion_compares_what_is_to_come_with_the_threshold():
    speed = np.array([1.01e-5, 0.99e-5, np.nan, 1.0])
    moving = motion(100.0, speed, np.array([True, True, False, False]))["moving"]
    assert moving.tolist() == [True, False, False, False]


def test_chunks_cover_every_run_once():
    seen = []
    in_chunks(lambda low, high: seen.extend(range(low, high)), 37, 8, 3)
    assert sorted(seen) == list(range(37))
