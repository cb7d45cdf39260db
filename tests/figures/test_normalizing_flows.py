"""Figure 5 through its artists."""

from __future__ import annotations

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from counted_flows import summaries
from matplotlib.colors import to_hex

from modecollapse.experiments.flow_grid import UNITS
from modecollapse.figures import normalizing_flows as figure
from modecollapse.figures.style import COLOURS, MARKERS


@pytest.fixture
def axes():
    drawn, axes = plt.subplots()
    yield axes
    plt.close(drawn)


def flows(masses: dict[int, list[float]], **setting) -> pd.DataFrame:
    """Runs with these masses on the + mode at steps 0, 10, 20, …"""
    rows = []
    for run, course in masses.items():
        for number, mass in enumerate(course):
            about = {"run": run, "step": 10 * number, "mass_plus": mass, "mass_minus": 1 - mass}
            lost = min(mass, 1 - mass) < 0.1
            about |= {"outcome": "collapsed" if lost else "both modes", "status": "finished"}
            rows.append(about)
    defaults = {
        "source": "flow",
        "separation": 3.0,
        "dimension": 4,
        "target_weight": 0.5,
        "direction": "random",
        "architecture": "realnvp",
        "couplings": 4,
        "hidden": 32,
        "depth": 2,
        "optimizer": "adam",
        "kl": 0.7,
        "projection_std": 1.5,
    }
    table = pd.DataFrame(rows).assign(**{**defaults, **setting})
    return table.reindex(columns=list(UNITS), fill_value=0.0)


def counts(masses: dict[int, list[float]], **setting) -> pd.DataFrame:
    """What these runs come to, setting by setting and step by step."""
    return summaries(flows(masses, **setting))


def mixture(**setting) -> pd.DataFrame:
    row = {
        "separation": 3.0,
        "dimension": 4,
        "target_weight": 0.5,
        "eta": 0.0,
        "n_runs": 50,
        "time": 1e5,
    }
    rows = [{**row, "probability": 0.4, "low": 0.3, "high": 0.5, **setting}]
    rows.append({**rows[0], "separation": 4.0, "probability": 0.5, "low": 0.4, "high": 0.6})
    return pd.DataFrame(rows + [{**r, "eta": 1.0, "probability": 0.1} for r in rows])


def density() -> pd.DataFrame:
    rows = []
    for case, outcome, centres in (("worst", "collapsed", [3.0]), ("best", "both modes", [-3, 3])):
        for step in (0, 10, 20, 40):
            position = np.linspace(-7, 7, 29)
            value = sum(np.exp(-((position - c) ** 2) / 2) for c in centres) / len(centres)
            rows.append(pd.DataFrame({"position": position, "density": value / 2.5066}))
            rows[-1] = rows[-1].assign(case=case, outcome=outcome, step=step)
    return pd.concat(rows).assign(separation=3.0, dimension=4, target_weight=0.5)


def test_a_course_has_the_colour_of_its_end(axes):
    figure.draw_course(axes, flows({0: [0.5, 0.9, 0.99], 1: [0.4, 0.05, 0.5]}))
    ends = [(line.get_ydata()[-1], to_hex(line.get_color())) for line in axes.lines]
    assert ends == [(0.99, COLOURS["collapsed"].lower()), (0.5, COLOURS["both modes"].lower())]
    assert axes.get_xlim() == (0, 20)


def test_density_puts_positions_upwards_and_steps_to_the_right(axes):
    table = density()
    figure.draw_density(axes, table[table["case"] == "worst"])
    (mesh,) = axes.collections
    corners = mesh.get_coordinates()
    assert corners.shape == (30, 5, 2)
    assert (np.diff(corners[0, :, 0]) > 0).all()
    assert corners[0, 0, 0] == 0
    assert corners[0, -1, 0] == 40
    values = mesh.get_array().reshape(29, 4)
    centre = corners[values[:, -1].argmax(), 0, 1] + 0.25
    assert centre == pytest.approx(3.0)
    assert sorted(line.get_ydata()[0] for line in axes.lines) == [-3, 3]


