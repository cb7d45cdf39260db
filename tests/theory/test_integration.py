"""Integration: order of convergence, agreement with scipy, long times, batches, statuses."""

import math

import numpy as np
import pytest
from scipy.integrate import solve_ivp

from modecollapse.outcomes import Outcome
from modecollapse.overlaps import Overlaps, random_start
from modecollapse.targets import BimodalTarget
from modecollapse.theory import core
from modecollapse.theory.integration import _constants, integrate
from modecollapse.theory.ode import Control
from modecollapse.theory.ode.explicit import _explicit_interpolant, _explicit_step
from modecollapse.theory.ode.implicit import _implicit_interpolant, _implicit_step
from modecollapse.theory.ode.work import _evaluate, _work
from modecollapse.theory.rhs import kl_divergence, mode_masses, overlaps_to_axial, velocity
from modecollapse.trajectory import Status

TARGET = BimodalTarget(separation=2.5, dimension=32, weight=0.4)
CONSTANTS = _constants(2.5, TARGET.logit, 1.5)


def starts(n, seed=0, target=TARGET, **options):
    return random_start(target, n, np.random.default_rng(seed), **options)


def stacked(start):
    return np.concatenate([start.m, start.q, start.logit[:, None]], axis=1)


def final_overlaps(run):
    return np.stack([run.final(k) for k in ("m1", "m2", "q11", "q12", "q22", "logit")], axis=-1)


def fixed_steps(method, n, end):
    """The state after n equal steps, and halfway through the last one by the interpolant."""
    x = overlaps_to_axial(stacked(starts(1))[0], TARGET.separation)
    f, middle, nest, work = np.empty(6), np.empty(6), np.empty((7, 6)), _work(6)
    control, u, new = Control(1e-8, 1e-8, 1), work.u, work.new
    h = end / n
    for _ in range(n):
        core._velocity_and_jacobian(x, *CONSTANTS[:3], f, work.jac)
        if method == "explicit":
            _explicit_step(CONSTANTS, 0.0, x, f, h, control, u, new)
            _explicit_interpolant(CONSTANTS, 0.0, x, new, h, u, nest)
        else:
            _implicit_step(CONSTANTS, 0.0, x, f, h, control, work)
            _implicit_interpolant(x, new, u, nest)
        _evaluate(x, nest, 0.5, middle)
        x = new.copy()
    return x, middle, end - h / 2


@pytest.mark.parametrize(
    ("method", "order", "inner", "counts"),
    [("explicit", 8, 7, [4, 6, 8, 12]), ("implicit", 5, 4, [24, 48, 96, 192])],
)
def test_order_of_convergence(method, order, inner, counts):
    """Errors at the end fall as h^order, in the middle of the last step at least as h^inner."""
    end = 3.0
    ends, middles = [], []
    for n in counts:
        x, middle, when = fixed_steps(method, n, end)
        ends.append(np.abs(x - fixed_steps("explicit", 120, end)[0]).max())
        reference = fixed_steps("explicit", 120, when)[0]
        middles.append(np.abs(middle - reference).max())
    slope = np.polyfit(np.log(counts), np.log(ends), 1)[0]
    assert -slope == pytest.approx(order, abs=0.6)
    assert min(ends) > 1e-13  # so the slope is not that of rounding
    assert -np.polyfit(np.log(counts), np.log(middles), 1)[0] > inner - 0.4


def test_the_error_follows_the_tolerance():
    start = starts(20)
    exact = final_overlaps(integrate(TARGET, start, [8.0], eta=1.0, rtol=1e-12))
    errors = []
    for rtol in (1e-4, 1e-6, 1e-8, 1e-10):
        found = final_overlaps(integrate(TARGET, start, [8.0], eta=1.0, rtol=rtol))
        errors.append(np.median(np.abs(found - exact).max(1)))
        assert errors[-1] < 100 * rtol  # growing modes multiply the local errors
    assert errors[3] < errors[2] < errors[1] < errors[0]


