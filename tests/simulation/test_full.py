"""The full-dimensional simulation: independence of runs, memory, divergence, bad input, theory."""

import json
import subprocess
import sys

import numpy as np
import pytest
import torch
from scipy import stats

from modecollapse.outcomes import Outcome
from modecollapse.overlaps import Overlaps, random_start
from modecollapse.schedules import schedule
from modecollapse.simulation import descent, simulate, simulate_reduced
from modecollapse.targets import BimodalTarget
from modecollapse.theory.annealed import integrate_annealed
from modecollapse.theory.integration import integrate
from modecollapse.trajectory import UNITS, Status


def start(target, n, seed=0, **kind):
    return random_start(target, n, np.random.default_rng(seed), **kind)


def settings(**changes):
    base = {"step_size": 0.05, "steps": 40, "batch": 32, "seed": 3, "evaluation_samples": 64}
    return base | {"device": "cpu"} | changes


def same(one, other, rows=slice(None)):
    """Whether two records have the same bits."""
    return all(
        np.array_equal(values, other.statistics[name][rows], equal_nan=True)
        for name, values in one.statistics.items()
    )


# --- streams: the same bits -----------------------------------------------------------------------

TEMPERED = {
    "schedule": schedule("exponential", beta_initial=0.2, time=1.0),
    "variances": "bures",
    "eta": 0.5,
}
CASES = {
    "plain": (8, {}),
    "one dimension": (1, {}),
    "several blocks": (100, {"batch": 4000, "steps": 5}),
    "sampled, weights": (33, {"components": "sampled", "eta": 1.0, "batch": 37}),
    "float32": (20, {"dtype": "float32", "estimator": "sticking-the-landing", "batch": 3}),
    "adam": (5, {"optimizer": "adam", "eta": 1.0}),
    "momentum": (5, {"optimizer": "momentum"}),
    "alpha and share": (33, {"alpha": 0.5, "share": 0.3, "target_samples": 7, "eta": 1.0}),
    "tempered": (7, TEMPERED),
    "adaptive": (7, {"schedule": schedule("adaptive", beta_initial=0.2, bound=0.5, rate=1.0)}),
}


@pytest.mark.parametrize(("dimension", "changes"), CASES.values(), ids=CASES)
def test_a_run_is_the_same_alone_and_in_company(dimension, changes):
    target = BimodalTarget(2.0, dimension, 0.7)
    states = start(target, 5)
    together = simulate(target, states, **settings(**changes))
    assert same(simulate(target, states, **settings(**changes)), together)
    for k in (0, 3):
        alone = simulate(target, states[k : k + 1], first_run=k, **settings(**changes))
        assert same(alone, together, slice(k, k + 1))


def test_a_run_is_the_same_whatever_memory_and_cores():
    target = BimodalTarget(2.0, 300, 0.7)
    states = start(target, 6)
    plain = simulate(target, states, **settings())
    with pytest.raises(ValueError, match="memory") as refused:
        simulate(target, states, **settings(memory=1))
    least = int(str(refused.value).split("at least ")[1].split()[0])
    assert same(simulate(target, states, **settings(memory=least)), plain)
    cores = torch.get_num_threads()
    torch.set_num_threads(3)
    try:
        assert same(simulate(target, states, **settings()), plain)
        assert torch.get_num_threads() == 3
    finally:
        torch.set_num_threads(cores)


def test_seeds_and_runs_have_their_own_noise():
    target = BimodalTarget(2.0, 8)
    states = start(target, 1)[np.zeros(3, dtype=int)]
    first = simulate(target, states, **settings())
    assert len(set(first.final("m1"))) == 3
    assert not same(simulate(target, states, **settings(seed=4)), first)


def test_runs_may_differ_in_target_and_eta():
    targets = [BimodalTarget(2.0, 8, 0.5), BimodalTarget(3.0, 8, 0.8), BimodalTarget(2.0, 8, 0.5)]
    states = start(BimodalTarget(2.0, 8), 3)
    mixed = simulate(targets, states, **settings(eta=[0.0, 1.0, 2.0]))
    for k, eta in enumerate((0.0, 1.0, 2.0)):
        # a run with fixed weights beside runs with trained ones keeps its weights
        alone = simulate(targets[k], states[k : k + 1], first_run=k, **settings(eta=eta))
        assert same(alone, mixed, slice(k, k + 1))
    assert (mixed.statistics["weight"][0] == 0.5).all()


# --- memory ---------------------------------------------------------------------------------------

