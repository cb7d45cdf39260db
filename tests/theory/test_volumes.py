"""Two modes of unequal volume: against automatic differentiation, equal volumes, and simulation."""

import math

import numpy as np
import pytest
import torch

from modecollapse.dynamics import Dynamics
from modecollapse.overlaps import Overlaps, random_start
from modecollapse.schedules import schedule
from modecollapse.simulation.mixtures import MixtureStart, simulate_mixture
from modecollapse.simulation.settings import Descent, Objective
from modecollapse.targets import mixture
from modecollapse.theory.annealed import annealed_velocity
from modecollapse.theory.annealed.volumes import frame, integrate_volumes, volumes_velocity

WAITING = {"beta_initial": 0.1, "bound": 0.5, "rate": 1.0}
ALL = {"eta": 2.0, "variances": "euclidean"}
CASES = [  # d, β, s_1, s_2, ℓ, v_1, v_2, path
    (1, 1.0, 0.4, 1.0, 0.3, 1.0, 0.7, "tempered"),
    (2, 0.5, 1.5, 0.5, -0.4, 1.5, 2.0, "tempered"),
    (2, 0.4, 0.3, 1.1, 0.5, 1.2, 0.8, "weights kept"),
    (2, 0.6, 1.2, 0.4, 0.5, 1.2, 0.8, "weights evened"),
]


def two(d, s1, s2, separation=1.5, weight=0.7):
    """Two modes about a middle that is not the origin's."""
    means = np.zeros((2, d))
    means[:, 0] = separation, -separation
    return mixture(means, [weight, 1 - weight], [s1, s2])


def log_gaussians(x, means, logs, variances):
    square = ((x[..., None, :] - means) ** 2).sum(-1) / variances
    terms = logs - 0.5 * square - 0.5 * x.shape[-1] * torch.log(2 * math.pi * variances)
    return torch.logsumexp(terms, -1)


@pytest.mark.parametrize(("d", "beta", "s1", "s2", "logit", "v1", "v2", "path"), CASES)
def test_the_gradient_is_that_of_automatic_differentiation(d, beta, s1, s2, logit, v1, v2, path):
    """∫ q (log q − log p_β) dx on a grid, differentiated in d dimensions; error below 1e-10."""
    p, rng = two(d, s1, s2), np.random.default_rng(d)
    vectors = rng.normal(size=(2, d))
    means = torch.tensor(vectors, requires_grad=True)
    variances = torch.tensor([v1, v2], dtype=torch.float64, requires_grad=True)
    ell = torch.tensor(logit, dtype=torch.float64, requires_grad=True)
    axis = torch.arange(-14, 14, 0.06, dtype=torch.float64)
    x = torch.stack(torch.meshgrid(*[axis] * d, indexing="ij"), -1).reshape(-1, d)
    log_q = log_gaussians(
        x, means, torch.nn.functional.logsigmoid(torch.stack([ell, -ell])), variances
    )
    s = torch.tensor([s1, s2], dtype=torch.float64)
    modes, logs = torch.tensor(p.means), torch.tensor(np.log(p.weights))
    log_p = {
        "tempered": beta * log_gaussians(x, modes, logs, s),
        "weights kept": log_gaussians(x, modes, logs, s / beta),
        "weights evened": log_gaussians(x, modes, beta * logs, s / beta),
    }[path]
    ((log_q.exp() * (log_q - log_p)).sum() * 0.06**d).backward()
    moved = -means.grad.numpy()
    cross = moved[0] @ vectors[1] + moved[1] @ vectors[0]
    q = [2 * moved[0] @ vectors[0], cross, 2 * moved[1] @ vectors[1]]
    expected = [*(1.5 * moved[:, 0]), *q, -2 * float(ell.grad), *(-variances.grad.numpy())]
    state = Overlaps.from_vectors(
        vectors[None], np.eye(d)[0] * 1.5, np.array([logit]), np.array([[v1, v2]])
    )
    rate = volumes_velocity(p, state, beta, Dynamics(**ALL), path)[0]
    np.testing.assert_allclose(rate, expected, rtol=0, atol=1e-10)


@pytest.mark.parametrize("beta", [1.0, 0.3, 0.03])
@pytest.mark.parametrize("variances", ["euclidean", "bures"])
def test_equal_volumes_are_the_annealed_equations(beta, variances):
    p = two(6, 1.0, 1.0, 2.5)
    start = random_start(frame(p), 4, np.random.default_rng(0), variance=1 / beta)
    ours = volumes_velocity(p, start, beta, Dynamics(eta=1.0, variances=variances))
    theirs = annealed_velocity(frame(p), start, beta, eta=1.0, variances=variances)
    np.testing.assert_allclose(ours, theirs, rtol=0, atol=1e-12)


@pytest.mark.parametrize("path", ["tempered", "weights evened"])
def test_speeds_over_beta_are_all_speeds_over_beta(path):
    p = two(3, 0.5, 1.0)
    start = random_start(frame(p), 3, np.random.default_rng(2), variance=2.0)
    plain = volumes_velocity(p, start, 0.25, Dynamics(**ALL), path)
    over = volumes_velocity(p, start, 0.25, Dynamics(**ALL, speed_over_beta=True), path)
    assert (abs(plain).max(0) > 1e-4).all()
    np.testing.assert_allclose(over, plain / 0.25, rtol=1e-12)


