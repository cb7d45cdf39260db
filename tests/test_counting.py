"""Frequencies, their intervals, and when enough is counted."""

import numpy as np
import pytest
from scipy.stats import beta, norm

from modecollapse.counting import COUNT_UNITS, Looks, counted


@pytest.mark.parametrize(("k", "n"), [(0, 5), (3, 10), (199, 200)])
def test_wilson_interval_by_its_formula(k, n):
    z, p = norm.ppf(0.975), k / n
    middle, half = p + z**2 / (2 * n), z * np.sqrt(p * (1 - p) / n + z**2 / (4 * n**2))
    found = counted(k, n)
    assert list(found) == list(COUNT_UNITS)
    assert (found["n_collapsed"], found["n_runs"], found["probability"]) == (k, n, p)
    ends = (middle + np.array([-half, half])) / (1 + z**2 / n)
    np.testing.assert_allclose([found["low"], found["high"]], ends, atol=1e-15)


def _stopped(looks: Looks, outcomes: np.ndarray) -> tuple[int, int]:
    for n in looks.sizes:
        hits = int(outcomes[:n].sum())
        if looks.enough(hits, n):
            break
    return hits, n


@pytest.mark.parametrize("p", [0.02, 0.1, 0.3, 0.5, 0.9])
def test_coverage_under_sequential_stopping(p):
    looks = Looks(first=12, most=100, half_width=0.12)
    rng = np.random.default_rng(round(1000 * p))
    missed = 0
    for outcomes in rng.random((2000, looks.most)) < p:
        found = looks.counted(*_stopped(looks, outcomes))
        missed += not found["low"] <= p <= found["high"]
    assert missed / 2000 <= 0.05 + 2 * np.sqrt(0.05 * 0.95 / 2000)


def test_interval_is_clopper_and_pearsons_at_the_level_split_over_the_looks():
    looks = Looks(first=10, most=35, half_width=0.01)
    assert looks.sizes == (10, 20, 35)
    tail = 0.05 / 3 / 2
    found = looks.counted(4, 20)
    assert found["low"] == pytest.approx(beta.ppf(tail, 4, 17))
    assert found["high"] == pytest.approx(beta.ppf(1 - tail, 5, 16))


def test_plain_cells_end_at_the_first_look_and_doubtful_ones_go_on():
    looks = Looks(first=25, most=400, half_width=0.12)
    ended = [looks.enough(*k) for k in ((0, 25), (25, 25), (200, 400))]
    going_on = [looks.enough(*k) for k in ((12, 25), (50, 100))]
    assert all(ended)
    assert not any(going_on)


def test_one_look_is_the_ordinary_exact_interval():
    one = Looks(first=20, most=20, half_width=0.1)
    assert one.sizes == (20,)
    assert one.counted(0, 20)["high"] == pytest.approx(1 - 0.025 ** (1 / 20))
    assert counted(0, 20)["high"] == pytest.approx(0.161, abs=1e-3)  # Wilson's


@pytest.mark.parametrize(
    "given", [(0, 10, 0.1), (10, 5, 0.1), (10, 20, 0.0), (10, 20, 0.6)], ids=str
)
def test_wrong_looks_are_named(given):
    with pytest.raises(ValueError, match=r"first|most|half_width"):
        Looks(*given)


def test_a_frequency_of_no_run_is_refused():
    with pytest.raises(ValueError, match="n_runs"):
        counted(0, 0)
