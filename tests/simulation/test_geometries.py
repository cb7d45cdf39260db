"""Both simulations in each geometry, against their own Euclidean step and the closed equations."""

import numpy as np
import pytest

from modecollapse import random_start, target
from modecollapse.geometries import GEOMETRIES
from modecollapse.overlaps import Overlaps
from modecollapse.simulation import simulate, simulate_reduced
from modecollapse.theory.geometry import geometry_velocity

P = target(separation=2.0, dimension=6, weight=0.7)
ROADS = [simulate, simulate_reduced]


def start_of(n):
    start = random_start(P, n, np.random.default_rng(3))
    return Overlaps(start.m, start.q, np.linspace(-3, 2, n), start.variances)


def one_step(simulated, start, geometry, *, batch=16, step_size=1e-3, **settings):
    """The changes of m_1, m_2, v_1, v_2 and ℓ, (n, 5)."""
    run = simulated(
        P, start, step_size=step_size, steps=1, batch=batch, seed=5, eta=2.0,
        variances="euclidean", geometry=geometry, evaluation_samples=4, **settings,
    )  # fmt: skip
    columns = [np.diff(run.statistics[k])[:, 0] for k in ("m1", "m2", "v1", "v2", "logit")]
    return np.stack(columns, axis=1)


def powers_of(weights, geometry):
    """w_1^a and w_2^a, twice, and (w_1 w_2)^b, (n, 5)."""
    metric = GEOMETRIES[geometry]
    both = weights.prod(axis=1, keepdims=True)
    return np.concatenate([weights**metric.means] * 2 + [both**metric.weights], axis=1)


@pytest.mark.parametrize("geometry", GEOMETRIES)
@pytest.mark.parametrize("simulated", ROADS)
def test_a_step_is_the_euclidean_one_over_the_powers_of_the_weights(simulated, geometry):
    start = start_of(5)
    euclidean, here = (one_step(simulated, start, g) for g in ("euclidean", geometry))
    powers = powers_of(start.weights, geometry)
    np.testing.assert_allclose(here * powers, euclidean, rtol=1e-9, atol=1e-14)


@pytest.mark.parametrize("geometry", GEOMETRIES)
@pytest.mark.parametrize("simulated", ROADS)
def test_large_batches_follow_the_closed_equations(simulated, geometry):
    start = start_of(4)
    y = np.concatenate([start.m, start.q, start.logit[:, None]], axis=1)
    rates = geometry_velocity(y, P.separation, P.weight, 2.0, geometry)[:, [0, 1, 5]]
    change = one_step(simulated, start, geometry, batch=2**17, step_size=1e-6) / 1e-6
    change, powers = change[:, [0, 1, 4]], powers_of(start.weights, geometry)[:, [0, 1, 4]]
    assert (np.abs(change - rates) * powers < 0.02).all()  # a batch's error is about 4/√B
    assert (np.abs(rates * powers).max(axis=0) > 0.1).all()


def test_the_optimiser_sees_the_gradient_in_the_metric():
    """Adam's first step is the sign of the gradient, in whatever metric."""
    start = start_of(3)
    steps = {g: one_step(simulate, start, g, optimizer="adam") for g in GEOMETRIES}
    np.testing.assert_allclose(steps["natural"], steps["euclidean"], rtol=1e-4)