def test_frequencies_are_those_of_a_step():
    table = counts({0: [0.5, 0.99, 0.99], 1: [0.5, 0.01, 0.5], 2: [0.5, 0.5, 0.5]})
    late, early = figure.frequencies(table).iloc[0], figure.frequencies(table, 10).iloc[0]
    assert (late["n_collapsed"], late["n_runs"]) == (1, 3)
    assert (early["n_collapsed"], early["n_runs"]) == (2, 3)


def test_marks_have_their_intervals_and_are_hollow_where_told(axes):
    rows = figure.frequencies(counts({0: [0.5, 0.99], 1: [0.5, 0.5]}))
    figure.draw_frequencies(axes, rows, "separation")
    figure.draw_frequencies(axes, rows, "separation", hollow=True)
    full, hollow = (container.lines for container in axes.containers)
    assert full[0].get_marker() == hollow[0].get_marker() == MARKERS["flow"]
    assert full[0].get_markerfacecolor() == COLOURS["flow"]
    assert hollow[0].get_markerfacecolor() == "white"
    ((x, low), (_, high)) = full[2][0].get_segments()[0]
    assert (x, low, high) == (3.0, rows["low"].iloc[0], rows["high"].iloc[0])


def test_a_line_for_each_separation_a_panel_for_each_dimension():
    runs = {0: [0.5, 0.99, 0.5], 1: [0.5, 0.99, 0.99]}
    table = pd.concat([counts(runs), counts(runs, separation=4.0), counts(runs, dimension=8)])
    drawn = plt.figure()
    figure.draw_healing(drawn, table)
    first, second = drawn.axes
    assert [len(axes.lines) for axes in (first, second)] == [2, 2]
    np.testing.assert_allclose(first.lines[0].get_xydata(), [[10, 1.0], [20, 0.5]])
    assert not len(second.lines[1].get_xdata())  # no run at this separation
    plt.close(drawn)


def test_forecasts_are_areas_with_their_intervals(axes):
    rows = pd.DataFrame(
        {"separation": [3.0], "dimension": 4, "auc": 0.8, "auc_low": 0.6, "auc_high": 0.9}
    )
    figure.draw_forecasts(axes, rows)
    (marks,) = axes.containers
    assert marks.lines[0].get_xydata().tolist() == [[3.0, 0.8]]
    ((_, low), (_, high)) = marks.lines[2][0].get_segments()[0]
    assert (low, high) == (pytest.approx(0.6), pytest.approx(0.9))


def test_mixtures_are_lines_solid_where_weights_are_fixed(axes):
    figure.draw_mixture(axes, mixture(), "separation")
    assert [line.get_linestyle() for line in axes.lines] == ["-", "--"]
    np.testing.assert_array_equal(axes.lines[0].get_xydata(), [[3, 0.4], [4, 0.5]])
    assert {line.get_color() for line in axes.lines} == {COLOURS["theory"]}


def test_the_whole_figure_and_its_caption():
    runs = {0: [0.5, 0.99, 0.99, 0.99], 1: [0.5, 0.99, 0.5, 0.5], 2: [0.5, 0.5, 0.5, 0.5]}
    two = pd.concat([counts(runs), counts(runs, dimension=8)])
    tables = {
        "flow_course": flows(runs),
        "flow_density": density(),
        "flow_collapse": two,
        "flow_sgd": counts(runs, optimizer="sgd"),
        "flow_fit": pd.DataFrame({"separation": [3.0], "dimension": [4], "kl": [0.05]}),
        "mixture_collapse": pd.concat([mixture(), mixture(dimension=8)]),
    }
    drawn = figure.draw(tables)
    titles = ["$d = 4$", "$d = 8$"]
    assert [axes.get_title() for axes in drawn.axes[3:]] == [*titles, *titles, ""]
    first = drawn.axes[5]
    assert len(first.containers) == 2  # Adam and plain descent
    plt.close(drawn)
    text = figure.caption(tables)
    assert "3 runs at r = 3, d = 4: 1 end collapsed, with a median KL of 0.700" in text
    assert "0 of them held both modes at step 10" in text
    assert "collapsed at each step, trained by Adam" in text
    assert "at step 30 (bars likewise; plain descent: step 30)" in text
    assert "at time 100000 with fixed equal weights" in text
    assert "a KL(q‖p) of at most 0.05 nats" in text
    assert "0 runs diverged" in text
