"""The reduced simulation has the law of the full one; wrong variants of it are caught."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest
import unevaluated
from scipy.stats import epps_singleton_2samp, ks_2samp

from modecollapse.overlaps import Overlaps, random_start
from modecollapse.schedules import schedule
from modecollapse.simulation.reduced import simulate_reduced
from modecollapse.targets import BimodalTarget, GaussianMixture
from modecollapse.theory.annealed import integrate_annealed
from modecollapse.theory.integration import integrate
from modecollapse.trajectory import Status

RUNS = 1000
# A correct code fails one comparison with this probability, whatever the number of its tests.
LEVEL = 1e-6
STICKING = {"estimator": "sticking-the-landing"}
SAMPLED = {"components": "sampled"}
ANNEALED = {
    "schedule": schedule("exponential", beta_initial=0.2, time=0.8),
    "speed_over_beta": True,
    "step_size": 0.1,
}
# name -> arguments, and the two variances at the start.
SETTINGS = {
    "pathwise": ({}, (1.0, 1.0)),
    "pathwise, sampled": (SAMPLED, (1.0, 1.0)),
    "sticking": (STICKING, (1.0, 1.0)),
    "sticking, sampled": (STICKING | SAMPLED, (1.0, 1.0)),
    "weights": ({"eta": 1.0}, (1.0, 1.0)),
    "weights, sampled": (SAMPLED | {"eta": 1.0}, (1.0, 1.0)),
    "weights, sticking": (STICKING | {"eta": 1.0}, (1.0, 1.0)),
    "unequal variances": ({}, (1.6, 0.7)),
    "unequal variances, sticking": (STICKING | SAMPLED, (1.6, 0.7)),
    "equal variances": (SAMPLED, (2.0, 2.0)),
    "Euclidean": ({"variances": "euclidean", "eta": 0.5}, (1.5, 1.5)),
    "Euclidean, sticking": (
        STICKING | SAMPLED | {"variances": "euclidean"},
        (1.5, 1.2),
    ),
    "Bures": (SAMPLED | ANNEALED | {"variances": "bures", "sphere": True}, (5.0, 5.0)),
    "Bures, sticking": (STICKING | ANNEALED | {"variances": "bures", "sphere": True}, (5.0, 5.0)),
    "annealed, nothing else trained": (ANNEALED, (2.0, 2.0)),
    "annealed, fixed variances": (ANNEALED | {"eta": 0.5}, (2.0, 2.0)),
    "alpha": ({"alpha": 0.4, "eta": 1.0}, (1.0, 1.0)),
    "alpha, sampled, not normalised": (
        SAMPLED | {"alpha": 0.4, "eta": 1.0, "self_normalised": False},
        (1.0, 1.0),
    ),
    "alpha, Bures": (STICKING | {"alpha": 0.9, "variances": "bures"}, (1.0, 1.0)),
    "share": ({"share": 0.3, "target_samples": 5}, (1.0, 1.0)),
    "share, unequal variances": ({"share": 0.3, "target_samples": 3, "eta": 1.0}, (1.6, 0.7)),
    "alpha and share": (
        STICKING | {"alpha": 0.3, "share": 0.2, "variances": "bures", "geometry": "natural"},
        (1.2, 1.2),
    ),
}
DEFAULT = [  # the others take minutes
    ("pathwise", 8),
    ("sticking, sampled", 8),
    ("weights, sampled", 8),
    ("unequal variances", 8),
    ("Euclidean", 8),
    ("Bures", 8),
    ("pathwise, sampled", 64),
    ("Bures", 64),
    ("pathwise", 512),
    ("Bures", 512),
    ("alpha", 512),
    ("alpha, sampled, not normalised", 4),
    ("share", 64),
    ("share, unequal variances", 8),
    ("alpha and share", 8),
]


def one_start(target, variances, runs, seed=0):
    """Every run from the same state, so that all the spread is the descent's own."""
    single = random_start(target, 1, np.random.default_rng(seed))
    v = np.tile(variances, (runs, 1))
    rows = np.zeros(runs, dtype=int)
    return Overlaps(single.m[rows], single.q[rows], np.full(runs, 0.3), v)


