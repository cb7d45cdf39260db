"""The curve of all targets, against integrals done otherwise."""

import math

import mpmath as mp
import numpy as np
import pytest

from modecollapse.theory.invariant_line import (
    STEP,
    TargetCurve,
    equilibrium,
    fold_condition,
    gap,
    split_from,
    step_moments,
    window,
)

mp.mp.dps = 30


def expectation(f, centre=0.0):
    """E f(Z) by the trapezoidal rule at 30 digits, with nodes around the peak of f·φ."""
    h = mp.mpf(1) / 32  # error e^{−2π·32·π/2r} < 1e-25 for r <= 5
    nodes = [centre + k * h for k in range(-350, 351)]
    return h * mp.fsum(mp.npdf(z) * f(z) for z in nodes)


@pytest.mark.parametrize(("xi", "r"), [(0.7, 0.5), (2.0, 2.3), (-1.5, 3.0), (4.0, 4.0), (7.5, 3.0)])
def test_step_and_its_derivatives(xi, r):
    """1 − T and T' keep their relative precision in the tail, where they are e^{−ξ²/2} and less."""
    peak = -min(abs(xi), 2 * r) * math.copysign(1, xi)
    tail = expectation(lambda z: 2 / (1 + mp.exp(2 * r * (xi + z))), peak if xi > 0 else 0)
    slope = expectation(lambda z: r * mp.sech(r * (xi + z)) ** 2, peak)
    bend = expectation(
        lambda z: -2 * r * r * mp.sech(r * (xi + z)) ** 2 * mp.tanh(r * (xi + z)), peak
    )
    found = step_moments(xi, r)
    assert found[0] == pytest.approx(float(tail), rel=1e-12)
    assert found[1] == pytest.approx(float(slope), rel=1e-12)
    assert found[2] == pytest.approx(float(bend), rel=1e-9)


@pytest.mark.parametrize("split", [1e-9, 0.1, 0.32, 0.34, 2.0, 5.0])
def test_window_is_the_difference_of_steps(split):
    r, c, half = 3.0, 2.5, mp.mpf(split) / 2
    exact = expectation(
        lambda z: mp.tanh(r * (c + half + z)) - mp.tanh(r * (c - half + z)),
        -2,
    )
    assert window(c, split, r)[0] == pytest.approx(float(exact), rel=1e-12)


@pytest.mark.parametrize("split", [1e-7, 0.5, 0.99, 1.01, 3.0])
@pytest.mark.parametrize("logit", [0.0, 2.0, -6.0])
def test_gap_is_the_le_cam_divergence(split, logit):
    """γ = w_1 w_2 ∫ (N_1 − N_2)²/q, a positive integrand (Eq. 6.4)."""
    d, l = mp.mpf(split), mp.mpf(logit)
    w1, w2 = 1 / (1 + mp.exp(-l)), 1 / (1 + mp.exp(l))

    def integrand(z):
        up, down = mp.exp(d * z / 2 - d * d / 8), mp.exp(-d * z / 2 - d * d / 8)
        return w1 * w2 * (up - down) ** 2 / (w1 * up + w2 * down)

    value, slope = gap(split, logit)
    assert value == pytest.approx(float(expectation(integrand)), rel=1e-12)
    h = 1e-5 * split
    assert slope == pytest.approx((gap(split + h, logit)[0] - gap(split - h, logit)[0]) / (2 * h))


@pytest.mark.parametrize("logit", [-3.0, 0.0, 3.0])
@pytest.mark.parametrize("r", [0.3, 2.5, 7.0])
def test_derivatives_along_and_across_the_curve(r, logit):
    h = 1e-6
    for c, s in [(0.6, 0.4), (-1.2, -1.0), (2.0, 1.5)]:
        _, f_c, f_s, _, lam_c, lam_s = equilibrium(c, s, r, logit)
        by_c = np.subtract(equilibrium(c + h, s, r, logit), equilibrium(c - h, s, r, logit))
        by_s = np.subtract(equilibrium(c, s + h, r, logit), equilibrium(c, s - h, r, logit))
        assert [f_c, lam_c] == pytest.approx(by_c[[0, 3]] / (2 * h), rel=1e-6, abs=1e-7)
        assert [f_s, lam_s] == pytest.approx(by_s[[0, 3]] / (2 * h), rel=1e-6, abs=1e-7)


@pytest.mark.parametrize("logit", [-5.0, 0.0, 5.0])
@pytest.mark.parametrize("r", [0.1, 1.0, 4.0, 12.0])
def test_curve_stays_on_itself_and_covers_every_target(r, logit):
    curve = TargetCurve(r, logit)
    times = np.linspace(-curve.end, curve.end, 101)
    residual = [equilibrium(*curve.point(t), r, logit)[0] for t in times]
    assert np.abs(residual).max() < 1e-13
    assert curve.value(-curve.end) < -30 < 30 < curve.value(curve.end)
    h = 1e-4
    slopes = [(curve.value(t + h) - curve.value(t - h)) / (2 * h) for t in times[1:-1:10]]
    expected = [curve.slope(t) for t in times[1:-1:10]]
    # inside a step t is the projection on the tangent, arc length up to (STEP × curvature)²
    assert slopes == pytest.approx(expected, rel=STEP**2, abs=STEP**2 * r)


def test_mirror_image_and_exchange_of_the_components():
    """Λ(−t; ℓ) = −Λ(t; −ℓ): reflection turns the order around."""
    one, other = TargetCurve(3.0, 1.3), TargetCurve(3.0, -1.3)
    for t in np.linspace(0.1, one.end, 20):
        assert one.value(-t) == pytest.approx(-other.value(t), abs=1e-12)
        assert one.split(-t) == pytest.approx(other.split(t), rel=1e-13)


def test_turning_points_are_where_the_slope_changes_sign():
    """Also where two of them lie inside one step, next to the cusp at r = 1.604367."""
    for r, number in [(1.55, 0), (1.6043, 0), (1.60437, 2), (1.62, 2), (3.0, 2)]:
        found = [t for t, _ in TargetCurve(r).turning_points if t > 0]
        assert len(found) == number
        assert [TargetCurve(r).slope(t) for t in found] == pytest.approx([0.0] * number, abs=1e-9)


def test_crossings_are_as_many_as_sign_changes_of_a_fine_scan():
    curve = TargetCurve(3.0, 0.7)
    times = np.linspace(-curve.end, curve.end, 40_001)
    values = np.array([curve.value(t) for t in times])
    for target_logit in (-8.0, -2.0, 0.0, 1.0, 3.0, 20.0):
        changes = int((np.diff(np.sign(values - target_logit)) != 0).sum())
        found = curve.crossings(target_logit)
        assert len(found) == changes
        assert [curve.value(t) for t in found] == pytest.approx([target_logit] * changes, abs=1e-12)


def test_fold_condition_is_scale_free_slope():
    curve = TargetCurve(2.5)
    t, _ = curve.turning_points[-1]
    assert abs(fold_condition(*curve.point(t), 2.5, 0.0)) < 1e-12
    assert split_from(curve.point(t)[1]) == curve.split(t)
