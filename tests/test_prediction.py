"""The area under the curve: its limits, its ties, and how often its interval covers."""

import numpy as np
import pytest
from scipy.stats import norm

from modecollapse.prediction import auc, same_side


def test_certainty_chance_and_ties():
    lost = np.array([True, True, False, False])
    assert auc([3, 4, 1, 2], lost).value == 1.0
    assert auc([1, 2, 3, 4], lost).value == 0.0
    assert auc([1, 1, 1, 1], lost).value == 0.5
    assert auc([2, 1, 1, 0], lost).value == (1 + 1 + 0.5 + 1) / 4


def test_it_is_the_probability_of_the_right_order():
    """Normal scores one standard deviation apart: Φ(1/√2)."""
    rng = np.random.default_rng(0)
    lost = np.arange(4000) < 2000
    found = auc(rng.normal(size=4000) + lost, lost)
    assert abs(found.value - norm.cdf(2**-0.5)) < found.high - found.low


@pytest.mark.parametrize(("shift", "n1", "n0"), [(0.0, 12, 12), (1.0, 20, 10), (2.0, 15, 30)])
def test_the_interval_covers(shift, n1, n0):
    rng = np.random.default_rng(1)
    truth, lost = norm.cdf(shift / 2**0.5), np.arange(n1 + n0) < n1
    found = [auc(rng.normal(size=n1 + n0) + shift * lost, lost) for _ in range(1000)]
    inside = np.mean([f.low <= truth <= f.high for f in found])
    assert 0.93 <= inside <= 1.0  # the approximation errs on the wide side near the ends


@pytest.mark.parametrize(
    ("scores", "collapsed", "named"),
    [
        ([1.0, 2.0], [True, True], "collapsed"),
        ([1.0, 2.0], [False, False], "collapsed"),
        ([1.0, np.nan], [True, False], "scores"),
        ([1.0], [True, False], "scores"),
    ],
)
def test_what_cannot_be_told_is_refused(scores, collapsed, named):
    with pytest.raises(ValueError, match=named):
        auc(scores, collapsed)


def test_sides_that_agree_are_counted_with_wilsons_interval():
    found = same_side([0.1] * 10, [2.0] * 8 + [-3.0] * 2)
    assert found.value == 0.8
    # Wilson: (p + z²/2n ± z √(p(1 − p)/n + z²/4n²)) / (1 + z²/n).
    z, n, p = 1.959963984540054, 10, 0.8
    half = z * np.sqrt(p * (1 - p) / n + z**2 / (4 * n**2)) / (1 + z**2 / n)
    middle = (p + z**2 / (2 * n)) / (1 + z**2 / n)
    assert np.allclose([found.low, found.high], [middle - half, middle + half])
    assert same_side([-1.0, 2.0], [1.0, -2.0]).value == 0
    assert same_side([-1.0, 2.0], [-5.0, 7.0]).high == 1


def test_the_interval_of_agreement_covers_chance_as_often_as_it_says():
    rng = np.random.default_rng(0)
    draws = [same_side(rng.standard_normal(60), rng.standard_normal(60)) for _ in range(400)]
    covered = sum(found.low <= 0.5 <= found.high for found in draws)
    assert 0.95 * 400 - 4.5 * 4.4 < covered < 400


@pytest.mark.parametrize(
    ("foretold", "reached", "name"),
    [
        ([], [], "foretold"),
        ([0.0, 1.0], [1, 1], "foretold"),
        ([1.0, np.nan], [1, 1], "foretold"),
        ([1.0], [0.0], "reached"),
        ([1.0], [1.0, 2.0], "reached"),
        ([[1.0]], [[1.0]], "foretold"),
    ],
)
def test_sides_that_are_none_are_refused(foretold, reached, name):
    with pytest.raises(ValueError, match=f"^{name}: got"):
        same_side(foretold, reached)
