"""The contour integrals against brute force, exact cases and a finer contour."""

import mpmath
import numpy as np
import pytest
from scipy.special import expit, log_expit
from scipy.stats import chi, norm

from modecollapse.quadrature import (
    expected_sigmoid,
    expected_sigmoid_slope,
    expected_softplus,
)
from modecollapse.theory.annealed.contour import _overlap_integrals


def integrals(ell, v1, v2, distance2, d):
    return np.array(_overlap_integrals(log_expit(ell), ell, v1 / v2, distance2 / v2, float(d)))


def brute_force(ell, v1, v2, distance2, d):
    """The same from x = μ_1 + √v_1 z on a grid in z along μ_1 − μ_2 and ‖z‖ across it.

    Trapezoidal in the first, Gauss-Legendre in the second; E_q[r_1 r_2 g] = w_1 E_1[r_2 g].
    """
    w1, length = expit(ell), np.sqrt(distance2)
    along = np.linspace(-9, 9, 241)
    nodes, weights = np.polynomial.legendre.leggauss(160)
    low, high = chi.ppf(1e-17, d - 1), chi.isf(1e-17, d - 1)
    across = low + (high - low) * (nodes + 1) / 2
    density = np.outer(norm.pdf(along) * 0.075, chi.pdf(across, d - 1) * weights * (high - low) / 2)
    norm2 = along[:, None] ** 2 + across**2
    log_odds = ell - 0.5 * d * np.log(v1 / v2) - 0.5 * norm2
    shifted = distance2 + 2 * length * np.sqrt(v1) * along[:, None] + v1 * norm2
    log_odds += 0.5 * shifted / v2
    measure = w1 * density * expit(-log_odds)
    overlap = measure.sum()
    toward_1 = -(measure * np.sqrt(v1) * along[:, None]).sum() / length  # (μ_1 − x)·Δ/D²
    pull = v2 * (toward_1 / v1 + (overlap - toward_1) / v2)
    own = v1 * (measure * norm2).sum()
    turned = own / v1 - (own - distance2 * toward_1) / v2  # U_1 = κ turn − d (v_1/v_2 − 1) pull
    one = w1 * (density * np.logaddexp(0, -log_odds)).sum()
    return overlap, pull, turned, one


@pytest.mark.parametrize(
    ("ell", "v1", "v2", "distance2", "d"),
    [
        (0.3, 1.2, 1.0, 9.0, 5),
        (0.0, 1.0, 1.5, 4.0, 16),
        (-1.0, 9000.0, 8900.0, 18.0, 512),
        (1.0, 2.0, 0.5, 0.3, 3),
        (-2.0, 0.7, 0.9, 25.0, 64),
    ],
)
def test_agrees_with_two_dimensional_quadrature(ell, v1, v2, distance2, d):
    overlap, pull, turn, one, _ = integrals(ell, v1, v2, distance2, d)
    turned = distance2 / v2 * turn - d * (v1 / v2 - 1) * pull
    expected = brute_force(ell, v1, v2, distance2, d)
    # The grid's own rounding at d = 512 is 2e-13, of chi's density.
    np.testing.assert_allclose([overlap, pull, turned, one], expected, rtol=5e-13)


def test_equal_variances_give_gaussian_expectations_of_the_sigmoid():
    rng = np.random.default_rng(0)
    for _ in range(50):
        ell, v, distance2 = rng.normal(), np.exp(rng.normal()), rng.uniform(0, 100)
        b = np.sqrt(distance2 / v)
        if b > 30:
            continue
        a, w1, w2 = -ell - 0.5 * b * b, expit(ell), expit(-ell)
        mirrored = ell - 0.5 * b * b
        expected = [
            w1 * expected_sigmoid(a, b),
            w1 * expected_sigmoid(a, b),
            w1 * expected_sigmoid_slope(a, b),
            w1 * expected_softplus(a, b),
            w2 * expected_softplus(mirrored, b),
        ]
        np.testing.assert_allclose(integrals(ell, v, v, distance2, 7), expected, rtol=0, atol=2e-12)


