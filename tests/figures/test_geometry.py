"""The supplementary figure on geometry through its artists."""

from __future__ import annotations

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest

from modecollapse.figures import geometry as figure
from modecollapse.figures.style import COLOURS, GEOMETRIES

ANNEALED = (
    *("time", "beta_initial", "anneal_time", "separation", "target_weight", "dimension", "n_runs"),
)


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


def annealed():
    rows = [
        ("theory", "natural", 1.0, 0.0),
        ("theory", "natural", 0.1, 0.1),
        ("reduced simulation", "natural", 1.0, 0.2),
        ("theory", "euclidean", 1.0, 0.9),
    ]
    table = pd.DataFrame(rows, columns=["source", "geometry", "eta", "probability"])
    return table.assign(low=table["probability"] - 0.05, high=table["probability"] + 0.05)


def test_annealed_runs_of_theory_are_lines_and_of_descent_marks(axes):
    figure.draw_annealed(axes, annealed())
    theory = {x.get_color(): x.get_xydata().tolist() for x in axes.lines if x.get_ls() == "-"}
    assert theory[GEOMETRIES["natural"][0]] == [[0.1, 0.1], [1.0, 0.0]]
    assert theory[GEOMETRIES["euclidean"][0]] == [[1.0, 0.9]]
    (bars,) = axes.containers
    beside = figure.BESIDE["natural"]  # of the mark of another geometry at the same place
    assert bars.lines[0].get_xydata().tolist() == [[beside, 0.2]]
    assert len(set(figure.BESIDE.values())) == len(figure.BESIDE) == len(GEOMETRIES)
    assert bars.lines[0].get_marker() == GEOMETRIES["natural"][1]


def lifetimes():
    rows = [
        ("random", "natural", 4.0, 1.0, 100.0, 90.0, True, 0.1),
        ("random", "natural", 4.0, 10.0, 10.0, 12.0, True, 0.1),
        ("random", "natural", 4.0, 10.0, 1e9, 1e9, False, 0.1),
        ("light", "natural", 4.0, 1.0, 7.0, 8.0, True, 230.2585093),
        ("light", "natural", 3.0, 1.0, 7.0, 9.0, True, 230.2585093),
    ]
    columns = ["start", "geometry", "separation", "eta", "law", "time", "recovered", "logit"]
    return pd.DataFrame(rows, columns=columns)


def test_lifetimes_that_ended_are_drawn_against_their_law(axes):
    table = lifetimes()
    figure.draw_lifetimes(axes, table[table["start"] == "random"])
    marks = [(x.get_xydata().tolist(), x.get_mfc()) for x in axes.lines if x.get_marker() == "D"]
    colour = GEOMETRIES["natural"][0]
    assert marks == [([[100.0, 90.0]], "white"), ([[10.0, 12.0]], colour)]
    (equal,) = (x for x in axes.lines if x.get_marker() == "None")
    assert equal.get_xydata().tolist() == [[10.0, 10.0], [100.0, 100.0]]


def test_waits_are_drawn_against_decades_at_the_largest_separation(axes):
    table = lifetimes()
    figure.draw_light(axes, table[table["start"] == "light"])
    law, time = axes.lines
    np.testing.assert_allclose(law.get_xydata(), [[100, 7.0]])
    np.testing.assert_allclose(time.get_xydata(), [[100, 8.0]])


def test_problems_are_drawn_apart():
    tables = {
        "components_paid": paid(),
        "annealed_geometry": annealed(),
        "natural_lifetimes": lifetimes(),
    }
    drawn = figure.draw(tables)
    titles = [axes.get_title(loc="right") for axes in drawn.axes]
    assert titles == ["four modes", "equal modes"] * 2 + [""] * 3
    said = figure.caption(
        {
            "components_paid": paid().assign(dimension=16, cost=32000, n_runs=9),
            "annealed_geometry": annealed()[:0].reindex(columns=["source", *ANNEALED]),
            "natural_lifetimes": lifetimes(),
        }
    )
    assert "natural 4.00 of 4 (four modes)" in said
    plt.close(drawn)
