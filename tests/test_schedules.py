"""Schedules: their end points, their shape between, and what they refuse."""

import numpy as np
import pytest

from modecollapse.overlaps import random_start
from modecollapse.schedules import (
    ARITHMETIC,
    CONSTANT,
    GEOMETRIC,
    SCHEDULES,
    Adaptive,
    Exponential,
    Linear,
    Schedule,
    Step,
    schedule,
)
from modecollapse.targets import BimodalTarget
from modecollapse.theory.annealed import integrate_annealed

TIMED = ["step", "exponential", "linear"]


@pytest.mark.parametrize("name", TIMED)
def test_starts_at_beta_initial_and_is_one_from_its_end(name):
    chosen = schedule(name, beta_initial=0.03, time=7.0)
    assert chosen.beta(0.0) == pytest.approx(0.03, rel=1e-15)
    assert (chosen.beta([7.0, 7.5, 1e9]) == 1).all()
    assert chosen.end == 7.0


@pytest.mark.parametrize("name", TIMED)
def test_never_falls(name):
    t = np.linspace(0, 10, 301)
    assert (np.diff(schedule(name, beta_initial=1e-4, time=7.0).beta(t)) >= 0).all()


def test_exponential_multiplies_beta_by_the_same_factor_at_every_step():
    k = np.arange(801)
    beta = schedule("exponential", beta_initial=1 / 9000, time=0.05 * 800).beta(0.05 * k)
    np.testing.assert_allclose(beta[1:] / beta[:-1], 9000 ** (1 / 800), rtol=1e-12)


def test_linear_has_a_constant_slope():
    beta = schedule("linear", beta_initial=0.2, time=4.0).beta(np.linspace(0, 4, 9))
    np.testing.assert_allclose(np.diff(beta), 0.1, rtol=1e-12)


def test_step_waits_then_jumps():
    beta = schedule("step", beta_initial=0.2, time=4.0).beta([0.0, 3.999, 4.0])
    assert beta.tolist() == [0.2, 0.2, 1.0]


def test_none_is_one_at_every_time():
    assert (schedule("none").beta([0.0, 1.0, 1e9]) == 1).all()
    assert schedule("none").end == 0


@pytest.mark.parametrize("name", TIMED)
def test_advance_is_beta_one_step_later(name):
    chosen = schedule(name, beta_initial=0.03, time=7.0)
    np.testing.assert_array_equal(chosen.advance(np.full(3, 0.1), 1.0, 0.5), [chosen.beta(1.5)] * 3)


def test_adaptive_moves_only_the_runs_that_fit():
    chosen = Adaptive(beta_initial=0.1, bound=0.5, rate=2.0)
    beta = chosen.advance(np.full(3, 0.1), 0.0, 0.25, kl=np.array([0.4, 0.5, 0.6]))
    np.testing.assert_allclose(beta, [0.1 * np.exp(0.5)] * 2 + [0.1], rtol=1e-15)


def test_adaptive_that_always_fits_is_the_exponential_schedule():
    chosen, step = Adaptive(beta_initial=0.01, bound=1.0, rate=np.log(100) / 5), 0.1
    beta = [chosen.beta(np.zeros(1))]
    for k in range(60):
        beta.append(chosen.advance(beta[-1], k * step, step, kl=np.zeros(1)))
    expected = schedule("exponential", beta_initial=0.01, time=5.0).beta(step * np.arange(61))
    np.testing.assert_allclose(np.ravel(beta), expected, rtol=1e-12)


@pytest.mark.parametrize(
    ("name", "parameters", "argument"),
    [
        ("sudden", {}, "name"),
        ("none", {"time": 1.0}, "parameters"),
        ("linear", {"beta_initial": 0.1}, "parameters"),
        ("linear", {"beta_initial": 0.0, "time": 1.0}, "beta_initial"),
        ("exponential", {"beta_initial": 1.1, "time": 1.0}, "beta_initial"),
        ("exponential", {"beta_initial": 0.1, "time": -1.0}, "time"),
        ("step", {"beta_initial": 0.1, "time": np.nan}, "time"),
        ("adaptive", {"beta_initial": 0.1, "bound": 0.0, "rate": 1.0}, "bound"),
        ("adaptive", {"beta_initial": 0.1, "bound": 1.0, "rate": 0.0}, "rate"),
    ],
)
def test_bad_parameters_are_named(name, parameters, argument):
    with pytest.raises(ValueError, match=f"^{argument}: got"):
        schedule(name, **parameters)


def test_bad_calls_are_named():
    adaptive = schedule("adaptive", beta_initial=0.1, bound=1.0, rate=1.0)
    with pytest.raises(ValueError, match=r"^t: got"):
        adaptive.beta(1.0)
    with pytest.raises(ValueError, match=r"^kl: got"):
        adaptive.advance(0.1, 0.0, 0.1)
    with pytest.raises(ValueError, match=r"^t: got"):
        schedule("none").beta(-1.0)


