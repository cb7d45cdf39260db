"""Any number of components and modes: the bimodal code, the gradient in full dimension, exact
limits, symmetries and identities."""

import numpy as np
import pytest
import torch
from scipy import stats
from scipy.integrate import solve_ivp
from torch.distributions import Categorical, Independent, MixtureSameFamily, Normal

from modecollapse.outcomes import Outcome
from modecollapse.overlaps import Overlaps, random_start
from modecollapse.targets import BimodalTarget, GaussianMixture
from modecollapse.theory import rhs
from modecollapse.theory.multimodal import (
    MultimodalOverlaps,
    MultimodalTarget,
    integrate_modes,
    random_modes_start,
    rates,
)
from modecollapse.trajectory import Status


def orthogonal(rng, d):
    return np.linalg.qr(rng.standard_normal((d, d)))[0]


def arbitrary(rng, k, modes, d, size=2.0):
    """A target, the means of one q, and its logits."""
    target = GaussianMixture(
        size * rng.standard_normal((modes, d)) / np.sqrt(d), rng.dirichlet(np.full(modes, 3.0))
    )
    means = size * rng.standard_normal((1, k, d)) / np.sqrt(d)
    return target, means, 0.5 * rng.standard_normal((1, k))


def state_of(target, means, logits=None):
    return MultimodalOverlaps.from_vectors(means, target.means, logits)


# The bimodal code


@pytest.mark.parametrize("weight", [0.5, 0.9])
@pytest.mark.parametrize("separation", [0.3, 3.0, 8.0])
def test_rates_are_the_bimodal_ones(separation, weight):
    """To 1e-9, with η half as large: both logits are trained here, their difference there."""
    target = BimodalTarget(separation, 16, weight)
    start = random_start(target, 6, np.random.default_rng(1))
    start = Overlaps(start.m, start.q, np.linspace(-3, 3, 6))
    y = np.concatenate([start.m, start.q, start.logit[:, None]], axis=1)
    expected = rhs.velocity(y, separation, weight, eta=0.7)
    state = MultimodalOverlaps.from_bimodal(start)
    result = rates(target, state, eta=0.35, tolerance=1e-11)
    assert result.error.max() <= 1e-11
    change = np.stack(
        [
            result.m[:, 0, 0],
            result.m[:, 1, 0],
            result.q[:, 0, 0],
            result.q[:, 0, 1],
            result.q[:, 1, 1],
            result.logits[:, 0] - result.logits[:, 1],
        ],
        axis=1,
    )
    assert np.allclose(change, expected, rtol=0, atol=1e-9)
    assert np.allclose(result.m[..., 1], -result.m[..., 0], rtol=0, atol=1e-12)
    kl = rhs.kl_divergence(y, separation, weight)
    assert np.allclose(result.kl, kl, rtol=0, atol=1e-9)
    masses = rhs.mode_masses(y, separation, weight)
    assert np.allclose(result.masses, masses, rtol=0, atol=1e-9)


@pytest.mark.parametrize(("separation", "weight", "eta"), [(2.0, 0.5, 0.0), (3.0, 0.7, 1.0)])
def test_trajectories_are_the_bimodal_ones(separation, weight, eta):
    target = BimodalTarget(separation, 8, weight)
    start = random_start(target, 2, np.random.default_rng(2))
    times = np.array([0.0, 2.0, 20.0])
    run = integrate_modes(
        target, MultimodalOverlaps.from_bimodal(start), times, eta=eta / 2, rtol=1e-12
    )
    for k in range(2):
        y0 = np.concatenate([start.m[k], start.q[k], start.logit[k : k + 1]])
        exact = solve_ivp(
            lambda t, y: rhs.velocity(y, separation, weight, eta),
            (0, 20),
            y0,
            method="DOP853",
            t_eval=times,
            rtol=1e-12,
            atol=1e-13,
        ).y.T
        kl = rhs.kl_divergence(exact, separation, weight)
        assert np.allclose(run.statistics["kl"][k], kl, rtol=0, atol=1e-9)
        masses = rhs.mode_masses(exact, separation, weight)
        assert np.allclose(run.statistics["mass_0"][k], masses[:, 0], rtol=0, atol=1e-9)
        assert np.allclose(run.diagnostics["m"][k, :, 0], exact[-1, :2], rtol=0, atol=1e-9)
        assert np.allclose(run.diagnostics["q"][k, 0, 1], exact[-1, 3], rtol=0, atol=1e-9)


