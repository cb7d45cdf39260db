"""Descent of any mixture in full dimension, against every closed equation that it must follow."""

from __future__ import annotations

import enum
import itertools

import numpy as np
import pytest
import scipy.sparse
import torch

from modecollapse import mixture, random_start
from modecollapse.dynamics import Dynamics
from modecollapse.geometries import GEOMETRIES
from modecollapse.schedules import Exponential, schedule
from modecollapse.simulation.mixture_kernel import FINE, State, descend, evaluate
from modecollapse.simulation.mixtures import MixtureStart, _recipe, simulate_mixture
from modecollapse.simulation.reduced import simulate_reduced
from modecollapse.simulation.settings import Descent, Objective
from modecollapse.targets import BimodalTarget
from modecollapse.theory.divergence import divergence_velocity
from modecollapse.theory.multimodal import MultimodalOverlaps, rates
from modecollapse.trajectory import Status

P = BimodalTarget(1.5, 5, 0.7)
TINY = 1e-6


def stepped(target, start, *, batch, h=TINY, steps=1, eta=1.0, objective=None, optimizer="sgd",
            seed=0, **dynamics):  # fmt: skip
    """The parameters of the first run before and after some steps."""
    descent = Descent(h, steps, batch, seed, optimizer=optimizer)
    recipe = _recipe(
        target, start, descent, Dynamics(eta=eta, **dynamics), objective or Objective()
    )
    arrays = start.means[0].copy(), start.logits[0].copy(), start.variances[0].copy()
    state = State(*(a.copy() for a in arrays))
    memory = np.zeros((2, state.means.size + 2 * len(state.logits)))
    path = np.tile([1.0, eta], (steps, 1))
    assert descend(np.random.default_rng(seed), state, path, memory, 0, recipe) == FINE
    return State(*arrays), state


def bimodal_start(k=0):
    """A start of two components with unequal weights, in vectors and by its overlaps."""
    overlaps = random_start(P, 1, np.random.default_rng(k), scale=1.3)
    vectors = overlaps.vectors(P)[0]
    means = np.zeros((1, 2, 5))
    means[0, :, : vectors.shape[1]] = vectors
    return MixtureStart(means, np.array([[0.8, -0.8]])), overlaps


@pytest.mark.parametrize("geometry", GEOMETRIES)
@pytest.mark.parametrize(("alpha", "share"), [(0.0, 0.0), (0.5, 0.0), (1.0, 0.0), (0.0, 0.4)])
def test_a_large_batch_follows_the_closed_equations(geometry, alpha, share):
    start, overlaps = bimodal_start()
    objective = Objective(alpha, False, share, samples=2**15 if share else 0)
    y = np.array([*overlaps.m[0], *overlaps.q[0], 1.6])
    expected = divergence_velocity(
        y, P.separation, P.weight, eta=1.0, alpha=alpha, share=share, geometry=geometry
    )
    rows = []
    for seed in range(12):
        before, after = stepped(
            P.mixture(), start, batch=2**15, objective=objective, geometry=geometry, seed=seed
        )
        along = (after.means - before.means) @ P.mixture().means[0]
        rows.append([*along, *(after.logits - before.logits)])
    found, error = np.mean(rows, axis=0) / TINY, np.std(rows, axis=0) / TINY / 12**0.5
    np.testing.assert_array_less(np.abs(found[:2] - expected[:2]), 5 * error[:2] + 1e-4)
    # with two logits ℓ is twice as fast as where it is the parameter, but in the natural geometry
    speed = 1 if geometry == "natural" else 2
    assert abs(found[2] - found[3] - speed * expected[5]) < 5 * np.hypot(*error[2:]) + 1e-4
    assert (np.abs([*found[:2], found[2] - found[3]]) > 5 * error[:3]).all()


def test_self_normalised_weights_give_the_same_direction():
    """The weights (p/q)^α divided by their mean: the gradient of −log E_q[(p/q)^α]/α(1 − α)."""
    start, _ = bimodal_start(1)
    moves = []
    for normalised in (False, True):
        objective = Objective(0.6, normalised)
        before, after = stepped(P.mixture(), start, batch=2**15, objective=objective)
        moves.append(
            np.concatenate([(after.means - before.means).ravel(), after.logits - before.logits])
        )
    ratio = moves[1] / moves[0]
    assert ratio == pytest.approx(np.full(12, ratio[0]), rel=1e-6)
    assert ratio[0] > 1.02  # E_q[(p/q)^α] < 1