PEAK = """
import json, os, resource, sys
import numpy as np
from modecollapse import random_start, target
from modecollapse.simulation import simulate

def run(dimension, batch, runs, steps, memory, **more):
    p = target(2.0, dimension)
    start = random_start(p, runs, np.random.default_rng(0))
    simulate(p, start, step_size=0.05, steps=steps, batch=batch, seed=0, memory=memory,
             device="cpu", evaluation_samples=256, **more)

peak = lambda: resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
for case in json.loads(sys.argv[1]):
    if os.fork() == 0:  # before any computation: each case has a peak of its own
        run(2, 4, 2, 2, 2**30)
        before = peak()
        run(**case)
        print(peak() - before, flush=True)
        os._exit(0)
    assert os.wait()[1] == 0
"""
LARGE = {
    "large d": {"dimension": 100_000, "batch": 20, "runs": 3, "steps": 1, "memory": 32 * 2**20},
    "large batch": {"dimension": 2, "batch": 100_000, "runs": 3, "steps": 2, "memory": 16 * 2**20},
    "many runs": {"dimension": 20_000, "batch": 8, "runs": 40, "steps": 1, "memory": 24 * 2**20},
    "both": {
        "dimension": 1000, "batch": 2000, "runs": 2, "steps": 1, "memory": 12 * 2**20, "eta": 1.0,
    },
}  # fmt: skip


@pytest.fixture(scope="module")
def peaks() -> dict[str, int]:
    """The memory that each case adds, in bytes."""
    command = [sys.executable, "-c", PEAK, json.dumps([*LARGE.values()])]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return dict(zip(LARGE, map(int, done.stdout.split()), strict=True))


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="ru_maxrss has another unit")
@pytest.mark.parametrize("name", LARGE)
def test_peak_memory_is_under_the_bound(name, peaks):
    case = LARGE[name]
    assert 0 < peaks[name] < case["memory"]
    # without the blocks, one batch alone would be over the bound
    whole = case["runs"] * case["batch"] * (case["dimension"] + descent.PER_SAMPLE) * 8
    assert whole > case["memory"]


# --- divergence -----------------------------------------------------------------------------------


def test_a_step_too_large_is_reported_and_harms_no_other_run():
    target = BimodalTarget(2.0, 6)
    states = start(target, 3)
    # a heavy mean is stepped by h w_1 = 2.9 times its distance, the others by 1.5
    logit = np.array([0.0, np.log(0.97 / 0.03), 0.0])
    states = Overlaps(states.m, states.q, logit)
    changes = {"step_size": 3.0, "steps": 60, "log_every": 10}
    run = simulate(target, states, **settings(**changes))
    assert [str(s) for s in run.status] == ["finished", "diverged", "finished"]
    assert "step_size: 3 is too large" in run.message[1]
    for k in (0, 2):
        alone = simulate(target, states[k : k + 1], first_run=k, **settings(**changes))
        assert same(alone, run, slice(k, k + 1))
    assert run.outcome[1] is None
    assert np.isnan(run.final("kl")[1])
    assert np.isfinite(run.statistics["kl"][1, 0])
    assert set(run.table()["run"]) == {0, 1, 2}  # up to where it diverged


@pytest.mark.parametrize("changes", [{}, {"variances": "euclidean"}], ids=["means", "variances"])
def test_every_kind_of_divergence_is_found(changes):
    target = BimodalTarget(2.0, 6)
    run = simulate(target, start(target, 2), **settings(step_size=60.0, steps=400, **changes))
    assert all(s is Status.DIVERGED for s in run.status)
    assert all(o is None for o in run.outcome)


# --- bad input ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("step_size", 0.0),
        ("step_size", float("nan")),
        ("steps", -1),
        ("steps", 1.5),
        ("batch", 1),
        ("seed", -1),
        ("eta", -1.0),
        ("eta", [1.0, 2.0, 3.0]),
        ("estimator", "score"),
        ("components", "half"),
        ("optimizer", "lbfgs"),
        ("variances", "free"),
        ("log_every", 0),
        ("evaluation_samples", 1),
        ("first_run", -1),
        ("dtype", "float16"),
        ("device", "tpu"),
        ("memory", 1000),
        ("schedule", "linear"),
        ("sphere", "no"),
        ("speed_over_beta", 1),
        ("eta", "fast"),
        ("eta", None),
    ],
)
def test_bad_input_is_named(name, value):
    target = BimodalTarget(2.0, 4)
    with pytest.raises(ValueError, match=f"^{name}: got"):
        simulate(target, start(target, 2), **settings(**{name: value}))


