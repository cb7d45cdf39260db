"""What became of runs: counts, regret, motion, and counting on until intervals are narrow."""

import numpy as np
import pytest

from modecollapse.counting import Looks
from modecollapse.experiments.annealed_ends import best_annealed_kl
from modecollapse.experiments.collapse_probability import simulation, theory
from modecollapse.experiments.ends import Ends, best_kl, count_on
from modecollapse.experiments.mixture_outcomes import theory as outcomes
from modecollapse.experiments.share import Share
from modecollapse.experiments.starts import check_starts, draw_start, start_columns
from modecollapse.outcomes import Outcome
from modecollapse.targets import BimodalTarget
from modecollapse.theory.integration import integrate

BOTH, ALIGNED, VANISHED = Outcome.BOTH_MODES, Outcome.MEAN_ALIGNMENT, Outcome.VANISHING_WEIGHT
GRID = {"seed": 3, "target_weights": (0.5,), "separations": (3.0,), "dimensions": (8,)}
START = {"laws": ("sphere", "normal"), "sizes": (0.1, 1.0)}


def test_a_failure_is_a_collapse_with_regret():
    found = [BOTH, BOTH, ALIGNED, ALIGNED, VANISHED]
    kl = np.array([0.20, 0.90, 0.22, 0.30, 0.80])
    earlier = np.array([0.20, 0.88, 0.22, 0.30, 0.75])
    row = Ends(np.array(found, dtype=object), kl, earlier).columns(7.0, 0.2)
    assert (row["time"], row["n_runs"], row["n_collapsed"]) == (7.0, 5, 3)
    assert (row["n_mean_alignment"], row["n_vanishing_weight"]) == (2, 1)
    assert row["n_failed"] == 2  # the bad fit on both modes is no collapse, 0.02 is no regret
    assert row["n_moving"] == 2
    assert row["regret"] == pytest.approx(row["kl"] - 0.2)
    assert row["collapsed_regret"] == pytest.approx((0.02 + 0.1 + 0.6) / 3)


def test_ends_are_those_of_the_time_asked_for():
    target = BimodalTarget(4.0, 16)
    start = draw_start(target, 40, np.random.default_rng(1), "modes", 1.0)
    run = integrate(target, start, [50.0, 100.0, 5e4, 1e5], eta=10.0, rtol=1e-6)
    early, late = (Ends.of(run, target, t).columns(t, 0.0) for t in (100.0, 1e5))
    assert early["n_collapsed"] > 25  # 0.87 of the runs at 100, 0.01 at 1e5
    assert late["n_collapsed"] <= 3
    assert late["n_collapsed"] == run.collapsed.sum()
    assert early["n_vanishing_weight"] > early["n_mean_alignment"]


def test_counting_goes_on_until_it_is_enough_and_no_run_is_made_twice():
    asked = []

    def train(low: int, high: int) -> Ends:
        asked.append((low, high))
        found = np.array([ALIGNED if k % 2 else BOTH for k in range(low, high)], dtype=object)
        return Ends(found, np.zeros(high - low), np.zeros(high - low))

    ends = count_on(Looks(10, 50, 0.05), train)
    assert asked == [(0, 10), (10, 20), (20, 40), (40, 50)]
    assert ends.collapsed.tolist() == [bool(k % 2) for k in range(50)]
    asked.clear()
    assert len(count_on(Looks(10, 50, 0.45), train).kl) == 10


def test_simulated_runs_are_the_same_whatever_makes_one_stop():
    given = {**GRID, **START, "witness": 8, "steps": 120, "step_size": 0.2, "batch": 16}
    given |= {"device": "cpu", "half_width": 0.01}
    few, many = (
        simulation.compute(simulation.Settings(**given, first_runs=4, most_runs=n), Share())
        for n in (4, 8)
    )
    assert few["n_runs"].tolist() == [4, 4]
    assert many["n_runs"].tolist() == [8, 8]
    assert (few["n_collapsed"] <= many["n_collapsed"]).all()
    again = simulation.compute(
        simulation.Settings(**given, first_runs=8, most_runs=8), Share(threads=2)
    )
    assert many["kl"].tolist() == again["kl"].tolist()
    above = {**given, "witness": 4}
    reduced = simulation.compute(simulation.Settings(**above, first_runs=4, most_runs=4), Share())
    assert set(reduced["source"]) == {"reduced simulation"}


def test_the_start_decides():
    settings = theory.Settings(**GRID, **START, runs=200, time=60.0, rtol=1e-6)
    table = theory.compute(settings, Share())
    small, normal = table["probability"]
    assert (small < 0.1, 0.3 < normal < 0.5) == (True, True)
    assert table["norm"].tolist() == pytest.approx([0.1, np.sqrt(8)])
    assert (table["n_failed"] == table["n_collapsed"]).all()
    assert table["collapsed_regret"].to_numpy() == pytest.approx(0.689, abs=1e-3)


def test_tables_that_speak_of_the_same_setting_agree_at_the_same_time():
    """Equal fixed weights: the map of outcomes and the table of collapse, from the same law."""
    shared = {**GRID, "runs": 400, "rtol": 1e-6}
    one = theory.compute(
        theory.Settings(**shared, laws=("sphere",), sizes=(3.0,), time=60.0), Share()
    )
    grid = {**shared, "etas": (0.0,), "law": "modes", "size": 1.0, "times": (30.0, 60.0)}
    two = outcomes.compute(outcomes.Settings(**grid), Share())
    p, q = one["probability"].iloc[0], two["probability"].iloc[1]
    assert abs(p - q) < 4 * np.sqrt(2 * p * (1 - p) / 400)
    assert two["time"].tolist() == [30.0, 60.0]


@pytest.mark.parametrize(("law", "norm"), [("sphere", 0.5), ("normal", 4.0), ("modes", 1.5)])
def test_starts_have_the_norm_that_their_row_tells(law, norm):
    target = BimodalTarget(3.0, 64)
    start = draw_start(target, 400, np.random.default_rng(0), law, 0.5, variance=2.0)
    assert start_columns(target, law, 0.5)["norm"] == pytest.approx(norm)
    assert np.sqrt(start.q[:, [0, 2]].mean()) == pytest.approx(norm, rel=0.02)
    assert (start.variances == 2.0).all()


def test_laws_and_sizes_go_together():
    with pytest.raises(ValueError, match=r"^sizes: got \(1\.0,\)"):
        check_starts(("sphere", "normal"), (1.0,))
    with pytest.raises(ValueError, match=r"^laws: got 'ring'"):
        check_starts(("ring",), (1.0,))


def test_the_best_fit_changes_at_four_fifths():
    """At r = 3 both modes fit better at π = 0.799 and collapse does at 0.8."""
    heavy = -np.log(0.8)
    assert best_kl(BimodalTarget(3.0, 8, 0.8)) == pytest.approx(0.22124, abs=1e-5)
    assert best_kl(BimodalTarget(6.0, 8, 0.8)) == pytest.approx(heavy, abs=1e-6)
    assert best_kl(BimodalTarget(3.0, 8, 0.7)) == pytest.approx(0.08678, abs=1e-5)
    assert best_kl(BimodalTarget(3.0, 8, 0.8), eta=1.0) == 0.0


@pytest.mark.parametrize("weight", [0.5, 0.7])
def test_trained_variances_fit_at_least_as_well(weight):
    target = BimodalTarget(3.0, 64, weight)
    free, sphere = (best_annealed_kl(target, sphere=s) for s in (False, True))
    assert free <= best_kl(target) + 1e-6
    assert best_kl(target) - free < 0.01
    assert sphere >= free - 1e-6
