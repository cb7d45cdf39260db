"""The annealed equations against automatic differentiation, known limits and identities."""

import math

import numpy as np
import pytest
import torch
from scipy.special import expit

from modecollapse.overlaps import Overlaps, random_start
from modecollapse.schedules import Adaptive, schedule
from modecollapse.simulation.reduced import simulate_reduced
from modecollapse.targets import BimodalTarget
from modecollapse.theory import rhs
from modecollapse.theory.annealed import (
    annealed_velocity,
    integrate_annealed,
    tempered_kl,
)
from modecollapse.theory.annealed.equations import _setting, _state
from modecollapse.theory.annealed.steps import _next_phase
from modecollapse.theory.integration import integrate
from modecollapse.trajectory import Status


def log_ratio(x, means, logit, variances, target, beta):
    """log q(x) − β log p(x) in torch, x of shape (..., d)."""
    d, r = x.shape[-1], target.separation
    log_w = torch.nn.functional.logsigmoid(torch.stack([logit, -logit]))
    square = ((x[..., None, :] - means) ** 2).sum(-1) / variances
    log_q = log_w - 0.5 * square - 0.5 * d * torch.log(2 * math.pi * variances)
    mode = torch.zeros(d, dtype=x.dtype)
    mode[0] = r
    modes = torch.stack([mode, -mode])
    log_pi = torch.log(torch.as_tensor(target.weights))
    log_p = (
        log_pi - 0.5 * ((x[..., None, :] - modes) ** 2).sum(-1) - 0.5 * d * math.log(2 * math.pi)
    )
    return torch.logsumexp(log_q, -1) - beta * torch.logsumexp(log_p, -1)


def rates_from_gradient(means, gradients, target, eta=0.0, w=0.25):
    """d/dt of (m, Q, ℓ, v) from the gradient with respect to (μ, ℓ, v)."""
    by_means, by_logit, by_variances = gradients
    moved = -by_means
    q = [
        2 * moved[0] @ means[0],
        moved[0] @ means[1] + moved[1] @ means[0],
        2 * moved[1] @ means[1],
    ]
    m = target.separation * moved[:, 0]
    return np.array([*m, *q, -eta * by_logit, *(-by_variances)])


CASES = [  # d, β, logit, v_1, v_2
    (1, 1.0, 0.0, 1.0, 1.0),
    (1, 0.3, 0.7, 2.0, 0.6),
    (2, 0.5, -0.4, 1.5, 2.5),
    (2, 1.0, 1.0, 0.5, 1.7),
]


@pytest.mark.parametrize(("d", "beta", "logit", "v1", "v2"), CASES)
def test_gradient_and_kl_are_those_of_automatic_differentiation(d, beta, logit, v1, v2):
    """∫ q (log q − β log p) dx on a grid, differentiated in d dimensions.

    The trapezoidal rule's error is below 1e-12: the sharpest log-odds here changes by less than 6 a
    unit of length, so its poles are π/6 from the real axis, and 2π·(π/6)/0.06 > 50.
    """
    rng = np.random.default_rng(d)
    target = BimodalTarget(1.5, d, 0.7)
    vectors = rng.normal(size=(2, d))
    means = torch.tensor(vectors, requires_grad=True)
    variances = torch.tensor([v1, v2], dtype=torch.float64, requires_grad=True)
    ell = torch.tensor(logit, dtype=torch.float64, requires_grad=True)
    axis = torch.arange(-15, 15, 0.06, dtype=torch.float64)
    x = torch.stack(torch.meshgrid(*[axis] * d, indexing="ij"), -1).reshape(-1, d)
    f = log_ratio(x, means, ell, variances, target, beta)
    zero = log_ratio(x, means, ell, variances, target, 0.0)
    volume = 0.06**d
    loss = (zero.exp() * f).sum() * volume
    loss.backward()
    state = Overlaps.from_vectors(
        vectors[None], np.eye(d)[0] * 1.5, np.array([logit]), np.array([[v1, v2]])
    )
    gradients = [t.grad.numpy() for t in (means, ell, variances)]
    expected = rates_from_gradient(vectors, gradients, target, eta=2.0)
    rate = annealed_velocity(target, state, beta, eta=2.0, variances="euclidean")[0]
    np.testing.assert_allclose(rate, expected, rtol=0, atol=1e-11)
    with torch.no_grad():
        normalizer = torch.logsumexp(zero - f, 0) + math.log(volume)
    kl = tempered_kl(target, state, beta)[0]
    assert kl == pytest.approx(float(loss.detach() + normalizer), abs=1e-11)


