"""Figure 3 through its artists."""

from __future__ import annotations

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest

from modecollapse.figures import mean_alignment as figure
from modecollapse.figures.style import COLOURS


@pytest.fixture
def axes():
    drawn, axes = plt.subplots()
    yield axes
    plt.close(drawn)


def test_probability_shows_each_source_in_its_own_colour(axes):
    columns = ["source", "dimension", "probability", "low", "high"]
    rows = [
        ("theory", 64, 0.5, 0.4, 0.6),
        ("theory", 8, 0.1, 0.05, 0.2),
        ("simulation", 8, 0.2, 0.1, 0.4),
    ]
    figure.draw_probability(axes, pd.DataFrame(rows, columns=columns))
    line = next(line for line in axes.lines if line.get_label() == "theory")
    np.testing.assert_array_equal(line.get_xydata(), [[8, 0.1], [64, 0.5]])  # in order of d
    assert line.get_color() == COLOURS["theory"]
    bars = axes.containers[0]
    np.testing.assert_allclose(bars.lines[2][0].get_segments()[0], [[8, 0.1], [8, 0.4]])
    assert bars.lines[0].get_color() == COLOURS["simulation"]
    assert axes.get_xscale() == "log"
    assert axes.get_ylim()[0] < 0 < 1 < axes.get_ylim()[1]


def test_portrait_tells_stable_from_unstable(axes):
    grid = np.linspace(-3, 3, 7)
    x, y = (a.ravel() for a in np.meshgrid(grid, grid, indexing="ij"))
    field = pd.DataFrame(
        {"position1": x, "position2": y, "velocity1": -x, "velocity2": -y, "separation": 2.0}
    )
    fixed = pd.DataFrame(
        {"position1": [0.0, 1.0], "position2": [0.0, 2.0], "stability": ["stable", "unstable"]}
    )
    figure.draw_portrait(axes, field, fixed)
    faces = {c.get_label(): c for c in axes.collections if c.get_label() in ("stable", "unstable")}
    np.testing.assert_array_equal(faces["stable"].get_offsets(), [[0, 0]])
    np.testing.assert_array_equal(faces["unstable"].get_offsets(), [[1, 2]])
    assert faces["stable"].get_facecolor()[0][:3].sum() == 0
    assert faces["unstable"].get_facecolor()[0][:3].sum() == 3
    assert axes.get_xlim() == (-3, 3)


def test_basins_put_mean_1_on_the_horizontal_axis(axes):
    rows = [(-0.1, -0.1, "both modes"), (-0.1, 0.1, "both modes")]
    rows += [(0.1, -0.1, "mean alignment"), (0.1, 0.1, "mean alignment")]
    figure.draw_basins(axes, pd.DataFrame(rows, columns=["cosine1", "cosine2", "outcome"]))
    (mesh,) = axes.collections
    np.testing.assert_array_equal(mesh.get_array(), [[0, 1], [0, 1]])


def test_bifurcation_draws_stable_solid_and_unstable_dotted(axes):
    columns = ["source", "branch", "kind", "separation", "position1", "position2"]
    rows = [
        ("theory", 0, "stable", 2.0, 2.1, 1.0),
        ("theory", 0, "stable", 2.5, 2.6, 1.8),
        ("theory", 0, "unstable", 2.0, 2.1, 0.9),
        ("theory", 0, "unstable", 2.5, 2.7, 0.2),
        ("theory", 0, "fold", 2.0, 2.1, 0.95),
        ("simulation", 0, "trained", 2.4, 2.5, 1.7),
    ]
    figure.draw_bifurcation(axes, pd.DataFrame(rows, columns=columns))
    lines = [line for line in axes.lines if line.get_marker() == "None"]
    assert sorted(line.get_linestyle() for line in lines) == ["-", "-", ":", ":"]
    marks = [line for line in axes.lines if line.get_marker() == "o"]
    assert [tuple(line.get_xydata()[0]) for line in marks] == [(2.4, 2.5), (2.4, 1.7)]