# The gradient in full dimension


def gradient_samples(target, means, logits, batches, size, seed):
    """∂KL/∂μ and ∂KL/∂α by automatic differentiation of the definition, one for each batch."""
    generator = torch.Generator().manual_seed(seed)
    p = MixtureSameFamily(
        Categorical(torch.tensor(target.weights)),
        Independent(Normal(torch.tensor(target.means), torch.tensor(1.0, dtype=torch.float64)), 1),
    )
    samples = []
    for _ in range(batches):
        mu = torch.tensor(means[0], requires_grad=True)
        alpha = torch.tensor(logits[0], requires_grad=True)
        w = torch.softmax(alpha, 0)
        q = MixtureSameFamily(Categorical(w), Independent(Normal(mu, torch.ones_like(mu)), 1))
        noise = torch.randn(size, *mu.shape, generator=generator, dtype=torch.float64)
        x = mu + noise
        kl = ((q.log_prob(x) - p.log_prob(x)).mean(0) * w).sum()
        parts = torch.autograd.grad(kl, [mu, alpha])
        samples.append(np.concatenate([part.numpy().ravel() for part in parts]))
    return np.array(samples)


def test_rates_are_the_population_gradient():
    """K = 3, K* = 4, d = 6: each component within its standard errors, and all together."""
    rng = np.random.default_rng(3)
    target, means, logits = arbitrary(rng, 3, 4, 6, size=3.0)
    samples = gradient_samples(target, means, logits, 60, 6000, seed=4)
    mean, cov = samples.mean(axis=0), np.cov(samples.T) / len(samples)

    result = rates(target, state_of(target, means, logits), eta=1.0, tolerance=1e-7)
    # What the overlaps see of the gradient: its products with the modes, and with the means.
    see = np.zeros((3 * 4 + 6 + 3, mean.size))
    expected = np.concatenate(
        [result.m[0].ravel(), result.q[0][np.triu_indices(3)], result.logits[0]]
    )
    for i in range(3):
        see[4 * i : 4 * i + 4, 6 * i : 6 * i + 6] = -target.means
    for row, (i, j) in enumerate(zip(*np.triu_indices(3), strict=True), start=12):
        see[row, 6 * i : 6 * i + 6] -= means[0, j]
        see[row, 6 * j : 6 * j + 6] -= means[0, i]
    see[18:, 18:] = -np.eye(3)
    error = expected - see @ mean
    spread = see @ cov @ see.T
    assert (np.abs(error) < 5.5 * np.sqrt(np.diag(spread))).all()
    chi2 = error @ np.linalg.pinv(spread, rcond=1e-8, hermitian=True) @ error
    rank = np.linalg.matrix_rank(spread, tol=1e-8 * np.linalg.norm(spread, 2), hermitian=True)
    n = len(samples)  # Hotelling's T²
    assert chi2 < stats.f.isf(1e-6, rank, n - rank) * rank * (n - 1) / (n - rank)
    # The same comparison sees an error of 2 % in the pull of the target.
    wrong = expected.copy()
    wrong[:12] *= 1.02
    assert (np.abs(wrong - see @ mean) > 5.5 * np.sqrt(np.diag(spread))).any()