@pytest.mark.parametrize(("d", "beta", "v1", "v2"), [(64, 0.05, 20.0, 17.0), (16, 1.0, 1.3, 0.8)])
def test_gradient_in_many_dimensions_within_its_standard_error(d, beta, v1, v2):
    """Pathwise Monte Carlo, samples in opposite pairs; six components, each within 4.5 errors.

    A gradient that takes the variances for equal fails by hundreds of errors.
    """
    rng = np.random.default_rng(0)
    target, logit, w = BimodalTarget(2.0, d, 0.8), 0.6, expit([0.6, -0.6])
    vectors = rng.normal(size=(2, d)) * 2 / math.sqrt(d)
    vectors[0, 0] += 1.0
    v = np.array([v1, v2])
    mode = 2.0 * np.eye(d)[0]
    values = []
    for i in range(2):
        half = rng.standard_normal((20_000, d))
        z = np.concatenate([half, -half])
        x = torch.tensor(vectors[i] + math.sqrt(v[i]) * z, requires_grad=True)
        f = log_ratio(x, torch.tensor(vectors), torch.tensor(logit), torch.tensor(v), target, beta)
        f.sum().backward()
        force = -w[i] * x.grad.numpy()
        columns = [force @ mode, force @ vectors[0], force @ vectors[1]]
        columns.append((force * z).sum(1) / (2 * math.sqrt(v[i])))
        values.append(0.5 * (np.stack(columns)[:, :20_000] + np.stack(columns)[:, 20_000:]))
    (m1, f11, f12, g1), (m2, f21, f22, g2) = values
    samples = [m1, m2, 2 * f11, f12 + f21, 2 * f22, g1, g2]
    state = Overlaps.from_vectors(vectors[None], mode, np.array([logit]), v[None])
    rate = annealed_velocity(target, state, beta, variances="euclidean")[0, [0, 1, 2, 3, 4, 6, 7]]
    error = np.array([s.std() / math.sqrt(s.size) for s in samples])
    mean = np.array([s.mean() for s in samples])
    assert (abs(rate - mean) < 4.5 * error).all(), (rate - mean) / error
    equal = Overlaps.from_vectors(vectors[None], mode, np.array([logit]), np.full((1, 2), v.mean()))
    wrong = annealed_velocity(target, equal, beta, variances="euclidean")[0, [0, 1, 2, 3, 4, 6, 7]]
    assert (abs(wrong - mean) > 50 * error).any()


def test_reduces_to_the_untempered_equations():
    """v = 1, β = 1: velocity, KL and masses of theory.rhs, to 1e-10."""
    rng = np.random.default_rng(3)
    target = BimodalTarget(3.0, 12, 0.7)
    start = random_start(target, 40, rng, law="gaussian", weight=0.3)
    y = np.concatenate([start.m, start.q, start.logit[:, None]], axis=1)
    rate = annealed_velocity(target, start, 1.0, eta=3.0)
    np.testing.assert_allclose(rate[:, :6], rhs.velocity(y, 3.0, 0.7, 3.0), rtol=0, atol=1e-10)
    assert (rate[:, 6:] == 0).all()
    np.testing.assert_allclose(
        tempered_kl(target, start), rhs.kl_divergence(y, 3.0, 0.7), rtol=0, atol=1e-10
    )
    run = integrate_annealed(target, start, [0.0])
    masses = np.stack([run.final("mass_plus"), run.final("mass_minus")], axis=-1)
    np.testing.assert_allclose(masses, rhs.mode_masses(y, 3.0, 0.7), rtol=0, atol=1e-10)