def arguments(name, dimension):
    changed, variances = SETTINGS[name]
    usual = {"step_size": 0.3, "steps": 8, "batch": 8, "log_every": 4, "evaluation_samples": 4}
    if changed.get("variances") == "euclidean":  # ∂²KL/∂v² = d/4: larger steps are unstable
        usual["step_size"] = 0.16 / max(dimension, 8)
    return usual | changed, variances


def states(run):
    """The trained statistics at the middle and at the end: (times, statistics, runs)."""
    names = ["m1", "m2", "q11", "q12", "q22", "logit", "v1", "v2"]
    kept = [run.statistics[name][:, 1:].T for name in names if name in run.statistics]
    return np.stack(kept, axis=1)


def p_value(a, b, seed=0):
    """The smallest p-value over statistics and some of their combinations, each by Kolmogorov and
    Smirnov and by Epps and Singleton, times the number of tests."""
    values, rng = [], np.random.default_rng(seed)
    for one, other in zip(a, b, strict=True):
        moving = one.std(1) > 1e-8 * np.abs(one).max(1)
        # What is constant in one must be constant in the other, and the same.
        np.testing.assert_allclose(one[~moving], other[~moving], rtol=1e-7)
        centre, scale = one[moving].mean(1)[:, None], one[moving].std(1)[:, None]
        x, y = (one[moving] - centre) / scale, (other[moving] - centre) / scale
        mix = np.concatenate([np.eye(len(x)), rng.standard_normal((4, len(x)))])
        for u, w in zip(mix @ x, mix @ y, strict=True):
            values += [ks_2samp(u, w).pvalue, epps_singleton_2samp(u, w).pvalue]
    return min(values) * len(values)


def compare(name, dimension, seed=0):
    options, variances = arguments(name, dimension)
    target = BimodalTarget(2.0, dimension, 0.7)
    start = one_start(target, variances, RUNS, seed)
    witness = unevaluated.simulate(target, start, seed=2 * seed, **options)
    reduced = simulate_reduced(target, start, seed=2 * seed + 1, **options)
    assert witness.finished.all()
    assert reduced.finished.all()
    np.testing.assert_array_equal(witness.times, reduced.times)
    assert list(witness.statistics) == list(reduced.statistics)
    return p_value(states(witness), states(reduced), seed)


@pytest.mark.parametrize(("name", "dimension"), DEFAULT)
def test_law_of_the_full_simulation(name, dimension):
    assert compare(name, dimension) > LEVEL


@pytest.mark.slow
@pytest.mark.parametrize("seed", [1, 2])
@pytest.mark.parametrize("dimension", [1, 2, 3, 4, 5, 6, 8, 64, 512])
@pytest.mark.parametrize("name", SETTINGS)
def test_law_of_the_full_simulation_everywhere(name, dimension, seed):
    assert compare(name, dimension, seed) > LEVEL


# Noise dominates: a wrong law has nowhere to hide.
NOISY = {"step_size": 1.0, "steps": 2, "batch": 4, "log_every": 1, "evaluation_samples": 4}


@cache
def noisy(variances):
    """A full simulation in 8 dimensions, and its start."""
    target = BimodalTarget(0.5, 8, 0.7)
    start = one_start(target, variances, RUNS)
    return start, states(unevaluated.simulate(target, start, seed=5, **NOISY))


@pytest.mark.parametrize("variances", [(1.0, 1.0), (2.0, 0.5)])
@pytest.mark.parametrize(
    ("dimension", "right"), [(8, True), (7, False), (3, False)], ids=["right", "d - 1", "no rest"]
)
def test_a_wrong_number_of_dimensions_is_caught(variances, dimension, right):
    """With d = 7 the part outside the span has one dimension too few, with d = 3 it is dropped."""
    start, witness = noisy(variances)
    reduced = simulate_reduced(BimodalTarget(0.5, dimension, 0.7), start, seed=6, **NOISY)
    p = p_value(witness, states(reduced))
    assert p > LEVEL if right else p < LEVEL


