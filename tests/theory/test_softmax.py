"""Expectations of softmax over a Gaussian: identities, independent values, and honest errors."""

import numpy as np
import pytest

from modecollapse.quadrature import expected_sigmoid, expected_softplus
from modecollapse.theory.multimodal.softmax import REACH, Nodes, expectations, ladder

POINTS = 2**17


def reached(factor, biases, tolerance, *, points=POINTS, seed=0):
    """The first rung whose estimates are below `tolerance`."""
    for nodes in ladder(factor, tolerance, points, seed):
        result = expectations(nodes, factor, biases)
        if max(result.softmax_error.max(), result.logsumexp_error.max()) <= tolerance:
            return result
    raise AssertionError("no rung reached the tolerance")


def components(rng, k, spread):
    """Means in R^(k−1), and the biases of q's responsibilities for arbitrary weights w."""
    means = spread * rng.standard_normal((k, k - 1)) / np.sqrt(2 * max(k - 1, 1))
    w = rng.dirichlet(np.full(k, 2.0))
    squared = ((means[:, None] - means) ** 2).sum(axis=2)
    return means - means.mean(axis=0), np.log(w) - squared / 2, w


@pytest.mark.parametrize("a", [-300.0, -8.0, 0.0, 0.3, 40.0])
@pytest.mark.parametrize("b", [0.01, 1.0, 8.0, 40.0])
def test_two_components_are_sigmoid_and_softplus(a, b):
    factor, biases = np.array([[b / 2], [-b / 2]]), np.array([[a, 0.0]])
    rungs = (expectations(nodes, factor, biases) for nodes in ladder(factor, 1e-12, POINTS, 0))
    result = next(rung for rung in rungs if rung.softmax_error.max() <= 1e-12)
    assert abs(result.softmax[0, 0] - expected_sigmoid(a, b)) <= 2e-12
    assert abs(result.logsumexp[0] - expected_softplus(a, b)) <= result.logsumexp_error + 1e-12


@pytest.mark.parametrize(("k", "tolerance"), [(2, 1e-12), (3, 1e-10), (4, 1e-5)])
@pytest.mark.parametrize("spread", [0.5, 4.0, 8.0])
def test_responsibilities_average_to_the_weights(k, tolerance, spread):
    """Σ_i w_i E_i[r_j] = w_j, exactly, for any means."""
    factor, biases, w = components(np.random.default_rng(k), k, spread)
    result = reached(factor, biases, tolerance)
    assert np.allclose(w @ result.softmax, w, rtol=0, atol=tolerance)
    assert np.allclose(result.softmax.sum(axis=1), 1, rtol=0, atol=1e-13)


@pytest.mark.parametrize("k", [3, 4])
def test_collinear_means_need_one_dimension(k):
    """A factor on one axis gives what the same means give in a turned frame of k − 1 axes."""
    rng = np.random.default_rng(3)
    line = np.sort(rng.uniform(-3, 3, k))[:, None]
    biases = rng.standard_normal((2, k))
    axis = rng.standard_normal(k - 1)
    turned = line * axis / np.linalg.norm(axis)
    few, many = reached(line, biases, 1e-10), reached(turned, biases, 1e-7)
    assert np.allclose(few.softmax, many.softmax, rtol=0, atol=1e-7)
    assert np.allclose(few.logsumexp, many.logsumexp, rtol=0, atol=1e-7)


def test_log_sum_exp_moves_by_the_softmax():
    """∂ E[log Σ exp] / ∂ b_j = E[softmax_j], by central differences."""
    rng = np.random.default_rng(4)
    factor, biases = rng.standard_normal((3, 2)), rng.standard_normal((1, 3))
    step = 1e-4 * np.concatenate([np.eye(3), -np.eye(3)])
    moved = reached(factor, biases + step, 1e-11).logsumexp
    slope = (moved[:3] - moved[3:]) / 2e-4
    assert np.allclose(slope, reached(factor, biases, 1e-11).softmax[0], rtol=0, atol=2e-7)


@pytest.mark.parametrize("spread", [1.0, 3.0, 6.0, 12.0])
@pytest.mark.parametrize("k", [2, 3, 4])
def test_error_of_a_lattice_is_below_its_estimate(k, spread):
    """On every rung, coarse ones too, against a much finer rule."""
    rng = np.random.default_rng([k, int(spread)])
    factor, biases, _ = components(rng, k, spread)
    fine = reached(factor, biases, 1e-12 if k < 4 else 1e-7, points=2**20)
    for tolerance in (1e-2, 1e-3, 1e-5):
        for nodes in ladder(factor, tolerance, 2**15, 0):
            if nodes.steps is None:
                break
            result = expectations(nodes, factor, biases)
            error = np.abs(result.softmax - fine.softmax).max()
            assert error <= result.softmax_error.max() + 1e-13
            error = np.abs(result.logsumexp - fine.logsumexp).max()
            assert error <= result.logsumexp_error.max() + 1e-12


@pytest.mark.parametrize(("k", "spread"), [(5, 3.0), (6, 6.0), (8, 6.0)])
def test_error_of_sobol_points_is_within_its_estimate(k, spread):
    """Scrambled again and again: the estimate holds nearly always, and is no empty promise."""
    factor, biases, w = components(np.random.default_rng(k), k, spread)
    ratios = []
    for seed in range(30):
        nodes = next(n for n in ladder(factor, 1e-2, 2**12, seed) if n.steps is None)
        result = expectations(nodes, factor, biases)
        ratios.append(np.abs(w @ result.softmax - w).max() / result.softmax_error.max())
    assert np.mean(np.array(ratios) <= 1) >= 0.9
    assert np.median(ratios) > 0.02


def test_sobol_points_converge_faster_than_random_ones():
    factor, biases, _ = components(np.random.default_rng(1), 6, 4.0)
    rungs = [nodes for nodes in ladder(factor, 1e-9, 2**16, 0) if nodes.steps is None]
    errors = [expectations(nodes, factor, biases).softmax_error.max() for nodes in rungs]
    assert [len(nodes) for nodes in rungs] == [2**n for n in range(12, 17)]
    assert errors[-1] < 0.5 * errors[0] / np.sqrt(16)


def test_disagreeing_groups_are_an_error():
    """The estimate is made from the groups: a rule that is wrong in one of them shows it."""
    factor, biases, _ = components(np.random.default_rng(2), 3, 2.0)
    good = next(ladder(factor, 1e-6, POINTS, 0))
    points = good.points.copy()
    points[:, good.groups[1]] += 0.3
    bad = Nodes(points, good.weights, good.groups, good.steps, good.lost)
    right, wrong = (expectations(nodes, factor, biases) for nodes in (good, bad))
    assert np.abs(right.softmax - wrong.softmax).max() <= wrong.softmax_error.max()
    assert wrong.softmax_error.max() > 100 * right.softmax_error.max()


def test_far_apart_means_neither_overflow_nor_vanish():
    factor, biases, w = components(np.random.default_rng(5), 3, 60.0)
    result = reached(factor, biases, 1e-3, points=2**20)
    assert np.isfinite(result.softmax).all()
    assert np.isfinite(result.logsumexp).all()
    assert np.allclose(w @ result.softmax, w, rtol=0, atol=1e-3)
    assert list(ladder(factor * REACH, 1e-3, POINTS, 0)) == []


def test_ladder_ends_where_points_do():
    factor = np.array([[9.0], [-9.0]])
    assert all(len(nodes) < 500 for nodes in ladder(factor, 1e-12, 400, 0))
    assert list(ladder(factor, 1e-12, 10, 0)) == []
