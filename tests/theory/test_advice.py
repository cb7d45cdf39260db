"""recommend(): within its range it can be relied upon, outside it refuses."""

import math
from fractions import Fraction
from functools import cache

import numpy as np
import pytest

from modecollapse import integrate, random_start, recommend, target
from modecollapse.schedules import Exponential
from modecollapse.simulation import simulate_reduced
from modecollapse.theory import integrate_annealed
from modecollapse.theory.regret import Ending, endings

RUNS = 400


@cache
def advised(r, d, weight):
    """Advice for one run in ten, which takes a second and serves several tests."""
    return recommend(r, d, weight, collapse=0.1)


@pytest.mark.parametrize(("r", "d", "weight"), [(3.0, 512, 0.78), (5.0, 64, 0.7)])
def test_advice_is_followed_by_gradient_flow_from_other_starts(r, d, weight):
    advice = advised(r, d, weight)
    assert advice.with_annealing <= 0.1
    p, rng = target(r, d, weight), np.random.default_rng(d)
    plain = integrate(p, random_start(p, RUNS, rng), [2000.0], rtol=1e-6)
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
    for found, said in ((plain, advice.without_annealing), (annealed, advice.with_annealing)):
        spread = math.sqrt(2 * max(said * (1 - said), 0.01) / RUNS)
        assert abs(found.collapsed.mean() - said) < 4 * spread


def test_finite_batches_follow_the_advice():
    """The settings that recommend() names, in the simulation: about as many collapse."""
    advice = advised(4.0, 64, 0.7)
    p, step = advice.target, 0.05
    start = random_start(p, 60, np.random.default_rng(1), variance=1 / advice.beta_initial)
    assert advice.noise(step, batch=512) < 0.1
    run = simulate_reduced(
        p,
        start,
        step_size=step,
        steps=round((advice.time + 15) / step),
        batch=512,
        seed=2,
        estimator="pathwise",
        components="sampled",
        schedule=Exponential(advice.beta_initial, advice.time),
        variances="bures",
        sphere=True,
        speed_over_beta=True,
        log_every=10_000,
    )
    assert run.finished.all()
    assert run.collapsed.sum() <= 17  # of 60 at p = 0.1: chance 1.5e-5


def test_less_collapse_takes_longer_and_no_longer_than_it_must():
    time = advised(4.0, 64, 0.7).time
    assert recommend(4.0, 64, 0.7, collapse=0.25).time < time
    shorter = recommend(4.0, 64, 0.7, collapse=0.1, time=0.95 * time)
    assert shorter.with_annealing > 0.1


def test_noise_is_one_where_the_batch_is_too_small():
    advice = recommend(3.0, 512, 0.7, beta_initial=1e-3 / 9, time=40.0)
    assert advice.noise(step_size=0.05, batch=12800) == pytest.approx(1.0)


@pytest.mark.parametrize(
    ("arguments", "argument"),
    [
        ({"separation": 2.5}, "separation"),
        ({"separation": 9.0}, "separation"),
        ({"separation": math.nan}, "separation"),
        ({"dimension": 8}, "dimension"),
        ({"dimension": 10_000}, "dimension"),
        ({"dimension": 512.5}, "dimension"),
        ({"target_weight": math.nan}, "target_weight"),
        ({"target_weight": 0.99}, "target_weight"),
        ({"target_weight": 0.8}, "target_weight"),
        ({"target_weight": 0.2}, "target_weight"),
        ({"target_weight": 0.01}, "target_weight"),
        ({"collapse": 0.0}, "collapse"),
        ({"collapse": 1.5}, "collapse"),
        ({"collapse": 0.005}, "collapse"),
        ({"dimension": 4096, "target_weight": 0.799, "collapse": 0.01}, "collapse"),
        ({"beta_initial": 0.5}, "beta_initial"),
        ({"beta_initial": 1e-9}, "beta_initial"),
        ({"time": 1.0}, "time"),
        ({"time": 1e4}, "time"),
    ],
)
def test_refuses_outside_its_range_and_names_the_argument(arguments, argument):
    problem = {"separation": 3.0, "dimension": 512, "target_weight": 0.7} | arguments
    with pytest.raises(ValueError, match=rf"^{argument}: got .*; allowed: "):
        recommend(**problem)


def test_sizes_of_whatever_kind_of_number_are_taken():
    advice = recommend(3, 16, beta_initial=Fraction(1, 1000), time=Fraction(19, 2))
    assert (advice.beta_initial, advice.time) == (0.001, 9.5)
    assert type(advice.beta_initial) is type(advice.time) is float


def test_where_collapse_is_the_better_fit_there_is_nothing_to_advise():
    with pytest.raises(ValueError, match=r"^target_weight: got 0.95; allowed: .*better fit"):
        recommend(6.0, 64, 0.95)
    with pytest.raises(ValueError, match=r"in \[0.20027, 0.79973\]"):
        recommend(3.0, 64, 0.8)


def test_regret_is_what_collapse_costs_and_annealing_saves():
    """With r = 5 no state in between: regret is the part collapsed times the difference in KL."""
    advice = advised(5.0, 64, 0.7)
    assert (advice.horizon, advice.annealed_horizon) == (1e4, advice.time + 15)
    assert (advice.law, advice.weights) == ("sphere", "equal")
    kl = {end.ending: end.kl for end in endings(5.0, 0.7)}
    both, heavier, lighter = (kl[e] for e in ("both modes", Ending.HEAVIER, Ending.LIGHTER))
    for part, lost in (
        (advice.without_annealing, advice.regret_without),
        (advice.with_annealing, advice.regret_with),
    ):
        assert part * (heavier - both) - 1e-3 <= lost <= part * (lighter - both) + 1e-3
    assert advice.regret_with < 0.5 * advice.regret_without
