"""The supplementary figure on survival through its artists."""

from __future__ import annotations

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest

from modecollapse.experiments.escape_barriers import UNITS as BARRIERS
from modecollapse.experiments.escape_times import UNITS as TIMES
from modecollapse.figures import survival as figure


def times(rows):
    """(optimizer, estimator, r, batch, steps, forecast, exponent) of each row."""
    same = {"source": "reduced simulation", "components": "stratified", "dimension": 1}
    same |= {"step_size": 0.5, "n_runs": 100, "n_left": 90, "survival_error": 0.05}
    names = ["optimizer", "estimator", "separation", "batch", "steps", "forecast", "exponent"]
    table = pd.DataFrame(rows, columns=names).assign(**same)
    steps, forecast = table["steps"], table["forecast"]
    table = table.assign(
        low=0.8 * steps, high=1.25 * steps, gaussian=forecast, normal_form=forecast
    )
    return table[list(TIMES)]


@pytest.fixture
def axes():
    drawn, axes = plt.subplots()
    yield axes
    plt.close(drawn)


def test_forecasts_are_lines_and_measured_times_marks(axes):
    stl = "sticking-the-landing"
    table = times([("sgd", stl, 2.4, 8, 900.0, 1000.0, 1.8), ("sgd", stl, 2.2, 8, 50.0, 60.0, 0.0)])
    full = table.iloc[:1].assign(source="simulation", steps=950.0)
    figure.draw_times(axes, table, full=full)
    line = axes.lines[0]
    np.testing.assert_array_equal(line.get_xydata(), [[2.2, 60.0], [2.4, 1000.0]])  # in order of r
    marks = [bars.lines[0].get_xydata().tolist() for bars in axes.containers]
    assert marks == [[[2.2, 50.0], [2.4, 900.0]], [[2.4, 950.0]]]
    assert axes.get_yscale() == "log"
    assert line.get_color() == figure.SHADES[stl]


def test_measured_barriers_are_told_by_the_times():
    """The measured exponent has log(steps/forecast) more; the law is 2 (r − r_c)^{3/2}."""
    distance = np.array([0.04, 0.16])
    law = 2 * distance**1.5
    barriers = pd.DataFrame(
        {"distance": distance, "separation": 2.26 + distance, "law": law, "barrier": law}
    )
    table = times(
        [
            ("sgd", "pathwise", 2.42, 32, np.e * 100.0, 100.0, 8.0),
            ("sgd", "pathwise", 2.3, 2, 9.0, 9.0, 1.0),
        ]
    )
    found = figure.measured_barriers(table, barriers)
    assert len(found) == 1  # the other exponent tells nothing
    np.testing.assert_allclose(found["ratio"], 9.0 / (2 * 0.16**1.5 * 32 / 0.5), rtol=1e-9)
    assert set(barriers.columns) <= set(BARRIERS)


def test_each_optimizer_has_a_mark_of_its_own(axes):
    stl = "sticking-the-landing"
    rows = [(o, stl, 2.4, b, 100.0 * b, 90.0 * b, 1.0) for o in figure.OPTIMIZERS for b in (2, 4)]
    figure.draw_optimizers(axes, times(rows))
    marks = {bars.lines[0].get_marker() for bars in axes.containers}
    assert marks == set(figure.OPTIMIZERS.values())
    labels = [text.get_text() for text in axes.get_legend().get_texts()]
    assert sorted(labels) == sorted(figure.OPTIMIZERS)


def healing():
    """The last law of starts is drawn; two separations have two dashes, and η has a colour."""
    same = {"target_weight": 0.5, "dimension": 16, "n_runs": 10}
    rows = [
        ("sphere", 0.1, 3.0, 0.1, 100.0, 1, 2),
        ("normal", 4.0, 3.0, 0.1, 1000.0, 3, 4),
        ("normal", 4.0, 3.0, 0.1, 100.0, 5, 6),
        ("normal", 4.0, 4.0, 0.1, 100.0, 8, 9),
        ("normal", 4.0, 4.0, 10.0, 100.0, 7, 7),
    ]
    names = ["start", "norm", "separation", "eta", "time", "n_collapsed", "n_slow"]
    return pd.DataFrame(rows, columns=names).assign(**same)


def test_healing_has_marks_by_integration_and_lines_by_forecast(axes):
    figure.draw_healing(axes, healing())
    lines = [line.get_xydata().tolist() for line in axes.lines]
    assert lines[0] == [[100.0, 0.6], [1000.0, 0.4]]
    assert lines[1] == [[100.0, 0.5], [1000.0, 0.3]]
    assert lines[2:] == [[[100.0, 0.9]], [[100.0, 0.8]], [[100.0, 0.7]], [[100.0, 0.7]]]
    assert [line.get_linestyle() for line in axes.lines[::2]] == ["-", "--", "--"]
    assert axes.lines[0].get_color() == axes.lines[2].get_color() != axes.lines[4].get_color()
    assert axes.get_xscale() == "log"


def test_lifetimes_are_known_half_lives_and_their_laws(axes):
    """The drift of the weights without a fit, the frozen component's through the middle."""
    rows = [
        (3.0, 3.0, 0.1, 50.0),
        (4.0, 4.0, 0.1, 500.0),
        (4.0, 0.1, 0.1, 9.0),
        (5.0, 5.0, 0.1, 0.0),
    ]
    rows += [(3.0, 3.0, 10.0, 70.0), (4.0, 4.0, 10.0, 90.0)]
    table = pd.DataFrame(rows, columns=["separation", "norm", "eta", "half_life"])
    table = table.assign(target_weight=0.5, dimension=16, drift_law=2.0, frozen_law=1.0)
    figure.draw_lifetimes(axes, table)
    lines = [line.get_xydata() for line in axes.lines]
    assert lines[0].tolist() == [[9.0, 50.0], [16.0, 500.0]]
    assert lines[1].tolist() == [[9.0, np.exp(2.0)], [16.0, np.exp(2.0)]]
    assert lines[2].tolist() == [[9.0, 70.0], [16.0, 90.0]]
    middle = np.sqrt(70.0 * 90.0)
    np.testing.assert_allclose(lines[3], [[9.0, middle], [16.0, middle]])
    assert [line.get_color() for line in axes.lines[::2]] == figure.ETAS[:2]


def test_errors_are_the_largest_of_a_road_at_each_separation(axes):
    table = healing().assign(n_own=[1, 3, 9, 8, 1])
    figure.draw_errors(axes, table)
    own, slow = (line.get_xydata() for line in axes.lines[:2])
    np.testing.assert_allclose(own, [[3.0, 0.4], [4.0, 0.0]])
    np.testing.assert_allclose(slow, [[3.0, 0.1], [4.0, 0.1]])
    np.testing.assert_allclose(axes.lines[2].get_xydata(), [[4.0, 0.6]])  # of another η
    assert axes.lines[0].get_markerfacecolor() == "white" != axes.lines[1].get_markerfacecolor()
