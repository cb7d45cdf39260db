"""The linear stage and its closed formula, against integration and against sampled noise."""

import math

import numpy as np
import pytest
from scipy.integrate import solve_ivp

from modecollapse import random_start, target
from modecollapse.schedules import Exponential, NoAnnealing, schedule
from modecollapse.simulation import simulate_reduced
from modecollapse.theory import integrate_annealed
from modecollapse.theory.annealed import probability
from modecollapse.theory.annealed.probability import (
    _linear_stage,
    annealed_formula,
    annealed_probability,
)

RUNS = 400
CELLS = [  # separation, dimension, weight, β_i r², K = t0/log(1/β_i)
    (3.0, 512, 0.8, 1e-3, 1.5),
    (3.0, 512, 0.8, 1e-2, 3.0),
    (3.0, 64, 0.6, 0.05, 1.5),
    (5.0, 128, 0.9, 0.02, 2.0),
    (4.0, 2048, 0.5, 1e-2, 1.5),
]


@pytest.mark.parametrize(("r", "d", "weight", "heat", "slowness"), CELLS)
def test_linear_stage_predicts_the_frequency_of_gradient_flow(r, d, weight, heat, slowness):
    p, beta = target(r, d, weight), heat / r**2
    annealing = Exponential(beta, -slowness * math.log(beta))
    start = random_start(p, RUNS, np.random.default_rng(d), variance=1 / beta)
    run = integrate_annealed(
        p,
        start,
        [annealing.time + 15],
        schedule=annealing,
        sphere=True,
        variances="bures",
        speed_over_beta=True,
        rtol=1e-6,
    )
    predicted = annealed_probability(p, annealing)
    sampling = 4 * math.sqrt(max(predicted * (1 - predicted), 0.02) / RUNS)
    assert run.finished.all()
    assert abs(run.collapsed.mean() - predicted) < 0.05 + sampling


@pytest.mark.parametrize("slowness", [1.5, 2.5, 5.0])
def test_closed_formula_is_the_limit_of_small_beta(slowness):
    p = target(3.0, 512, 0.8)
    formula = [annealed_formula(p, b, -slowness * math.log(b)) for b in (1e-8, 1e-12)]
    assert formula[0] == pytest.approx(formula[1], abs=2e-3)
    annealing = Exponential(1e-8, -slowness * math.log(1e-8))
    assert annealed_probability(p, annealing) == pytest.approx(formula[0], abs=0.04)


def test_the_light_mode_on_the_other_side_changes_nothing():
    annealing = Exponential(1e-3, 20.0)
    heavy, light = (annealed_probability(target(3.0, 64, w), annealing) for w in (0.8, 0.2))
    assert heavy == pytest.approx(light, rel=1e-9)


def test_without_a_bias_only_the_spread_is_left():
    """At π = 1/2, P = (2/π) arctan √R, R = Var s/Var a; the formula, which leaves R out, says 0."""
    p, annealing = target(3.0, 64, 0.5), Exponential(0.3 / 9, 8.0)
    beta = annealing.beta_initial

    def rate(t, y):
        return _linear_stage(y, float(annealing.beta(min(t, 8.0 - 1e-12))), 3.0, 0.0, 64.0, 0.0)

    start = np.array([-math.log(beta), 0.0, math.log(81 / 128), 1.0, 0.0])
    ratio = solve_ivp(rate, (0, 8.0), start, rtol=1e-8).y[3, -1]
    expected = 2 / math.pi * math.atan(math.sqrt(ratio))
    assert annealed_probability(p, annealing, time=8.0) == pytest.approx(expected, abs=1e-4)
    assert expected > 0.001
    assert annealed_formula(p, beta, 8.0) == 0


def test_slower_is_better_and_noise_worse():
    p = target(3.0, 512, 0.8)
    slow = [annealed_probability(p, Exponential(1e-3, t)) for t in (10.0, 20.0, 40.0)]
    assert slow[0] > slow[1] + 0.2 > slow[2] + 0.4
    noise = [
        annealed_probability(p, Exponential(1 / 9000, 20.0), step_size=0.05, batch=b)
        for b in (10**9, 8192, 1024)
    ]
    assert noise[0] == pytest.approx(annealed_probability(p, Exponential(1 / 9000, 20.0)), abs=1e-3)
    assert noise[0] + 0.01 < noise[1] < noise[2]


