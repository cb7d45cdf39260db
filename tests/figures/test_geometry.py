"""The supplementary figure on geometry through its artists."""

from __future__ import annotations

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest

from modecollapse.figures import geometry as figure
from modecollapse.figures.style import COLOURS, GEOMETRIES


@pytest.fixture
def axes():
    drawn, axes = plt.subplots()
    yield axes
    plt.close(drawn)


def paid():
    rows = [
        ("four modes", "natural", "trained", 8, 4.0, 0.0),
        ("four modes", "natural", "trained", 4, 3.5, 0.2),
        ("four modes", "euclidean", "fixed", 4, 2.5, 0.4),
        ("equal modes", "euclidean", "fixed", 4, 2.0, 0.3),
    ]
    columns = ["problem", "geometry", "weights", "n_components", "n_found", "regret"]
    table = pd.DataFrame(rows, columns=columns).assign(n_found_se=0.1, n_modes=4)
    return table.assign(regret_low=table["regret"] - 0.1, regret_high=table["regret"] + 0.1)


def lines(axes):
    return {
        (line.get_color(), line.get_marker(), line.get_linestyle()): line.get_xydata().tolist()
        for line in axes.lines
        if line.get_marker() != "None"
    }


def test_no_geometry_has_the_colour_of_a_source():
    assert not {colour for colour, _ in GEOMETRIES.values()} & set(COLOURS.values())
    assert len(set(GEOMETRIES.values())) == len({mark for _, mark in GEOMETRIES.values()}) == 3


def test_modes_found_have_a_line_for_each_geometry_and_weights(axes):
    figure.draw_components(axes, paid().iloc[:3], column="found")
    natural, euclidean = (GEOMETRIES[name] for name in ("natural", "euclidean"))
    assert lines(axes) == {
        (*natural, "-"): [[4, 3.5], [8, 4.0]],
        (*euclidean, ":"): [[4, 2.5]],
    }
    band = axes.collections[-1].get_paths()[0].vertices[:, 1]
    assert (band.min(), band.max()) == pytest.approx((3.5 - 0.196, 4.0 + 0.196))
    assert any(np.allclose(line.get_ydata(), 4) for line in axes.lines)  # all modes, grey


def test_regrets_below_their_error_are_drawn_there(axes):
    figure.draw_components(axes, paid().iloc[:3], column="regret")
    assert lines(axes)[(*GEOMETRIES["natural"], "-")] == [[4, 0.2], [8, figure.LEAST]]
    assert axes.get_yscale() == "log"


def test_problems_are_drawn_apart():
    drawn = figure.draw({"components_paid": paid()})
    assert [axes.get_title() for axes in drawn.axes] == ["four modes", "equal modes"] * 2
    said = figure.caption({"components_paid": paid().assign(dimension=16, cost=32000, n_runs=9)})
    assert "natural 4.00 of 4 (four modes)" in said
    plt.close(drawn)