def test_many_components_and_modes_follow_theirs():
    rng = np.random.default_rng(3)
    target = mixture(2 * rng.standard_normal((3, 6)), [0.5, 0.3, 0.2])
    start = MixtureStart(1.5 * rng.standard_normal((1, 4, 6)), rng.standard_normal((1, 4)))
    before, after = stepped(target, start, batch=2**18)
    state = MultimodalOverlaps.from_vectors(start.means, target.means, start.logits)
    expected = rates(target, state, eta=1.0, tolerance=1e-4)
    moved = (after.means - before.means) @ target.means.T / TINY
    np.testing.assert_allclose(moved, expected.m[0], atol=0.03)
    turn = (after.logits - before.logits) / TINY
    np.testing.assert_allclose(turn - turn.mean(), expected.logits[0] - expected.logits[0].mean(),
                               atol=0.02)  # fmt: skip


def test_variances_follow_the_slope_of_kl():
    """Against differences of KL with common random numbers, at a share of neither objective."""
    start = MixtureStart(bimodal_start(2)[0].means, variances=np.array([[0.6, 1.7]]))
    before, after = stepped(P.mixture(), start, batch=2**18, variances="euclidean", eta=0.0)
    p, masses = P.mixture(), np.empty(2)

    def kl(variances):
        state = State(start.means[0], start.logits[0], np.array(variances))
        args = (p.means, p.variances, np.log(p.weights), 2**17, masses)
        return evaluate(np.random.default_rng(5), state, *args)[0]

    slopes = [
        (kl([0.6 + 1e-3, 1.7]) - kl([0.6 - 1e-3, 1.7])) / 2e-3,
        (kl([0.6, 1.7 + 1e-3]) - kl([0.6, 1.7 - 1e-3])) / 2e-3,
    ]
    change = (after.variances - before.variances) / TINY
    np.testing.assert_allclose(change, np.negative(slopes), atol=0.03)
    _, bures = stepped(P.mixture(), start, batch=2**18, variances="bures", eta=0.0)
    clock = (bures.variances - before.variances) / TINY
    np.testing.assert_allclose(clock, 4 * before.variances / 5 * change, rtol=1e-4)


@pytest.mark.parametrize("optimizer", ["momentum", "adam"])
def test_optimisers_are_those_of_torch(optimizer):
    """Gradients of plain descent, fed to torch, give the same steps."""
    start, _ = bimodal_start(3)
    h, state, seen = 0.05, start, []
    theta = torch.tensor(start.means[0].copy())
    made = {"momentum": lambda p: torch.optim.SGD(p, 0.1 * h, momentum=0.9),
            "adam": lambda p: torch.optim.Adam(p, h)}[optimizer]([theta])  # fmt: skip
    rng, plain = np.random.default_rng(9), np.random.default_rng(9)
    memory = np.zeros((2, 14))
    ours = State(start.means[0].copy(), start.logits[0].copy(), start.variances[0].copy())
    for step in range(5):
        recipes = [
            _recipe(P.mixture(), state, Descent(size, 5, 16, 0, optimizer=name), Dynamics(),
                    Objective()) for size, name in ((h, optimizer), (1.0, "sgd"))
        ]  # fmt: skip
        probe = State(ours.means.copy(), ours.logits.copy(), ours.variances.copy())
        assert (
            descend(plain, probe, np.array([[1.0, 0.0]]), np.zeros((2, 14)), 0, recipes[1]) == FINE
        )
        theta.grad = torch.tensor(ours.means - probe.means)
        made.step()
        assert descend(rng, ours, np.array([[1.0, 0.0]]), memory, step, recipes[0]) == FINE
        np.testing.assert_allclose(ours.means, theta.numpy(), rtol=1e-6, atol=1e-9)
        seen.append(ours.means.copy())
    assert np.abs(np.diff(seen, axis=0)).max() > 1e-4


