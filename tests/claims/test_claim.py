"""Verdicts follow intervals, and tables without the rows are not spoken of."""

import math

import numpy as np
import pandas as pd
import pytest

from modecollapse.claims import Claim, Estimate, Verdict, doubted, judged
from modecollapse.claims.claim import UNITS, NoRows, only
from modecollapse.claims.intervals import difference, fitted_slope, frequency, mean

TABLE = pd.DataFrame({"d": [2, 4], "n_runs": [100, 100], "n_collapsed": [20, 60]})


def collapsed(table):
    return frequency(table["n_collapsed"].sum(), table["n_runs"].sum())


def claim(measure, **threshold):
    return Claim("a-name", "figure", "Words.", "a part", ("t",), measure, **threshold)


@pytest.mark.parametrize(
    ("low", "high", "verdict"),
    [
        (0.3, 0.4, Verdict.HOLDS),
        (0.1, 0.3, Verdict.UNDECIDED),
        (0.1, 0.2, Verdict.FAILS),
        (0.4, 0.6, Verdict.UNDECIDED),
        (0.5, 0.6, Verdict.FAILS),
        (0.1, 0.9, Verdict.UNDECIDED),
    ],
)
def test_the_interval_decides(low, high, verdict):
    between = claim(lambda tables: None, above=0.2, below=0.5)
    assert between.verdict(Estimate((low + high) / 2, low, high)) is verdict


@pytest.mark.parametrize("threshold", [{}, {"above": 1.0, "below": 1.0}, {"above": math.nan}])
def test_a_claim_needs_a_threshold(threshold):
    with pytest.raises(ValueError, match="above, below"):
        claim(lambda tables: None, **threshold)


def test_a_row_for_each_claim_that_the_tables_can_speak_of():
    there = claim(lambda tables: collapsed(only(tables["t"], d=4)), above=0.5)
    absent = claim(lambda tables: collapsed(only(tables["t"], d=8)), above=0.5)
    table = judged("fig9_x", [there, absent], {"t": TABLE, "other": TABLE})
    assert list(table.columns) == list(UNITS)
    (row,) = table.itertuples()
    assert (row.value, row.verdict, row.tables) == (0.6, "holds", "t")
    assert row.low < 0.51 < 0.6 < row.high


def test_what_does_not_hold_is_told_first_what_fails():
    def off(value: float) -> Claim:
        estimate = Estimate(value, value - 0.1, value + 0.1)
        return Claim(f"at-{value}", "practice", "", "a part", ("t",), lambda t: estimate, above=0.5)

    table = judged("fig9_x", [off(0.9), off(0.55), off(0.2)], {"t": TABLE})
    assert doubted(table) == [
        "! claim at-0.2: FAILS: a part is 0.2 (0.1 to 0.3), to be above 0.5 (practice of fig9_x)",
        "? claim at-0.55: UNDECIDED: a part is 0.6 (0.5 to 0.7), to be above 0.5 (practice of "
        "fig9_x)",
    ]
    assert doubted(table.iloc[:1]) == []


def test_a_claim_sees_its_own_tables_only():
    peeping = claim(lambda tables: collapsed(tables["other"]), above=0.5)
    with pytest.raises(KeyError):
        judged("fig9_x", [peeping], {"t": TABLE, "other": TABLE})


def test_rows_are_found_to_rounding_and_by_text():
    table = pd.DataFrame({"x": [0.1 + 0.2, 0.4], "name": ["a", "b"], "yes": [True, False]})
    assert len(only(table, x=0.3)) == 1
    assert only(table, name="b", yes=False)["x"].tolist() == [0.4]
    with pytest.raises(NoRows):
        only(table, x=0.3, name="b")


def test_intervals_cover_as_often_as_they_say():
    rng = np.random.default_rng(1)
    inside = {"frequency": 0, "difference": 0, "mean": 0, "slope": 0}
    trials = 2000
    for _ in range(trials):
        a, b = rng.binomial(40, 0.3), rng.binomial(60, 0.5)
        one, two = frequency(a, 40), frequency(b, 60)
        x = np.arange(6.0)
        estimates = {
            "frequency": (one, 0.3),
            "difference": (difference(two, one), 0.2),
            "mean": (mean(rng.normal(2, 3, 8)), 2.0),
            "slope": (fitted_slope(x, 0.5 * x + rng.normal(size=6)), 0.5),
        }
        for name, (estimate, truth) in estimates.items():
            inside[name] += estimate.low <= truth <= estimate.high
    for name, count in inside.items():
        assert abs(count / trials - 0.95) < 0.03, name  # 0.005 is one standard error


def test_nothing_is_no_number():
    for nothing in (lambda: frequency(0, 0), lambda: mean([1.0])):
        with pytest.raises(NoRows):
            nothing()