@pytest.mark.parametrize(("k", "modes", "d"), [(1, 3, 4), (3, 3, 5), (3, 2, 2), (2, 3, 1)])
def test_velocity_is_minus_the_gradient_of_kl(k, modes, d):
    """By central differences of KL in the vectors themselves and in the logits."""
    rng = np.random.default_rng([k, modes, d])
    target, means, logits = arbitrary(rng, k, modes, d)
    step, wide = 1e-4, means.size
    moves = step * np.concatenate([np.eye(wide + k), -np.eye(wide + k)])
    moved_means = means + moves[:, :wide].reshape(-1, k, d)
    moved = state_of(target, moved_means, logits + moves[:, wide:])
    kl = rates(target, moved, tolerance=1e-11).kl
    slope = (kl[: wide + k] - kl[wide + k :]) / (2 * step)
    force, slope_logits = -slope[:wide].reshape(k, d), slope[wide:]
    result = rates(target, state_of(target, means, logits), eta=2.0, tolerance=1e-11)
    assert np.allclose(result.m[0], force @ target.means.T, rtol=0, atol=1e-6)
    change = force @ means[0].T
    assert np.allclose(result.q[0], change + change.T, rtol=0, atol=1e-6)
    assert np.allclose(result.logits[0], -2.0 * slope_logits, rtol=0, atol=1e-6)


@pytest.mark.parametrize(
    ("k", "modes", "eta"), [(3, 3, 0.0), (3, 3, 1.0), (2, 4, 0.3), (5, 4, 0.0)]
)
def test_kl_decreases(k, modes, eta):
    target = MultimodalTarget.random(modes, 3.0, 8, np.random.default_rng(k))
    start = random_modes_start(target, 3, k, np.random.default_rng(5))
    times = np.concatenate([[0.0], np.geomspace(0.1, 300, 25)])
    run = integrate_modes(target, start, times, eta=eta, rtol=1e-4 if k < 5 else 3e-3)
    assert run.finished.all()
    kl, error = run.statistics["kl"], run.diagnostics["kl_error"]
    assert (np.diff(kl) <= error[:, 1:] + error[:, :-1]).all()
    assert (kl[:, 0] - kl[:, -1] > 1).all()
    assert (kl >= -error).all()


# Exact limits


def test_one_component_and_one_mode_relax_exponentially():
    target = GaussianMixture(np.array([[1.0, 2.0, 0.0]]))
    means = np.array([[[0.0, -1.0, 3.0]]])
    times = np.array([0.0, 0.5, 2.0, 7.0])
    run = integrate_modes(target, state_of(target, means), times, rtol=1e-10)
    distance = ((means[0, 0] - target.means[0]) ** 2).sum()
    expected = 0.5 * distance * np.exp(-2 * times)
    assert np.allclose(run.statistics["kl"][0], expected, rtol=1e-7, atol=1e-9)


def test_one_component_far_from_other_modes_pays_for_them():
    """KL → −log π_k of the mode that it sits on."""
    weights = np.array([0.5, 0.3, 0.2])
    target = MultimodalTarget.simplex(3, 8.0, 5, weights)
    on_modes = MultimodalOverlaps(target.overlaps[:, None], np.full((3, 1, 1), 64.0))
    result = rates(target, on_modes, tolerance=1e-8)
    assert np.allclose(result.kl, -np.log(weights), rtol=0, atol=1e-7)
    assert np.allclose(result.masses, np.eye(3), rtol=0, atol=1e-8)
    assert np.abs(result.m).max() < 1e-5


@pytest.mark.parametrize("modes", [2, 3, 4, 6])
def test_nothing_moves_at_the_target(modes):
    rng = np.random.default_rng(modes)
    target = MultimodalTarget.random(modes, 2.5, 9, rng, rng.dirichlet(np.full(modes, 4.0)))
    r = target.overlaps[None]
    state = MultimodalOverlaps(r, r, np.log(target.weights)[None])
    tolerance = {2: 1e-11, 3: 1e-10, 4: 1e-5, 6: 1e-3}[modes]
    result = rates(target, state, eta=1.0, tolerance=tolerance)
    assert result.error.max() <= tolerance
    assert np.abs(result.kl).max() <= result.kl_error.max()
    assert np.allclose(result.masses[0], target.weights, rtol=0, atol=tolerance)
    scale = 2 * modes * np.abs(target.overlaps).max()
    assert max(np.abs(result.m).max(), np.abs(result.q).max()) <= tolerance * scale
    assert np.abs(result.logits).max() <= tolerance * modes