def one_step(target, start, batch, step_size, rng, *, fresh=False):
    """A step of the pathwise gradient with stratified components, in numpy and in R^d, for each
    run.  With `fresh`, the part of z outside the span of the means and μ* is drawn again after the
    coefficients are known: right only where these do not depend on its norm."""
    d, half = target.dimension, batch // 2
    vectors = start[:1].vectors(target)[0]
    mode = target.mixture().means[0]
    q = GaussianMixture(vectors, start.weights[0], start.variances[0])
    z = rng.standard_normal((len(start), 2, half, d))
    x = vectors[:, None] + np.sqrt(q.variances)[:, None, None] * z
    if fresh:
        seen = x.copy()
        z[..., 3:] = rng.standard_normal((len(start), 2, half, d - 3))
        x = vectors[:, None] + np.sqrt(q.variances)[:, None, None] * z
    else:
        seen = x
    pulls = q.responsibilities(seen) / q.variances  # r_j/v_j, (runs, 2, half, 2)
    tilt = 2 * target.mixture().responsibilities(seen)[..., 0] - 1
    force = x - tilt[..., None] * mode - pulls.sum(-1)[..., None] * x + pulls @ vectors
    counts = (q.weights / half)[:, None, None]
    gradient = (counts * force).sum(2)
    for j in range(2):
        score = pulls[..., j, None] * (x - vectors[j])
        gradient[:, j] += (counts * score).sum((1, 2))
    means = vectors - step_size * gradient
    gram = means @ means.swapaxes(1, 2)
    return np.stack([*(means @ mode).T, gram[:, 0, 0], gram[:, 0, 1], gram[:, 1, 1]])[None]


@pytest.mark.parametrize(
    ("variances", "fresh", "right"),
    [
        ((1.0, 1.0), False, True),
        ((1.0, 1.0), True, True),  # Eq. 10.8
        ((2.5, 0.8), False, True),  # Eq. 10.10
        ((2.5, 0.8), True, False),
    ],
)
def test_coefficients_that_depend_on_the_norm(variances, fresh, right):
    """Unequal variances couple the coefficients of z with its norm; to forget it is caught."""
    target, runs = BimodalTarget(1.0, 6, 0.7), 4_000
    start = one_start(target, variances, runs)
    witness = one_step(target, start, 4, 1.0, np.random.default_rng(7), fresh=fresh)
    reduced = simulate_reduced(
        target, start, step_size=1.0, steps=1, batch=4, seed=8, evaluation_samples=4
    )
    names = ["m1", "m2", "q11", "q12", "q22"]
    p = p_value(witness, np.stack([reduced.final(name) for name in names])[None])
    assert p > LEVEL if right else p < LEVEL


@pytest.mark.parametrize("variances", [(1.0, 1.0), (1.5, 0.6)])
def test_evaluation_against_samples_in_full_dimension(variances):
    """KL and masses of one state: the mean over runs, against plain Monte Carlo in R^d."""
    target = BimodalTarget(2.0, 20, 0.3)
    start = one_start(target, variances, 200)
    run = simulate_reduced(
        target, start, step_size=0.1, steps=0, batch=2, seed=1, evaluation_samples=1000
    )
    q = GaussianMixture(start[:1].vectors(target)[0], start.weights[0], start.variances[0])
    x = q.sample(100_000, np.random.default_rng(2))
    ratio = q.log_density(x) - target.mixture().log_density(x)
    plus = target.mixture().responsibilities(x)[:, 0]
    for name, reference in (("kl", ratio), ("mass_plus", plus)):
        values = run.final(name)
        error = np.hypot(values.std() / np.sqrt(200), reference.std() / np.sqrt(len(x)))
        assert abs(values.mean() - reference.mean()) < 4.5 * error
    # The standard error reported is that seen from run to run: s.d. of s.d. 5 % over 200 runs.
    assert run.final("kl_se").mean() == pytest.approx(run.final("kl").std(), rel=0.25)