@pytest.mark.parametrize("ell", [-38.0, -9.0, -3.5, -0.2, 0.0, 1.0, 4.0, 15.0, 30.0])
def test_identical_components_to_full_relative_precision(ell):
    """The log-odds is ℓ everywhere: E_q[r_1 r_2] = w_1 w_2, however small."""
    w1, w2 = expit(ell), expit(-ell)
    expected = [w1 * w2, w1 * w2, w1 * w1 * w2, -w1 * log_expit(ell), -w2 * log_expit(-ell)]
    atol = 1e-14 * w1 * w2  # `turn` is a difference where the second component is the heavier one
    np.testing.assert_allclose(integrals(ell, 2.0, 2.0, 0.0, 9), expected, rtol=2e-13, atol=atol)


def test_exchanging_the_components_exchanges_the_integrals():
    rng = np.random.default_rng(1)
    for _ in range(50):
        d = int(rng.choice([1, 2, 16, 512]))
        v2, ratio = 10 ** rng.uniform(-1, 4), np.exp(2 * rng.normal() / np.sqrt(d))
        v1, distance2, ell = v2 * ratio, v2 * rng.uniform(0, 30), rng.normal()
        overlap, pull, turn, one, two = integrals(ell, v1, v2, distance2, d)
        swapped = [overlap, ratio * pull, ratio * (pull - turn), two, one]
        other = integrals(-ell, v2, v1, distance2, d)
        np.testing.assert_allclose(other, swapped, rtol=1e-11, atol=1e-14)


def finer_contour(ell, v1, v2, distance2, d, step=0.02):
    """The same integrals on the straight line Re s = 1/2, with 30 digits."""
    mp = mpmath.mp
    with mp.workdps(30):
        ell, v1, v2, distance2 = (mp.mpf(x) for x in (ell, v1, v2, distance2))
        w1, w2 = 1 / (1 + mp.exp(-ell)), 1 / (1 + mp.exp(ell))
        total, scale, y = [mp.mpf(0)] * 5, mp.mpf(1) / 8, mp.mpf(0)
        while True:
            s = mp.mpf(1) / 2 + 1j * scale * mp.sinh(y)
            mixed = (1 - s) * v2 + s * v1
            log_m = (1 - s) * mp.log(w1) + s * mp.log(w2) - s * (1 - s) * distance2 / (2 * mixed)
            log_m += mp.mpf(d) / 2 * (s * mp.log(v1) + (1 - s) * mp.log(v2) - mp.log(mixed))
            f = mp.exp(log_m) / mp.sin(mp.pi * s) * scale * mp.cosh(y) * step
            f = f if y > 0 else f / 2
            factors = (1, v2 / mixed, s * v1 * v2 / mixed**2, 1 / s, 1 / (1 - s))
            total = [a + (f * g).real for a, g in zip(total, factors, strict=True)]
            if abs(f) < mp.mpf(10) ** -26 * abs(total[0]) and y > 1:
                return np.array([float(t) for t in total])
            y += step


def test_stated_error_over_the_whole_range():
    """Absolute error 1e-11, v to 9000 and their ratio to 100, |ℓ| to 20, every d."""
    rng = np.random.default_rng(2)
    for k in range(12):
        d = int(rng.choice([1, 2, 8, 64, 512, 4096]))
        ratio = 10 ** rng.uniform(-2, 2) if k % 2 else np.exp(rng.normal() * 2 / np.sqrt(d))
        v2 = 10 ** rng.uniform(-1, 4)
        distance2 = v2 * 10 ** rng.uniform(-4, 2)
        ell = rng.uniform(-20, 20) if k % 3 == 0 else rng.normal()
        given = ell, v2 * ratio, v2, distance2, d
        expected = finer_contour(*given)
        error = abs(integrals(*given) - expected) / np.maximum(1, abs(expected))
        assert error.max() < 1e-11, given