def test_components_that_coincide_act_as_one():
    """Merged means are harmless: KL and masses of two components with the summed weight."""
    rng = np.random.default_rng(7)
    target, means, _ = arbitrary(rng, 2, 3, 4)
    two = rates(target, state_of(target, means, np.log([[0.3, 0.7]])), eta=1.0, tolerance=1e-10)
    triple, logits = means[:, [0, 1, 1]], np.log([[0.3, 0.45, 0.25]])
    three = rates(target, state_of(target, triple, logits), eta=1.0, tolerance=1e-10)
    assert np.allclose(three.kl, two.kl, rtol=0, atol=1e-9)
    assert np.allclose(three.masses, two.masses, rtol=0, atol=1e-9)
    # Each of the two moves at its own part of the weight.
    assert np.allclose(three.m[0, 1], two.m[0, 1] * 0.45 / 0.7, rtol=0, atol=1e-9)
    assert np.allclose(three.m[0, 2], two.m[0, 1] * 0.25 / 0.7, rtol=0, atol=1e-9)
    nearly = triple + 1e-7 * rng.standard_normal(triple.shape)
    close = rates(target, state_of(target, nearly, logits), eta=1.0, tolerance=1e-10)
    assert np.allclose(close.m, three.m, rtol=0, atol=1e-5)


def test_all_components_at_one_point():
    target = MultimodalTarget.simplex(3, 2.0, 4)
    means = np.zeros((1, 3, 4))
    run = integrate_modes(target, MultimodalOverlaps.from_vectors(means, np.eye(3, 4)), [50.0])
    assert run.finished.all()
    assert np.isfinite(run.final("kl")).all()


def test_collinear_modes_need_few_points():
    """Four modes and four components on a line: one dimension, hundreds of points, precise."""
    line = np.array([[-6.0], [-2.0], [2.0], [6.0]])
    target = GaussianMixture(line)
    state = MultimodalOverlaps.from_vectors(np.array([[[-5.0], [-1.0], [0.5], [4.0]]]), line)
    run = integrate_modes(target, state, [30.0], rtol=1e-9)
    assert run.diagnostics["points"][0] < 500
    assert run.final("n_found")[0] == 4
    assert run.final("kl")[0] < 1e-2


def test_dimension_beyond_the_span_changes_nothing():
    state = random_modes_start(MultimodalTarget.simplex(3, 2.0, 8), 2, 3, np.random.default_rng(0))
    few, many = (
        integrate_modes(MultimodalTarget.simplex(3, 2.0, d), state, [5.0]) for d in (8, 10**9)
    )
    assert np.array_equal(few.final("kl"), many.final("kl"))


# Symmetries


def test_names_of_components_and_modes_do_not_matter():
    rng = np.random.default_rng(8)
    target, means, logits = arbitrary(rng, 3, 3, 5)
    i, k = [2, 0, 1], [1, 2, 0]
    swapped = GaussianMixture(target.means[k], target.weights[k])
    options = {"eta": 0.5, "tolerance": 1e-10}
    one = rates(target, state_of(target, means, logits), **options)
    two = rates(swapped, state_of(swapped, means[:, i], logits[:, i]), **options)
    assert np.allclose(two.m, one.m[:, i][..., k], rtol=0, atol=1e-8)
    assert np.allclose(two.q, one.q[:, i][..., i], rtol=0, atol=1e-8)
    assert np.allclose(two.logits, one.logits[:, i], rtol=0, atol=1e-8)
    assert np.allclose(two.masses, one.masses[:, k], rtol=0, atol=1e-9)