class Quadratic(Linear):
    """β_i + (1 − β_i) (t/t0)², which says no more than a new schedule must."""

    phases = Schedule.phases

    def _before(self, part):
        return self.beta_initial + (1 - self.beta_initial) * part**2


def read(phases, t):
    """β at the times t, as compiled code reads it."""
    law, since, beta, rate, _ = phases[np.searchsorted(phases[:, 4], t, side="right")].T
    moved = np.where(law == ARITHMETIC, beta + rate * (t - since), beta)
    return np.where(law == GEOMETRIC, beta * np.exp(rate * (t - since)), moved)


@pytest.mark.parametrize("kind", [Step, Exponential, Linear, Quadratic])
def test_compiled_code_reads_the_same_beta(kind):
    chosen, t = kind(beta_initial=0.02, time=7.0), np.linspace(0, 9, 5001)
    phases = chosen.phases()
    assert phases[0, 1] == 0
    np.testing.assert_array_equal(phases[1:, 1], phases[:-1, 4])  # no gaps
    assert phases[-1].tolist() == [CONSTANT, 7.0, 1.0, 0.0, np.inf]
    np.testing.assert_allclose(read(phases, t), chosen.beta(t), rtol=2e-6)
    assert len(phases) == 2 or kind is Quadratic


def test_schedules_that_need_no_phases():
    assert schedule("none").phases().tolist() == [[CONSTANT, 0, 1, 0, np.inf]]
    adaptive = Adaptive(beta_initial=0.1, bound=0.5, rate=2.0)
    assert adaptive.phases()[0].tolist() == [CONSTANT, 0, 0.1, 0, 0]
    assert adaptive.feedback[:3] == (True, 0.5, 2.0)
    assert not any(schedule(name, beta_initial=0.1, time=1.0).feedback.active for name in TIMED)


def test_a_schedule_that_jumps_has_no_phases():
    class Jumps(Quadratic):
        def _before(self, part):
            return np.where(part < 1 / 3, 0.1, 0.5)

    with pytest.raises(ValueError, match=r"^schedule: got .*Jumps"):
        Jumps(beta_initial=0.1, time=1.0).phases()


def test_the_closed_equations_follow_a_new_schedule():
    p = BimodalTarget(2.0, 8, 0.7)
    start = random_start(p, 2, np.random.default_rng(0), variance=2.0)
    polygon = type("Polygon", (Linear,), {"phases": Schedule.phases})
    ends = [
        integrate_annealed(p, start, [1.0, 4.0], schedule=kind(0.2, 3.0), variances="bures")
        for kind in (Linear, polygon)
    ]
    for name, values in ends[0].statistics.items():
        np.testing.assert_allclose(ends[1].statistics[name], values, rtol=1e-5, atol=1e-6)


def test_every_schedule_is_reached_by_its_name():
    assert {"none", "step", "exponential", "linear", "adaptive"} <= SCHEDULES.keys()
    assert all(kind.name == name for name, kind in SCHEDULES.items())


def test_effective_samples_move_only_the_runs_that_have_enough():
    chosen = schedule("ess", beta_initial=0.1, bound=0.5, rate=2.0)
    beta = chosen.advance(np.full(3, 0.1), 0.0, 0.25, [0.6, 0.5, 0.4])
    np.testing.assert_allclose(beta, [0.1 * np.exp(0.5)] * 2 + [0.1], rtol=1e-15)
    assert chosen.advance(np.array([0.99]), 0.0, 1.0, [1.0]) == 1.0
    for ask in (chosen.phases, lambda: chosen.advance([0.1], 0.0, 1.0), lambda: chosen.beta(1.0)):
        with pytest.raises(ValueError, match="allowed"):
            ask()


def test_flows_anneal_by_their_effective_samples_without_log_z():
    """β rises where the batch's effective sample size does; a bound that is not met waits."""
    import modecollapse as mc

    p = mc.custom(lambda x: -0.5 * x.square().sum(-1), 2)
    few = {"seeds": 2, "couplings": 2, "hidden": 8, "steps": 10, "batch": 64, "log_every": 5}
    told = {"beta_initial": 0.5, "rate": 0.02}
    free = mc.train(p, **few, schedule=schedule("ess", bound=1e-3, **told), device="cpu")
    held = mc.train(p, **few, schedule=schedule("ess", bound=0.999, **told), device="cpu")
    np.testing.assert_allclose(free.final("beta"), 0.5 * np.exp(0.2), rtol=1e-12)
    assert (held.final("beta") < free.final("beta")).all()
