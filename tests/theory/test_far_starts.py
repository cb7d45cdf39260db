"""Means as far apart as they like: starts with N(0, 1) in each of many coordinates."""

import numpy as np
import pytest
from scipy.integrate import solve_ivp
from scipy.special import expit, ndtr

from modecollapse.overlaps import Overlaps, random_start
from modecollapse.quadrature import expected_sigmoid
from modecollapse.targets import BimodalTarget
from modecollapse.theory.annealed import integrate_annealed
from modecollapse.theory.integration import integrate
from modecollapse.theory.rhs import jacobian, velocity


def wide_start(dimension, n, weight=0.5, seed=0):
    target = BimodalTarget(3.0, dimension, weight)
    rng = np.random.default_rng(seed)
    return target, random_start(target, n, rng, law="gaussian", scale=np.sqrt(dimension))


def overlap_by_logistic(l, distance):
    """E[σ(l − D²/2 + DZ)] = E[Φ((l − D²/2 − Λ)/D)], Λ logistic: E_i[r_j] of the lighter one."""
    blur = np.arange(-60, 60, 0.5)
    weight = 0.5 * expit(blur) * expit(-blur)
    return weight @ ndtr((l - 0.5 * distance**2 - blur) / distance)


@pytest.mark.parametrize("distance", [39.9, 40.1, 45.0, 60.0])
@pytest.mark.parametrize("sign", [1, -1])
def test_a_dying_component_feels_the_other_one_at_any_distance(distance, sign):
    """In its own time a component of weight e^{−690} is pushed by S/w, which is of order one."""
    r, logit = 3.0, sign * min(690.0, 0.5 * distance**2)
    q = distance**2 / 2
    y = [0.0, 0.0, q, 0.0, q, logit]  # across μ*, at right angles
    light = 0 if sign < 0 else 1
    w = expit(-abs(logit))
    rate = velocity(y, r)[2 + 2 * light] / w  # d‖μ‖²/dt = −2w‖μ‖² + 2S‖μ‖² here
    share = overlap_by_logistic(abs(logit), distance)
    assert rate == pytest.approx(2 * q * (share - 1), rel=1e-11)


@pytest.mark.parametrize("logit", [650.0, -650.0])
def test_jacobian_of_a_dying_component_by_differences(logit):
    r, step, q = 3.0, 1e-4, 1012.0
    y = np.array([5.0, -2.0, q, 100.0, q, logit])
    light = [0, 2] if logit < 0 else [1, 4]
    exact = jacobian(y, r)[light] / expit(-abs(logit))
    for k in range(6):
        move = step * np.eye(6)[k]
        slope = (velocity(y + move, r) - velocity(y - move, r))[light] / (2 * step)
        slope /= expit(-abs(logit))
        np.testing.assert_allclose(exact[:, k], slope, rtol=1e-6, atol=1e-7 * q)


def test_until_they_meet_the_means_move_alone():
    """S = 0: P falls like e^{−t} and each position along μ* has an equation of its own."""
    target, start = wide_start(10**4, 3, 0.8)
    run = integrate(target, start, [0.5, 1.0], rtol=1e-10)
    r = target.separation

    def alone(t, a):
        return -0.5 * (a - r * (2 * expected_sigmoid(2 * r * a + target.logit, 2 * r) - 1))

    for k in range(3):
        a = solve_ivp(alone, (0, 1), start.m[k] / r, rtol=1e-11, atol=1e-12).y[:, -1]
        m = [run.final("m1")[k], run.final("m2")[k]]
        np.testing.assert_allclose(m, r * a, rtol=1e-8)
        for name, i, j, column in (("q11", 0, 0, 0), ("q12", 0, 1, 1), ("q22", 1, 1, 2)):
            across = start.q[k, column] - start.m[k, i] * start.m[k, j] / r**2
            assert run.final(name)[k] == pytest.approx(across / np.e + a[i] * a[j], rel=1e-8)


@pytest.mark.parametrize("eta", [0.0, 10.0])
def test_both_integrators_agree_on_a_far_start(eta):
    target, start = wide_start(10**4, 8, 0.8)
    times = [0.5, 4.0, 60.0]
    plain = integrate(target, start, times, eta=eta, rtol=1e-9)
    other = integrate_annealed(target, start, times, eta=eta, rtol=1e-9)
    assert plain.finished.all()
    assert other.finished.all()
    for name in ("m1", "m2", "q12", "weight"):
        scale = np.abs(plain.statistics[name]).max()
        gap = np.abs(plain.statistics[name] - other.statistics[name]).max()
        assert gap < 1e-6 * scale, name


@pytest.mark.parametrize(("weight", "low", "high"), [(0.5, 0.42, 0.53), (0.8, 0.44, 0.56)])
def test_from_far_out_each_mean_chooses_for_itself(weight, low, high):
    """0.475 and 0.51 of 400, standard error 0.025, at every large d: the start, not d, decides."""
    for dimension in (512, 10**6):
        target, start = wide_start(dimension, 400, weight)
        run = integrate(target, start, [1e4], rtol=1e-6)
        assert run.finished.all()
        assert low < run.collapsed.mean() < high


def test_a_far_start_of_any_shape_finishes():
    m = np.array([[300.0, -200.0], [0.0, 0.0], [1e4, 1e4]])
    q = np.array([[1e6, 0.0, 1e6], [1e8, 1e8 - 1, 1e8], [1e9, 9e8, 1e9]])
    run = integrate(BimodalTarget(3.0, 10), Overlaps(m, q), [1.0, 100.0], eta=1.0)
    assert run.finished.all()
    assert (np.diff(run.statistics["kl"]) <= 1e-12).all()