@pytest.mark.parametrize("eta", [0.0, 2.0])
def test_against_scipy_in_the_order_parameters(eta):
    """Another method, on another form of the equations."""
    start, end = starts(3, seed=4), 12.0
    found = final_overlaps(integrate(TARGET, start, [end], eta=eta, rtol=1e-11))
    for y, result in zip(stacked(start), found, strict=True):
        other = solve_ivp(
            lambda t, y: velocity(y, TARGET.separation, TARGET.weight, eta),
            (0, end), y, method="LSODA", rtol=1e-11, atol=1e-13,
        )  # fmt: skip
        assert result == pytest.approx(other.y[:, -1], abs=1e-7)


def test_logged_times_do_not_disturb_the_run_and_lie_on_it():
    start, times = starts(5), np.linspace(0, 20, 41)
    logged = integrate(TARGET, start, times, eta=1.0)
    alone = integrate(TARGET, start, [20.0], eta=1.0)
    assert (final_overlaps(logged) == final_overlaps(alone)).all()
    for k in (1, 7, 22):
        there = integrate(TARGET, start, times[k : k + 1], eta=1.0, rtol=1e-11)
        for name in ("m1", "q12", "logit", "kl"):
            difference = logged.statistics[name][:, k] - there.final(name)
            assert np.abs(difference).max() < 1e-6
    assert logged.statistics["m1"][:, 0] == pytest.approx(start.m[:, 0], abs=1e-13)


def test_kl_never_rises():
    run = integrate(TARGET, starts(50), np.linspace(0, 30, 200), eta=1.0, rtol=1e-9)
    assert (np.diff(run.statistics["kl"], axis=1) < 1e-8).all()


def test_statistics_are_those_of_the_state():
    run = integrate(TARGET, starts(5), [0.0, 3.0], eta=1.0)
    y = final_overlaps(run)
    r, weight = TARGET.separation, TARGET.weight
    assert run.final("kl") == pytest.approx(kl_divergence(y, r, weight), abs=1e-12)
    masses = np.stack([run.final("mass_plus"), run.final("mass_minus")], axis=-1)
    assert masses == pytest.approx(mode_masses(y, r, weight), abs=1e-12)
    assert run.final("weight") == pytest.approx(1 / (1 + np.exp(-y[:, 5])), rel=1e-15)


@pytest.mark.parametrize("eta", [0.0, 1.0, 10.0])
def test_a_billion_time_units_cost_steps(eta):
    for separation in (1.0, 2.5, 4.0):
        target = BimodalTarget(separation, 64)
        run = integrate(target, starts(20, target=target), [1e9], eta=eta)
        assert run.finished.all()
        assert run.diagnostics["steps"].max() < 1000
        # At rest: a fixed point up to rounding, or a weight that recovers more slowly than 1e-9.
        rates = velocity(final_overlaps(run), separation, 0.5, eta)
        assert np.abs(rates).max() < 1e-7


def test_both_methods_tell_the_same_long_story():
    """Past the transient the implicit method works alone; a tight explicit run is the judge."""
    start = starts(10, seed=2)
    loose = integrate(TARGET, start, [60.0], eta=4.0, rtol=1e-6)
    tight = integrate(TARGET, start, [60.0], eta=4.0, rtol=1e-12)
    assert np.abs(final_overlaps(loose) - final_overlaps(tight)).max() < 1e-3
    assert (loose.outcome == tight.outcome).all()


def test_bits_depend_neither_on_the_batch_nor_on_the_threads():
    start, times = starts(150), [0.0, 0.7, 9.0, 300.0]
    whole = integrate(TARGET, start, times, eta=1.0, threads=1)
    threads = integrate(TARGET, start, times, eta=1.0, threads=4)
    part = integrate(TARGET, start[70:91], times, eta=1.0, threads=3)
    for name, values in whole.statistics.items():
        assert (values == threads.statistics[name]).all()
        assert (values[70:91] == part.statistics[name]).all()
    assert (whole.diagnostics["steps"] == threads.diagnostics["steps"]).all()