@pytest.mark.parametrize("target", [None, 3.0, "bimodal", [1.0, 2.0]])
@pytest.mark.parametrize("run", [simulate, simulate_reduced])
def test_what_is_no_target_and_no_start_is_named(run, target):
    states = start(BimodalTarget(2.0, 4), 2)
    needed = {"step_size": 0.1, "steps": 1, "batch": 4, "seed": 0}
    with pytest.raises(ValueError, match=r"^target: got"):
        run(target, states, **needed)
    with pytest.raises(ValueError, match=r"^start: got"):
        run(BimodalTarget(2.0, 4), target, **needed)


def test_targets_must_fit():
    states = start(BimodalTarget(2.0, 4), 2)
    with pytest.raises(ValueError, match=r"^target: got '1 targets"):
        simulate([BimodalTarget(2.0, 4)], states, **settings())
    with pytest.raises(ValueError, match=r"^target: got 'dimensions"):
        simulate([BimodalTarget(2.0, 4), BimodalTarget(2.0, 5)], states, **settings())


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
def test_no_gpu_is_said():
    target = BimodalTarget(2.0, 4)
    with pytest.raises(ValueError, match=r"^device: got 'cuda'"):
        simulate(target, start(target, 2), **settings(device="cuda"))


# --- what it computes -----------------------------------------------------------------------------


def test_the_start_is_what_was_given():
    target = BimodalTarget(2.0, 50, 0.3)
    states = start(target, 4, weight=0.2)
    run = simulate(target, states, **settings(steps=0))
    logged = np.stack([run.final(name) for name in ("m1", "m2", "q11", "q12", "q22")], -1)
    np.testing.assert_allclose(logged[:, :2], states.m, rtol=1e-12, atol=1e-12)
    np.testing.assert_allclose(logged[:, 2:], states.q, rtol=1e-12, atol=1e-12)
    np.testing.assert_allclose(run.final("weight"), 0.2, rtol=1e-14)
    assert list(run.times) == [0.0]


def test_no_runs_are_no_rows():
    target = BimodalTarget(2.0, 4)
    assert len(simulate(target, start(target, 0), **settings()).table()) == 0


def test_the_last_step_is_always_logged():
    target = BimodalTarget(2.0, 4)
    run = simulate(target, start(target, 1), **settings(steps=25, log_every=10))
    np.testing.assert_allclose(run.times, [0, 0.5, 1.0, 1.25])
    assert set(run.statistics) <= set(UNITS)


def test_without_the_score_term_the_target_is_a_resting_point():
    target = BimodalTarget(2.0, 8, 0.8)
    fit = Overlaps([[4.0, -4.0]], [[4.0, -4.0, 4.0]], [target.logit])
    for components in ("sampled", "stratified"):
        changes = {"estimator": "sticking-the-landing", "eta": 1.0, "components": components}
        run = simulate(target, fit, **settings(**changes))
        for name in ("m1", "q11", "logit"):
            assert np.ptp(run.statistics[name]) < 1e-12
        assert run.final("kl")[0] < 1e-13
    assert run.outcome[0] is Outcome.BOTH_MODES


def test_means_stay_on_the_sphere():
    target = BimodalTarget(3.0, 12, 0.8)
    run = simulate(target, start(target, 3), **settings(sphere=True, schedule=None))
    np.testing.assert_allclose(run.statistics["q11"], 9.0, rtol=1e-12)
    np.testing.assert_allclose(run.statistics["q22"], 9.0, rtol=1e-12)
    assert np.ptp(run.statistics["q12"]) > 0.1


@pytest.mark.parametrize("clock", ["euclidean", "bures"])
def test_variances_follow_the_temperature(clock):
    # one Gaussian against a nearly single mode at β: v → 1/β, dv/dt = −(d/2)(β − 1/v) w or Bures
    target, beta = BimodalTarget(1e-6, 40), 0.5
    states = Overlaps([[0.0, 0.0]], [[0.0, 0.0, 0.0]])
    constant = schedule("step", beta_initial=beta, time=1e9)
    changes = {"variances": clock, "schedule": constant, "batch": 256, "step_size": 0.01}
    run = simulate(target, states, **settings(steps=400, log_every=10, **changes))
    exact = {"euclidean": _euclidean, "bures": _bures}[clock](run.times, beta, 40)
    noise = 4.5 * np.sqrt(2 / 40 / 256) * 2  # of a batch's mean of ‖ε‖²/d, times v
    np.testing.assert_allclose(run.statistics["v1"][0], exact, atol=noise + 0.02)
    assert (run.statistics["beta"] == beta).all()