@pytest.mark.parametrize("variance", [0.2, 30.0, 9000.0])
def test_equal_variances_scale_to_the_untempered_equations(variance):
    """Where p is one Gaussian mode, x → x/√v maps N(μ, v) on p^β to N(μ/√v, 1) on p with β = 1/v.

    With r so small that p = N(0, I): KL, and the velocity of Q and m, against theory.rhs.
    """
    rng = np.random.default_rng(4)
    tiny = 1e-7
    target = BimodalTarget(tiny, 6)
    q = random_start(BimodalTarget(2.0, 6), 10, rng).q
    beta = min(1.0, 1 / variance)
    state = Overlaps(np.zeros((10, 2)), q * variance, variances=np.full((10, 2), variance))
    y = np.concatenate([np.zeros((10, 2)), q, np.zeros((10, 1))], axis=1)
    if beta * variance == 1:
        expected = rhs.kl_divergence(y, tiny)
        np.testing.assert_allclose(tempered_kl(target, state, beta), expected, atol=1e-10)
        rate = annealed_velocity(target, state, beta)
        np.testing.assert_allclose(rate[:, 2:5], rhs.velocity(y, tiny)[:, 2:5], atol=1e-10)
    else:  # one Gaussian, KL = (d/2)(βv − 1 − log βv)
        alone = Overlaps(np.zeros((1, 2)), np.zeros((1, 3)), variances=np.full((1, 2), variance))
        bv = beta * variance
        expected = 3 * (bv - 1 - math.log(bv))
        assert tempered_kl(target, alone, beta)[0] == pytest.approx(expected, abs=1e-10)


def test_bures_clock_is_the_ornstein_uhlenbeck_process():
    """Identical components on one Gaussian N(0, I/β): dv/dt = 2 w_i (1 − βv), w_i = 1/2."""
    target, beta, v0 = BimodalTarget(1e-7, 512), 0.02, 700.0
    start = Overlaps(np.zeros((1, 2)), np.zeros((1, 3)), variances=np.full((1, 2), v0))
    times = np.linspace(0, 120, 13)
    cold = schedule("step", beta_initial=beta, time=1e3)
    run = integrate_annealed(target, start, times, schedule=cold, variances="bures", rtol=1e-10)
    expected = 1 / beta + (v0 - 1 / beta) * np.exp(-beta * times)
    np.testing.assert_allclose(run.statistics["v1"][0], expected, rtol=1e-8)
    np.testing.assert_allclose(run.statistics["v2"][0], expected, rtol=1e-8)


def test_clocks_differ_by_the_metric_alone():
    target = BimodalTarget(3.0, 40, 0.8)
    start = random_start(target, 5, np.random.default_rng(5), variance=2.0)
    options = {"beta": 0.4, "eta": 2.0}
    euclidean = annealed_velocity(target, start, variances="euclidean", **options)
    bures = annealed_velocity(target, start, variances="bures", **options)
    np.testing.assert_allclose(bures[:, 6:], euclidean[:, 6:] * 4 * 2.0 / 40, rtol=1e-12)
    np.testing.assert_array_equal(bures[:, :6], euclidean[:, :6])
    fast = annealed_velocity(target, start, variances="bures", speed_over_beta=True, **options)
    np.testing.assert_allclose(fast, bures / 0.4, rtol=1e-12)


def test_motion_on_the_sphere_is_the_tangential_part():
    """The part of the free velocity along each mean is taken away, and no more."""
    rng = np.random.default_rng(6)
    target = BimodalTarget(3.0, 9, 0.8)
    vectors = rng.normal(size=(1, 2, 9))
    mode = 3.0 * np.eye(9)[0]
    v = np.array([[1.2, 2.0]])
    state = Overlaps.from_vectors(vectors, mode, variances=v)
    free = annealed_velocity(target, state, 0.7)[0]
    bound = annealed_velocity(target, state, 0.7, sphere=True)[0]
    (m1, m2, q11, q12, q22, *_) = free
    (a, c, b) = state.q[0]
    radial1, radial2 = q11 / (2 * a), q22 / (2 * b)
    expected = [
        m1 - radial1 * state.m[0, 0],
        m2 - radial2 * state.m[0, 1],
        0.0,
        q12 - (radial1 + radial2) * c,
        0.0,
    ]
    np.testing.assert_allclose(bound[:5], expected, atol=1e-12)


