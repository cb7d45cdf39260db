"""Outcomes of gradient flow and of descent from the same starts, pair by pair."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from modecollapse.experiments.paired_outcomes import UNITS, Settings, compute
from modecollapse.experiments.share import Share
from modecollapse.simulation import full

BASE = Settings(
    seed=1,
    separation=3.0,
    target_weights=(0.5,),
    etas=(0.0,),
    dimensions=(2, 8),
    estimators=("sticking-the-landing",),
    law="normal",
    size=1.0,
    time=20.0,
    step_size=0.1,
    batch=64,
    runs=20,
    device="cpu",
)


@pytest.fixture(scope="module")
def table():
    return compute(BASE, Share())


def test_pairs_add_up_and_agree(table):
    assert list(table.columns) == list(UNITS)
    assert table["n_runs"].tolist() == [20, 20]
    split = table["n_theory"] + table["n_simulation"]
    assert (split + table["n_both"] <= table["n_runs"]).all()
    # with fixed weights there is one way to collapse: who differ, differ in that
    np.testing.assert_array_equal(table["n_runs"] - table["n_same"], split)
    assert (table["n_both"] > 0).all()
    assert (table["n_same"] >= 17).all()
    assert table["probability"].tolist() == (table["n_same"] / 20).tolist()


def test_other_starts_end_otherwise(table, monkeypatch):
    """The pairs are what makes them agree: runs from each other's starts do not."""
    plain = full.simulate

    def turned(target, start, **given):
        return plain(target, start[np.roll(np.arange(len(start)), 1)], **given)

    monkeypatch.setattr(full, "simulate", turned)
    assert compute(BASE, Share())["n_same"].sum() < table["n_same"].sum() - 8


def test_jobs_share_the_work():
    small = replace(BASE, time=0.4, batch=8, runs=4)
    parts = pd.concat([compute(small, Share(k, 2)) for k in range(2)], ignore_index=True)
    pd.testing.assert_frame_equal(parts, compute(small, Share()))


def test_time_must_be_steps():
    with pytest.raises(ValueError, match=r"^time: got"):
        replace(BASE, time=0.15)