def _bures(t, beta, d):
    """dv/dt = −(4 v/d) ∂KL/∂v = 2 w (1 − β v), w = 1/2."""
    return 1 / beta + (1 - 1 / beta) * np.exp(-beta * t)


def _euclidean(t, beta, d):
    """dv/dt = −(d/2) w (β − 1/v), w = 1/2, stepped finely."""
    v, out, now, h = 1.0, [], 0.0, 1e-4
    for end in t:
        while now < end - h / 2:
            v, now = v - h * d / 4 * (beta - 1 / v), now + h
        out.append(v)
    return np.array(out)


def test_divide_speeds_by_beta_is_a_larger_step():
    target = BimodalTarget(2.0, 5)
    states = start(target, 2)
    constant = {"schedule": schedule("step", beta_initial=0.25, time=1e9), "steps": 20}
    fast = simulate(target, states, **settings(speed_over_beta=True, **constant))
    large = simulate(target, states, **settings(step_size=0.2, **constant))
    np.testing.assert_allclose(fast.final("m1"), large.final("m1"), rtol=1e-12)


def test_float32_follows_float64():
    # other normals, so in law alone; and its state is float32
    target = BimodalTarget(2.0, 16)
    states = start(target, 1)[np.zeros(64, dtype=int)]
    changes = {"steps": 60, "batch": 128, "log_every": 60}
    double = simulate(target, states, **settings(**changes)).final("m1")
    single = simulate(target, states, **settings(dtype="float32", **changes)).final("m1")
    error = np.hypot(double.std(), single.std()) / 8
    assert abs(double.mean() - single.mean()) < 4.5 * error


# --- theory ---------------------------------------------------------------------------------------


NAMES = ("m1", "m2", "q11", "q12", "q22", "kl")


def p_value(target, start, time, theory, names, **changes):
    """How likely so large a gap to theory is: 50 runs from one start, with two step sizes, the
    means extrapolated to step size 0; Bonferroni over the statistics."""
    ends = []
    for step_size in (0.1, 0.05):
        steps = round(time / step_size)
        here = settings(step_size=step_size, steps=steps, log_every=steps, **changes)
        run = simulate(target, start[np.zeros(50, dtype=int)], **here)
        ends.append(np.stack([run.final(name) for name in names], -1))
    coarse, fine = ends
    exact = np.array([theory.final(name)[0] for name in names])
    gap = 2 * fine.mean(0) - coarse.mean(0) - exact
    error = np.sqrt((4 * fine.var(0, ddof=1) + coarse.var(0, ddof=1)) / 50)
    return min(1.0, len(names) * 2 * stats.norm.sf(np.abs(gap / error).max()))


@pytest.mark.parametrize("estimator", ["pathwise", "sticking-the-landing"])
@pytest.mark.parametrize("components", ["sampled", "stratified"])
def test_agrees_with_the_closed_equations(estimator, components):
    target = BimodalTarget(2.0, 16, 0.6)
    states = start(target, 1, seed=5)
    which = {"estimator": estimator, "components": components, "eta": 1.0, "batch": 64}
    theory = integrate(target, states, [2.0], eta=1.0)
    assert p_value(target, states, 2.0, theory, (*NAMES, "weight"), **which) > 1e-4
    wrong = integrate(target, states, [1.6], eta=1.0)
    assert p_value(target, states, 2.0, wrong, (*NAMES, "weight"), **which) < 1e-6


@pytest.mark.parametrize("clock", ["euclidean", "bures"])
@pytest.mark.parametrize("estimator", ["pathwise", "sticking-the-landing"])
def test_agrees_with_the_annealed_equations(estimator, clock):
    target = BimodalTarget(2.0, 12, 0.7)
    one = start(target, 1, seed=6)
    states = Overlaps(one.m, one.q, one.logit, [[2.0, 1.2]])
    annealing = {
        "schedule": schedule("exponential", beta_initial=0.4, time=1.5),
        "variances": clock,
        "sphere": clock == "bures",
        "speed_over_beta": clock == "bures",
        "eta": 0.5,
    }
    theory = integrate_annealed(target, states, [2.0], **annealing)
    which = {"estimator": estimator, "batch": 32, **annealing}
    names = (*(NAMES if clock == "euclidean" else ("m1", "m2", "q12", "kl")), "weight", "v1", "v2")
    assert p_value(target, states, 2.0, theory, names, **which) > 1e-4
    wrong = integrate_annealed(target, states, [1.8], **annealing)
    assert p_value(target, states, 2.0, wrong, names, **which) < 1e-6
