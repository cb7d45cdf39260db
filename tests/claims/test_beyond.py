"""The intervals of the claims on other targets: over targets, and against right forecasts."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from modecollapse.claims import beyond
from modecollapse.claims.claim import NoRows
from modecollapse.prediction import auc


def told(targets: int, runs: int, noise: float) -> pd.DataFrame:
    """Forecasts that are the same for all runs of a target, which end alike."""
    rng = np.random.default_rng(1)
    chance = np.linspace(0.05, 0.95, targets) + noise * rng.standard_normal(targets)
    table = pd.DataFrame({"target": np.repeat(np.arange(targets), runs)})
    lost = np.repeat(rng.random(targets) < np.linspace(0.2, 0.8, targets), runs)
    return table.assign(probability=np.repeat(chance, runs), collapsed=lost)


def test_more_runs_of_the_same_targets_tell_no_more():
    few, many = (
        beyond._over_targets(
            told(12, n, 0.2), lambda t: auc(t["probability"], t["collapsed"]).value
        )
        for n in (2, 40)
    )
    assert few.value == pytest.approx(many.value)
    assert many.high - many.low == pytest.approx(few.high - few.low)
    pooled = auc(*(told(12, 40, 0.2)[name] for name in ("probability", "collapsed")))
    assert many.high - many.low > 2 * (pooled.high - pooled.low)


@pytest.mark.parametrize(("off", "above"), [(0.0, False), (0.3, True)])
def test_right_forecasts_have_no_error_above_that_of_right_ones(monkeypatch, off, above):
    rng = np.random.default_rng(2)
    chance = rng.uniform(0.3, 0.7, 400)
    table = pd.DataFrame({"probability": chance, "collapsed": rng.random(400) < chance + off})
    monkeypatch.setattr(beyond, "_forecasts", lambda tables: table)
    found = beyond._calibration({})
    assert (found.low > 0) == above


def test_the_side_of_the_collapse_is_counted_over_targets():
    runs = pd.DataFrame({"target": ["a"] * 3 + ["b"] * 2, "n_modes": 2, "outcome": "lost"})
    runs = runs.assign(early_mode=[0, 0, 1, 1, 1], heaviest=[0, 0, 0, 1, 1])
    found = beyond._side({"beyond_runs": runs})
    assert (found.value, found.low, found.high) == (0.8, pytest.approx(2 / 3), 1.0)
    with pytest.raises(NoRows):
        beyond._side({"beyond_runs": runs[runs["target"] == "a"]})
