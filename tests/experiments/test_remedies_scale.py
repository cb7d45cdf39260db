"""All remedies pay the same, start the same, and are counted right; flows beside them."""

from __future__ import annotations

import numpy as np
import pytest

from modecollapse.experiments import objective_batches
from modecollapse.experiments.remedies import PROBLEMS, UNITS, Ends, flows, simulation
from modecollapse.experiments.remedies.menu import MENU
from modecollapse.experiments.share import Share
from modecollapse.theory.regret import best_fit
from modecollapse.trajectory import Status, finish

SMALL = {
    "seed": 1,
    "dimension": 6,
    "problems": ("equal modes", "unequal modes", "four modes"),
    "remedies": tuple(MENU),
    "runs": 4,
    "steps": 60,
    "batch": 32,
    "step_size": 0.2,
    "eta": 2.0,
    "anneal_time": 4.0,
    "chain": 10,
    "parts": 2,
    "evaluation_samples": 16,
}


@pytest.fixture(scope="module")
def table():
    return simulation.compute(simulation.Settings(**SMALL), Share())


def test_every_remedy_pays_the_same_and_says_what_differs(table):
    assert list(table.columns) == list(UNITS)
    paid = table.groupby(["problem", "remedy"])["cost"].max()
    assert set(paid.index.get_level_values("remedy")) == set(MENU)
    # a whole number of steps: one step of the best of ten is 320 evaluations
    assert paid.between(0.8 * 60 * 32, 1.1 * 60 * 32).all()
    settings = table.drop_duplicates("remedy").set_index("remedy")["setting"]
    assert settings.is_unique
    assert settings["plain"] == "equal fixed weights"
    assert settings["annealing, natural"] == (
        "natural geometry, weights trained, variances trained, annealed"
    )
    equal = table[table["remedy"] == "share 0.5, equal chains"]["problem"]
    assert set(equal) == {"unequal modes"}  # elsewhere it is the same as without


def test_costs_count_samples_restarts_and_the_choice_between_them():
    few = ("plain", "share 0.5", "best of 3", "small batches")
    settings = simulation.Settings(**(SMALL | {"remedies": few, "problems": ("equal modes",)}))
    rows = simulation.compute(settings, Share()).groupby("remedy").tail(1).set_index("remedy")
    steps = (rows["time"] / 0.2).round()
    # λ = ½: two samples of p for 20 evaluations beside the batch
    assert steps.to_dict() == {
        "plain": 60, "share 0.5": round(1920 / 52), "best of 3": round((640 - 32) / 32),
        "small batches": 240,
    }  # fmt: skip
    assert rows.loc["share 0.5", "cost"] == steps["share 0.5"] * 52
    assert rows.loc["best of 3", "cost"] == pytest.approx(3 * (19 * 32 + 2 * 16))
    assert (rows["n_runs"] == 4).all()


def test_a_remedy_is_the_same_whatever_is_beside_it(table):
    settings = simulation.Settings(**(SMALL | {"remedies": ("natural", "share 0.1")}))
    some = simulation.compute(settings, Share())
    keys = ["problem", "remedy", "time"]
    both = table.merge(some, on=keys, suffixes=("", "_alone"))
    assert len(both) == len(some) == 12
    np.testing.assert_array_equal(both["regret"], both["regret_alone"])


def test_floors_are_those_of_equal_fixed_weights(table):
    floor = table.groupby(["problem", "remedy"])["floor"].first()
    assert floor["unequal modes", "plain"] == pytest.approx(best_fit(3.0, 0.7).kl, rel=1e-12)
    assert floor["unequal modes", "twice the components"] == pytest.approx(
        best_fit(3.0, 0.7, 0.75).kl, rel=1e-12
    )
    assert (floor[["equal modes", "four modes"]] == 0).all()
    assert (floor.xs("natural", level="remedy") == 0).all()


def test_modes_are_at_the_corners_of_a_simplex():
    for problem in PROBLEMS.values():
        p = problem.target(7)
        n, r = problem.n_modes, problem.separation
        gram = r * r * (n * np.eye(n) - 1) / (n - 1)
        np.testing.assert_allclose(p.means @ p.means.T, gram, atol=1e-12)
    assert PROBLEMS["unequal modes"].target(3).means[0, 0] == pytest.approx(
        3.0
    )  # the heavier one at +r


def test_the_best_of_several_is_chosen_by_its_own_estimate_and_told_by_another():
    statistics = {
        "kl": np.array([[1.0], [2.0], [3.0], [4.0], [5.0]]),
        "choice_kl": np.array([[9.0], [0.1], [5.0], [0.1], [7.0]]),
        "mass_0": np.full((5, 1), 0.5),
        "mass_1": np.full((5, 1), 0.5),
    }
    status = [Status.FINISHED] * 5
    run = finish("simulation", np.array([1.0]), statistics, PROBLEMS["equal modes"].target(3),
                 status, np.nan, {})  # fmt: skip
    assert Ends.best_of(run, 0, 2).kl.tolist() == [2.0, 4.0]  # the fifth has no partner
    assert Ends.best_of(run, 0, 1).kl.tolist() == [1.0, 2.0, 3.0, 4.0, 5.0]


def test_intervals_and_modes_are_those_of_the_runs():
    masses = np.array([[0.5, 0.5], [0.999, 0.001], [0.6, 0.4]])
    row = Ends(np.array([0.0, 0.6, 0.3]), masses, 2).columns(
        PROBLEMS["equal modes"].target(3), 0.1, 0.0
    )
    assert (row["n_collapsed"], row["n_runs"], row["n_diverged"]) == (1, 3, 2)
    assert row["n_found"] == pytest.approx(5 / 3)
    assert row["regret"] == pytest.approx(0.2)
    half = 4.3026527 * 0.3 / 3**0.5  # Student's t with two degrees of freedom
    assert row["regret_high"] - row["regret"] == pytest.approx(half, rel=1e-6)