def test_kl_falls_at_the_rate_of_its_squared_gradient():
    """dKL/dt = −(‖∇_μ KL‖² + η (∂_ℓ KL)² + Σ (4v/d) (∂_v KL)²), by finite differences in time."""
    target = BimodalTarget(2.5, 8, 0.6)
    start = random_start(target, 6, np.random.default_rng(7), variance=1.4)
    h = 1e-4
    times = np.array([1.0 - h, 1.0, 1.0 + h])
    options = {"eta": 1.5, "variances": "bures"}
    run = integrate_annealed(target, start, times, rtol=1e-12, **options)
    slope = (run.statistics["kl"][:, 2] - run.statistics["kl"][:, 0]) / (2 * h)
    s = {name: values[:, 1] for name, values in run.statistics.items()}
    logit = np.log(s["weight"]) - np.log1p(-s["weight"])
    v = np.stack([s["v1"], s["v2"]], axis=-1)
    q = np.stack([s["q11"], s["q12"], s["q22"]], axis=-1)
    state = Overlaps(np.stack([s["m1"], s["m2"]], axis=-1), q, logit, v)
    vectors = state.vectors(target)
    rate = annealed_velocity(target, state, **options)
    speed2 = rate[:, 5] ** 2 / 1.5 + (rate[:, 6:] ** 2 * 8 / (4 * v)).sum(1)
    for k in range(len(state)):
        for i in range(2):
            mean_rate = _velocity_of_mean(target, state[k : k + 1], vectors[k], i)
            speed2[k] += mean_rate @ mean_rate
    # Central differences: relative error h²·KL'''/6 < 1e-7, and 1e-12/h of rounding.
    np.testing.assert_allclose(slope, -speed2, rtol=1e-5, atol=1e-7)


def _velocity_of_mean(target, state, means, i, h=1e-5):
    """dμ_i/dt = −∇_{μ_i} KL by central differences of KL in the vectors."""
    mode = target.separation * np.eye(target.dimension)[0]
    gradient = np.zeros_like(means[i])
    for axis in range(3):  # the vectors stand on the first three axes
        values = []
        for sign in (1, -1):
            moved = means.copy()
            moved[i, axis] += sign * h
            other = Overlaps.from_vectors(moved[None], mode, state.logit, state.variances)
            values.append(tempered_kl(target, other)[0])
        gradient[axis] = (values[0] - values[1]) / (2 * h)
    return -gradient


def test_agrees_with_a_large_batch():
    """Gradient flow against descent with h = 0.02 and 1,024 samples, in the mean over 64 starts.

    Tolerance: five standard errors of the paired differences, and h times the largest speed.
    """
    target = BimodalTarget(2.0, 24, 0.8)
    start = random_start(target, 64, np.random.default_rng(8), variance=10.0)
    annealing = schedule("exponential", beta_initial=0.1, time=3.0)
    options = {"schedule": annealing, "sphere": True, "variances": "bures", "speed_over_beta": True}
    exact = integrate_annealed(target, start, [4.0], **options)
    noisy = simulate_reduced(
        target, start, step_size=0.02, steps=200, batch=1024, seed=1, log_every=200,
        evaluation_samples=64, **options,
    )  # fmt: skip
    for name in ("m1", "m2", "q12", "v1", "v2"):
        gap = noisy.final(name) - exact.final(name)
        scale = 0.02 * max(1.0, abs(exact.final(name)).max())
        assert abs(gap.mean()) < 5 * gap.std() / 8 + scale, name


@pytest.mark.parametrize("name", ["exponential", "linear", "step"])
def test_schedules_are_followed(name):
    target = BimodalTarget(2.0, 8)
    start = random_start(target, 3, np.random.default_rng(9), variance=5.0)
    chosen = schedule(name, beta_initial=0.2, time=2.0)
    times = np.array([0.0, 0.5, 1.999, 2.0, 3.0])
    run = integrate_annealed(target, start, times, schedule=chosen, variances="bures")
    np.testing.assert_allclose(run.statistics["beta"], [chosen.beta(times)] * 3, rtol=1e-12)


