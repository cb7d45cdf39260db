"""The tables of remedies against the functions that they are made by, and known numbers."""

from __future__ import annotations

import numpy as np
import pytest

from modecollapse import critical_separation, random_start
from modecollapse.experiments import (
    geometry_survival,
    geometry_waits,
    objective_births,
    objective_runs,
)
from modecollapse.experiments.share import Share, stream
from modecollapse.targets import BimodalTarget
from modecollapse.theory.geometry import integrate_geometry


def test_each_point_has_starts_of_its_own_and_its_counts_are_those_of_its_time():
    settings = geometry_survival.Settings(
        seed=3,
        target_weight=0.5,
        dimension=16,
        eta=10.0,
        separations=(4.0,),
        geometries=("euclidean", "natural"),
        times=(1000.0, 20.0),
        runs=12,
        rtol=1e-6,
    )
    table = geometry_survival.compute(settings, Share())
    assert table["time"].tolist() == [20.0, 1000.0, 20.0, 1000.0]
    target = BimodalTarget(4.0, 16, 0.5)
    for index, geometry in enumerate(settings.geometries):
        start = random_start(target, 12, stream(3, index))
        rows = table[table["geometry"] == geometry]
        for time, lost, dead in rows[["time", "n_collapsed", "n_vanishing_weight"]].values:
            run = integrate_geometry(target, start, [time], eta=10.0, geometry=geometry, rtol=1e-8)
            assert lost == run.collapsed.sum()
            assert dead == (run.outcome == "vanishing weight").sum()
    late = table[table["time"] == 1000.0].set_index("geometry")
    assert late.loc["natural", "n_vanishing_weight"] < late.loc["euclidean", "n_vanishing_weight"]


def test_waits_are_those_of_the_remedies_table():
    settings = geometry_waits.Settings(
        geometries=("euclidean", "natural"),
        separations=(4.0,),
        aligned_separations=(2.8,),
        eta=10.0,
        dimension=64,
        horizon=1e9,
    )
    table = geometry_waits.compute(settings, Share())
    known = {("one at its mode", "euclidean"): 2.399e3, ("one at its mode", "natural"): 1.529}
    known |= {("aligned", "euclidean"): 3.931e2, ("aligned", "natural"): 8.814e1}
    found = table.set_index(["start", "geometry"])["time"].to_dict()
    assert found == pytest.approx(known, rel=1e-3)


def test_births_are_the_critical_separations_and_what_has_none_is_left_out():
    settings = objective_births.Settings(target_weight=0.5, alphas=(0.3, 0.9), shares=(0.2, 0.6))
    table = objective_births.compute(settings, Share())
    keys = ["source", "objective", "strength"]
    found = table.set_index(keys)["separation"].to_dict()
    assert found == pytest.approx(
        {
            ("theory", "alpha", 0.3): critical_separation(alpha=0.3),
            ("theory", "alpha", 0.9): 5.109937,
            ("formula", "alpha", 0.9): 5.095,
            ("theory", "share", 0.2): critical_separation(share=0.2),
        },
        rel=1e-4,
    )


def test_no_run_collapses_below_the_critical_separation_and_states_are_there_above():
    settings = objective_runs.Settings(
        seed=5,
        target_weight=0.5,
        dimension=8,
        alphas=(0.5,),
        shares=(0.5,),
        separations=(2.5, 4.0),
        runs=12,
        time=1e4,
        rtol=1e-6,
    )
    table = objective_runs.compute(settings, Share()).set_index(["objective", "separation"])
    states = table["n_collapsed_states"].to_dict()
    assert states == {("alpha", 2.5): 0, ("alpha", 4.0): 2, ("share", 2.5): 0, ("share", 4.0): 0}
    lost = table["n_collapsed"]
    assert lost["alpha", 4.0] > 0
    assert np.array_equal(lost.drop(("alpha", 4.0)), [0, 0, 0])