def test_many_settings_in_one_call():
    targets = [BimodalTarget(r, 32, w) for r in (1.0, 3.0) for w in (0.3, 0.5)]
    etas = [0.0, 0.5, 2.0, 10.0]
    start = starts(4, scale=2.0)
    together = integrate(targets, start, [5.0, 50.0], eta=etas)
    for i, (target, eta) in enumerate(zip(targets, etas, strict=True)):
        alone = integrate(target, start[i : i + 1], [5.0, 50.0], eta=eta)
        for name, values in together.statistics.items():
            assert (values[i] == alone.statistics[name][0]).all()
        assert together.outcome[i] == alone.outcome[0]


def test_outcomes():
    """The two mechanisms of collapse, and neither, at settings where each is certain."""
    close = BimodalTarget(1.0, 64)
    assert set(integrate(close, starts(30, target=close), [1e4]).outcome) == {Outcome.BOTH_MODES}
    far = BimodalTarget(4.0, 10**6, 0.9)  # both means are pulled to the heavy mode
    run = integrate(far, starts(30, target=far), [1e3])
    assert set(run.outcome) == {Outcome.MEAN_ALIGNMENT}
    assert run.final("kl") == pytest.approx(-math.log(0.9), abs=1e-3)
    balanced = BimodalTarget(4.0, 64)
    outcomes = integrate(balanced, starts(100, target=balanced), [100.0], eta=10.0).outcome
    assert (outcomes == Outcome.VANISHING_WEIGHT).sum() > 5


def test_fixed_weights_stay():
    start = starts(5, weight=0.2)
    run = integrate(TARGET, start, [50.0])
    assert (run.final("logit") == start.logit).all()


def test_a_run_that_needs_more_steps_says_so():
    run = integrate(TARGET, starts(3), [0.1, 1e3], max_steps=12)
    assert [*run.status] == [Status.STEP_LIMIT] * 3
    assert all("max_steps = 12" in m and "time" in m for m in run.message)
    assert [*run.outcome] == [None] * 3
    table = run.table()
    assert not table.isna().any().any()
    assert (table["time"] == 0.1).all()
    assert len(table) == 3


def test_a_run_outside_the_domain_says_so():
    far = Overlaps(m=[[0.0, 0.0], [1.0, 1.0]], q=[[5e307, -5e307, 5e307], [1.0, 0.5, 1.0]])
    run = integrate(TARGET, far, [1.0])
    assert [*run.status] == [Status.PRECISION, Status.FINISHED]
    assert "too far out" in run.message[0]
    assert not run.table().isna().any().any()
    assert len(run.table()) == 1


def test_nothing_to_do():
    run = integrate(TARGET, starts(0), [1.0])
    assert len(run) == 0
    now = integrate(TARGET, starts(2), [0.0])
    assert now.final("m1") == pytest.approx(starts(2).m[:, 0], rel=1e-15)
    assert now.finished.all()
    assert (now.diagnostics["steps"] == 0).all()


@pytest.mark.parametrize(
    ("change", "name"),
    [
        ({"times": [2.0, 1.0]}, "times"),
        ({"times": []}, "times"),
        ({"times": [-1.0, 1.0]}, "times"),
        ({"times": [1.0, np.inf]}, "times"),
        ({"eta": -1.0}, "eta"),
        ({"eta": [1.0, 1.0]}, "eta"),
        ({"rtol": 0.0}, "rtol"),
        ({"rtol": 0.1}, "rtol"),
        ({"atol": 0.0}, "atol"),
        ({"max_steps": 0}, "max_steps"),
        ({"threads": 0}, "threads"),
        ({"target": [TARGET]}, "target"),
        ({"target": BimodalTarget(20.5, 32)}, "separation"),
        ({"target": BimodalTarget(2.5, 1)}, "dimension"),
        ({"start": Overlaps([[99.0, 0]] * 3, [[1.0, 0, 1]] * 3)}, "overlaps of run 0"),
        ({"start": starts(3, variance=2.0)}, "start.variances"),
    ],
)
def test_refusals(change, name):
    arguments = {"target": TARGET, "start": starts(3), "times": [1.0]} | change
    with pytest.raises(ValueError, match=f"^{name}: "):
        integrate(**arguments)