def test_rotations_do_not_matter():
    rng = np.random.default_rng(9)
    target, means, logits = arbitrary(rng, 3, 4, 6)
    turn = orthogonal(rng, 6)
    turned = GaussianMixture(target.means @ turn, target.weights)
    runs = [
        integrate_modes(p, state_of(p, mu, logits), [10.0], eta=0.5, rtol=1e-5)
        for p, mu in [(target, means), (turned, means @ turn)]
    ]
    assert np.allclose(runs[0].final("kl"), runs[1].final("kl"), rtol=0, atol=1e-4)
    assert np.allclose(runs[0].diagnostics["q"], runs[1].diagnostics["q"], rtol=0, atol=1e-3)


# Vectors and random starts


@pytest.mark.parametrize(("k", "modes", "d"), [(3, 4, 12), (4, 2, 3), (2, 5, 2), (3, 1, 1)])
def test_vectors_have_the_overlaps(k, modes, d):
    rng = np.random.default_rng([k, modes, d])
    mixture = GaussianMixture(2 * rng.standard_normal((modes, d)))
    state = state_of(mixture, 2 * rng.standard_normal((3, k, d)), rng.standard_normal((3, k)))
    target = MultimodalTarget.of(mixture)
    vectors = state.vectors(target)
    assert vectors.shape[2] <= d
    frame = np.pad(target.modes, ((0, 0), (0, vectors.shape[2] - target.modes.shape[1])))
    again = MultimodalOverlaps.from_vectors(vectors, frame, state.logits)
    assert np.allclose(again.m, state.m, rtol=0, atol=1e-10)
    assert np.allclose(again.q, state.q, rtol=0, atol=1e-10)


@pytest.mark.parametrize("kind", ["sphere", "gaussian"])
@pytest.mark.parametrize("d", [3, 20])
def test_random_starts_have_the_law_of_random_vectors(kind, d):
    n, k = 3000, 3
    target = MultimodalTarget.simplex(3, 2.0, d)
    start = random_modes_start(target, n, k, np.random.default_rng(10), law=kind, scale=1.5)
    means = np.random.default_rng(11).standard_normal((n, k, d))
    norm = np.linalg.norm(means, axis=2, keepdims=True) if kind == "sphere" else np.sqrt(d)
    modes = np.pad(target.modes, ((0, 0), (0, d - 2)))
    direct = MultimodalOverlaps.from_vectors(1.5 * means / norm, modes)
    start.check(target)

    def views(state):
        yield from state.m.reshape(n, -1).T
        yield from state.q.reshape(n, -1).T
        yield np.linalg.det(state.q)
        yield state.q[:, 0, 1] * state.m[:, 0, 0] * state.m[:, 1, 0]
        yield state.q[:, 0, 1] * state.q[:, 1, 2] * state.q[:, 0, 2]

    for one, two in zip(views(start), views(direct), strict=True):
        if np.ptp(two) > 1e-9:
            assert stats.ks_2samp(one, two).pvalue > 1e-6


def test_run_is_the_same_in_any_batch():
    target = MultimodalTarget.simplex(3, 3.0, 16)
    rng = np.random.default_rng(12)
    start = random_modes_start(target, 4, 3, rng)
    assert np.array_equal(
        random_modes_start(target, 2, 3, np.random.default_rng(12)).m, start.m[:2]
    )
    together = integrate_modes(target, start, [1.0, 20.0], eta=1.0)
    alone = integrate_modes(target, start[2:3], [1.0, 20.0], eta=1.0)
    for name, values in alone.statistics.items():
        assert np.array_equal(values[0], together.statistics[name][2])


# What the record says


