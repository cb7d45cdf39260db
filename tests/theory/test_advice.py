"""recommend(): within its range it can be relied upon, outside it refuses."""

import math

import numpy as np
import pytest

from modecollapse import integrate, random_start, recommend, target
from modecollapse.schedules import Exponential
from modecollapse.theory import integrate_annealed
from modecollapse.theory.advice import ERROR

RUNS = 400


@pytest.mark.parametrize(("r", "d", "weight"), [(3.0, 512, 0.8), (5.0, 64, 0.7), (4.0, 1024, 0.5)])
def test_advice_is_followed_by_gradient_flow(r, d, weight):
    advice = recommend(r, d, weight, collapse=0.1)
    assert advice.with_annealing <= 0.1
    p, rng = target(r, d, weight), np.random.default_rng(d)
    sampling = 4 * math.sqrt(0.25 / RUNS)
    plain = integrate(p, random_start(p, RUNS, rng), [2000.0], rtol=1e-6)
    assert abs(plain.collapsed.mean() - advice.without_annealing) < ERROR + sampling
    annealed = integrate_annealed(
        p,
        random_start(p, RUNS, rng, variance=1 / advice.beta_initial),
        [advice.time + 15],
        schedule=Exponential(advice.beta_initial, advice.time),
        sphere=True,
        variances="bures",
        speed_over_beta=True,
        rtol=1e-6,
    )
    assert abs(annealed.collapsed.mean() - advice.with_annealing) < ERROR + 0.5 * sampling


def test_less_collapse_takes_longer():
    times = [recommend(3.0, 512, 0.8, collapse=c).time for c in (0.3, 0.1, 0.03)]
    assert times == sorted(times)
    assert times[0] < times[1] < times[2]
    shortest = recommend(3.0, 512, 0.8, collapse=0.1).time
    shorter = recommend(3.0, 512, 0.8, collapse=0.1, time=0.95 * shortest)
    assert shorter.with_annealing > 0.1


def test_noise_is_one_where_the_batch_is_too_small():
    advice = recommend(3.0, 512, 0.8, beta_initial=1e-3 / 9, time=40.0)
    assert advice.noise(step_size=0.05, batch=12800) == pytest.approx(1.0)


@pytest.mark.parametrize(
    ("arguments", "argument"),
    [
        ({"separation": 2.5}, "separation"),
        ({"separation": 9.0}, "separation"),
        ({"separation": math.nan}, "separation"),
        ({"dimension": 8}, "dimension"),
        ({"dimension": 10_000}, "dimension"),
        ({"target_weight": 0.99}, "target_weight"),
        ({"target_weight": 0.01}, "target_weight"),
        ({"collapse": 0.0}, "collapse"),
        ({"collapse": 1.5}, "collapse"),
        ({"collapse": 1e-9}, "collapse"),
        ({"beta_initial": 0.5}, "beta_initial"),
        ({"beta_initial": 1e-9}, "beta_initial"),
        ({"time": 1.0}, "time"),
        ({"time": 1e4}, "time"),
    ],
)
def test_refuses_outside_its_range_and_names_the_argument(arguments, argument):
    problem = {"separation": 3.0, "dimension": 512, "target_weight": 0.8} | arguments
    with pytest.raises(ValueError, match=rf"{argument}: got .*; allowed: "):
        recommend(**problem)
