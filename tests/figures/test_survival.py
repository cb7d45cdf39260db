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
