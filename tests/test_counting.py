"""Frequencies, their intervals, and the part of runs that is collapsed at a time."""

import numpy as np
import pytest
from scipy.stats import norm

from modecollapse.counting import COUNT_UNITS, collapsed_at, counted


@pytest.mark.parametrize(("k", "n"), [(0, 5), (3, 10), (199, 200)])
def test_wilson_interval_by_its_formula(k, n):
    z, p = norm.ppf(0.975), k / n
    middle, half = p + z**2 / (2 * n), z * np.sqrt(p * (1 - p) / n + z**2 / (4 * n**2))
    found = counted(k, n)
    assert list(found) == list(COUNT_UNITS)
    assert (found["n_collapsed"], found["n_runs"], found["probability"]) == (k, n, p)
    ends = (middle + np.array([-half, half])) / (1 + z**2 / n)
    np.testing.assert_allclose([found["low"], found["high"]], ends, atol=1e-15)


def test_every_run_counts_at_the_times_that_it_reached():
    """Three runs: one always collapsed, one that recovers, one that ends after the first time."""
    one, lost = [0.8, 0.2], [0.96, 0.04]  # a fifth may fall to a quarter of itself
    masses = np.array([[lost, lost, lost], [lost, one, one], [one, [np.nan] * 2, [np.nan] * 2]])
    table = collapsed_at([1.0, 10.0, 100.0], masses, [0.8, 0.2])
    assert table.n_runs.tolist() == [3, 2, 2]
    assert table.n_collapsed.tolist() == [2, 1, 1]
    assert table.low.between(0, table.probability).all()
    assert table.high.between(table.probability, 1).all()


def test_a_time_that_no_run_reached_has_no_row():
    masses = np.full((2, 2, 2), np.nan)
    masses[:, 0] = 0.5
    assert collapsed_at([1.0, 2.0], masses, [0.5, 0.5]).time.tolist() == [1.0]


def test_which_mode_is_lost_does_not_matter():
    masses = np.array([[[1.0, 0.0]], [[0.0, 1.0]], [[0.79, 0.21]]])
    assert collapsed_at([1.0], masses, [0.8, 0.2]).n_collapsed.tolist() == [2]


def test_refusals():
    with pytest.raises(ValueError, match=r"^masses: got \(2, 1, 2\)"):
        collapsed_at([1.0, 2.0], np.full((2, 1, 2), 0.5), [0.5, 0.5])
    with pytest.raises(ValueError, match=r"^masses: "):
        collapsed_at([1.0], np.full((2, 1, 2), 0.9), [0.5, 0.5])
