"""Any number of components in three geometries, against two components and against Euclid."""

import numpy as np
import pytest

from modecollapse import random_start, target
from modecollapse.geometries import GEOMETRIES, metric_of
from modecollapse.theory.geometry import geometry_velocity, integrate_geometry
from modecollapse.theory.multimodal import (
    MultimodalOverlaps,
    MultimodalTarget,
    integrate_modes,
    random_modes_start,
    rates,
)

P = target(2.0, 6, 0.7)


@pytest.mark.parametrize("geometry", GEOMETRIES)
def test_two_components_are_those_of_the_bimodal_equations(geometry):
    start = random_start(P, 4, np.random.default_rng(1))
    logit = np.array([0.0, 1.0, -2.0, 0.5])
    y = np.concatenate([start.m, start.q, logit[:, None]], axis=1)
    expected = geometry_velocity(y, 2.0, 0.7, 1.0, geometry)
    two = MultimodalOverlaps.from_bimodal(type(start)(start.m, start.q, logit))
    found = rates(P, two, eta=1.0, geometry=geometry, tolerance=1e-8)
    assert found.m[:, :, 0] == pytest.approx(expected[:, :2], abs=1e-6)
    # ℓ moves twice as fast with both logits trained, but in the natural geometry
    speed = 1 + (geometry != "natural")
    turn = found.logits[:, 0] - found.logits[:, 1]
    assert turn == pytest.approx(speed * expected[:, 5], abs=1e-6)


@pytest.mark.parametrize("geometry", GEOMETRIES)
def test_speeds_are_the_euclidean_ones_over_powers_of_the_weights(geometry):
    p = MultimodalTarget.simplex(3, 2.0, 8)
    rng = np.random.default_rng(2)
    start = random_modes_start(p, 3, 4, rng)
    start = MultimodalOverlaps(start.m, start.q, rng.standard_normal((3, 4)))
    here, euclid = (rates(p, start, eta=2.0, geometry=g) for g in (geometry, "euclidean"))
    metric, w = metric_of(geometry), start.weights
    assert here.m * w[:, :, None] ** metric.means == pytest.approx(euclid.m, abs=1e-5)
    assert here.logits * w**metric.weights == pytest.approx(euclid.logits, abs=1e-5)
    assert here.kl == pytest.approx(euclid.kl, abs=1e-9)


def test_runs_are_those_of_two_components():
    start = random_start(P, 3, np.random.default_rng(3))
    one = integrate_geometry(P, start, [3.0], eta=1.0, geometry="natural")
    many = integrate_modes(
        P, MultimodalOverlaps.from_bimodal(start), [3.0], eta=1.0, geometry="natural", rtol=1e-6
    )
    assert many.final("kl") == pytest.approx(one.final("kl"), abs=1e-4)


def test_an_unknown_geometry_is_named():
    with pytest.raises(ValueError, match="geometry: got 'flat'"):
        rates(P, random_modes_start(P, 1, 2, np.random.default_rng(0)), geometry="flat")