def test_kl_and_masses_are_those_of_the_densities():
    target = mixture([[1.0, 0.0], [-1.0, 0.5]], [0.7, 0.3], [0.6, 1.3])
    q = mixture([[0.5, 0.0], [-1.0, 1.0]], [0.6, 0.4], [0.8, 1.5])
    state = State(np.array(q.means), np.log(q.weights), np.array(q.variances))
    masses = np.empty(2)
    known = target.means, target.variances, np.log(target.weights)
    kl, error = evaluate(np.random.default_rng(0), state, *known, 10**5, masses)
    x = q.sample(2 * 10**5, np.random.default_rng(1))
    f = q.log_density(x) - target.log_density(x)
    assert kl == pytest.approx(f.mean(), abs=5 * (error + f.std() / len(x) ** 0.5))
    assert 0 < error < 0.005
    assert masses == pytest.approx(target.responsibilities(x).mean(0), abs=0.006)


def quick(runs=4, first_run=0, steps=60, at=(0, 30, 60), **arguments):
    p = mixture([[3.0, 0, 0], [-3.0, 0, 0]])
    start = MixtureStart.sphere(4, (2, 3), 3.0, np.random.default_rng(1))
    some = slice(first_run, first_run + runs)
    part = MixtureStart(start.means[some])
    descent = Descent(0.2, steps, 8, 3, first_run=first_run)
    return simulate_mixture(p, part, descent, at, **arguments)


def test_a_run_is_the_same_beside_others_and_wherever_it_is_looked_at():
    whole, later = quick(), quick(2, 2)
    assert whole.times.tolist() == [0.0, 6.0, 12.0]
    for name, values in whole.statistics.items():
        np.testing.assert_array_equal(values[2:], later.statistics[name])
    weights = {"dynamics": Dynamics(eta=2.0)}
    one, two = quick(at=(60,), **weights), quick(at=(7, 60), **weights)
    np.testing.assert_array_equal(one.final("weight_0"), two.final("weight_0"))
    assert len(set(one.final("weight_0"))) == 4


def test_weights_stay_until_they_are_let_go_and_beta_is_that_of_the_schedule():
    run = quick(dynamics=Dynamics(eta=2.0, schedule=Exponential(0.5, 12.0)), weights_from=6.0)
    held, moved = run.statistics["weight_0"][:, 1], run.final("weight_0")
    assert (held == 0.5).all()
    assert (moved != 0.5).all()
    np.testing.assert_allclose(run.statistics["beta"][0, :2], [0.5, 0.5**0.5])


def test_a_run_that_diverges_says_so_and_the_others_go_on():
    p = mixture([[3.0, 0], [-3.0, 0]])
    start = MixtureStart(np.array([[[1.0, 0], [-1.0, 0]], [[1e160, 0], [-1.0, 0]]]))
    run = simulate_mixture(p, start, Descent(0.1, 20, 8, 0), [20])
    assert run.finished.tolist() == [True, False]
    assert "step_size" in run.message[1]


@pytest.mark.parametrize(
    ("words", "make"),
    [
        ("alpha: got 1.5", lambda: Objective(alpha=1.5)),
        ("share: got 1", lambda: Objective(share=1.0, samples=3)),
        ("samples: got 0", lambda: Objective(share=0.5)),
        ("self_normalised", lambda: Objective(self_normalised="no")),
        ("means: got", lambda: MixtureStart(np.zeros((2, 3)))),
        ("variances: got", lambda: MixtureStart(np.zeros((1, 1, 2)), variances=np.zeros((1, 1)))),
        ("at: got", lambda: quick(at=(5, 5))),
        ("at: got 61", lambda: quick(at=(61,))),
        ("at: got b", lambda: quick(at=b"12")),
        ("source: got", lambda: Objective(source=(0.5, 0.6))),
        ("source: got", lambda: Objective(source=())),
        ("optimizer: got 'lion'",
            lambda: stepped(P.mixture(), bimodal_start()[0], batch=8, optimizer="lion")),
        ("geometry: got 'flat'", lambda: quick(dynamics=Dynamics(geometry="flat"))),
        ("source: got", lambda: quick(objective=Objective(share=0.5, samples=2, source=(1.0,)))),
        (
            "schedule: got",
            lambda: quick(dynamics=Dynamics(schedule=Exponential(0.5, 1.0)),
                          objective=Objective(alpha=0.5)),
        ),
        (
            "schedule: got",
            lambda: quick(
                dynamics=Dynamics(
                    schedule=schedule("adaptive", beta_initial=0.1, bound=1.0, rate=1.0)
                )
            ),
        ),
        ("eta: got", lambda: quick(dynamics=Dynamics(eta=[1.0, 2.0]))),
    ],
)  # fmt: skip
def test_a_wrong_argument_is_named(words, make):
    with pytest.raises(ValueError, match=words):
        make()


