"""The definition of collapse."""

from __future__ import annotations

import pytest

from modecollapse.outcomes import COVERAGE, Outcome, arrived, modes_found, outcome

HALF = [0.5, 0.5]


def test_a_fit_of_any_target_has_found_both_modes():
    for weight in (0.01, 0.5, 0.99):
        masses = [weight, 1 - weight]
        assert outcome(masses, masses, masses)[()] is Outcome.BOTH_MODES


def test_equal_weights_find_both_modes_of_an_unbalanced_target():
    assert outcome(HALF, [0.95, 0.05], HALF)[()] is Outcome.BOTH_MODES


def test_a_mode_is_lost_just_below_its_coverage():
    edge = COVERAGE * 0.5
    assert modes_found([1 - edge, edge], HALF).all()
    assert not modes_found([1 - edge * 0.999, edge * 0.999], HALF).all()


def test_a_component_that_died_on_its_way_vanished():
    masses, weights = [0.999, 0.001], [0.99, 0.01]
    assert outcome(masses, HALF, weights, [True, False])[()] is Outcome.VANISHING_WEIGHT


def test_a_component_that_died_after_it_arrived_had_aligned():
    masses, weights = [0.999, 0.001], [0.99, 0.01]
    assert outcome(masses, HALF, weights, [True, True])[()] is Outcome.MEAN_ALIGNMENT


def test_a_live_component_on_its_way_has_not_vanished():
    assert outcome([0.9, 0.1], HALF, HALF, [True, False])[()] is Outcome.MEAN_ALIGNMENT


def test_a_flow_has_no_mechanism():
    assert outcome([0.999, 0.001], HALF)[()] is Outcome.COLLAPSED


def test_arrival_depends_on_the_spread_of_a_component():
    assert arrived([5.0], separation=3.0).all()  # 1.67 standard deviations from the plane
    assert not arrived([5.0], separation=3.0, variances=2.0).any()


@pytest.mark.parametrize("wrong", [[float("nan"), 0.5], [float("inf"), 0.5]])
def test_masses_that_are_no_numbers_are_refused(wrong):
    with pytest.raises(ValueError, match="masses: got 'NaN or infinity'"):
        outcome(wrong, HALF)
