"""Components are counted, paid and started right, and their floor is that of weights that fit."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest

from modecollapse.dynamics import Dynamics
from modecollapse.experiments import components_paid as experiment
from modecollapse.experiments.remedies import PROBLEMS
from modecollapse.experiments.share import Share
from modecollapse.simulation.mixtures import MixtureStart, simulate_mixture
from modecollapse.simulation.settings import Descent
from modecollapse.theory.multimodal import MultimodalOverlaps, integrate_modes
from modecollapse.theory.regret import best_fit

SMALL = {
    "seed": 1,
    "dimension": 6,
    "problems": ("equal modes", "four modes"),
    "components": (1, 3),
    "geometries": ("euclidean", "natural"),
    "runs": 4,
    "steps": 200,
    "batch": 32,
    "step_size": 0.2,
    "eta": 6.0,
    "evaluation_samples": 64,
}


@pytest.fixture(scope="module")
def table():
    return experiment.compute(experiment.Settings(**SMALL), Share())


def test_every_case_pays_the_same_and_has_its_speed_of_weights(table):
    assert list(table.columns) == list(experiment.UNITS)
    assert len(table) == 16
    assert (table["cost"] == 200 * 32).all()
    assert (table["time"] == 40.0).all()
    assert (table["n_runs"] == 4).all()
    eta = table.groupby(["weights", "geometry", "n_components"])["eta"].first()
    assert (eta["fixed"] == 0).all()
    assert eta["trained", "natural"].to_dict() == {1: 6.0, 3: 2.0}
    assert (eta["trained", "euclidean"] == 6.0).all()


def test_one_component_finds_one_mode_whatever_the_geometry(table):
    one = table[table["n_components"] == 1]
    assert (one["n_found"] == 1).all()
    assert (one["n_found_se"] == 0).all()
    np.testing.assert_allclose(one["regret"], np.log(one["n_modes"]), atol=0.05)  # all of it is due
    np.testing.assert_allclose(one["floor"], np.log(one["n_modes"]), rtol=1e-12)


def test_fixed_weights_differ_by_the_speed_of_the_means_alone():
    """In the natural geometry K times as fast: the same as a step K times as long."""
    few = SMALL | {"components": (2,), "problems": ("equal modes",), "runs": 3}
    natural = experiment.Settings(**(few | {"geometries": ("natural",), "step_size": 0.1}))
    euclidean = experiment.Settings(**(few | {"geometries": ("euclidean",), "step_size": 0.2}))
    first, second = (experiment.compute(s, Share()) for s in (natural, euclidean))
    fixed = [t[t["weights"] == "fixed"].iloc[0] for t in (first, second)]
    assert fixed[0]["regret"] == pytest.approx(fixed[1]["regret"], abs=1e-9)
    assert fixed[0]["n_found"] == fixed[1]["n_found"]


def test_the_floor_is_the_least_of_all_ways_to_hand_out_components():
    for name, k in itertools.product(PROBLEMS, (1, 2, 3, 4, 5)):
        pi = np.array(PROBLEMS[name].weights)
        ways = [n for n in itertools.product(range(k + 1), repeat=len(pi)) if sum(n) == k]
        kl = [sum(n / k * math.log(n / k / p) for n, p in zip(way, pi, strict=True) if n)
              for way in ways]  # fmt: skip
        found = experiment.least_regret(PROBLEMS[name], k, "fixed")
        assert found == pytest.approx(min(kl), abs=1e-12), (name, k)
    unequal = PROBLEMS["unequal modes"]
    assert experiment.least_regret(unequal, 1, "trained") == pytest.approx(-math.log(0.7))
    assert experiment.least_regret(unequal, 2, "trained") == 0.0
    # modes far apart is what r = 3 nearly is
    assert experiment.least_regret(unequal, 3, "fixed") == pytest.approx(
        best_fit(3.0, 0.7, 2 / 3).kl, abs=3e-3
    )


def test_the_closed_equations_of_three_components_say_the_same():
    """Gradient flow in the natural geometry from one start, beside descent with large batches."""
    problem, k = PROBLEMS["equal modes"], 3
    target = problem.target(6)
    start = MixtureStart.sphere(1, (k, 6), 4.0, np.random.default_rng(5))
    flow = integrate_modes(
        target,
        MultimodalOverlaps(
            m=start.means @ target.means.T, q=start.means @ start.means.swapaxes(1, 2)
        ),
        [4.0],
        eta=2.0,
        geometry="natural",
    )
    run = simulate_mixture(
        target, start, Descent(0.02, 200, 1500, 3), [200],
        dynamics=Dynamics(eta=2.0, geometry="natural"), evaluation_samples=4000,
    )  # fmt: skip
    for name in ("mass_0", "weight_0", "weight_1", "weight_2"):
        assert run.final(name)[0] == pytest.approx(flow.final(name)[0], abs=0.03), name
    assert run.final("kl")[0] == pytest.approx(flow.final("kl")[0], abs=0.03)
