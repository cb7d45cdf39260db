"""Lifetimes against their laws, and the laws against their limits."""

import numpy as np
import pytest
from scipy.integrate import quad

from modecollapse.overlaps import Overlaps
from modecollapse.theory import metastability
from modecollapse.theory.drift import asymptotic_drift, drift_time
from modecollapse.theory.metastability import (
    FARTHEST,
    collapsed_lifetime,
    dead_component_exponent,
    dead_component_lifetime,
    fold_delay,
)


def test_bottleneck_time_is_the_inverse_square_root_of_the_distance():
    """The next term of the normal form adds O(log(1/distance)) to a time distance^{−1/2}."""
    table = fold_delay([1e-3, 1e-5, 1e-7, 1e-9])
    assert table.recovered.all()
    error = np.abs(table.time / table.law - 1)
    assert (error < 0.3 * np.sqrt(table.distance) * np.log(1 / table.distance)).all()
    assert error.iloc[-1] < 1e-4
    assert table.law.iloc[0] / table.law.iloc[1] == pytest.approx(0.1)


def test_drift_of_the_weights_sets_the_lifetime_of_collapse():
    """The law leaves out the relaxation at both ends, whose share falls with η and with r."""
    table = collapsed_lifetime([2.8, 3.2, 3.6], [0.1, 1.0])
    assert table.recovered.all()
    slow = table[table.eta == 0.1]
    error = (slow.time / slow.law - 1).to_numpy()
    assert (np.diff(error) < 0).all()
    assert 0 < error[-1] < 0.01
    fast = table[table.eta == 1.0]
    assert (fast.time.to_numpy() > slow.time.to_numpy() / 10).all()


def test_drift_law_tends_to_its_asymptote():
    table = collapsed_lifetime([3.0, 3.5, 4.0, 4.5], [1.0], horizon=10.0)
    ratio = (table.law / table.asymptote).to_numpy()
    assert not table.recovered.any()
    assert (table.time == 10.0).all()
    assert (np.diff(ratio) > 0).all()
    assert 0.75 < ratio[-1] < 1


def test_dead_component_waits_as_its_own_time_says():
    table = dead_component_lifetime([3.0, 4.0, 5.0], [1.0, 10.0])
    assert table.recovered.all()
    assert table.time.to_numpy() == pytest.approx(table.law.to_numpy(), rel=3e-3)
    assert (np.abs(np.log(table.time * table.smallest_weight)) < 2.5).all()


@pytest.mark.parametrize("eta", [1.0, 3.0, 10.0])
@pytest.mark.parametrize("dimension", [16, 64])
def test_log_time_grows_at_the_rate_of_its_exponent(eta, dimension):
    table = dead_component_lifetime([9.0, 9.8], [eta], dimension, horizon=10.0)
    rate = np.diff(np.log(table.law))[0] / np.diff(table.exponent)[0]
    assert rate == pytest.approx(1, abs=0.05)  # what is left falls like 1/r


def test_exponent_is_the_deepest_point_of_the_leading_order_path():
    """max_s L with dL/ds = η(e^{−2s} − L), L(0) = 0, by integration on a grid."""
    s = np.linspace(0, 12, 200_001)
    for eta in (0.1, 1.0, 2.0, 10.0, 300.0):
        rest = (eta - 2) * s if eta != 2 else 0
        path = eta * np.exp(-2 * s) * (s if eta == 2 else -np.expm1(-rest) / (eta - 2))
        assert dead_component_exponent(eta) == pytest.approx(path.max(), rel=1e-6)


def test_restoring_force_brings_back_a_dead_weight():
    """From the midpoint, for fast weights, in 1/(η w_1 E softplus(2rZ)) (Eq. 8.6)."""
    r, eta = 3.0, 300.0
    force = quad(lambda z: np.exp(-z * z / 2) * np.logaddexp(0, 2 * r * z), -12, 12)[0]
    force /= np.sqrt(2 * np.pi)
    law = []
    for weight in (1e-6, 1e-8):
        start = Overlaps([[0.0, r * r]], [[0.0, 0.0, r * r]], [np.log(weight)])
        times, recovered = metastability._recovery([r], [start], [eta], 1e9)
        assert recovered.all()
        law.append(times[0] * eta * weight * force)
    assert law[0] == pytest.approx(law[1], rel=0.02)
    assert law[1] == pytest.approx(1, abs=0.05)


@pytest.mark.parametrize(
    ("call", "name"),
    [
        (lambda: fold_delay([-1.0]), "distances"),
        (lambda: collapsed_lifetime([2.0], [1.0]), "separations"),
        (lambda: dead_component_lifetime([2.0], [0.0]), "etas"),
    ],
)
def test_bad_input_is_named(call, name):
    with pytest.raises(ValueError, match=rf"{name}: got .*allowed"):
        call()


def test_recovery_time_is_where_kl_crosses_and_not_a_time_of_the_grid(monkeypatch):
    """So that rounding moves it by rounding, and not by the spacing of a grid."""
    fine = fold_delay([1e-6]).time[0]
    monkeypatch.setattr(metastability, "GRID", 1500)
    coarse = fold_delay([1e-6]).time[0]
    assert fine != coarse
    assert coarse == pytest.approx(fine, rel=1e-7)


def test_the_drift_is_known_up_to_the_farthest_modes():
    near, far = (drift_time(r) / asymptotic_drift(r) for r in (4.9, FARTHEST))
    assert 0.95 < near < far < 1.1
    assert np.isfinite(collapsed_lifetime([FARTHEST], [1.0], 10.0).law[0])
    with pytest.raises(ValueError, match=r"^separations: got 5\.3; allowed: .* in \(0, 5\.2\]"):
        collapsed_lifetime([5.3], [1.0])


def test_a_start_that_costs_little_has_recovered_at_once():
    table = dead_component_lifetime([0.1, 1.0, 3.0], [1.0], 64)
    assert table.recovered.all()
    assert list(table.time[:2]) == [0.0, 0.0]
    assert table.time[2] > 1


def test_a_component_that_is_found_at_the_start_takes_no_time():
    (row,) = dead_component_lifetime([1.25], [1.0], dimension=2, horizon=10.0).itertuples()
    assert (row.time, row.law, row.recovered) == (0.0, 0.0, True)