def test_evaluation_is_of_the_normalised_tempered_target():
    """q = N(0, I/β) twice and r → 0: p^β/Z = q, so that KL = 0."""
    start = Overlaps(np.zeros((1, 2)), np.zeros((1, 3)), variances=np.full((1, 2), 4.0))
    run = simulate_reduced(
        BimodalTarget(1e-6, 30),
        start,
        step_size=0.1,
        steps=0,
        batch=2,
        seed=1,
        schedule=schedule("step", beta_initial=0.25, time=1.0),
    )
    assert abs(run.final("kl")[0]) < 1e-9


FLOWS = {
    "weights": ({"eta": 1.0, "estimator": "sticking-the-landing"}, integrate, 1.0),
    "annealed": (
        {
            "variances": "bures",
            "sphere": True,
            "speed_over_beta": True,
            "schedule": schedule("exponential", beta_initial=0.2, time=0.8),
        },
        integrate_annealed,
        5.0,
    ),
    "Euclidean": ({"variances": "euclidean", "eta": 0.5}, integrate_annealed, 1.5),
}


@pytest.mark.parametrize("name", FLOWS)
def test_small_steps_and_large_batches_follow_the_gradient_flow(name):
    """Extrapolated in the step size from three of them, the mean over runs is the flow."""
    options, flow, variance = FLOWS[name]
    target, runs, steps = BimodalTarget(2.0, 16, 0.7), 16, (64, 128, 256)
    start = one_start(target, (variance, variance), runs, seed=3)
    shared = {k: v for k, v in options.items() if k != "estimator"}
    if flow is integrate:
        start = Overlaps(start.m, start.q, start.logit)
    exact = flow(target, start[:1], [1.6], **shared)
    ends = [
        simulate_reduced(
            target, start, step_size=1.6 / n, steps=n, batch=1024, seed=n, log_every=n, **options
        )
        for n in steps
    ]
    # h, h/2 and h/4: the weights that cancel the errors of order h and h².
    weights = np.array([1 / 3, -2.0, 8 / 3])
    for statistic in ("m1", "m2", "q11", "q12", "q22", "logit", "v1", "v2"):
        if statistic in ends[0].statistics and statistic in exact.statistics:
            values = np.array([run.final(statistic) for run in ends])
            error = np.sqrt((weights**2) @ values.var(1, ddof=1) / runs)
            left = abs(weights @ values.mean(1) - exact.final(statistic)[0])
            # 16 runs: Student's t with about 15 degrees of freedom exceeds 7 with 4e-6.
            assert left <= 7 * error + 1e-9


def test_sphere_keeps_the_norms():
    target = BimodalTarget(3.0, 512, 0.8)
    start = random_start(target, 3, np.random.default_rng(0), variance=10.0)
    run = simulate_reduced(
        target,
        start,
        step_size=0.05,
        steps=50,
        batch=64,
        seed=1,
        components="sampled",
        variances="bures",
        sphere=True,
        speed_over_beta=True,
        schedule=schedule("exponential", beta_initial=0.1, time=2.0),
    )
    np.testing.assert_allclose(run.statistics["q11"], 9.0, rtol=1e-12)
    np.testing.assert_allclose(run.statistics["q22"], 9.0, rtol=1e-12)
    np.testing.assert_allclose(run.statistics["beta"][0, [0, -1]], [0.1, 1.0])


