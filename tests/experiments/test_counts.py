"""Frequencies count the runs that finished: of those, and of no others."""

from __future__ import annotations

import numpy as np
import pytest

from modecollapse.counting import counted
from modecollapse.experiments import annealing_map
from modecollapse.experiments.ends import Ends
from modecollapse.outcomes import Outcome
from modecollapse.targets import BimodalTarget
from modecollapse.trajectory import Status, Trajectory

TARGET = BimodalTarget(3.0, 8)
# status, mass on the + mode, weight of component 1, m_1 and m_2, overlap of the means
ENDS = [
    (Status.FINISHED, 0.99, 0.5, 9.0, 8.0, 1.0),  # aligned
    (Status.FINISHED, 0.6, 0.5, 4.0, -1.0, 1.0),  # a positive overlap, and no mode lost
    (Status.FINISHED, 0.5, 0.5, 9.0, -9.0, -1.0),
    (Status.FINISHED, 0.01, 1e-3, 0.5, -9.0, -1.0),  # component 1 died on its way
    (Status.FINISHED, 0.5, 0.5, 9.0, -9.0, -1.0),
    (Status.DIVERGED, np.nan, np.nan, np.nan, np.nan, np.nan),
    (Status.STEP_LIMIT, np.nan, np.nan, np.nan, np.nan, np.nan),
]


def run() -> Trajectory:
    """Five runs that finish, two of them collapsed, and two that don't."""
    status, *numbers = zip(*ENDS, strict=True)
    plus, weight, m1, m2, q12 = (np.array(x)[:, None] * [1.0, 1.0] for x in numbers)
    statistics = {"mass_plus": plus, "mass_minus": 1 - plus, "weight": weight}
    statistics |= {"m1": m1, "m2": m2, "q12": q12, "kl": np.stack([plus[:, 0], weight[:, 0]], -1)}
    return Trajectory(
        source="theory",
        times=np.array([1.0, 2.0]),
        statistics=statistics,
        outcome=np.array([None] * len(ENDS), dtype=object),
        status=np.array(status, dtype=object),
        message=("",) * len(ENDS),
    )


def test_the_ends_of_the_runs_that_finished():
    ends = Ends.of(run(), TARGET)
    assert ends.outcome.tolist() == [
        Outcome.MEAN_ALIGNMENT,
        Outcome.BOTH_MODES,
        Outcome.BOTH_MODES,
        Outcome.VANISHING_WEIGHT,
        Outcome.BOTH_MODES,
    ]
    row = ends.columns(2.0, 0.0)
    assert (row["n_runs"], row["n_collapsed"], row["probability"]) == (5, 2, 0.4)
    assert ends.kl.tolist() == [0.5, 0.5, 0.5, 1e-3, 0.5]  # at the end, not before
    assert ends.earlier.tolist() == [0.99, 0.6, 0.5, 0.01, 0.5]
    assert row["n_moving"] == 2


def test_the_map_of_annealing_counts_alignment_and_lost_modes_each_by_itself():
    settings = annealing_map.Map(
        seed=1,
        separation=3.0,
        dimension=8,
        target_weight=0.5,
        beta_initials=(0.1,),
        anneal_steps=(10, 20),
        extra_steps=10,
        step_size=0.1,
    )
    cell = annealing_map.cells(settings)[0]
    ends, aligned = annealing_map.ends_of(settings, cell, run())
    row = annealing_map.row(settings, cell, "theory", ends, aligned)
    assert row["time"] == pytest.approx(2.0)
    assert (row["n_runs"], row["n_collapsed"], row["n_aligned"]) == (5, 2, 2)
    assert (row["n_mean_alignment"], row["n_vanishing_weight"]) == (1, 1)
    assert list(row) == list(annealing_map.UNITS)


def test_where_no_run_finished_there_is_no_frequency(caplog):
    with pytest.raises(ValueError, match=r"^n_runs: got 0; allowed: .*finished"):
        counted(0, 0)
    none = Ends(np.empty(0, object), np.empty(0), np.empty(0))
    assert not none.counts_for("this point")
    assert "this point: no run finished" in caplog.text
