"""Figure 2 by its artists."""

from __future__ import annotations

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest

from modecollapse.figures.theory_vs_simulation import CURVES, caption, draw


def curves():
    rows = []
    for dimension in (8, 512):
        for name in [name for names in CURVES.values() for name in names]:
            for source, points in (("theory", 21), ("simulation", 5)):
                time = np.linspace(0, 4, points)
                value = np.exp(-time) + dimension / 1000
                rows.append(
                    pd.DataFrame({"time": time, "value": value, "low": value - 0.1})
                    .assign(high=value + 0.1, quantity=name, source=source, dimension=dimension)
                    .assign(separation=3.0, target_weight=0.7, eta=1.0, runs=8)
                )
    return pd.concat(rows, ignore_index=True)


def scaling():
    rows = []
    laws = (
        ("bias", "step_size", 1),
        ("floor", "step_size", 1),
        ("spread", "batch", -0.5),
        ("floor", "batch", -1),
        ("spread", "dimension", 0),
        ("floor", "dimension", 1),
    )
    for series, variable, exponent in laws:
        x = np.array([1.0, 2.0, 4.0])
        value = 0.3 * x**exponent
        table = pd.DataFrame({"x": x, "value": value, "standard_error": 0.01 * value})
        about = {"exponent": exponent, "low": exponent - 0.1, "high": exponent + 0.1}
        table = table.assign(series=series, variable=variable, expected=exponent, **about)
        rows.append(table)
    return pd.concat(rows, ignore_index=True)


@pytest.fixture(scope="module")
def tables():
    z = np.random.default_rng(0).standard_normal(500)
    validation = pd.DataFrame({"z": z, "setting": np.arange(500) // 10, "time": 2.0})
    tables = {"closed_equations": curves(), "scaling": scaling(), "validation": validation}
    counts = {"n_runs": 50, "n_same": [48, 47], "n_theory": [1, 0], "n_simulation": [1, 2]}
    pairs = pd.DataFrame({**counts, "n_both": [20, 30], "n_moving": [0, 7]})
    return {**tables, "validation_outcomes": pairs.assign(time=60.0, separation=3.0)}


@pytest.fixture(scope="module")
def figure(tables):
    figure = draw(tables)
    yield figure
    plt.close(figure)


def test_a_row_for_each_dimension_and_one_for_the_differences(figure):
    assert len(figure.axes) == 3 * 4


@pytest.mark.parametrize(("row", "dimension"), [(0, 8), (1, 512)])
def test_lines_are_theory_and_marks_are_simulation(figure, tables, row, dimension):
    for column, names in enumerate(CURVES.values()):
        axes = figure.axes[4 * row + column]
        lines = [line for line in axes.lines if line.get_marker() in ("None", None)]
        marks = [line for line in axes.lines if line.get_marker() == "o"]
        assert len(lines) == len(marks) == len(names)
        curves = tables["closed_equations"]
        curves = curves[curves["dimension"] == dimension]
        for line, mark, name in zip(lines, marks, names, strict=True):
            table = curves[curves["quantity"] == name]
            for artist, source in ((line, "theory"), (mark, "simulation")):
                shown = table[table["source"] == source]
                np.testing.assert_array_equal(artist.get_xdata(), shown["time"])
                np.testing.assert_array_equal(artist.get_ydata(), shown["value"])


def test_power_laws_go_through_their_points(figure):
    for axes in figure.axes[8:11]:
        assert axes.get_xscale() == axes.get_yscale() == "log"
        fits = [line for line in axes.lines if line.get_marker() in ("None", None)]
        points = [line for line in axes.lines if line.get_marker() in ("o", "^", "s")]
        assert len(fits) == len(points) == 2
        for fit, point in zip(fits, points, strict=True):
            np.testing.assert_allclose(fit.get_ydata(), point.get_ydata(), rtol=1e-12)


def test_z_scores_are_all_shown_as_a_density(figure):
    bars = figure.axes[-1].patches
    assert sum(bar.get_height() * bar.get_width() for bar in bars) == pytest.approx(1)


def test_caption_has_the_numbers(tables):
    text = caption(tables)
    assert "d = 8 and 512" in text
    assert "bias against step size 1.00 [0.90, 1.10], expected 1" in text
    assert f"mean {tables['validation']['z'].mean():.2f}" in text
    assert "50 settings" in text
    assert "early times, 2 at most. Later, at time 60" in text
    assert "from the same start in 95 of 100 cases; flow alone is collapsed in 1" in text
    assert "descent alone in 3, both in 50; 7 of these runs of the flow still move" in text