@pytest.mark.parametrize(
    ("place", "objective", "told"),
    [
        (
            80.0,
            Objective(alpha=0.5),
            "start: too far from every mode: the weights (p/q)^0.5 of all",
        ),
        (
            200.0,
            Objective(alpha=0.1),
            "start: too far from every mode: the weights (p/q)^0.1 of all",
        ),
        (1e5, Objective(alpha=0.9), "start: too far from every mode"),
        (1e5, Objective(alpha=0.9, share=0.5, samples=8), "start: too far from every mode"),
        (60.0, Objective(alpha=1.0), "start: too far from every mode"),
        (60.0, Objective(alpha=0.0), ""),
        (70.0, Objective(alpha=0.5, self_normalised=False), ""),
        (30.0, Objective(alpha=0.5), ""),
        (200.0, Objective(alpha=1e-3), ""),
    ],
)
def test_a_start_from_which_no_weight_is_left_is_told_as_such(place, objective, told):
    start = MixtureStart(np.array([[[place, 0.0], [-place, 0.0]]]))
    p = mixture([[4.0, 0.0], [-4.0, 0.0]])
    run = simulate_mixture(p, start, Descent(0.01, 20, 32, seed=1), [20], objective=objective)
    assert run.message[0].startswith(told)
    assert (run.status[0] == Status.FINISHED) == (told == "")
    assert "step_size" not in run.message[0]


@pytest.mark.parametrize(
    ("size", "alpha", "told"),
    [
        (200.0, 0.5, "step_size: 200 led too far from every mode, where the weights (p/q)^0.5 of"),
        (200.0, 0.0, "step_size: 200 is too large; reduce it"),
    ],
)
def test_steps_that_lead_where_no_weight_is_left_are_told_as_such(size, alpha, told):
    start = MixtureStart(np.array([[[3.0, 0.0], [-3.0, 0.0]]]))
    descent, p = Descent(size, 2000, 32, seed=1), mixture([[4.0, 0.0], [-4.0, 0.0]])
    run = simulate_mixture(p, start, descent, [2000], objective=Objective(alpha=alpha))
    assert run.message[0].startswith(told)


@pytest.mark.parametrize(
    "at", [(k for k in range(3)), {1, 2}, {1: 2}, "12", scipy.sparse.eye(2), itertools.repeat(1), 3]
)
def test_steps_to_log_that_are_no_list_are_refused(at):
    start, p = MixtureStart([[[1.0, 0.0], [0.0, 1.0]]]), mixture([[4.0, 0.0], [-4.0, 0.0]])
    with pytest.raises(ValueError, match=r"^at: got .*; allowed: increasing whole numbers from 0"):
        simulate_mixture(p, start, Descent(0.1, 5, 8, seed=1), at)


def test_a_number_that_has_a_name_is_a_number():
    """The compiler knows none of an enumeration."""
    few = enum.IntEnum("Few", {"TWO": 2})
    start, p = MixtureStart([[[1.0, 0.0], [0.0, 1.0]]]), mixture([[4.0, 0.0], [-4.0, 0.0]])
    run = simulate_mixture(p, start, Descent(0.1, 5, 8, seed=1), [5], evaluation_samples=few.TWO)
    assert run.finished.all()
    two = BimodalTarget(2.0, 3)
    kept = {"step_size": 0.1, "steps": 1, "batch": 8, "seed": 0, "share": 0.5}
    state = random_start(two, 1, np.random.default_rng(0))
    assert simulate_reduced(two, state, target_samples=few.TWO, **kept).finished.all()