def test_stopping_and_going_on_changes_nothing():
    """The schedule's end is a step's end, so that its kink costs no accuracy."""
    target = BimodalTarget(3.0, 64, 0.8)
    start = random_start(target, 10, np.random.default_rng(10), variance=20.0)
    options = {"sphere": True, "variances": "bures", "speed_over_beta": True, "rtol": 1e-10}
    annealing = schedule("exponential", beta_initial=0.05, time=4.0)
    whole = integrate_annealed(target, start, [4.0, 6.0], schedule=annealing, **options)
    s = {name: values[:, 0] for name, values in whole.statistics.items()}
    middle = Overlaps(
        np.stack([s["m1"], s["m2"]], -1),
        np.stack([s["q11"], s["q12"], s["q22"]], -1),
        variances=np.stack([s["v1"], s["v2"]], -1),
    )
    rest = integrate_annealed(target, middle, [2.0], **options)
    for name in ("m1", "m2", "q12", "v1", "kl"):
        np.testing.assert_allclose(rest.final(name), whole.final(name), rtol=1e-7, atol=1e-7)


def test_adaptive_schedule_waits_for_the_fit():
    target = BimodalTarget(3.0, 64, 0.8)
    start = random_start(target, 4, np.random.default_rng(11), variance=10.0)
    options = {"sphere": True, "variances": "bures", "speed_over_beta": True}
    times = np.linspace(0, 12, 25)
    rate = math.log(10) / 4
    loose = schedule("adaptive", beta_initial=0.1, bound=1e6, rate=rate)
    timed = schedule("exponential", beta_initial=0.1, time=4.0)
    free = integrate_annealed(target, start, times, schedule=loose, **options)
    same = integrate_annealed(target, start, times, schedule=timed, **options)
    np.testing.assert_allclose(free.statistics["beta"], same.statistics["beta"], rtol=1e-9)
    np.testing.assert_allclose(free.final("q12"), same.final("q12"), rtol=1e-5, atol=1e-5)
    tight = schedule("adaptive", beta_initial=0.1, bound=0.5, rate=rate)
    slow = integrate_annealed(target, start, times, schedule=tight, **options)
    assert (slow.statistics["beta"] <= free.statistics["beta"] + 1e-9).all()
    assert (slow.statistics["beta"][:, 8] < 0.99).all()
    moving = np.diff(slow.statistics["beta"]) > 0
    # β moved in an interval only if KL was within the bound somewhere in it; it changes by at most
    # a factor 1.5 in half a unit of time.
    assert (slow.statistics["kl"][:, :-1][moving] < 0.5 * 3).all()


def test_adaptive_schedule_ends_at_one_and_not_beyond():
    """log β rises by 0.01 at a look; the last rise here is a third of that."""
    target = BimodalTarget(2.0, 16)
    start = random_start(target, 2, np.random.default_rng(13), variance=2.0)
    free = schedule("adaptive", beta_initial=math.exp(-0.2033), bound=1e6, rate=1.0)
    times = np.linspace(0.19, 0.22, 61)
    run = integrate_annealed(target, start, times, schedule=free, variances="bures")
    beta = np.broadcast_to(np.exp(np.minimum(times - 0.2033, 0)), (2, 61))
    np.testing.assert_allclose(run.statistics["beta"], beta, rtol=1e-12)
    assert (run.statistics["beta"] <= 1).all()


def test_an_adaptive_schedule_comes_to_its_end():
    """Where rounding leaves β a hair below 1, the rest of the rise would take no time at all."""
    target, almost = BimodalTarget(3.0, 16, 0.7), np.nextafter(1.0, 0.0)
    setting = _setting(target, 0.0, False, "fixed", False, "euclidean")
    x = _state(target, random_start(target, 1, np.random.default_rng(1)))[0]
    feedback = Adaptive(beta_initial=0.1, bound=1e6, rate=0.2).feedback
    phase, until = _next_phase(x, 30.0, almost, feedback, setting)
    assert (phase.beta, until) == (1.0, math.inf)
    phase, until = _next_phase(x, 3.0, 0.5, feedback, setting)
    assert (phase.beta, until) == (0.5, 3.0 + feedback.interval)


