"""The slow equations in the limits that are known by other roads."""

from __future__ import annotations

import math

import numpy as np
import pytest

from modecollapse.overlaps import Overlaps
from modecollapse.targets import BimodalTarget
from modecollapse.theory.drift import drift_time
from modecollapse.theory.integration import integrate
from modecollapse.theory.metastability import dead_component_lifetime
from modecollapse.theory.rhs import axial_to_overlaps, overlaps_to_axial
from modecollapse.theory.slow import SlowMotion, _slow_jacobian, slow_kl

R = 4.0
P = BimodalTarget(R, 16, 0.5)
LEVEL = 0.5 * math.log(2)
TIMES = np.geomspace(1.0, 1e12, 550)


def life(state, target=P, eta=1.0, held=False):
    """The last time at which a run is collapsed."""
    kl, done = slow_kl(np.array([state], dtype=float), TIMES, target, eta, np.array([LEVEL]), held)
    assert done.all()
    return TIMES[int((kl[0] > LEVEL).sum()) - 1]


def test_where_the_lighter_one_rests_too_the_weights_drift():
    """Eq. 8.4; the grid of times is 5 % wide."""
    r = 3.2
    left = life([r + 0.02, r - 0.02, 0, 0, 0, 0.0], BimodalTarget(r, 16, 0.5), 1e-2)
    assert left == pytest.approx(drift_time(r) / 1e-2, rel=0.06)


@pytest.mark.parametrize("held", [False, True])
def test_a_frozen_component_keeps_its_own_time(held):
    """Eq. 8.7 by another integrator, from equal weights and a typical place in d = 64."""
    (row,) = dead_component_lifetime([R], [10.0]).itertuples()
    x = -R / 8
    found = life([x, R, R * R - x * x, 0, 0, 0.0], eta=10.0, held=held)
    assert found == pytest.approx(row.law, rel=0.06)


def test_a_lighter_component_takes_longer_in_proportion():
    """Eq. 8.6: T ∝ 1/w, next to the plane between the modes where ρ = 1."""
    times = [life([0, R, 0, 0, 0, l]) for l in (-18.0, -22.0)]
    assert math.log(times[1] / times[0]) == pytest.approx(4.0, abs=0.1)


def test_between_the_limits_they_are_the_closed_equations():
    """η = 1, a lost component on its way to the mode that is kept, with weight enough to pull."""
    state = np.array([2.0, R, 0.5, 0.0, 0.0, -1.5])
    y = axial_to_overlaps(state, R)
    start = Overlaps(y[None, :2], y[None, 2:5], y[None, 5])
    run = integrate(P, start, [0.0, 100.0], eta=1.0)
    names = ("m1", "m2", "q11", "q12", "q22", "logit")
    begin = np.array([run.statistics[n][0, 1] for n in names])
    exact = integrate(P, start, 100.0 + TIMES, eta=1.0).statistics["kl"][0]
    x = overlaps_to_axial(begin, R)
    kl, _ = slow_kl(x[None], TIMES, P, 1.0, np.array([LEVEL]))
    held, _ = slow_kl(x[None], TIMES, P, 1.0, np.array([LEVEL]), True)
    assert (kl[0] > LEVEL).sum() == (exact > LEVEL).sum()
    assert abs(int((held[0] > LEVEL).sum()) - int((exact > LEVEL).sum())) > 5


@pytest.mark.parametrize("place", [R - 0.3, 0.4, -0.6])
def test_names_of_modes_and_components_do_not_matter(place):
    heavy, light = BimodalTarget(R, 16, 0.7), BimodalTarget(R, 16, 0.3)
    state = np.array([place, R, 2.0 if place < 1 else 0.0, 0.0, 0.0, -2.0])
    found = life(state, heavy)
    assert 1 < found < 1e12
    assert life(state * [-1, -1, 1, 1, 1, 1], light) == found
    assert life(state[[1, 0, 4, 3, 2, 5]] * [1, 1, 1, 1, 1, -1], heavy) == found


@pytest.mark.parametrize("held", [False, True])
def test_the_jacobian_is_that_of_the_velocity(held):
    c = SlowMotion(3.0, 0.4, 2.0, held)
    y, h = np.array([1.1, 0.7, -0.8]), 1e-5
    rate, jac = np.empty(3), np.empty((3, 3))
    _slow_jacobian(c, 0.0, y, rate, jac)
    for k in range(3):
        ends = []
        for sign in (1, -1):
            moved, scratch = y.copy(), np.empty((3, 3))
            moved[k] += sign * h
            out = np.empty(3)
            _slow_jacobian(c, 0.0, moved, out, scratch)
            ends.append(out)
        assert jac[:, k] == pytest.approx((ends[0] - ends[1]) / (2 * h), abs=1e-6)


def test_a_run_that_is_over_stays_over():
    healed = np.array([[-R, R, 0, 0, 0, 0.0]])
    kl, done = slow_kl(healed, TIMES, P, 1.0, np.array([LEVEL]))
    assert done.all()
    assert kl.max() < 1e-9


def test_the_number_of_threads_changes_no_bit():
    states = np.array([[R - 0.3, R, 0, 0, 0, -0.5]] * 40) + np.linspace(0, 0.2, 40)[:, None]
    states[:, 2:5] = 0
    one, _ = slow_kl(states, TIMES[::40], P, 1.0, np.full(40, LEVEL), threads=1)
    two, _ = slow_kl(states, TIMES[::40], P, 1.0, np.full(40, LEVEL), threads=2)
    assert one.tobytes() == two.tobytes()
