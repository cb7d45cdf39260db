"""Gaussian expectations against 40-digit arithmetic, identities and limits."""

import math

import mpmath
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import expit, ndtr
from scipy.stats import norm

from modecollapse import quadrature
from modecollapse.quadrature import (
    LARGEST_SCALE,
    _smoothing,
    _two_sigmoids,
    expected_sigmoid,
    expected_sigmoid_curvature,
    expected_sigmoid_slope,
    expected_softplus,
)
from modecollapse.quadrature.sigmoid import STEP, _pole_value, _poles

TOLERANCE = 1e-12  # absolute, everywhere: what the module promises; errors found are below 2e-15
FUNCTIONS = (
    expected_sigmoid,
    expected_sigmoid_slope,
    expected_sigmoid_curvature,
    expected_softplus,
)


def integrands(u):
    e = mpmath.e**u
    s, c = e / (1 + e), 1 / (1 + e)
    return s, s * c, s * c * (c - s), mpmath.log1p(e)


def exact(a, b):
    """The four expectations to 40 digits: Gauss-Legendre panels around the integrand's peak."""
    a, b = mpmath.mpf(a), mpmath.mpf(b)
    if b == 0:
        return integrands(a)
    flip, a = a > 0, -abs(a)
    peak = min(b, -a / b)
    width = min(1, 4 / b)  # a panel's half-length: poles stay far outside its Bernstein ellipse
    nodes, weights = GAUSS
    totals = [mpmath.mpf(0)] * 4
    panels = int(mpmath.ceil(12 / (2 * width)))
    for panel in range(-panels, panels):
        middle = peak + (2 * panel + 1) * width
        for x, w in zip(nodes, weights, strict=True):
            z = middle + width * x
            factor = w * width * mpmath.npdf(z)
            for k, value in enumerate(integrands(a + b * z)):
                totals[k] += factor * value
    s0, s1, s2, s3 = totals
    return (1 - s0, s1, -s2, s3 - a) if flip else (s0, s1, s2, s3)


def legendre(n):
    """Nodes and weights of n-point Gauss-Legendre, to the working precision."""
    start = np.polynomial.legendre.leggauss(n)[0]
    nodes = [mpmath.findroot(lambda x: mpmath.legendre(n, x), mpmath.mpf(x)) for x in start]
    slopes = [n * mpmath.legendre(n - 1, x) / (1 - x * x) for x in nodes]
    return nodes, [2 / ((1 - x * x) * d * d) for x, d in zip(nodes, slopes, strict=True)]


mpmath.mp.dps = 40
GAUSS = legendre(32)
EDGES = (0.0, 1e-300, 1e-9, 1e-3, 0.8, math.pi / 3.8, 1.0, 40.0)
ADVERSARIAL = [
    *[(a, b) for a in (0.0, -1e-8, -3.0, 7.0, -1000.0, 1000.0) for b in EDGES],
    *[(s * b * b * f, b) for b in (0.79, 0.81, 1.5, 5.0) for f in (0.999, 1.001) for s in (-1, 1)],
    *[(-b * (b + 9) - 40 + e, b) for b in (0.8, 3.0, 20.0) for e in (-1e-9, 1e-9)],
    *[(-8.6 * b - 40 + e, b) for b in (1.0, 6.0, 40.0) for e in (-1e-9, 1e-9)],
    *[(np.nextafter(x, 0), np.nextafter(x, 0)) for x in (0.8, math.pi / 3.8, 1.0)],
]


def assert_exact(points):
    for a, b in points:
        for function, value in zip(FUNCTIONS, exact(a, b), strict=True):
            assert abs(float(mpmath.mpf(float(function(a, b))) - value)) < TOLERANCE, (
                function.__name__,
                a,
                b,
            )


def test_the_oracle_agrees_with_adaptive_quadrature():
    a, b = -2.0, 3.0
    density = mpmath.npdf
    for k, value in enumerate(exact(a, b)):
        other = mpmath.quad(lambda z, k=k: density(z) * integrands(a + b * z)[k], range(-15, 16))
        assert abs(other - value) < mpmath.mpf(10) ** -18


def test_absolute_error_on_adversarial_arguments():
    assert_exact(ADVERSARIAL)


def test_absolute_error_on_random_arguments():
    rng = np.random.default_rng(1)
    b = rng.uniform(0, 12, 25)
    spread = rng.normal(size=25) * (1 + 2 * b)
    assert_exact(np.stack([spread, b], axis=1))


