"""Figure 7 through its artists."""

from __future__ import annotations

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from matplotlib.collections import PolyCollection

from modecollapse.figures import remedies as figure
from modecollapse.figures.style import COLOURS, GEOMETRIES, MARKERS


@pytest.fixture
def axes():
    drawn, axes = plt.subplots()
    yield axes
    plt.close(drawn)


def survival() -> pd.DataFrame:
    columns = ["geometry", "separation", "time", "n_collapsed", "n_vanishing_weight"]
    rows = [
        ("natural", 4.0, 100.0, 30, 0),
        ("natural", 4.0, 10.0, 50, 10),
        ("euclidean", 4.0, 10.0, 90, 80),
        ("euclidean", 4.0, 100.0, 60, 50),
    ]
    table = pd.DataFrame(rows, columns=columns).assign(
        n_runs=100, eta=10.0, dimension=16, target_weight=0.5
    )
    p = table["n_collapsed"] / 100
    return table.assign(probability=p, low=p - 0.1, high=p + 0.1)


def test_each_geometry_has_its_part_its_band_and_its_dead(axes):
    figure.draw_survival(axes, survival())
    solid = {(x.get_color(), x.get_marker()): x for x in axes.lines if x.get_linestyle() == "-"}
    natural, euclidean = (solid[GEOMETRIES[name]] for name in ("natural", "euclidean"))
    np.testing.assert_array_equal(natural.get_xydata(), [[10.0, 0.5], [100.0, 0.3]])
    np.testing.assert_array_equal(euclidean.get_ydata(), [0.9, 0.6])
    dashed = [x.get_ydata().tolist() for x in axes.lines if x.get_linestyle() == "--"]
    assert dashed == [[0.8, 0.5], [0.1, 0.0]]
    bands = [c for c in axes.collections if isinstance(c, PolyCollection)]
    assert len(bands) == 2
    assert bands[1].get_datalim(axes.transData).extents[[1, 3]] == pytest.approx([0.2, 0.6])
    assert axes.get_xscale() == "log"


def test_starts_and_geometries_are_told_apart_and_what_waits_on_is_left_out(axes):
    columns = ["start", "geometry", "separation", "time", "recovered"]
    rows = [
        ("one at its mode", "euclidean", 4.0, 2e3, True),
        ("one at its mode", "euclidean", 3.0, 50.0, True),
        ("one at its mode", "euclidean", 9.0, 1e9, False),
        ("aligned", "natural", 3.0, 300.0, True),
    ]
    figure.draw_waits(axes, pd.DataFrame(rows, columns=columns))
    drawn = {
        (x.get_color(), x.get_marker(), x.get_markerfacecolor()): x.get_xydata().tolist()
        for x in axes.lines
    }
    arrived, together = GEOMETRIES["euclidean"], GEOMETRIES["natural"]
    assert drawn == {
        (*arrived, arrived[0]): [[3.0, 50.0], [4.0, 2000.0]],
        (*together, "white"): [[3.0, 300.0]],
    }


def test_marks_are_filled_where_a_run_collapsed(axes):
    births = pd.DataFrame(
        [
            ("theory", "alpha", 0.5, 2.7),
            ("theory", "alpha", 0.1, 2.3),
            ("formula", "alpha", 0.9, 5),
        ],
        columns=["source", "objective", "strength", "separation"],
    )
    runs = pd.DataFrame(
        [("alpha", 0.5, 2.0, 0), ("alpha", 0.5, 3.0, 4), ("share", 0.2, 3.0, 0)],
        columns=["objective", "strength", "separation", "n_collapsed"],
    )
    figure.draw_births(axes, births, runs)
    lines = [x.get_xydata().tolist() for x in axes.lines if x.get_marker() in ("None", "")]
    assert lines == [[[0.1, 2.3], [0.5, 2.7]], [[0.9, 5.0]]]
    marks = {
        (x.get_marker(), x.get_markerfacecolor()): x.get_xydata().tolist()
        for x in axes.lines
        if x.get_marker() not in ("None", "")
    }
    assert marks == {
        ("o", COLOURS["theory"]): [[0.5, 3.0]],
        ("o", "none"): [[0.5, 2.0]],
        ("v", "none"): [[0.2, 3.0]],
    }


def test_the_caption_reads_the_last_time_and_the_largest_separation():
    waits = pd.DataFrame(
        [("one at its mode", g, r, t * r, True) for g, t in (("euclidean", 100.0), ("natural", 1.0))
         for r in (3.0, 5.0)],
        columns=["start", "geometry", "separation", "time", "recovered"],
    ).assign(eta=10.0)  # fmt: skip
    births = pd.DataFrame(
        [("theory", "alpha", 0.9, 5.1), ("formula", "alpha", 0.99, 16.0)],
        columns=["source", "objective", "strength", "separation"],
    )
    tables = {
        "geometry_survival": survival(),
        "geometry_waits": waits,
        "objective_births": births,
        "objective_runs": pd.DataFrame(
            [
                ("alpha", 0.9, 2.0, 0),
                ("share", 0.2, 6.0, 2),
                ("share", 0.2, 2.0, 0),
                ("share", 0.5, 6.0, 0),
            ],
            columns=["objective", "strength", "separation", "n_collapsed_states"],
        ).assign(n_runs=24, time=1e4),
        "objective_batches": pd.DataFrame({"resolution": 0.25, "n_runs": [4, 9], "time": 50.0}),
        "remedies": pd.DataFrame(
            {
                "source": ["simulation", "simulation", "flow"],
                "cost": [320.0, 32000.0, 9.0],
                "n_runs": [40, 40, 12],
                "dimension": 16,
            }
        ),
    }
    text = figure.caption(tables)
    assert "At t = 100 and r = 4 0.600 is collapsed in the Euclidean geometry, 0.300 in" in text
    assert "(at r = 5: Euclidean 5e+02, natural 5)" in text
    assert "5.100 at α = 0.9" in text
    assert "No collapsed state was found up to r = 6 at λ = 0.5. (d) The largest" in text
    assert "when 3.2e+04 evaluations" in text
    assert "Squares: flows, 12 runs" in text
    assert "(steps of 0.25) from which at least half of 4 to 9 runs" in text


