"""The linear stage against a direct simulation of it, and d_eff in its limits."""

from __future__ import annotations

import numpy as np
import pytest

from modecollapse.targets import BimodalTarget
from modecollapse.theory.finite_batch import effective_dimension, linear_stage


@pytest.mark.parametrize("weight", [0.5, 0.7])
def test_linear_stage_against_samples(weight):
    """λ and Var t from x·e_1 ~ N(a, 1) and tanh, without the closed expectations."""
    target = BimodalTarget(2.5, 64, weight)
    x = np.random.default_rng(0).standard_normal(400_000)
    tilts = [np.tanh(2.5 * (x + a) + target.logit / 2) for a in (-0.01, 0.0, 0.01)]
    growth = (2.5 * (tilts[2] - tilts[0]) / 0.02 - 1) / 2
    rate, variance = linear_stage(target)
    assert abs(growth.mean() - rate) < 4.5 * growth.std() / np.sqrt(x.size) + 1e-3  # O(0.01²)
    squares = (tilts[1] - tilts[1].mean()) ** 2
    assert abs(squares.mean() - variance) < 4.5 * squares.std() / np.sqrt(x.size)


def test_limits():
    target = BimodalTarget(3.0, 1000, 0.6)
    assert effective_dimension(target, 1e-12, 10**6) == pytest.approx(1000)
    noise = [effective_dimension(target, h, b) for h, b in ((0.1, 64), (0.05, 32), (0.1, 32))]
    assert noise[0] == pytest.approx(noise[1])  # h/B alone counts
    assert noise[2] < noise[0] < 1000
    endless = BimodalTarget(3.0, 10**9, 0.6)
    rate, variance = linear_stage(endless)
    assert effective_dimension(endless, 0.1, 16) == pytest.approx(4 * rate * 160 / variance, 1e-5)
    # a start of variance R²/d outweighs the same noise in (R/r)² as many dimensions
    wide = effective_dimension(endless, 0.1, 16, norm=6.0)
    assert wide == pytest.approx(4 * effective_dimension(endless, 0.1, 16), 1e-5)
    assert effective_dimension(target, 0.1, 16, norm=3.0) == effective_dimension(target, 0.1, 16)


@pytest.mark.parametrize(
    ("separation", "step_size", "batch", "message"),
    [(1.0, 0.1, 16, "separation"), (3.0, 0.0, 16, "step_size"), (3.0, 0.1, 1, "batch")],
)
def test_bad_input(separation, step_size, batch, message):
    with pytest.raises(ValueError, match=message):
        effective_dimension(BimodalTarget(separation, 64), step_size, batch)