@pytest.mark.slow
def test_absolute_error_on_many_random_arguments():
    rng = np.random.default_rng(2)
    b = np.concatenate([rng.uniform(0, 40, 60), 10 ** rng.uniform(-6, 1, 60)])
    a = np.concatenate([rng.uniform(-1000, 1000, 60), rng.normal(size=60) * (1 + 2 * b[60:])])
    assert_exact(np.stack([a, b], axis=1))


def test_relative_error_in_the_tail():
    # Measured: 4e-14 at most, from the rounding of a + b z in the exponent.
    for a, b in [(-600.0, 0.0), (-600.0, 2.0), (-80.0, 6.0), (-120.0, 11.0), (-600.0, 25.0)]:
        for function, value in zip(FUNCTIONS[:2], exact(a, b)[:2], strict=True):
            assert abs(float(function(a, b)) / float(value) - 1) < 1e-12


def test_without_the_residues_the_same_nodes_are_wrong():
    # What the corrections are worth, and that this file would notice their absence.
    z = STEP * np.arange(-17, 18)
    plain = STEP * (norm.pdf(z) * expit(3.0 + 12.0 * z)).sum()
    assert abs(plain - expected_sigmoid(3.0, 12.0)) > 1e-4


def test_gauss_hermite_of_64_nodes_fails_where_this_rule_does_not():
    z, w = np.polynomial.hermite_e.hermegauss(64)
    gauss = (w * expit(3.0 + 20.0 * z)).sum() / math.sqrt(2 * math.pi)
    assert abs(gauss - float(exact(3.0, 20.0)[0])) > 1e-4


arguments = st.tuples(st.floats(-1000, 1000), st.floats(0, LARGEST_SCALE))


@given(arguments)
@settings(max_examples=200, deadline=None)
def test_reflection(ab):
    a, b = ab
    assert expected_sigmoid(a, b) + expected_sigmoid(-a, b) == pytest.approx(1, abs=1e-15)
    assert expected_sigmoid_slope(a, b) == expected_sigmoid_slope(-a, b)
    curvatures = expected_sigmoid_curvature(a, b) + expected_sigmoid_curvature(-a, b)
    assert abs(curvatures) < 1e-15
    difference = expected_softplus(a, b) - expected_softplus(-a, b)
    assert difference == pytest.approx(a, abs=TOLERANCE)


@given(arguments)
@settings(max_examples=200, deadline=None)
def test_bounds(ab):
    a, b = ab
    s, slope, soft = expected_sigmoid(a, b), expected_sigmoid_slope(a, b), expected_softplus(a, b)
    assert 0 <= s <= 1
    assert 0 <= slope <= 0.25 + 1e-15
    # max(u, 0) <= softplus(u) <= max(u, 0) + log 2, and E[max(a + bZ, 0)] in closed form
    below = b * norm.pdf(a / b) + a * ndtr(a / b) if b > 0 and abs(a / b) < 1e15 else max(a, 0)
    assert below - TOLERANCE <= soft <= below + math.log(2) + TOLERANCE


@given(st.floats(-30, 30), st.floats(0, 20))
@settings(max_examples=200, deadline=None)
def test_exponential_tilt(l, d):
    """w_1 E_1[r_2] = w_2 E_2[r_1], for two unit Gaussians D apart (docs/theory.md, Eq. 3.5)."""
    one = expit(l) * expected_sigmoid(-l - d * d / 2, d)
    two = expit(-l) * expected_sigmoid(l - d * d / 2, d)
    assert one == pytest.approx(two, rel=1e-12, abs=0)


def test_derivatives_by_finite_differences():
    # Sixth-order central differences with step 1e-2: truncation and rounding below 1e-11.
    a, b, h = 1.3, np.array([0.4, 2.0, 7.0]), 1e-2
    c = np.array([-1, 9, -45, 0, 45, -9, 1]) / (60 * h)
    shifts = h * np.arange(-3, 4)

    def by_b(f):
        return sum(ci * f(a, b + s) for ci, s in zip(c, shifts, strict=True))

    assert by_b(expected_sigmoid) == pytest.approx(b * expected_sigmoid_curvature(a, b), abs=1e-10)
    assert by_b(expected_softplus) == pytest.approx(b * expected_sigmoid_slope(a, b), abs=1e-10)


def test_limits():
    a = np.linspace(-40, 40, 9)
    assert expected_sigmoid(a, 0) == pytest.approx(expit(a), rel=1e-15)
    assert expected_softplus(a, 0) == pytest.approx(np.logaddexp(0, a), rel=1e-15)
    assert expected_sigmoid(a, 1e-8) == pytest.approx(expit(a), abs=1e-15)
    # E[σ(a + bZ)] = P(L < a + bZ), L logistic: Φ(a/b) up to Var(L)/2b² φ'(a/b)
    wide = expected_sigmoid(a, 40.0) - ndtr(a / 40)
    assert np.abs(wide + math.pi**2 / 6 / 1600 * (a / 40) * norm.pdf(a / 40)).max() < 1e-5


