"""The supplementary figure on flows through its artists."""

from __future__ import annotations

import matplotlib.pyplot as plt
import pandas as pd
import pytest

from modecollapse.figures import flow_factors as figure

from .test_normalizing_flows import counts, mixture

LOST, KEPT = [0.5, 0.99, 0.99], [0.5, 0.5, 0.5]


@pytest.fixture
def axes():
    drawn, axes = plt.subplots()
    yield axes
    plt.close(drawn)


def levels(column: str, values: list, **setting) -> pd.DataFrame:
    """The first of `values` with one collapsed run of two, the others with two."""
    parts = [
        counts({0: LOST, 1: LOST if n else KEPT}, **{column: v}, **setting)
        for n, v in enumerate(values)
    ]
    return pd.concat(parts, ignore_index=True)


def tangent() -> pd.DataFrame:
    rows = []
    for number, direction in enumerate(("axis", "random", "diagonal")):
        for dimension in (2, 16):
            for run in (0, 1, 2):
                ratio = (1 + number * dimension) * (1 + run)
                rows.append((dimension, direction, "realnvp", 4, run, ratio))
    rows += [(8, "random", name, 3, 0, ratio) for name, ratio in (("realnvp", 3), ("nsf", 50))]
    names = ["dimension", "direction", "architecture", "couplings", "run", "ratio"]
    table = pd.DataFrame(rows, columns=names)
    return pd.concat(
        [table.assign(separation=r, race=table["ratio"] * (r - 1)) for r in (2.0, 3.0)]
    )


def tables() -> dict[str, pd.DataFrame]:
    return {
        "flow_direction": levels("direction", ["axis", "random", "diagonal"], dimension=16),
        "flow_architecture": levels("architecture", ["realnvp", "nsf"], dimension=8, couplings=3),
        "flow_race": levels("direction", ["axis", "random", "diagonal"], dimension=16),
        "flow_tangent": tangent(),
        "flow_capacity": levels("hidden", [16, 64]),
        "flow_weight": levels("target_weight", [0.5, 0.8]),
        "mixture_weight": pd.concat([mixture(), mixture(target_weight=0.8)]),
    }


def test_a_colour_and_a_mark_for_each_level(axes):
    figure.draw_by(axes, tables()["flow_direction"], "separation", "direction", figure.DIRECTIONS)
    marks = [container.lines[0] for container in axes.containers]
    assert [mark.get_marker() for mark in marks] == ["D", "s", "^"]
    assert [mark.get_ydata()[0] for mark in marks] == [0.5, 1.0, 1.0]
    assert len({mark.get_color() for mark in marks}) == 3
    assert [text.get_text() for text in axes.get_legend().get_texts()] == list(figure.DIRECTIONS)


def test_ratios_are_medians_over_flows(axes):
    figure.draw_ratios(axes, tangent())
    axis, random, diagonal = (line.get_xydata().tolist() for line in axes.lines)
    assert axis == [[2, 2], [16, 2]]
    assert random == [[2, 6], [16, 34]]
    assert diagonal == [[2, 10], [16, 66]]


def test_the_race_belongs_to_the_setting():
    rows = figure.raced(tables()["flow_race"], tangent()).set_index("direction")
    assert rows["race"].to_dict() == {"axis": 4.0, "random": 68.0, "diagonal": 132.0}
    assert rows["probability"].to_dict() == {"axis": 0.5, "random": 1.0, "diagonal": 1.0}


def test_the_whole_figure_and_its_caption():
    made = tables()
    drawn = figure.draw(made)
    letters = [axes.get_title(loc="left") for axes in drawn.axes]
    assert letters == [f"({letter})" for letter in "abcdef"]
    plt.close(drawn)
    text = figure.caption(made)
    assert "(step 20 in a, 20 in b, 20 in e, 20 in f), 2 runs a point in (a)" in text
    assert "no setting far beyond it is without collapse" in text
    assert "the first measurement (step 10) against the race" in text


def test_the_caption_names_what_wins_the_race_and_does_not_collapse():
    made = tables()
    kept = counts({0: KEPT}, architecture="nsf", dimension=8, couplings=3)
    made["flow_architecture"] = kept
    assert "without collapse: spline AR at r = 3, d = 8 (random)" in figure.caption(made)