@pytest.mark.parametrize("path", ["tempered", "weights kept", "weights evened"])
def test_statistics_on_the_way_are_of_the_target_itself(path):
    """KL and masses of one state, hot or cold, are the same."""
    p = two(3, 0.5, 1.0)
    start = random_start(frame(p), 3, np.random.default_rng(3), variance=2.0)
    hot = Dynamics(schedule=schedule("exponential", beta_initial=0.1, time=2.0))
    hot_run = integrate_volumes(p, start, [0.0, 1e-6], hot, path=path)
    cold_run = integrate_volumes(p, start, [0.0, 1e-6])
    assert (hot_run.statistics["beta"][:, 0] < 0.2).all()
    for name in ("kl", "mass_0", "mass_1"):
        hot_ones, cold_ones = (run.statistics[name][:, 0] for run in (hot_run, cold_run))
        np.testing.assert_allclose(hot_ones, cold_ones, rtol=1e-12, err_msg=name)


def test_the_modes_may_be_exchanged():
    p, mirrored = two(5, 0.3, 1.2, 2.0), two(5, 1.2, 0.3, 2.0, 0.3)
    start = random_start(frame(p), 4, np.random.default_rng(1), variance=2.0)
    other = Overlaps(-start.m, start.q, start.logit, start.variances)
    one, two_ = volumes_velocity(p, start, 0.5), volumes_velocity(mirrored, other, 0.5)
    np.testing.assert_allclose(one[:, :2], -two_[:, :2], atol=1e-12)
    np.testing.assert_allclose(one[:, 2:], two_[:, 2:], atol=1e-12)


def test_a_perfect_fit_rests_and_its_kl_is_zero():
    p = two(4, 0.3, 1.0, 2.0)
    q = Overlaps([[4.0, -4.0]], [[4.0, -4.0, 4.0]], [math.log(7 / 3)], [[0.3, 1.0]])
    assert abs(volumes_velocity(p, q, 1.0, Dynamics(**ALL))).max() < 1e-11
    run = integrate_volumes(p, q, [0.0, 1.0], Dynamics(**ALL))
    assert abs(run.final("kl")).max() < 1e-11
    assert run.final("mass_0") == pytest.approx(0.7)
    assert not run.collapsed.any()


@pytest.mark.parametrize("path", ["tempered", "weights kept", "weights evened"])
def test_large_batches_follow_the_closed_equations(path):
    """Means, variances and masses along an annealing, by 4,000 samples a step: steps of 0.02."""
    p = two(4, 0.4, 1.0, 2.0, 0.6)
    annealing = schedule("exponential", beta_initial=0.3, time=2.0)
    dynamics = Dynamics(variances="bures", schedule=annealing)
    vectors = np.array([[[0.5, 0.6, 0.0, 0.0], [-0.3, 0.0, 0.5, 0.0]]])
    start = Overlaps.from_vectors(vectors, np.eye(4)[0] * 2, None, np.full((1, 2), 3.0))
    exact = integrate_volumes(p, start, [1.0, 3.0], dynamics, path=path)
    run = simulate_mixture(
        p,
        MixtureStart(vectors, variances=np.full((1, 2), 3.0)),
        Descent(0.02, 150, 4000, seed=0),
        [50, 150],
        dynamics=dynamics,
        objective=Objective(path=path),
        evaluation_samples=20_000,
    )
    assert exact.final("beta")[0] == run.final("beta")[0] == 1.0
    for name in ("mass_0", "mass_1", "kl"):
        ours, theirs = exact.statistics[name][0], run.statistics[name][0]
        np.testing.assert_allclose(ours, theirs, atol=0.02 + 0.02 * abs(ours).max(), err_msg=name)


def test_annealing_loses_a_narrow_mode_that_the_path_with_weights_kept_finds():
    """Six dimensions, π = 0.6, variances 0.5 and 1, fixed weights: 0, 1 and 0 of the runs."""
    p = two(6, 0.5, 1.0, 2.5, 0.6)
    rng = np.random.default_rng(0)
    start = random_start(frame(p), 12, rng, law="blob", scale=0.5, spread=1.0, variance=1 / 0.03)
    hot = schedule("exponential", beta_initial=0.03, time=50.0)
    dynamics = Dynamics(variances="bures", schedule=hot, speed_over_beta=True)
    lost = {}
    for path in ("tempered", "weights kept"):
        run = integrate_volumes(p, start, [80.0], dynamics, path=path)
        lost[path] = float((run.final("mass_0") < 0.15).mean())
    assert lost == {"tempered": 1.0, "weights kept": 0.0}


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"path": "cold"}, "path"),
        ({"dynamics": Dynamics(sphere=True)}, "sphere"),
        ({"dynamics": Dynamics(geometry="natural")}, "geometry"),
        (
            {"dynamics": Dynamics(schedule=schedule("ess", beta_initial=0.1, bound=0.5, rate=1.0))},
            "schedule",
        ),
        ({"target": mixture([[1.0, 0], [0, 1.0], [0, 0]])}, "two modes"),
        ({"target": mixture([[1.0, 0], [1.0, 0]])}, "two places"),
    ],
)
def test_what_it_refuses_is_named(wrong, message):
    p = two(2, 0.5, 1.0)
    given = {"target": p, "start": random_start(frame(p), 2, np.random.default_rng(0))}
    with pytest.raises(ValueError, match=message):
        integrate_volumes(times=[1.0], **(given | wrong))