def test_broadcasting():
    assert expected_sigmoid(np.zeros((3, 1)), np.ones(4)).shape == (3, 4)
    assert expected_softplus([], 1.0).shape == (0,)


@pytest.mark.parametrize("function", FUNCTIONS)
@pytest.mark.parametrize(
    ("a", "b", "name"),
    [(0, -1, "b"), (0, np.inf, "b"), (0, np.nan, "b"), (np.nan, 1, "a"), (np.inf, 1, "a")],
)
def test_refusals(function, a, b, name):
    with pytest.raises(ValueError, match=f"^{name}: "):
        function(a, b)


@pytest.mark.parametrize(
    ("a", "b"), [(3.0, 40.5), (-120.0, 41.0), (1000.0, 300.0), (0.0, 2e4), (-1e6, 1414.0)]
)
def test_wide_expectations_against_the_logistic_representation(a, b):
    """E[σ(a + bZ)] = E[Φ((a − Λ)/b)], Λ logistic, by the trapezoidal rule: error exp(−2π²/0.5)."""
    blur = np.arange(-60, 60, 0.5)
    weight = 0.5 * expit(blur) * expit(-blur)
    x = (a - blur) / b
    expected = [
        weight @ norm.cdf(x),
        weight @ norm.pdf(x) / b,
        weight @ (-x * norm.pdf(x)) / b**2,
        weight @ ((a - blur) * norm.cdf(x) + b * norm.pdf(x)),
    ]
    # Relative to the scale of each, within the tail too.
    np.testing.assert_allclose([f(a, b) for f in FUNCTIONS], expected, rtol=3e-12, atol=1e-18)


@pytest.mark.parametrize("a", [-700.0, -40.0, 0.0, 3.0, 90.0])
def test_the_wide_limit_meets_the_other_rule(a):
    """At b = 40 both hold, and the next larger number is taken by the other rule."""
    below, above = 40.0, np.nextafter(40.0, 41.0)
    *small, softplus = (float(f(a, above) - f(a, below)) for f in FUNCTIONS)
    assert max(map(abs, small)) < 4e-15  # twice what each rule errs
    assert abs(softplus) < 1e-13


def test_the_compiled_functions_pass_nan_on():
    assert math.isnan(quadrature._sigmoid(0.0, math.nan))
    assert math.isnan(quadrature._expected_softplus(0.0, math.nan))
    assert all(math.isnan(x) for x in quadrature._sigmoid_moments(0.0, math.nan))


def test_the_poles_of_the_expectation_alone_are_those_of_all_three():
    rng = np.random.default_rng(8)
    a, b = -(10 ** rng.uniform(-3, 3, 3000)), 10 ** rng.uniform(-0.08, 1.6, 3000)
    density = np.exp(-0.5 * (a / b) ** 2)
    alone = density * [_pole_value(*each) for each in zip(a, b, strict=True)]
    first = np.array([_poles(*each)[0] for each in zip(a, b, strict=True)])
    assert (first != 0).sum() > 1000
    np.testing.assert_allclose(alone, first, rtol=0, atol=1e-15)


@pytest.mark.parametrize("b", [1e-200, 0.3, math.pi / 3.8, 0.83, 6.0, 17.0, LARGEST_SCALE])
def test_two_expectations_by_a_table_are_those_without(b):
    """Inside |a| <= b², where the table serves, outside of it, and one on each side."""
    rng = np.random.default_rng(9)
    inside, outside = rng.uniform(-1, 1, (20, 2)) * b**2, rng.uniform(-5, 5, (20, 2)) * b**2
    table = _smoothing(b)
    for pair in [*inside, *outside, (0.0, 0.0), (b * b, -b * b)]:
        found, single = _two_sigmoids(*pair, b, table), expected_sigmoid(pair, b)
        np.testing.assert_allclose(found, single, rtol=2e-13, atol=1e-300)


def test_a_table_has_the_poles_within_reach():
    reach = np.array([0.5, 0.82, 0.83, 2.4, 2.5, 40.0])
    assert [len(_smoothing(b)) - 35 for b in reach] == [0, 0, 1, 1, 2, 24]
    assert [len(np.arange(math.pi, 3.8 * b, 2 * math.pi)) for b in reach] == [0, 0, 1, 1, 2, 24]
