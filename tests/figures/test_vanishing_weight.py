"""Figure 4 through its artists."""

from __future__ import annotations

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

from modecollapse.figures import vanishing_weight as figure


def test_trajectories_draw_the_weight_and_both_means():
    rows = [(0.0, 0.0, 0.5, 1.0, -1.0), (0.0, 1.0, 0.5, 2.0, -2.0)]
    rows += [(1.0, 0.0, 0.5, 1.0, -1.0), (1.0, 1.0, 0.1, 0.5, -2.0)]
    table = pd.DataFrame(rows, columns=["eta", "time", "weight", "m1", "m2"]).assign(separation=2.0)
    drawn, panels = plt.subplots(1, 2)
    figure.draw_trajectories(panels, table)
    weight, position = panels
    np.testing.assert_array_equal(weight.lines[1].get_ydata(), [0.5, 0.1])
    assert weight.get_yscale() == "log"
    np.testing.assert_array_equal(position.lines[0].get_ydata(), [0.5, 1.0])  # m_1 / r
    assert [line.get_color() for line in weight.lines] == [
        position.lines[0].get_color(),
        position.lines[2].get_color(),
    ]
    plt.close(drawn)


def test_a_simulated_point_lies_on_the_row_of_its_eta():
    grid = [(eta, r) for eta in (0.1, 1.0, 10.0) for r in (2.0, 3.0)]
    theory = pd.DataFrame(grid, columns=["eta", "separation"])
    theory = theory.assign(source="theory", value=np.linspace(0, 1, 6))
    point = pd.DataFrame([{"source": "simulation", "eta": 10.0, "separation": 2.0, "value": 0.25}])
    drawn, axes = plt.subplots()
    figure.draw_map(axes, pd.concat([theory, point], ignore_index=True), 1.0)
    mesh, disc = axes.collections
    np.testing.assert_allclose(mesh.get_array(), np.linspace(0, 1, 6).reshape(3, 2))
    np.testing.assert_array_equal(disc.get_offsets(), [[2.0, 2.0]])
    assert disc.get_array() == [0.25]
    assert mesh.get_clim() == disc.get_clim() == (0, 1)
    plt.close(drawn)


def test_what_is_collapsed_is_drawn_against_time_beside_its_simulation():
    rows = [(eta, t, p) for eta in (0.0, 1.0) for t, p in ((100.0, 0.5), (1.0, 0.2))]
    table = pd.DataFrame(rows, columns=["eta", "time", "probability"])
    table = table.assign(low=table["probability"] - 0.1, high=table["probability"] + 0.1)
    trained = table[(table["eta"] == 1.0) & (table["time"] == 100.0)]
    drawn, axes = plt.subplots()
    figure.draw_part(axes, table, trained)
    lines = [line for line in axes.lines if len(line.get_xdata()) == 2]
    assert len(lines) == 2
    for line in lines:
        np.testing.assert_array_equal(line.get_xydata(), [[1.0, 0.2], [100.0, 0.5]])
    marks = [line for line in axes.lines if line.get_marker() == "o" and len(line.get_xdata())]
    np.testing.assert_array_equal(marks[0].get_xydata(), [[100.0, 0.5]])
    bars = [segment for bar in axes.containers for segment in bar.lines[2][0].get_segments()]
    assert any(np.allclose(bar, [[100.0, 0.4], [100.0, 0.6]]) for bar in bars if len(bar))
    assert axes.get_xscale() == "log"
    plt.close(drawn)
