"""The supplementary figure of bifurcations through its artists."""

from __future__ import annotations

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest

from modecollapse.figures import bifurcations as figure


@pytest.fixture
def axes():
    drawn, axes = plt.subplots()
    yield axes
    plt.close(drawn)


def test_the_map_has_the_weight_across_and_the_separation_up(axes):
    columns = ["target_weight", "separation", "region"]
    rows = [(0.5, 1.0, "both modes only"), (0.5, 2.0, "both and collapse")]
    rows += [(0.9, 1.0, "collapse only"), (0.9, 2.0, "both and collapse")]
    folds = pd.DataFrame(
        [("heavy", 0.8, 1.6), ("both", 0.8, 1.6), ("heavy", 0.6, 2.1)],
        columns=["line", "target_weight", "separation"],
    )
    equal = pd.DataFrame({"target_weight": [0.8, 0.79], "separation": [3.0, 2.0]})
    figure.draw_map(axes, pd.DataFrame(rows, columns=columns), folds, equal)
    np.testing.assert_array_equal(axes.collections[0].get_array(), [[0, 2], [1, 1]])
    heavy = next(line for line in axes.lines if line.get_linestyle() == "-")
    np.testing.assert_array_equal(heavy.get_xydata(), [[0.8, 1.6], [0.6, 2.1]])
    cusp, line = axes.lines[-2:]
    assert cusp.get_marker() == "o"
    np.testing.assert_array_equal(cusp.get_xydata(), [[0.8, 1.6]])
    np.testing.assert_array_equal(line.get_xydata(), [[0.79, 2.0], [0.8, 3.0]])


def test_runs_that_did_not_recover_are_not_drawn(axes):
    columns = ["separation", "eta", "time", "recovered", "law"]
    rows = [(2.0, 1.0, 10.0, True, 9.0), (3.0, 1.0, 1e9, False, 5e9)]
    figure.draw_lifetime(axes, pd.DataFrame(rows, columns=columns))
    law, marks = axes.lines
    np.testing.assert_array_equal(law.get_xdata(), [4.0, 9.0])
    np.testing.assert_array_equal(marks.get_xydata(), [[4.0, 10.0]])
    assert axes.get_yscale() == "log"


def test_the_caption_measures_the_exponent_of_the_fold():
    distance = np.array([1e-6, 1e-5, 1e-4])
    delay = pd.DataFrame({"distance": distance, "time": 3 * distance**-0.5})
    lasting = pd.DataFrame(
        {"separation": [3.0], "eta": [0.1], "time": [5.0], "law": [5.0], "recovered": [True]}
    )
    folds = pd.DataFrame({"separation": [1.6, 2.0], "target_weight": [0.78, 0.7]})
    text = figure.caption(
        {
            "fold_lines": folds,
            "regret_line": pd.DataFrame({"separation": [3.0], "target_weight": [0.7995]}),
            "fold_delay": delay,
            "collapsed_lifetime": lasting,
            "dead_component_lifetime": lasting,
        }
    )
    assert "exponent -0.500" in text
    assert "π = 0.780000" in text