def test_found_modes_and_outcomes():
    target = MultimodalTarget.simplex(3, 6.0, 8)
    r = target.overlaps
    on_modes = MultimodalOverlaps(
        np.stack([r, r[[0, 0, 1]]]), np.stack([r, r[[0, 0, 1]][:, [0, 0, 1]]])
    )
    run = integrate_modes(target, on_modes, [0.0, 1.0])
    assert run.final("n_found").tolist() == [3, 2]
    assert run.outcome.tolist() == [Outcome.BOTH_MODES, Outcome.MEAN_ALIGNMENT]
    assert np.allclose(run.final("mass_0"), [1 / 3, 2 / 3], rtol=0, atol=1e-3)
    assert np.allclose(run.final("weight_2"), 1 / 3, rtol=0, atol=1e-15)
    assert len(run.table()) == 4


def test_quadrature_that_cannot_reach_the_tolerance_says_so():
    target = MultimodalTarget.simplex(6, 5.0, 32)
    start = random_modes_start(target, 2, 6, np.random.default_rng(13))
    run = integrate_modes(target, start, [0.0, 10.0], rtol=1e-6, max_points=2**12)
    assert all(status is Status.PRECISION for status in run.status)
    assert all("max_points" in message for message in run.message)
    assert run.outcome.tolist() == [None, None]
    assert run.table().empty


def test_precision_lost_on_the_way_ends_a_run_there():
    """Close means need few points; as they part they need more than there are."""
    target = MultimodalTarget.simplex(2, 8.0, 32)
    start = random_modes_start(target, 1, 3, np.random.default_rng(0), scale=1.0)
    times = np.linspace(0, 60, 31)
    assert integrate_modes(target, start, times).finished.all()
    run = integrate_modes(target, start, times, max_points=600)
    assert run.status[0] is Status.PRECISION
    logged = np.isfinite(run.statistics["kl"][0])
    assert 0 < logged.sum() < 31
    assert (run.diagnostics["error"][0, logged] <= 1e-4).all()


def test_step_limit():
    target = MultimodalTarget.simplex(3, 2.0, 8)
    start = random_modes_start(target, 1, 3, np.random.default_rng(15))
    run = integrate_modes(target, start, [0.0, 50.0], max_steps=5)
    assert run.status[0] is Status.STEP_LIMIT
    assert "5 steps" in run.message[0]


def test_empty_batch():
    target = MultimodalTarget.simplex(3, 2.0, 8)
    start = random_modes_start(target, 0, 3, np.random.default_rng(0))
    assert len(integrate_modes(target, start, [1.0])) == 0


def test_tighter_tolerance_is_more_precise():
    target = MultimodalTarget.simplex(3, 2.0, 16)
    start = random_modes_start(target, 2, 3, np.random.default_rng(16))
    finest, *rest = (
        integrate_modes(target, start, [8.0], rtol=rtol).diagnostics["q"]
        for rtol in (1e-10, 1e-7, 1e-5, 1e-3)
    )
    errors = [np.abs(q - finest).max() for q in rest]
    assert errors[0] < errors[1] < errors[2]
    assert errors[0] < 1e-5


# Bad input


@pytest.mark.parametrize(
    ("make", "name"),
    [
        (lambda: MultimodalTarget(np.array([[1.0, 2.0], [2.0, 1.0]]), 4), "overlaps"),
        (lambda: MultimodalTarget(np.array([[1.0, 0.0], [0.5, 1.0]]), 4), "overlaps"),
        (lambda: MultimodalTarget(np.eye(3), 2), "dimension"),
        (lambda: MultimodalTarget(np.eye(2), 2, np.array([0.5, 0.6])), "weights"),
        (lambda: MultimodalTarget.simplex(1, 2.0, 2), "n_modes"),
        (lambda: MultimodalTarget.simplex(3, -2.0, 2), "separation"),
        (lambda: MultimodalTarget.of(GaussianMixture(np.eye(2), variances=[1, 2])), "variances"),
        (lambda: MultimodalOverlaps(np.zeros((1, 2)), np.zeros((1, 2, 2))), "m"),
        (lambda: MultimodalOverlaps(np.zeros((1, 2, 3)), np.zeros((1, 3, 3))), "q"),
        (lambda: MultimodalOverlaps(np.zeros((1, 2, 3)), np.full((1, 2, 2), np.nan)), "q"),
    ],
)
def test_impossible_records_are_refused(make, name):
    with pytest.raises(ValueError, match=name):
        make()


