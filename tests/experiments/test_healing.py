"""The two roads to the part that is still collapsed, and their bookkeeping."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from modecollapse.experiments.healing import Settings, compute, half_cost, half_life
from modecollapse.experiments.share import Share
from modecollapse.targets import BimodalTarget

SETTINGS = Settings(
    seed=1,
    separations=(3.5,),
    dimensions=(16,),
    target_weights=(0.7,),
    etas=(0.1, 10.0),
    laws=("modes",),
    sizes=(1.0,),
    begin=100.0,
    times=(10.0, 1e3, 1e4, 1e5, 1e6, 1e7),
    runs=40,
    rtol=1e-8,
)


@pytest.fixture(scope="module")
def table():
    return compute(SETTINGS, Share())


def test_the_slow_equations_are_the_closed_ones_and_the_own_time_is_where_weights_are_fast(table):
    assert (table["n_collapsed"] == table["n_slow"]).all()
    off = (table["n_collapsed"] - table["n_own"]).abs().groupby(table["eta"]).max()
    assert off[10.0] <= 2  # of 40
    assert off[0.1] > 4
    ends = table.groupby("eta")["n_collapsed"].agg(["first", "last"])
    assert (ends["first"] > 4).all()  # else there is nothing to forecast
    assert (ends["last"] == 0).all()


def test_laws_and_half_lives_are_those_of_their_row(table):
    """Eqs. 8.4 and 8.8 at r = 3.5, d = 16: c(0.1) = 0.0427, c(10) = 0.6687."""
    first = table.drop_duplicates("eta").set_index("eta")
    assert first["frozen_law"].round(3).to_dict() == {0.1: 0.392, 10.0: 6.144}
    assert first.loc[0.1, "drift_law"] - first.loc[10.0, "drift_law"] == pytest.approx(np.log(100))
    for eta, rows in table.groupby("eta"):
        half = rows["half_life"].iloc[0]
        assert half > 0
        gone = 2 * rows["n_collapsed"] < rows["n_collapsed"].iloc[0]
        assert (rows["time"][gone] > half).all(), eta
        assert (rows["time"][~gone] <= half).all(), eta
        assert (rows["half_life"] == half).all()


def test_rows_begin_where_the_forecast_does_and_never_rise(table):
    for _, rows in table.groupby("eta"):
        assert rows["time"].tolist() == [100.0, 1e3, 1e4, 1e5, 1e6, 1e7]
        assert (rows["n_collapsed"].diff().dropna() <= 0).all()  # KL never rises
        assert rows["n_collapsed"].iloc[0] == rows["n_slow"].iloc[0] == rows["n_own"].iloc[0]


def test_a_share_has_the_rows_of_the_whole(table):
    second = compute(SETTINGS, Share(1, 2))
    assert second.to_dict("list") == table[table["eta"] == 10.0].to_dict("list")


def test_collapse_is_told_by_half_of_what_the_lost_mode_costs():
    statistics = {"mass_plus": np.array([[1.0, 0.0]]), "mass_minus": np.array([[0.0, 1.0]])}
    found = half_cost(statistics, BimodalTarget(3.0, 4, 0.7))
    assert found[0] == pytest.approx([-0.5 * np.log(0.7), -0.5 * np.log(0.3)])


def test_a_half_life_is_not_told_of_few_runs_nor_before_half_are_gone():
    times = np.array([1e2, 1e3, 1e4])
    assert half_life(times, np.array([9, 5, 0])) == 0
    assert half_life(times, np.array([20, 15, 10])) == 0
    assert half_life(times, np.array([20, 9, 9])) < 1e3


def test_where_no_time_comes_after_the_first_there_is_nothing_to_forecast():
    rows = compute(replace(SETTINGS, times=(10.0,), etas=(1.0,)), Share())
    assert rows["time"].tolist() == [100.0]
    assert rows["half_life"].tolist() == [0.0]
    assert (rows["n_collapsed"] == rows["n_slow"]).all()


def test_runs_that_the_slow_equations_do_not_finish_do_not_count(table, monkeypatch):
    from modecollapse.theory import slow

    followed = slow.slow_kl

    def interrupted(*arguments):
        kl, finished = followed(*arguments)
        finished[:3] = False
        return kl, finished

    monkeypatch.setattr(slow, "slow_kl", interrupted)
    rows = compute(replace(SETTINGS, etas=(0.1,)), Share())
    whole = table[table["eta"] == 0.1]
    assert (rows["n_runs"] == whole["n_runs"] - 3).all()
    for name in ("n_collapsed", "n_slow", "n_own"):
        assert rows[name].iloc[0] == whole[name].iloc[0] - 3, name