def test_noise_of_a_batch_moves_overlaps_and_spreads_as_said():
    """Q_12, Var a and Var s under noise, Eqs. 11.17 and 11.18, against the reduced simulation."""
    p, beta, step, batch, runs = target(3.0, 512, 0.8), 0.002, 0.02, 512, 1000
    annealing = Exponential(beta, 12.0)
    start = random_start(p, runs, np.random.default_rng(5), variance=1 / beta)
    run = simulate_reduced(
        p,
        start,
        step_size=step,
        steps=200,
        batch=batch,
        seed=6,
        estimator="pathwise",
        components="sampled",
        variances="bures",
        schedule=annealing,
        speed_over_beta=True,
        sphere=True,
        log_every=200,
    )

    def predicted(noise):
        def rate(t, y):
            return _linear_stage(y, float(annealing.beta(t)), 3.0, p.logit, 512.0, noise)

        state = np.array([-math.log(beta), 0.0, math.log(81 / 1024), 1.0, 0.0])
        y = solve_ivp(rate, (0, 200 * step), state, rtol=1e-8).y[:, -1]
        spread = math.exp(y[2])
        return y[1], spread, y[3] * spread

    q12, apart, common = predicted(step / batch)
    m1, m2 = run.final("m1"), run.final("m2")
    found, error = run.final("q12").mean(), run.final("q12").std() / math.sqrt(runs)
    # The linear stage is of first order in 1/d and in the step: two per cent of r² and of spreads.
    assert abs(found - q12) < 4 * error + 0.02 * 9
    for values, spread in (((m1 - m2) / 2, apart), ((m1 + m2) / 2, common)):
        sampling = 4 * math.sqrt(2 / runs)
        assert values.var() == pytest.approx(spread, rel=sampling + 0.05)
    flow = predicted(0.0)
    assert abs(found - flow[0]) > 1  # without the noise it would not pass


@pytest.mark.parametrize(
    ("call", "argument"),
    [
        (lambda p: annealed_formula(p, 2.0, 10.0), "beta_initial"),
        (lambda p: annealed_formula(p, 1e-3, 5.0), "time"),
        (
            lambda p: annealed_probability(
                p, schedule("adaptive", beta_initial=0.1, bound=1, rate=1)
            ),
            "schedule",
        ),
        (lambda p: annealed_probability(p, Exponential(0.1, 1.0), batch=0), "batch"),
        (lambda p: annealed_probability(p, Exponential(0.1, 1.0), step_size=-1.0), "step_size"),
        (lambda p: annealed_probability(p, NoAnnealing(), time=math.nan), "time"),
    ],
)
def test_bad_input_is_named(call, argument):
    with pytest.raises(ValueError, match=rf"^{argument}: got .*; allowed: "):
        call(target(3.0, 512, 0.8))


@pytest.mark.parametrize("noise", [{}, {"step_size": 0.05, "batch": 32}])
def test_the_method_for_stiff_equations_gives_the_same(noise, monkeypatch):
    p, slow = target(3.0, 64, 0.8), Exponential(1e-2, 12.0)
    explicit = annealed_probability(p, slow, **noise)
    monkeypatch.setattr(probability, "EXPLICIT", 5)
    assert annealed_probability(p, slow, **noise) == pytest.approx(explicit, abs=2e-5)


def test_noise_that_turns_small_means_fast_is_integrated_in_bounded_time(monkeypatch):
    """As hot as this an explicit method needs a million steps."""
    monkeypatch.setattr(probability, "EXPLICIT", 50)
    hot = annealed_probability(
        target(0.05, 2, 0.8), Exponential(1e-3, 7.0), step_size=10.0, batch=32
    )
    assert hot == pytest.approx(1.0, abs=1e-3)
