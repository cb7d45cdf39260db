"""The closed formula and the separatrix against random starts, and in their limits."""

import numpy as np
import pytest
from scipy.special import erf, owens_t

from modecollapse import integrate, random_start
from modecollapse.targets import BimodalTarget
from modecollapse.theory.probability import (
    collapse_probability,
    separatrix_probability,
    separatrix_slope,
)

RUNS = 2000


def measured(target, kind="sphere"):
    """The part of random starts that collapses, and its standard error."""
    start = random_start(target, RUNS, np.random.default_rng(3), law=kind)
    part = integrate(target, start, times=[1e4], rtol=1e-5).collapsed.mean()
    return part, np.sqrt(max(part * (1 - part), 1 / RUNS) / RUNS)


@pytest.mark.parametrize("kappa", [1.0, 1.7, 6.0])
@pytest.mark.parametrize("h", [0.0, 0.4, 2.5])
def test_probability_of_two_wedges(kappa, h):
    """P(κ|Y| < |X|) for X ~ N(h, 1), Y ~ N(0, 1) is 1 − 4T(h/√(1 + κ²), κ): on a grid."""
    x = np.linspace(-9, 9, 20_001) + h
    density = np.exp(-((x - h) ** 2) / 2) / np.sqrt(2 * np.pi)
    expected = np.trapezoid(density * erf(np.abs(x) / (kappa * np.sqrt(2))), x)
    assert 1 - 4 * owens_t(h / np.hypot(1, kappa), kappa) == pytest.approx(expected, abs=1e-7)


@pytest.mark.parametrize(
    ("r", "pi", "d", "bound"),
    [
        (4.0, 0.5, 100_000, 0.02),
        (4.0, 0.8, 512, 0.02),
        (6.0, 0.6, 8, 0.02),
        (3.0, 0.5, 64, 0.07),
        (3.0, 0.6, 512, 0.07),
        (3.0, 0.8, 2, 0.07),
    ],
)
def test_closed_formula_against_random_starts(r, pi, d, bound):
    target = BimodalTarget(r, d, pi)
    part, error = measured(target)
    assert abs(collapse_probability(target) - part) < bound + 4 * error


@pytest.mark.parametrize(
    ("r", "pi", "d"), [(2.28, 0.5, 64), (2.4, 0.6, 512), (2.2, 0.6, 4096), (3.0, 0.52, 100_000)]
)
def test_separatrix_against_random_starts(r, pi, d):
    """Next to the critical separation too, where the closed formula is off by up to 0.26."""
    target = BimodalTarget(r, d, pi)
    part, error = measured(target)
    assert abs(separatrix_probability(target, nodes=33) - part) < 4 * error + 0.01


def test_gaussian_starts_collapse_as_often():
    target = BimodalTarget(3.0, 256, 0.6)
    part, error = measured(target, kind="gaussian")
    assert abs(separatrix_probability(target, nodes=33) - part) < 4 * error + 0.01


def test_a_formula_without_the_lead_would_be_noticed():
    """erf(|λ| √d / 2r²), which takes the half-difference alone, misses what is measured here."""
    for r, pi, d in [(4.0, 0.5, 512), (4.0, 0.6, 64), (3.0, 0.52, 100_000)]:
        target = BimodalTarget(r, d, pi)
        part, _ = measured(target)
        assert abs(erf(abs(target.logit) / (2 * r * r) * np.sqrt(d)) - part) > 0.25
        assert abs(collapse_probability(target) - part) < 0.1


def test_no_collapse_below_the_fold_and_nothing_else_below_the_other():
    for d in (2, 64, 10**5):
        assert collapse_probability(BimodalTarget(2.25, d)) == 0
        assert collapse_probability(BimodalTarget(2.05, d, 0.6)) == 0
        assert collapse_probability(BimodalTarget(2.1, d, 0.95)) == 1
    assert separatrix_probability(BimodalTarget(2.25, 64), nodes=9) == 0
    assert separatrix_probability(BimodalTarget(2.1, 64, 0.95), nodes=33) > 0.998


def test_limits():
    """Far modes: each mean goes to its own side, P → 1/2.  Many dimensions: 0, or 1 if unequal."""
    assert collapse_probability(BimodalTarget(12.0, 64)) == pytest.approx(0.5, abs=1e-6)
    balanced = [collapse_probability(BimodalTarget(3.0, 10**k)) for k in range(1, 9)]
    assert (np.diff(balanced) < 0).all()
    assert balanced[-1] < 0.02
    assert collapse_probability(BimodalTarget(3.0, 10**6, 0.6)) == pytest.approx(1, abs=1e-9)


@pytest.mark.parametrize("probability", [collapse_probability, separatrix_probability])
def test_reflection(probability):
    one, other = BimodalTarget(2.6, 64, 0.6), BimodalTarget(2.6, 64, 0.4)
    assert probability(one) == pytest.approx(probability(other), abs=1e-6)


def test_slope_is_one_for_far_modes_and_grows_with_the_time_to_decide():
    assert separatrix_slope(10.0, 0.0, 10.0, 0.1) == pytest.approx(1, abs=1e-3)
    slopes = [separatrix_slope(3.0, 0.0, 3.0, lead) for lead in (1.0, 0.1, 0.01, 0.001)]
    assert (np.diff(slopes) > 0).all()


def test_closer_starts_decide_later():
    """A smaller norm means less distance across μ*, so more time in which Y outgrows X."""
    target = BimodalTarget(3.0, 256)
    assert collapse_probability(target, scale=1.0) < collapse_probability(target, scale=3.0)


@pytest.mark.parametrize(
    ("call", "name"),
    [
        (lambda: collapse_probability(BimodalTarget(25.0, 4)), "separation"),
        (lambda: collapse_probability(BimodalTarget(3.0, 4), scale=-1.0), "scale"),
        (lambda: separatrix_probability(BimodalTarget(3.0, 4)), "dimension"),
    ],
)
def test_bad_input_is_named(call, name):
    with pytest.raises(ValueError, match=rf"{name}: got .*allowed"):
        call()
