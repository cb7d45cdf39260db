"""Public functions with forty kinds of wrong value: one ValueError that names the argument."""

from __future__ import annotations

import re
from fractions import Fraction

import numpy as np
import pytest
from wrong_values import VALUES

import modecollapse as mc

P = mc.target(separation=3.0, dimension=4)
Q = P.mixture()
RNG = np.random.default_rng(0)
START = mc.random_start(P, 2, np.random.default_rng(0))
HALF = [0.5, 0.5]


def simulate(**given):
    settings = {"target": P, "start": START, "step_size": 0.1, "steps": 1, "batch": 8, "seed": 0}
    settings |= given
    return mc.simulate(settings.pop("target"), settings.pop("start"), **settings)


def annealed(**given):
    settings = {"target": P, "start": START, "times": [0.1], **given}
    return mc.integrate_annealed(
        settings.pop("target"), settings.pop("start"), settings.pop("times"), **settings
    )


def survival(**given):
    settings = {"target": mc.target(2.4, 1), "steps": 1, "step_size": 0.1, "batch": 8} | given
    return mc.survival(settings.pop("target"), settings.pop("steps"), **settings)


# "function(argument)": what is called with a value, and the values that it rightly takes
OPTIONAL = {"None"}
CALLS = {
    "target(separation)": (lambda v: mc.target(v, 4), set()),
    "target(dimension)": (lambda v: mc.target(3.0, v), set()),
    "target(weight)": (lambda v: mc.target(3.0, 4, v), set()),
    "mixture(means)": (lambda v: mc.mixture(v), set()),
    "mixture(weights)": (lambda v: mc.mixture([[0.0], [1.0]], v), OPTIONAL),
    "mixture(variances)": (lambda v: mc.mixture([[0.0], [1.0]], None, v), OPTIONAL),
    "GaussianMixture.log_density(x)": (lambda v: Q.log_density(v), set()),
    "GaussianMixture.responsibilities(x)": (lambda v: Q.responsibilities(v), set()),
    "GaussianMixture.score(x)": (lambda v: Q.score(v), set()),
    "GaussianMixture.sample(n)": (lambda v: Q.sample(v, RNG), set()),
    "GaussianMixture.sample(rng)": (lambda v: Q.sample(2, v), set()),
    "BimodalTarget.mixture(direction)": (lambda v: P.mixture(v), OPTIONAL),
    "random_start(target)": (lambda v: mc.random_start(v, 2, RNG), set()),
    "random_start(n)": (lambda v: mc.random_start(P, v, RNG), set()),
    "random_start(rng)": (lambda v: mc.random_start(P, 2, v), set()),
    "outcome(masses)": (lambda v: mc.outcome(v, HALF), set()),
    "outcome(target_weights)": (lambda v: mc.outcome([HALF], v), set()),
    "outcome(component_weights)": (lambda v: mc.outcome([HALF], HALF, v), OPTIONAL),
    "outcome(components_arrived)": (
        lambda v: mc.outcome([HALF], HALF, [HALF], v),
        {"a truth", "truths"},
    ),
    "outcome(coverage)": (lambda v: mc.outcome([HALF], HALF, coverage=v), set()),
    "Overlaps(m)": (lambda v: mc.Overlaps(v, [[4.0, 0.0, 4.0]]), set()),
    "Overlaps(q)": (lambda v: mc.Overlaps([[1.0, 2.0]], v), set()),
    "Overlaps(logit)": (lambda v: mc.Overlaps([[1.0, 2.0]], [[4.0, 0.0, 4.0]], v), OPTIONAL),
    "Overlaps(variances)": (
        lambda v: mc.Overlaps([[1.0, 2.0]], [[4.0, 0.0, 4.0]], variances=v),
        OPTIONAL,
    ),
    "schedule(name)": (lambda v: mc.schedule(v, beta_initial=0.1, time=1.0), set()),
    "schedule(beta_initial)": (
        lambda v: mc.schedule("linear", beta_initial=v, time=1.0),
        set(),
    ),
    "schedule(time)": (lambda v: mc.schedule("linear", beta_initial=0.1, time=v), set()),
    "Schedule.beta(t)": (
        lambda v: mc.schedule("linear", beta_initial=0.1, time=1.0).beta(v),
        {"infinity", "empty", "many dimensions"},
    ),
    "integrate(target)": (lambda v: mc.integrate(v, START, [0.1]), set()),
    "integrate(start)": (lambda v: mc.integrate(P, v, [0.1]), set()),
    "integrate(times)": (lambda v: mc.integrate(P, START, v), set()),
    "integrate(eta)": (lambda v: mc.integrate(P, START, [0.1], eta=v), set()),
    "integrate(rtol)": (lambda v: mc.integrate(P, START, [0.1], rtol=v), set()),
    "integrate(atol)": (lambda v: mc.integrate(P, START, [0.1], atol=v), OPTIONAL),
    "integrate(max_steps)": (lambda v: mc.integrate(P, START, [0.1], max_steps=v), set()),
    "integrate(threads)": (lambda v: mc.integrate(P, START, [0.1], threads=v), OPTIONAL),
    "integrate_annealed(target)": (lambda v: annealed(target=v), set()),
    "integrate_annealed(start)": (lambda v: annealed(start=v), set()),
    "integrate_annealed(times)": (lambda v: annealed(times=v), set()),
    "integrate_annealed(schedule)": (lambda v: annealed(schedule=v), OPTIONAL),
    "integrate_annealed(eta)": (lambda v: annealed(eta=v), set()),
    "integrate_annealed(sphere)": (lambda v: annealed(sphere=v), {"a truth"}),
    "integrate_annealed(speed_over_beta)": (lambda v: annealed(speed_over_beta=v), {"a truth"}),
    "integrate_annealed(variances)": (lambda v: annealed(variances=v), set()),
    "integrate_annealed(threads)": (lambda v: annealed(threads=v), OPTIONAL),
    "fixed_points(separation)": (lambda v: mc.fixed_points(v), set()),
    "fixed_points(target_weight)": (lambda v: mc.fixed_points(3.0, v), set()),
    "fixed_points(component_weight)": (lambda v: mc.fixed_points(3.0, 0.5, v), set()),
    "critical_separation(target_weight)": (lambda v: mc.critical_separation(v), set()),
    "critical_separation(component_weight)": (lambda v: mc.critical_separation(0.5, v), set()),
    "critical_separation(mode)": (lambda v: mc.critical_separation(0.5, 0.5, v), set()),
    "critical_separation(alpha)": (lambda v: mc.critical_separation(alpha=v), set()),
    "critical_separation(share)": (lambda v: mc.critical_separation(share=v), set()),
    "recommend(separation)": (lambda v: mc.recommend(v, 64), set()),
    "recommend(dimension)": (lambda v: mc.recommend(4.0, v), set()),
    "recommend(target_weight)": (lambda v: mc.recommend(4.0, 64, v), set()),
    "recommend(collapse)": (lambda v: mc.recommend(4.0, 64, collapse=v), set()),
    "survival(target)": (lambda v: survival(target=v), set()),
    "survival(steps)": (lambda v: survival(steps=v), {"empty", "many dimensions"}),
    "survival(step_size)": (lambda v: survival(step_size=v), set()),
    "survival(batch)": (lambda v: survival(batch=v), set()),
    "survival(estimator)": (lambda v: survival(estimator=v), set()),
    "survival(components)": (lambda v: survival(components=v), set()),
    "simulate(target)": (lambda v: simulate(target=v), set()),
    "simulate(start)": (lambda v: simulate(start=v), set()),
    "simulate(step_size)": (lambda v: simulate(step_size=v), set()),
    "simulate(steps)": (lambda v: simulate(steps=v), set()),
    "simulate(batch)": (lambda v: simulate(batch=v), set()),
    "simulate(seed)": (lambda v: simulate(seed=v), set()),
    "simulate(eta)": (lambda v: simulate(eta=v), set()),
    "train(target)": (lambda v: mc.train(v, seeds=1), set()),
    "train(seeds)": (lambda v: mc.train(P, seeds=v), set()),
}


@pytest.mark.parametrize("call", CALLS)
def test_a_wrong_value_is_named(call):
    function, fine = CALLS[call]
    argument = re.fullmatch(r".*\((\w+)\)", call)[1]
    for kind, value in VALUES.items():
        if kind in fine:
            function(value)
            continue
        with pytest.raises(ValueError, match=rf"^{argument}\b.*: got ") as caught:
            function(value)
        assert len(str(caught.value)) < 400, kind


@pytest.mark.parametrize("value", [3, np.float32(3.0), Fraction(3), np.int64(3), Fraction(5, 2)])
def test_a_real_number_of_whatever_kind_is_taken(value):
    assert mc.target(value, 4).separation == float(value)
    assert len(mc.fixed_points(value)) >= 1
    assert mc.mixture([[value, Fraction(1, 3)]]).means[0, 0] == float(value)


def test_far_points_are_refused_rather_than_answered_with_nan():
    assert np.isfinite(Q.score(np.full(4, 1e150))).all()
    with pytest.raises(ValueError, match=r"^x: got 1e\+151; allowed: coordinates of size at most"):
        Q.score(np.full(4, 1e151))