def test_flows_pay_for_samples_and_share_their_starts():
    settings = flows.Settings(
        seed=2, dimension=4, problems=("four modes", "equal modes"),
        remedies=("plain", "share 0.5", "best of 3"), runs=6, ensemble=6, couplings=2, hidden=8,
        depth=1, steps=12, batch=16, learning_rate=1e-3, beta_initial=0.1, chain=10, parts=2,
        evaluation_samples=64, device="cpu",
    )  # fmt: skip
    table = flows.compute(settings, Share())
    assert list(table.columns) == list(UNITS)
    last = table.groupby(["problem", "remedy"]).tail(1).set_index(["problem", "remedy"])
    cost = last["cost"].xs("equal modes").to_dict()
    assert cost == {"plain": 12 * 16, "share 0.5": 12 * (8 + 80), "best of 3": 3 * (4 * 16 + 64)}
    assert (last["n_runs"] == 6).all()
    least = table.groupby("problem")["regret"].min()
    assert (least > -0.2).all()  # above the best run of all, at the end


def test_finite_batches_let_go_near_the_birth_of_collapse_and_not_far_beyond():
    settings = objective_batches.Settings(
        seed=3, alphas=(0.9,), batches=(200,), dimensions=(2,), weights=("self-normalised",),
        estimators=("sticking-the-landing",), lowest=2.5, resolution=1.0, runs=(8,), time=30.0,
        step_size=0.2,
    )  # fmt: skip
    (row,) = objective_batches.compute(settings, Share()).to_dict("records")
    assert row["critical_separation"] == pytest.approx(5.109937, abs=1e-5)
    assert (row["separation"], row["stopped"]) == (2.5, True)
    assert (row["low"], row["high"]) == (2.5, 3.5)
    assert row["flow_separation"] == 4.5  # next to be tried is 5.5, beyond r_c
    settings = objective_batches.Settings(
        seed=3, alphas=(0.1,), batches=(200,), dimensions=(8,), weights=("plain",),
        estimators=("pathwise",), lowest=3.0, resolution=1.0, runs=(8,), time=30.0, step_size=0.2,
    )  # fmt: skip
    (row,) = objective_batches.compute(settings, Share()).to_dict("records")
    assert (row["separation"], row["stopped"]) == (0, True)  # it is above r_c(0.1)


def test_each_case_is_run_as_it_says(monkeypatch):
    from modecollapse.simulation import reduced

    asked = []

    def simulated(target, start, **given):
        asked.append((target.dimension, len(start), given))
        return run(target, start, **given)

    run = reduced.simulate_reduced
    monkeypatch.setattr(reduced, "simulate_reduced", simulated)
    settings = objective_batches.Settings(
        seed=3, alphas=(0.5,), batches=(20, 30), dimensions=(2, 5), lowest=3.0, resolution=1.0,
        weights=("plain", "self-normalised"), estimators=("pathwise", "sticking-the-landing"),
        runs=(4, 6), time=2.0, step_size=0.2,
    )  # fmt: skip
    table = objective_batches.compute(settings, Share())
    assert table["n_runs"].tolist() == [4, 6]
    told = {
        (d, n, one["batch"], one["self_normalised"], one["estimator"], one["alpha"], one["steps"])
        for d, n, one in asked
    }
    assert told == {
        (2, 4, 20, False, "pathwise", 0.5, 10),
        (5, 6, 30, True, "sticking-the-landing", 0.5, 10),
    }


def test_a_threshold_is_found_by_halving_with_its_interval():
    """Of ten runs those leave that a threshold of 3.4 and a spread of 0.3 let go."""
    tried = []

    def left(separation):
        tried.append(separation)
        return round(10 / (1 + np.exp((separation - 3.4) / 0.1))), 10

    grid = np.arange(2.25, 5.3, 0.25)
    found = objective_batches._searched(grid, left)
    assert {name: found[name] for name in ("separation", "low", "high", "stopped")} == {
        "separation": 3.25, "low": 3.0, "high": 3.75, "stopped": True,
    }  # fmt: skip
    assert found["n_tried"] == len(tried) == len(set(tried)) < 7
    all_leave = objective_batches._searched(grid, lambda _: (10, 10))
    assert (all_leave["separation"], all_leave["high"]) == (5.25, 5.5)
    assert not all_leave["stopped"]
    none_leave = objective_batches._searched(grid, lambda _: (0, 10))
    assert (none_leave["separation"], none_leave["low"], none_leave["high"]) == (0, 0, 2.25)


@pytest.mark.parametrize(
    ("change", "words"),
    [({"dimensions": (2, 3)}, "dimensions: got"), ({"weights": ()}, "weights: got"),
     ({"estimators": ("pathwise",) * 2}, "estimators: got"), ({"runs": (3, 4)}, "runs: got"),
     ({"time": 1e9}, "time: got")],
)  # fmt: skip
def test_settings_that_do_not_go_together_are_named(change, words):
    good = {
        "seed": 3, "alphas": (0.9,), "batches": (20,), "dimensions": (2,), "weights": ("plain",),
        "estimators": ("pathwise",), "lowest": 2.5, "resolution": 1.0, "runs": (3,), "time": 30.0,
        "step_size": 0.2,
    }  # fmt: skip
    with pytest.raises(ValueError, match=words):
        objective_batches.Settings(**(good | change))
