"""The supplementary figure on finite batches through its artists."""

from __future__ import annotations

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest

from modecollapse.experiments.finite_batch import UNITS
from modecollapse.figures import finite_batch as figure
from modecollapse.figures.style import COLOURS


def row(source, estimator, h, batch, d, effective, collapsed, runs=100):
    p = collapsed / runs
    where = (source, 3.0, 0.6, estimator, h, batch, d, effective, "sphere", 3.0, 40.0)
    ends = (collapsed, 0, collapsed, 0, 0.5 * p, 0.5 * p, 0.5)
    return (*where, runs, collapsed, p, p - 0.05, p + 0.05, *ends)


@pytest.fixture
def table():
    rows = [
        row("theory", "gradient flow", 0.0, 0, 1000, 1000.0, 90),
        row("theory", "gradient flow", 0.0, 0, 10, 10.0, 10),
    ]
    for estimator, worse in (("sticking-the-landing", 0), ("pathwise", 9)):
        rows += [
            row("reduced simulation", estimator, 0.1, 16, 1000, 100.0, 50 + worse),
            row("reduced simulation", estimator, 0.1, 64, 1000, 400.0, 70 + worse),
            row("reduced simulation", estimator, 0.025, 16, 1000, 400.0, 71 + worse),
        ]
    return pd.DataFrame(rows, columns=list(UNITS))


@pytest.fixture
def axes():
    drawn, axes = plt.subplots()
    yield axes
    plt.close(drawn)


def test_flow_is_a_line_and_descent_is_marks(axes, table):
    figure.draw_probability(axes, table, "pathwise", "dimension")
    flow = axes.lines[0]
    np.testing.assert_array_equal(flow.get_xydata(), [[10, 0.1], [1000, 0.9]])  # in order of d
    assert flow.get_color() == COLOURS["theory"]
    marks = [bars.lines[0].get_xydata().tolist() for bars in axes.containers]
    assert marks == [[[1000, 0.8]], [[1000, 0.59]], [[1000, 0.79]]]  # by h, then B
    assert axes.get_xscale() == "log"


def test_colour_is_the_noise_and_filling_the_step_size(axes, table):
    figure.draw_probability(axes, table, "pathwise", "effective_dimension")
    fine, noisy, coarse = (bars.lines[0] for bars in axes.containers)
    assert fine.get_color() == coarse.get_color() != noisy.get_color()  # the same B/h
    assert fine.get_markerfacecolor() == "white"
    assert coarse.get_markerfacecolor() == coarse.get_color()
    assert fine.get_xdata() == [400.0]


def test_deviations_are_in_standard_errors(table):
    flow = table[table["source"] == "theory"].sort_values("dimension")
    rows = table[table["estimator"] == "sticking-the-landing"].iloc[:1]
    # d_eff = 100 is halfway between 10 and 1000: the line is at 0.5, and so is the frequency.
    assert figure.deviations(flow, rows).iloc[0] == pytest.approx(0.0)
    higher = rows.assign(probability=0.6)
    # Both errors count: 52/104 and the mean of 12/104 and 92/104, over 100 runs.
    error = np.sqrt((0.25 + (12 * 92 + 92 * 12) / 2 / 104**2) / 100)
    assert figure.deviations(flow, higher).iloc[0] == pytest.approx(0.1 / error)


def test_panels_and_caption(table):
    drawn = figure.draw({"finite_batch": table})
    labels = [axes.get_xlabel() for axes in drawn.axes]
    assert labels[0] == labels[2] != labels[1]
    entries = [text.get_text() for text in drawn.axes[0].get_legend().get_texts()]
    expected = ["gradient flow", "B/h = 160", "B/h = 640", "h = 0.025", "h = 0.1"]
    assert sorted(entries) == sorted(expected)
    plt.close(drawn)
    text = figure.caption({"finite_batch": table})
    assert "B/h = 160 like no more than 100" in text
    assert "a mode is lost by time 40 over random starts on the sphere of radius r = 3" in text
    assert drawn.axes[0].get_ylabel() == "P(collapse by $t = 40$)"
