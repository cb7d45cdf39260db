"""Frequencies count the runs that finished: of those, and of no others."""

from __future__ import annotations

import numpy as np
import pytest

from modecollapse.counting import counted
from modecollapse.experiments import annealing_map, collapse_probability
from modecollapse.experiments.share import Share
from modecollapse.outcomes import Outcome
from modecollapse.trajectory import Status, Trajectory

ENDS = [
    (Status.FINISHED, Outcome.MEAN_ALIGNMENT, 1.0),
    (Status.FINISHED, Outcome.BOTH_MODES, 1.0),  # both means on one side, and no mode lost
    (Status.FINISHED, Outcome.BOTH_MODES, -1.0),
    (Status.FINISHED, Outcome.VANISHING_WEIGHT, -1.0),
    (Status.FINISHED, Outcome.BOTH_MODES, -1.0),
    (Status.DIVERGED, None, 1.0),
    (Status.STEP_LIMIT, None, 1.0),
]


def run(*given) -> Trajectory:
    """Five runs that finish, two of them collapsed, and two that don't."""
    status, outcome, q12 = zip(*ENDS, strict=True)
    return Trajectory(
        source="theory",
        times=np.array([1.0]),
        statistics={"q12": np.array(q12)[:, None]},
        outcome=np.array(outcome, dtype=object),
        status=np.array(status, dtype=object),
        message=np.array([""] * len(ENDS), dtype=object),
    )


def test_the_probability_of_collapse():
    grid = collapse_probability.Grid(
        seed=1, target_weights=(0.5,), separations=(3.0,), dimensions=(4, 8), runs=7
    )
    table = collapse_probability.tabulate(grid, Share(), "theory", run)
    assert table["n_runs"].tolist() == [5, 5]
    assert table["n_collapsed"].tolist() == [2, 2]
    assert table["probability"].tolist() == [0.4, 0.4]


def test_the_map_of_annealing_counts_alignment_and_lost_modes_each_by_itself():
    settings = annealing_map.Map(
        seed=1,
        separation=3.0,
        dimension=8,
        target_weight=0.5,
        beta_initials=(0.1,),
        anneal_steps=(10, 20),
        extra_steps=1,
        step_size=0.1,
        runs=7,
    )
    table = annealing_map.tabulate(settings, Share(), run)
    assert table["n_runs"].tolist() == [5, 5]
    assert table["n_collapsed"].tolist() == [2, 2]  # q12 > 0, as published
    assert table["n_mode_lost"].tolist() == [2, 2]
    assert table["probability"].tolist() == [0.4, 0.4]


def test_where_no_run_finished_there_is_no_frequency():
    with pytest.raises(ValueError, match=r"^n_runs: got 0; allowed: .*finished"):
        counted(0, 0)
