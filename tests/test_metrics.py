"""The field's metrics against closed forms: Gaussians N(0, 1) and N(m, 1), masses by hand."""

import numpy as np
import pytest

from modecollapse import custom, mixture, target, train
from modecollapse.flows import judge
from modecollapse.metrics import bound, forward_ess, log_partition, mode_entropy, mode_weight_error

N, M, LOG_Z = 400_000, 0.6, 1.7


def log_ratio(x):
    """log p̃/q for p = N(0, 1) and q = N(m, 1): log Z + m²/2 − m x."""
    return LOG_Z + M**2 / 2 - M * x


def test_bounds_and_sizes_are_those_of_two_gaussians():
    rng = np.random.default_rng(0)
    of_p, of_q = rng.standard_normal(N), M + rng.standard_normal(N)
    upper, error = bound(log_ratio(of_p))
    assert upper == pytest.approx(LOG_Z + M**2 / 2, abs=4.5 * error)
    assert error == pytest.approx(M / np.sqrt(N), rel=0.01)
    lower, _ = bound(log_ratio(of_q))
    assert lower == pytest.approx(LOG_Z - M**2 / 2, abs=4.5 * error)
    assert forward_ess(log_ratio(of_p)) == pytest.approx(np.exp(-(M**2)), rel=0.02)
    value, error = log_partition(log_ratio(of_q))
    assert value == pytest.approx(LOG_Z, abs=4.5 * error)
    assert error == pytest.approx(np.sqrt(np.expm1(M**2) / N), rel=0.03)


def test_the_partition_misses_what_q_has_lost():
    """q is one mode of two that are far apart, with π of the mass: p̃/q = π there."""
    value, error = log_partition(np.log(np.full(100, 0.3)))
    assert (value, error) == (pytest.approx(np.log(0.3)), pytest.approx(0, abs=1e-12))


def test_masses_of_each_row():
    masses = np.array([[0.6, 0.3, 0.1], [1.0, 0.0, 0.0], [1 / 3, 1 / 3, 1 / 3]])
    errors = mode_weight_error(masses, [0.6, 0.3, 0.1])
    np.testing.assert_allclose(errors, [0, 0.4, 4 / 15], atol=1e-12)
    entropy = mode_entropy(masses)
    own = -(masses[0] * np.log(masses[0])).sum() / np.log(3)
    np.testing.assert_allclose(entropy, [own, 0, 1], atol=1e-12)
    for bad in (lambda: mode_entropy([[1.0]]), lambda: mode_weight_error(masses, [1.0])):
        with pytest.raises(ValueError, match="got"):
            bad()
    with pytest.raises(ValueError, match="log_ratio"):
        bound([1.0])


FEW = {"seeds": 2, "couplings": 2, "hidden": 8, "batch": 32, "device": "cpu"}


def test_flows_are_judged_by_their_own_densities_and_directions():
    """KL both ways is measured by training itself, on other samples; so are the masses."""
    p = target(1.5, 3)
    run = train(p, **FEW, steps=200, forward_samples=4000, evaluation_samples=4000)
    table = judge(run, p, samples=4000)
    spread = 5 * (run.final("kl_se") + table["lower_bound_se"])
    assert (abs(-table["lower_bound"] - run.final("kl")) < spread).all()
    spread = 5 * (run.final("forward_kl_se") + table["upper_bound_se"])
    assert (abs(table["upper_bound"] - run.final("forward_kl")) < spread).all()
    assert (abs(table["log_z"]) < 5 * table["log_z_se"] + 0.02).all()
    np.testing.assert_allclose(
        table["mode_weight_error"], abs(run.final("mass_plus") - 0.5), atol=1e-12
    )
    assert table["forward_ess"].between(0, 1).all()


def test_what_is_not_known_has_no_column():
    p = custom(lambda x: -0.5 * x.square().sum(-1) + 3.0, 2)
    table = judge(train(p, **FEW, steps=150), p)
    assert {"upper_bound", "mode_entropy"}.isdisjoint(table.columns)
    truth = np.log(2 * np.pi) + 3
    assert (abs(table["log_z"] - truth) < 5 * table["log_z_se"] + 0.02).all()
    with pytest.raises(ValueError, match="run: got"):
        judge(None, mixture([[0.0, 0.0]]))
