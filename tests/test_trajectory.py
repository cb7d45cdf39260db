"""The record of runs, and how it is finished: outcome, status and message of each."""

from types import SimpleNamespace

import numpy as np
import pytest

from modecollapse.outcomes import Outcome
from modecollapse.targets import BimodalTarget
from modecollapse.trajectory import Status, Trajectory, finish

BOTH, ALIGNED = Outcome.BOTH_MODES, Outcome.MEAN_ALIGNMENT
VANISHED, COLLAPSED = Outcome.VANISHING_WEIGHT, Outcome.COLLAPSED
SENTENCES = {Status.DIVERGED: "diverged by {time:g}", Status.STEP_LIMIT: "at {time:g}: too many"}


def ended(targets, status=None, **columns):
    """n runs with these last values, logged at the times 0 and 1; at 0 they had collapsed."""
    statistics = {name: np.stack([np.zeros(len(v)), v], -1) for name, v in columns.items()}
    if "mass_plus" in columns:
        statistics["mass_plus"][:, 0] = 1.0
        statistics["mass_minus"] = 1 - statistics["mass_plus"]
    n = len(next(iter(columns.values())))
    status = status or [Status.FINISHED] * n
    return finish("theory", np.array([0.0, 1.0]), statistics, targets, status, 7.0, SENTENCES)


def test_outcomes_are_those_of_the_last_time():
    run = ended(BimodalTarget(3.0, 4), mass_plus=np.array([0.5, 1.0]))
    assert run.outcome.tolist() == [BOTH, COLLAPSED]  # no components, so no mechanism
    assert run.collapsed.tolist() == [False, True]


def test_each_run_is_judged_by_its_own_target():
    # a mass of 0.04 on the rare mode finds it where π = 0.9, 0.1 / 4 < 0.04 < 0.5 / 4
    targets = [BimodalTarget(3.0, 4, 0.9), BimodalTarget(3.0, 4, 0.5), BimodalTarget(3.0, 4, 0.9)]
    run = ended(targets, mass_plus=np.array([0.96, 0.96, 0.98]))
    assert run.outcome.tolist() == [BOTH, COLLAPSED, COLLAPSED]


def test_the_mechanism_depends_on_weight_and_place_of_the_components():
    far, near = np.array([9.0, 9.0, 9.0]), np.array([9.0, 0.1, 0.1])
    dead, alive = 6.0, 1.0  # ℓ: w_2 = 0.0025 or 0.27
    logit = np.array([dead, dead, alive])
    run = ended(BimodalTarget(3.0, 4), mass_plus=np.ones(3), logit=logit, m1=far, m2=near)
    assert run.outcome.tolist() == [ALIGNED, VANISHED, ALIGNED]


def test_arrival_takes_the_separation_of_each_target_and_the_variances():
    # Φ(5.4 / r √v) ≥ 19/20: 5.4 / 3 = 1.8 has arrived, 5.4 / 4 = 1.35 and 1.8 / √2 have not
    targets = [BimodalTarget(r, 4) for r in (3.0, 4.0, 3.0)]
    m, v = np.full(3, 5.4), np.array([1.0, 1.0, 2.0])
    columns = {"mass_plus": np.ones(3), "logit": np.full(3, 6.0), "m1": m, "m2": m}
    run = ended(targets, **columns, v1=np.ones(3), v2=v)
    assert run.outcome.tolist() == [ALIGNED, VANISHED, VANISHED]
    assert ended(targets, **columns).outcome.tolist() == [ALIGNED, VANISHED, ALIGNED]


def test_more_modes_and_components_are_numbered():
    target = SimpleNamespace(weights=np.array([0.5, 0.3, 0.2]))
    masses = {f"mass_{j}": np.array(column) for j, column in enumerate(MASSES)}
    weights = {f"weight_{i}": np.array(column) for i, column in enumerate(WEIGHTS)}
    run = ended(target, **masses, **weights)
    assert run.outcome.tolist() == [BOTH, ALIGNED, VANISHED]


MASSES = [[0.5, 0.6, 0.6], [0.3, 0.39, 0.39], [0.2, 0.01, 0.01]]
WEIGHTS = [[0.5, 0.5, 0.951], [0.5, 0.5, 0.049]]  # dead below 0.2 / 4 = 0.05


def test_what_did_not_finish_has_no_outcome_but_a_reason():
    status = [Status.FINISHED, Status.DIVERGED, Status.STEP_LIMIT]
    nan = float("nan")
    run = ended(BimodalTarget(3.0, 4), status, mass_plus=np.array([0.5, nan, nan]))
    assert run.outcome.tolist() == [BOTH, None, None]
    assert run.status.tolist() == status
    assert run.message == ("", "diverged by 7", "at 7: too many")
    assert run.finished.tolist() == [True, False, False]
    assert not run.collapsed.any()


def test_reasons_may_be_ready():
    masses = {"mass_plus": np.full((2, 1), 0.5), "mass_minus": np.full((2, 1), 0.5)}
    end = [Status.FINISHED, Status.PRECISION]
    ready = "", "LSODA gave up: {curious}"
    run = finish("theory", np.zeros(1), masses, BimodalTarget(2.0, 2), end, 0.0, ready)
    assert run.message == ready


def test_masses_must_be_there():
    with pytest.raises(ValueError, match=r"^statistics: got \['kl'\]"):
        ended(BimodalTarget(2.0, 2), kl=np.zeros(1))


def test_tables_hold_what_was_reached():
    kl = np.array([[1.0, 0.5], [2.0, np.nan]])
    end = np.array([Status.FINISHED, Status.DIVERGED], dtype=object)
    outcomes = np.array([BOTH, None], dtype=object)
    run = Trajectory("theory", np.array([0.0, 3.0]), {"kl": kl}, outcomes, end, ("", "why"))
    table = run.table(first_run=5)
    assert table["run"].tolist() == [5, 5, 6]
    assert table["time"].tolist() == [0.0, 3.0, 0.0]
    assert table["kl"].tolist() == [1.0, 0.5, 2.0]
    summary = run.summary(first_run=5)
    assert summary["outcome"].tolist() == ["both modes", ""]
    assert summary["message"].tolist() == ["", "why"]
    assert summary["kl"].tolist()[0] == 0.5
