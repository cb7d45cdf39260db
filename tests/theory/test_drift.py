"""The drift of the weights from where a run is aligned, and the wait of a light component."""

from __future__ import annotations

import math

import numpy as np
import pytest

from modecollapse.overlaps import Overlaps
from modecollapse.targets import BimodalTarget
from modecollapse.theory.drift import drift_time
from modecollapse.theory.equilibria import fixed_points
from modecollapse.theory.geometry_lifetime import (
    aligned_lifetime,
    light_component_law,
    recovery_times,
)


def collapsed(r, logit):
    """The state collapsed at these fixed weights, the first component the outer one."""
    states = [p for p in fixed_points(r, component_weight=1 / (1 + math.exp(-logit)))
              if p.stable and min(p.positions) > 0]  # fmt: skip
    a, b = max((p.positions for p in states), key=lambda positions: positions[0] - positions[1])
    m, q = r * np.array([[a, b]]), np.array([[a * a, a * b, b * b]])
    return Overlaps(m, q, np.array([float(logit)]))


@pytest.mark.parametrize("power", [0.0, 1.0])
def test_the_drift_is_shorter_from_beyond_equal_weights(power):
    whole, part = drift_time(3.6, power), drift_time(3.6, power, 1.0)
    assert 0 < part < whole < drift_time(3.6, power, -1.0)
    assert drift_time(3.6, power, 30.0) == 0.0  # beyond the fold


@pytest.mark.parametrize(("geometry", "power"), [("natural", 1.0), ("wasserstein", 0.0)])
def test_a_run_from_unequal_weights_lives_for_what_is_left_of_the_drift(geometry, power):
    """At r = 3.6 and η = 0.1, where the bottlenecks at both ends are a hundredth of it."""
    r, eta = 3.6, 0.1
    for logit in (0.0, 1.0, 2.0):
        times, done = recovery_times(BimodalTarget(r, 2), collapsed(r, logit), eta, geometry)
        assert done.all()
        assert times[0] == pytest.approx(drift_time(r, power, logit) / eta, rel=0.02), logit


def test_recovery_times_are_those_of_the_lifetime():
    (row,) = aligned_lifetime([3.2], [1.0]).itertuples()
    times, _ = recovery_times(BimodalTarget(3.2, 2), collapsed(3.2, 0.0), 1.0)
    assert times[0] == pytest.approx(row.time, rel=1e-5)
    times, done = recovery_times(BimodalTarget(3.2, 2), collapsed(3.2, 0.0), 1.0, horizon=100.0)
    assert (times[0], bool(done[0])) == (100.0, False)


def test_the_wait_of_a_light_component_is_pieced_together_as_derived():
    """No way back where it does not get that far, and √((1 + η) log(1/w)/2)/ηr for the lightest."""
    near = light_component_law(50.0, 4.0, 10.0)
    away = math.sqrt(100 / 11)
    assert near == pytest.approx(away / 8 + math.log1p(away**2 / 2) / 2)
    far, farther = (light_component_law(l, 4.0, 0.5) for l in (1e8, 4e8))
    assert farther - far == pytest.approx(math.sqrt(0.75 * 1e8) / (0.5 * 4), rel=1e-9)


def test_unequal_modes_have_no_such_recovery():
    state = collapsed(3.2, 0.0)
    with pytest.raises(ValueError, match=r"^target: got"):
        recovery_times(BimodalTarget(3.2, 2, 0.7), state, 1.0)