def test_error_falls_with_the_tolerance():
    target = BimodalTarget(3.0, 64, 0.8)
    start = random_start(target, 8, np.random.default_rng(12), variance=30.0)
    annealing = schedule("exponential", beta_initial=1 / 30, time=5.0)
    options = {"schedule": annealing, "sphere": True, "variances": "bures", "eta": 1.0}
    best = integrate_annealed(target, start, [6.0], rtol=1e-12, **options).final("q12")
    errors = [
        abs(
            integrate_annealed(target, start, [6.0], rtol=rtol, **options).final("q12") - best
        ).max()
        for rtol in (1e-4, 1e-6, 1e-8)
    ]
    assert errors[0] > 10 * errors[1] > 100 * errors[2]
    assert errors[2] < 1e-6


def test_bits_do_not_depend_on_batch_or_threads():
    target = BimodalTarget(3.0, 64, 0.8)
    start = random_start(target, 40, np.random.default_rng(13), variance=3.0)
    options = {"variances": "bures", "eta": 1.0}
    whole = integrate_annealed(target, start, [2.0], threads=2, **options)
    part = integrate_annealed(target, start[30:33], [2.0], threads=1, **options)
    np.testing.assert_array_equal(part.final("kl"), whole.final("kl")[30:33])


def test_pathological_corner_stays_finite_and_fits():
    """v from 9000 down to 1 in 512 dimensions; slow enough, every run ends at the best KL."""
    target = BimodalTarget(3.0, 512, 0.8)
    start = random_start(target, 20, np.random.default_rng(14), variance=9000.0)
    annealing = schedule("exponential", beta_initial=1 / 9000, time=60.0)
    run = integrate_annealed(
        target, start, [30.0, 60.0, 75.0], schedule=annealing,
        sphere=True, variances="bures", speed_over_beta=True,
    )  # fmt: skip
    assert run.finished.all()
    assert not run.collapsed.any()
    # Equal fixed weights on 0.8 and 0.2: KL → ½ log(½/0.8) + ½ log(½/0.2), less what overlaps.
    best = 0.5 * math.log(0.5 / 0.8) + 0.5 * math.log(0.5 / 0.2)
    np.testing.assert_allclose(run.final("kl"), best, atol=0.01)


def test_step_limit_is_a_status():
    target = BimodalTarget(3.0, 8)
    start = random_start(target, 2, np.random.default_rng(15))
    run = integrate_annealed(target, start, [5.0], max_steps=3)
    assert all(s is Status.STEP_LIMIT for s in run.status)
    assert "max_steps = 3" in run.message[0]
    assert run.outcome.tolist() == [None, None]


@pytest.mark.parametrize(
    ("options", "argument"),
    [
        ({"times": [2.0, 1.0]}, "times"),
        ({"times": [-1.0]}, "times"),
        ({"eta": -1.0}, "eta"),
        ({"variances": "fisher"}, "variances"),
        ({"rtol": 1.0}, "rtol"),
        ({"schedule": object()}, "schedule"),
        ({"max_steps": 0}, "max_steps"),
    ],
)
def test_bad_input_is_named(options, argument):
    target = BimodalTarget(3.0, 8)
    start = random_start(target, 2, np.random.default_rng(16))
    times = options.pop("times", [1.0])
    with pytest.raises(ValueError, match=rf"^{argument}: got"):
        integrate_annealed(target, start, times, **options)


def test_means_of_length_zero_have_no_sphere():
    start = Overlaps(np.zeros((1, 2)), np.zeros((1, 3)))
    with pytest.raises(ValueError, match=r"^start.q: got"):
        integrate_annealed(BimodalTarget(3.0, 8), start, [1.0], sphere=True)
    with pytest.raises(ValueError, match=r"^beta: got"):
        annealed_velocity(BimodalTarget(3.0, 8), start, 1.5)


def test_trained_weights_far_from_the_modes_move_as_without_annealing():
    p = BimodalTarget(3.0, 10**7, 0.7)
    start = random_start(p, 3, np.random.default_rng(0), law="normal", scale=100.0)
    plain, annealed = (f(p, start, [20.0, 40.0], eta=10.0) for f in (integrate, integrate_annealed))
    assert annealed.finished.all()
    for name in ("logit", "mass_plus", "kl"):
        np.testing.assert_allclose(annealed.final(name), plain.final(name), rtol=1e-6)