def test_runs_do_not_depend_on_their_neighbours():
    target = BimodalTarget(2.0, 30, 0.7)
    start = random_start(target, 5, np.random.default_rng(0))
    options = {"step_size": 0.2, "steps": 20, "batch": 16, "seed": 3, "variances": "bures"}
    whole = simulate_reduced(target, start, threads=2, eta=[0, 1, 2, 3, 4], **options)
    part = simulate_reduced([target] * 2, start[3:], first_run=3, eta=[3, 4], **options)
    for name in whole.statistics:
        np.testing.assert_array_equal(whole.statistics[name][3:], part.statistics[name])


def test_logging_does_not_change_the_run():
    target = BimodalTarget(2.0, 30, 0.7)
    start = random_start(target, 2, np.random.default_rng(0))
    runs = [
        simulate_reduced(target, start, step_size=0.2, steps=12, batch=16, seed=3, log_every=every)
        for every in (1, 12)
    ]
    np.testing.assert_array_equal(runs[0].final("q11"), runs[1].final("q11"))


def test_adaptive_schedule_waits_for_the_fit():
    target = BimodalTarget(2.0, 16)
    start = random_start(target, 2, np.random.default_rng(0), variance=10.0)
    options = {"step_size": 0.05, "steps": 200, "batch": 64, "speed_over_beta": True, "seed": 1}

    def betas(bound):
        annealing = schedule("adaptive", beta_initial=0.1, bound=bound, rate=1.0)
        run = simulate_reduced(target, start, variances="bures", schedule=annealing, **options)
        return run.statistics["beta"]

    np.testing.assert_allclose(betas(1e9)[:, -1], 1.0)  # 0.1 e^{10} > 1: it never waits
    assert (betas(1e-9) < 0.5).all()  # it waits nearly always
    assert (np.diff(betas(1.0)) >= 0).all()


def test_divergence_is_reported_and_harms_nobody():
    target = BimodalTarget(2.0, 8)
    start = random_start(target, 1, np.random.default_rng(0))
    both = Overlaps(start.m[[0, 0]], start.q[[0, 0]], variances=[[1.0, 1.0], [1e-12, 1e-12]])
    options = {"step_size": 0.02, "steps": 100, "batch": 16, "seed": 0, "variances": "euclidean"}
    run = simulate_reduced(target, both, **options)
    assert list(run.status) == [Status.FINISHED, Status.DIVERGED]
    assert "step_size" in run.message[1]
    assert run.outcome[1] is None
    alone = simulate_reduced(target, start, **options)
    np.testing.assert_array_equal(run.statistics["kl"][:1], alone.statistics["kl"])


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"batch": 1}, "batch"),
        ({"step_size": 0.0}, "step_size"),
        ({"steps": -1}, "steps"),
        ({"estimator": "score"}, "estimator"),
        ({"components": "both"}, "components"),
        ({"variances": "trained"}, "variances"),
        ({"eta": -1.0}, "eta"),
        ({"eta": [1.0, 2.0]}, "eta"),
        ({"threads": 0}, "threads"),
        ({"first_run": -1}, "first_run"),
        ({"log_every": -1}, "log_every"),
        ({"log_every": 0}, "log_every"),
        ({"evaluation_samples": 1}, "evaluation_samples"),
        ({"seed": -1}, "seed"),
        ({"eta": "fast"}, "eta"),
        ({"schedule": 1.0}, "schedule"),
        ({"sphere": None}, "sphere"),
    ],
)
def test_bad_input(wrong, message):
    target = BimodalTarget(2.0, 8)
    start = random_start(target, 1, np.random.default_rng(0))
    good = {"step_size": 0.1, "steps": 1, "batch": 4, "seed": 0}
    with pytest.raises(ValueError, match=f"^{message}: got"):
        simulate_reduced(target, start, **(good | wrong))


def test_cost_does_not_depend_on_the_dimension():
    """The state is the same at d = 8 and d = 10⁹, no array grows with d."""
    target = BimodalTarget(2.0, 10**9)
    start = random_start(target, 1, np.random.default_rng(0))
    run = simulate_reduced(target, start, step_size=1e-3, steps=2, batch=64, seed=0)
    assert np.isfinite(run.final("kl")).all()