def test_impossible_overlaps_are_refused():
    target = MultimodalTarget.simplex(3, 2.0, 8)
    too_long = MultimodalOverlaps(np.full((1, 2, 3), 9.0), np.eye(2)[None])
    with pytest.raises(ValueError, match="positive semidefinite"):
        too_long.vectors(target)
    other = MultimodalOverlaps(np.zeros((1, 2, 2)), np.eye(2)[None])
    with pytest.raises(ValueError, match="m: got"):
        integrate_modes(target, other, [1.0])
    flat = MultimodalTarget.simplex(3, 2.0, 2)
    with pytest.raises(ValueError, match="dimension"):
        MultimodalOverlaps(np.zeros((1, 2, 3)), np.eye(2)[None]).check(flat)


@pytest.mark.parametrize(
    ("options", "name"),
    [
        ({"times": []}, "times"),
        ({"times": [1.0, 1.0]}, "times"),
        ({"times": [-1.0, 1.0]}, "times"),
        ({"eta": -1.0}, "eta"),
        ({"rtol": 0.0}, "rtol"),
        ({"max_points": 3}, "max_points"),
        ({"max_steps": 0}, "max_steps"),
    ],
)
def test_bad_arguments_are_refused(options, name):
    target = MultimodalTarget.simplex(3, 2.0, 8)
    start = random_modes_start(target, 1, 3, np.random.default_rng(0))
    with pytest.raises(ValueError, match=name):
        integrate_modes(target, start, **({"times": [1.0]} | options))


def _mixed(values, rng):
    """A rotation among equal values, as another linear algebra library might choose their axes."""
    turn = np.eye(len(values))
    edges = np.flatnonzero(np.abs(np.diff(values)) > 1e-9 * np.abs(values).max()) + 1
    for group in np.split(np.arange(len(values)), edges):
        turn[np.ix_(group, group)] = np.linalg.qr(rng.standard_normal((len(group),) * 2))[0]
    return turn


@pytest.mark.parametrize(("n_modes", "dimension", "arrangement"), [(4, 64, "simplex"), (6, 3, "")])
def test_runs_do_not_depend_on_the_axes_that_linear_algebra_chooses(
    n_modes, dimension, arrangement, monkeypatch
):
    """At this rtol the nodes' directions decide outcomes; they must be the same everywhere."""
    rng = np.random.default_rng(0)
    make = MultimodalTarget.simplex if arrangement else MultimodalTarget.random
    target = make(n_modes, 6.0, dimension, *([] if arrangement else [rng]))
    start = random_modes_start(target, 2, 4, rng)
    here = integrate_modes(target, start, [100.0], eta=1.0, rtol=1e-2)
    svd, eigh = np.linalg.svd, np.linalg.eigh

    def other_svd(a, full_matrices=True):
        u, s, v = svd(a, full_matrices=full_matrices)
        turn = _mixed(s, rng)
        return (u, s, v) if full_matrices else (u @ turn, s, turn.T @ v)

    def other_eigh(a):
        values, vectors = eigh(a)
        return values, vectors @ _mixed(values, rng)

    monkeypatch.setattr(np.linalg, "svd", other_svd)
    monkeypatch.setattr(np.linalg, "eigh", other_eigh)
    there = integrate_modes(target, start, [100.0], eta=1.0, rtol=1e-2)
    np.testing.assert_allclose(there.final("kl"), here.final("kl"), atol=1e-6)
    np.testing.assert_array_equal(there.final("n_found"), here.final("n_found"))
