"""The area under the curve: its limits, its ties, and how often its interval covers."""

import numpy as np
import pytest
from scipy.stats import norm

from modecollapse.prediction import auc


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
