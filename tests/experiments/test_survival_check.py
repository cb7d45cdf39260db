"""The points at which `survival` is held against simulation, and what is counted there."""

from __future__ import annotations

import pytest

from modecollapse import survival
from modecollapse.experiments.share import Share
from modecollapse.experiments.survival_check import UNITS, Settings, compute
from modecollapse.targets import BimodalTarget
from modecollapse.theory.bifurcations import critical_separation


@pytest.fixture(scope="module", params=[1, pytest.param(4, marks=pytest.mark.slow)])
def table(request):
    settings = Settings(seed=3, dimensions=(request.param,), points=1, runs=60, evaluations=3000)
    return compute(settings, Share())


def test_points_are_those_asked_for(table):
    assert list(table.columns) == list(UNITS)
    assert table["side"].tolist() == ["above", "below"]
    above = table["separation"] > critical_separation()
    assert (above == (table["side"] == "above")).all()
    assert (table["forecast"] * table["batch"] <= 3000).all()
    assert (table["temperature"] == table["step_size"] / table["batch"]).all()
    assert (table["estimator"] == "pathwise")[table["dimension"] > 1].all()
    assert (table["n_left"] >= 58).all()  # within eight times the mean


def test_the_error_is_that_of_survival(table):
    """A law of 60 runs is within 0.21 of its own in 99 of 100 tables, and the law within 0.3."""
    assert table["survival_error"].between(0.01, 0.5).all()
    row = table.iloc[1]
    p = BimodalTarget(row["separation"], int(row["dimension"]))
    given = {name: row[name] for name in ("step_size", "batch", "estimator", "components")}
    half = survival(p, [0.7 * row["forecast"]], **given)
    assert 0.3 < half < 0.95


def test_where_no_time_is_that_short_nothing_is_told():
    """At d = 64 h/B is below 0.0032, and the bottleneck alone costs 70,000 evaluations."""
    table = compute(Settings(seed=3, dimensions=(64,), points=1, runs=20, evaluations=500), Share())
    assert table.empty
    assert list(table.columns) == list(UNITS)
