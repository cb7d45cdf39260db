"""Both roads train the same cases from starts of one law, and are read at the end."""

from __future__ import annotations

import numpy as np

from modecollapse.experiments.annealed_geometry import UNITS, Case, simulation, theory
from modecollapse.experiments.share import Share

SMALL = {
    "seed": 3,
    "separation": 4.0,
    "dimension": 16,
    "target_weight": 0.7,
    "law": "normal",
    "size": 1.0,
    "beta_initial": 0.01,
    "anneal_time": 20.0,
    "rest": 10.0,
    "etas": (1.0, 0.3),
    "geometries": ("euclidean", "natural"),
    "runs": 8,
}


def test_theory_has_a_row_for_each_case_from_the_same_starts():
    settings = theory.Settings(**SMALL, rtol=1e-6)
    table = theory.compute(settings, Share())
    assert list(table.columns) == list(UNITS)
    cases = list(table[["geometry", "eta"]].itertuples(index=False, name=None))
    assert cases == [("euclidean", 1.0), ("euclidean", 0.3), ("natural", 1.0), ("natural", 0.3)]
    assert (table["time"] == 30.0).all()
    assert (table["n_runs"] == 8).all()
    dead = table.groupby("geometry")["n_vanishing_weight"].sum()
    assert dead["euclidean"] > 8
    assert dead["natural"] == 0
    alone = theory.compute(settings, Share(2, 4))
    assert alone.iloc[0].to_dict() == table.iloc[2].to_dict()


def test_descent_takes_the_steps_that_the_time_needs():
    few = SMALL | {"etas": (1.0,), "runs": 4}
    settings = simulation.Settings(**few, step_size=0.05, batch=32, evaluation_samples=128)
    table = simulation.compute(settings, Share())
    assert list(table.columns) == list(UNITS)
    rows = table.set_index("geometry")
    assert rows["n_collapsed"].to_dict() == {"euclidean": 4, "natural": 0}
    assert (table["source"] == "reduced simulation").all()


def test_starts_are_hot_and_those_of_the_law():
    start = theory.Settings(**SMALL, rtol=1e-6).start()
    assert (start.variances == 100.0).all()
    assert (start.logit == 0).all()
    assert np.abs(np.sqrt(start.q[:, [0, 2]].mean()) - 4.0) < 0.5  # √d
    told = Case("natural", 0.3).dynamics(theory.Settings(**SMALL, rtol=1e-6))
    assert told["schedule"].beta(0.0) == 0.01
    assert told["schedule"].beta(20.0) == 1.0