def scale() -> pd.DataFrame:
    rows = [
        ("simulation", "plain", 100.0, 0.9, 0.5, 0.4, 0.6, 20),
        ("simulation", "plain", 1000.0, 0.5, 0.3, 0.2, 0.4, 10),
        ("simulation", "annealing, natural", 1000.0, 0.0, -1e-6, -1e-5, 1e-5, 0),
        ("flow", "share 0.5", 5000.0, 0.0, 0.07, 0.05, 0.09, 0),
    ]
    columns = ["source", "remedy", "cost", "probability", "regret", "regret_low", "regret_high"]
    return pd.DataFrame(rows, columns=[*columns, "n_collapsed"]).assign(low=0.0, high=1.0)


def test_the_list_has_each_remedy_at_its_last_cost_and_open_where_none_is_collapsed(axes):
    figure.draw_list(axes, scale())
    names = [label.get_text() for label in axes.get_yticklabels()]
    assert names.index("plain") == 0
    assert "flow: share 0.5" in names
    marks = {
        names[int(x.get_ydata()[0])]: (round(float(x.get_xdata()[0]), 9), x.get_markerfacecolor())
        for x in axes.lines
        if x.get_marker() in set("os")
    }
    assert marks == {
        "plain": (0.3, COLOURS["simulation"]),
        "annealing, natural": (figure.LEAST_REGRET, "white"),
        "flow: share 0.5": (0.07, "white"),
    }
    bars = [x.get_xdata().tolist() for x in axes.lines if x.get_marker() in ("None", "")]
    assert bars[0] == [0.2, 0.4]


def test_every_remedy_of_the_menu_is_listed():
    from modecollapse.experiments.remedies.menu import MENU

    assert set(figure.LISTED["simulation"]) == set(MENU)
    assert set(figure.COURSES) <= set(MENU)


def test_no_remedy_has_the_colour_of_a_source_or_an_outcome_nor_the_style_of_another():
    styles = [*figure.COURSES.values(), *figure.FLOWS.values()]
    assert len(set(styles)) == len(styles)
    assert not {colour for colour, _, _ in figure.COURSES.values()} & set(COLOURS.values())
    assert not {colour for colour, _ in GEOMETRIES.values()} & set(COLOURS.values())
    assert {colour for colour, _, _ in figure.FLOWS.values()} == {COLOURS["flow"]}
    assert figure.FLOWS["plain"][2] == MARKERS["flow"]


@pytest.mark.parametrize(
    ("column", "values"), [("regret", [0.5, 0.3]), ("probability", [0.9, 0.5])]
)
def test_a_course_is_drawn_against_its_cost(axes, column, values):
    figure.draw_course(axes, scale(), column=column)
    plain = axes.lines[0]
    np.testing.assert_array_equal(plain.get_xydata(), np.stack([[100.0, 1000.0], values], 1))
    assert len(axes.lines) == 3


def test_batches_have_a_line_each_beside_the_critical_separation(axes):
    own, still = "self-normalised", "sticking-the-landing"
    rows = [(0.9, 1000, 2, own, still, 3.5), (0.5, 1000, 2, own, still, 2.5),
            (0.5, 10000, 2, own, still, 0.0), (0.9, 10000, 2, own, still, 3.75),
            (0.9, 1000, 2, "plain", still, 3.25),
            (0.9, 1000, 16, own, "pathwise", 3.0)]  # fmt: skip
    names = ["alpha", "batch", "dimension", "weights", "estimator", "separation"]
    table = pd.DataFrame(rows, columns=names)
    table["flow_separation"] = table["alpha"] * 5
    table["low"], table["high"] = table["separation"] - 0.25, table["separation"] + 0.5
    births = pd.DataFrame(
        [("theory", "alpha", 0.9, 5.1), ("theory", "share", 0.9, 1.0),
         ("theory", "alpha", 0.5, 2.7),
         ("theory", "alpha", 0.99, 16.0)],
        columns=["source", "objective", "strength", "separation"],
    )  # fmt: skip
    figure.draw_batches(axes, table, births)
    drawn = {x.get_label(): x.get_xydata() for x in axes.lines}
    bars = [segment for one in axes.collections for segment in one.get_segments()]
    assert sorted(tuple(bar[:, 1]) for bar in bars)[-1] == (3.5, 4.25)
    beside = np.concatenate([xy[:, 0] for label, xy in drawn.items() if label.startswith("1e")])
    assert len(set(beside.round(6))) == len(beside)  # cases stand beside each other
    seen = {label: [[round(x, 1), y] for x, y in xy] for label, xy in drawn.items()}
    assert seen == {
        "$r_c$": [[0.5, 2.7], [0.9, 5.1]],
        "gradient flow": [[0.5, 2.5], [0.9, 4.5]],
        "1e3": [[0.5, 2.5], [0.9, 3.5]],
        "1e4": [[0.9, 3.75]],  # where none left nothing is drawn
        "1e3, plain": [[0.9, 3.25]],
        "1e3, score, d = 16": [[0.9, 3.0]],
    }
