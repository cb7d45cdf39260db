"""The counting behind the table of escape times."""

from __future__ import annotations

import numpy as np
import pytest

from modecollapse.experiments.escape_times import Settings, _mean_steps, survival_error

BLOCK = {
    "seed": 1, "road": "line", "optimizers": ("sgd",), "estimators": ("pathwise",),
    "components": "stratified", "dimension": 1, "separations": (2.2,), "step_sizes": (0.5,),
    "batches": (8,), "runs": 5, "evaluations": 8000,
}  # fmt: skip


def test_all_steps_count_and_only_exits_divide_them():
    """Three runs left after 10, 20 and 30 steps, one is there still after 60."""
    found = _mean_steps(np.array([10, 20, 60, 30]), np.array([True, True, False, True]))
    assert found["steps"] == 40.0
    assert (found["n_runs"], found["n_left"]) == (4, 3)
    assert found["low"] < 40.0 < found["high"]


def test_the_part_that_is_left_is_held_against_the_forecast_on_both_sides_of_a_step():
    """S falls from 1 to 1/2 at 10 and stays: the second run had not left when it was stopped."""
    steps, left = np.array([50, 10]), np.array([False, True])
    assert survival_error(steps, left, np.array([0.9, 0.1])) == pytest.approx(0.4)
    assert survival_error(steps, left, np.array([0.5, 0.1])) == pytest.approx(0.5)


@pytest.mark.parametrize(
    ("change", "name"),
    [
        ({"dimension": 2}, "dimension"),
        ({"batches": (7,)}, "batches"),
        ({"step_sizes": (0.001,)}, "step_sizes, batches"),
        ({"road": "full", "dimension": 99}, "dimension"),
    ],
)
def test_settings_that_do_not_go_together_are_refused(change, name):
    Settings(**BLOCK)
    with pytest.raises(ValueError, match=f"^{name}: got .*; allowed: "):
        Settings(**(BLOCK | change))
