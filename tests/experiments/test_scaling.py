"""The fitted exponents, and the noise floor's own formula."""

from __future__ import annotations

import numpy as np
import pytest

from modecollapse.experiments import scaling
from modecollapse.experiments.scaling import SERIES, UNITS, Settings, compute
from modecollapse.experiments.share import Share

SETTINGS = Settings(
    seed=3,
    separation=3.0,
    dimension=16,
    step_size=0.1,
    batch=64,
    time=1.0,
    floor_time=8.0,
    bias_runs=60,
    spread_runs=60,
    floor_runs=8,
    step_sizes=(0.2, 0.1),
    batches=(32, 128),
    dimensions=(16, 256),
    device="cpu",
)


@pytest.fixture(scope="module")
def table():
    return compute(SETTINGS, Share())


def test_exponents_are_those_expected(table):
    assert list(table.columns) == list(UNITS)
    fits = table.drop_duplicates(["series", "variable"])
    assert len(fits) == len(SERIES)
    error = (fits["high"] - fits["low"]) / (2 * 1.96)
    assert (np.abs(fits["exponent"] - fits["expected"]) < 4.5 * error).all()
    # the fits can tell the laws apart: other exponents are out of reach
    sharp = fits[fits["series"] != "bias"]
    assert (error[sharp.index] < 0.2).all()


def test_the_floor_has_the_level_of_its_formula(table):
    floor = table[(table["series"] == "floor") & (table["variable"] == "dimension")]
    hw = 0.5 * SETTINGS.step_size
    predicted = floor["x"] / SETTINGS.batch * hw / (2 - hw)  # docs/simulation.md, Eq. 4.2
    assert (np.abs(floor["value"] - predicted) < 4.5 * floor["standard_error"]).all()


def test_slope_and_its_error():
    rng = np.random.default_rng(4)
    x, error = np.array([1.0, 2.0, 5.0, 9.0]), np.array([0.01, 0.03, 0.02, 0.02])
    fits = []
    for _ in range(2000):
        value = 3 * x**-0.7 * np.exp(error * rng.standard_normal(4))
        fits.append(scaling._slope(x, value, error * 3 * x**-0.7))
    slopes, claimed = np.array(fits).T
    assert slopes.mean() == pytest.approx(-0.7, abs=4.5 * slopes.std() / np.sqrt(2000))
    assert slopes.std() == pytest.approx(claimed.mean(), rel=4.5 / np.sqrt(2 * 2000))
