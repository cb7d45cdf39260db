"""Runs are counted once they are aligned, with the weights that they have then."""

from __future__ import annotations

import numpy as np
import pytest

from modecollapse.experiments import natural_lifetimes as experiment
from modecollapse.experiments.share import Share
from modecollapse.overlaps import random_start
from modecollapse.theory.drift import drift_time

SMALL = {
    "seed": 4,
    "geometries": ("natural", "wasserstein"),
    "separations": (3.6,),
    "etas": (1.0,),
    "dimensions": (16,),
    "sizes": (0.5,),
    "runs": 3,
    "settle": 50.0,
    "light": (80.0, 20.0),
    "horizon": 1e9,
}


@pytest.fixture(scope="module")
def table():
    return experiment.compute(experiment.Settings(**SMALL), Share())


def test_random_starts_have_the_law_of_their_weights_when_aligned(table):
    assert list(table.columns) == list(experiment.UNITS)
    random = table[table["start"] == "random"]
    assert set(random["geometry"]) == {"natural", "wasserstein"}
    assert (random["norm"] == 1.8).all()
    for row in random.itertuples():
        power = 1.0 if row.geometry == "natural" else 0.0
        assert row.law == pytest.approx(drift_time(3.6, power, row.logit))
    long = random[random["law"] > 1e4]
    assert len(long) > 1
    np.testing.assert_allclose(long["time"] / long["law"], 1, atol=0.15)


def test_light_components_are_of_the_natural_geometry_and_in_order(table):
    light = table[table["start"] == "light"]
    assert set(light["geometry"]) == {"natural"}
    np.testing.assert_allclose(light["logit"], np.log(10) * np.array([20, 80]))
    assert light["time"].is_monotonic_increasing
    np.testing.assert_allclose(light["time"] / light["law"], 1, atol=0.25)


def test_a_point_of_which_nothing_is_aligned_has_no_row():
    settings = experiment.Settings(**(SMALL | {"separations": (2.3,), "settle": 1e4, "runs": 2}))
    table = experiment.compute(settings, Share())
    assert set(table["start"]) == {"light"}


def test_each_point_draws_by_itself_from_the_sphere_of_its_norm(monkeypatch):
    drawn = []

    def recorded(target, n, rng, scale):
        drawn.append((target.separation, target.dimension, scale, rng.random()))
        return random_start(target, n, rng, scale=scale)[:0]

    monkeypatch.setattr(experiment, "random_start", recorded)
    grid = {"geometries": ("natural",), "separations": (2.3, 3.0), "dimensions": (4, 16)}
    settings = experiment.Settings(**(SMALL | grid | {"sizes": (0.5, 2.0), "light": (1.0,)}))
    experiment.compute(settings, Share())
    places = [(r, d, size * r) for r in (2.3, 3.0) for d in (4, 16) for size in (0.5, 2.0)]
    assert [point[:3] for point in drawn] == places
    assert len({number for *_, number in drawn}) == len(places)
