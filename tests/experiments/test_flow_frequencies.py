"""Frequencies of flows: counted from the same runs that flow_grid lists one by one."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from counted_flows import summaries

from modecollapse.experiments import flow_grid
from modecollapse.experiments.flow_frequencies import UNITS, Settings, compute, summary
from modecollapse.experiments.share import Share
from modecollapse.prediction import auc

SETTINGS = Settings(
    seed=1,
    separations=(2.0, 6.0),
    dimensions=(2, 4),
    target_weights=(0.5,),
    directions=("random",),
    architectures=("realnvp",),
    couplings=(2,),
    hidden=(8,),
    depths=(1,),
    optimizer="adam",
    seeds=12,
    ensemble=5,
    steps=60,
    batch=32,
    learning_rate=1e-2,
    logs=2,
    samples=64,
    device="cpu",
)


@pytest.fixture(scope="module")
def table():
    return compute(SETTINGS, Share())


@pytest.fixture(scope="module")
def runs():
    return flow_grid.compute(SETTINGS, Share())


def test_they_are_what_the_runs_come_to(table, runs):
    assert list(table.columns) == list(UNITS)
    assert not table.isna().any().any()
    pd.testing.assert_frame_equal(table, summaries(runs))
    assert (table["n_runs"] == 12).all()
    assert table["step"].tolist() == [0, 30, 60] * 4
    where = {"separation": 6.0, "dimension": 4, "step": 60}
    keys = list(where)
    (row,) = table[(table[keys] == pd.Series(where)).all(axis=1)].itertuples()
    mine = runs[(runs[keys] == pd.Series(where)).all(axis=1)]
    lost = mine[mine["outcome"] == "collapsed"]
    assert 0 < len(lost) == row.n_collapsed
    assert row.n_plus == (lost["mass_plus"] > 0.5).sum()
    assert row.collapsed_kl == pytest.approx(lost["kl"].mean())
    assert row.collapsed_kl_se == pytest.approx(lost["kl"].sem())
    missing = lost[["mass_plus", "mass_minus"]].min(axis=1)
    assert 0 < row.lost_mass == pytest.approx(missing.mean())
    assert row.lost_mass_se == pytest.approx(missing.sem())


def test_a_start_foretells_who_collapses_by_its_distance_and_where_to_by_its_side():
    starts = [0.5, -0.6, 0.7, -0.8, 0.1, -0.1, 0.05, 0.02]
    ends = [1.0, 0.0, 0.0, 0.0, 0.5, 0.5, 0.5, 0.5]
    about = dict.fromkeys(flow_grid.UNITS, 1)
    rows = [
        {**about, "run": run, "step": step, "projection_mean": start, "mass_plus": mass,
         "outcome": "collapsed" if mass in (0.0, 1.0) else "both modes", "status": "finished"}
        for run, (start, end) in enumerate(zip(starts, ends, strict=True))
        for step, mass in ((0, 0.5), (10, end))
    ]  # fmt: skip
    first, last = summary(pd.DataFrame(rows))
    assert (first["auc"], first["auc_low"], first["auc_high"]) == (0.5, 0.0, 1.0)
    assert last["auc"] == 1.0
    assert last["auc_low"] == auc(np.abs(starts), [True] * 4 + [False] * 4).low
    assert (last["n_collapsed"], last["n_plus"], last["n_side"]) == (4, 1, 3)
    assert last["start"] == pytest.approx(0.3)
    gone = pd.DataFrame(rows).assign(
        status=lambda t: np.where(t["run"] < 2, "diverged", "finished")
    )
    assert [row["n_diverged"] for row in summary(gone)] == [2, 2]
    assert summary(gone)[1]["n_runs"] == 6
    assert summary(gone.assign(status="diverged")) == []


def test_jobs_share_settings_and_ensembles_stay_together(table):
    parts = [compute(SETTINGS, Share(k, 3)) for k in range(3)]
    pd.testing.assert_frame_equal(pd.concat(parts, ignore_index=True), table)
    assert len(compute(replace(SETTINGS, steps=2), Share(1, 4))) == 3  # one setting, three steps
