"""The compiled gradient of the means against the one that torch's operations sum."""

import dataclasses

import numpy as np
import pytest
import torch

from modecollapse.simulation.densities import Mixtures, log_weights
from modecollapse.simulation.estimators import Estimator, Sums, components
from modecollapse.simulation.normals import NormalStream
from modecollapse.simulation.plain import is_plain, plain_gradient
from modecollapse.simulation.products import project

CPU, RUNS = torch.device("cpu"), 3
SUMS = Sums(
    batch=33, score_term=True, stratified=True, norms=False, log_ratio=False, variances=False
)


def drawn(streams, batch, d):
    noise = torch.empty(RUNS, batch, d, dtype=torch.float64)
    for stream, out in zip(streams, noise, strict=True):
        stream.fill(out)
    return noise


def streams():
    return [NormalStream(5, run, CPU) for run in range(RUNS)]


@pytest.mark.parametrize("d", [1, 2, 3, 4, 7, 30])
@pytest.mark.parametrize("score", [True, False])
@pytest.mark.parametrize("stratified", [True, False])
def test_it_is_the_gradient_that_the_estimator_sums_from_the_same_normals(d, score, stratified):
    rng = np.random.default_rng(d)
    vectors = torch.from_numpy(rng.standard_normal((RUNS, 3, d)))
    logit = torch.from_numpy(rng.normal(size=RUNS))
    targets = log_weights(torch.from_numpy(rng.normal(size=RUNS)))
    first = torch.tensor([17] * RUNS if stratified else [0, 9, 33])
    sums = dataclasses.replace(SUMS, score_term=score, stratified=stratified)
    ones = torch.ones(RUNS, 2, dtype=torch.float64)
    logs = log_weights(logit), ones, targets
    mixtures = Mixtures(project(vectors, vectors), *logs, ones[:, 0], d)
    estimator, slow, fast = Estimator(vectors, mixtures, first, sums), streams(), streams()
    estimator.add(drawn(slow, SUMS.batch, d), components(first, 0, SUMS.batch))
    found = plain_gradient(fast, vectors, (logit, targets), first, sums)
    expected = estimator.gradient()
    torch.testing.assert_close(found.means, expected.means, rtol=1e-12, atol=1e-14)
    assert found.logit is found.variances is found.log_ratio is None
    assert torch.equal(drawn(slow, 2, d), drawn(fast, 2, d))  # both streams stand at the same place


@pytest.mark.parametrize("asked", ["norms", "log_ratio", "variances", "alpha"])
def test_it_is_left_to_the_estimator_where_more_is_asked_for(asked):
    vectors = torch.zeros(RUNS, 3, 4, dtype=torch.float64)
    assert is_plain(SUMS, vectors)
    assert not is_plain(dataclasses.replace(SUMS, **{asked: True}), vectors)
    assert not is_plain(SUMS, vectors.float())
    assert not is_plain(SUMS, vectors.to("meta"))
