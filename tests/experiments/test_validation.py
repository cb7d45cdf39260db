"""Theory and simulation agree within errors: the z-scores are those of a standard normal."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from modecollapse.experiments import validation
from modecollapse.experiments.share import Share
from modecollapse.experiments.validation import UNITS, Settings, compute
from modecollapse.targets import BimodalTarget
from modecollapse.theory import integration

LEAST = 1e-4  # for all the tests of a table together

BASE = Settings(
    seed=1,
    separation=2.5,
    target_weights=(0.5, 0.8),
    etas=(0.0, 1.0),
    dimensions=(2, 32),
    starts=("sphere", "gaussian"),
    estimators=("pathwise", "sticking-the-landing"),
    components=("stratified", "sampled"),
    times=(1.0, 2.0),
    step_size=0.1,
    batch=32,
    runs=40,
    evaluation_samples=128,
    device="cpu",
)


@pytest.fixture(scope="module")
def table():
    return compute(BASE, Share())


def p_value(table: pd.DataFrame) -> float:
    """How likely z-scores so far from standard normal are, in mean, spread or tails.

    The rows of one quantity at one time are of different settings, so independent; over
    quantities and times, which are not, Bonferroni's correction is used.
    """
    smallest = []
    for _, rows in table.groupby(["quantity", "time"]):
        z, n = rows["z"].to_numpy(), len(rows)
        mean = 2 * stats.norm.sf(abs(z.mean()) * np.sqrt(n))
        squares = stats.chi2.cdf((z**2).sum(), n)
        tail = -np.expm1(n * np.log1p(-2 * stats.norm.sf(np.abs(z).max())))
        smallest += [mean, 2 * min(squares, 1 - squares), tail]
    return min(1.0, len(smallest) * min(smallest))


def test_z_scores_are_standard_normal(table):
    assert len(table) == 32 * 2 * (7 + 8)
    assert list(table.columns) == list(UNITS)
    assert table.notna().all(axis=None)
    assert p_value(table) > LEAST


def replaced(table, **columns):
    """The table with other columns, and z to match."""
    table = table.assign(**columns)
    return table.assign(z=(table["simulation"] - table["theory"]) / table["standard_error"])


@pytest.mark.parametrize(
    "wrong",
    [
        # a theory that is 2 % wrong in one statistic
        lambda t: replaced(t, theory=t["theory"] * np.where(t["quantity"] == "q11", 1.02, 1)),
        # standard errors too small or too large by half
        lambda t: replaced(t, standard_error=t["standard_error"] / 1.5),
        lambda t: replaced(t, standard_error=t["standard_error"] * 1.5),
        # one value far out
        lambda t: t.assign(z=np.where(t.index == 17, 6.5, t["z"])),
    ],
    ids=["mean", "narrow", "wide", "tail"],
)
def test_what_is_wrong_is_caught(table, wrong):
    assert p_value(wrong(table)) < LEAST


def test_the_wrong_target_is_caught(monkeypatch):
    """Theory for π = 0.78 where the simulation has 0.8, and for η = 1.2 where it has 1."""
    right = integration.integrate

    def wrong(target, start, times, eta):
        other = BimodalTarget(target.separation, target.dimension, 0.975 * target.weight)
        return right(other, start, times, eta=1.2 * eta)

    monkeypatch.setattr(integration, "integrate", wrong)
    settings = replace(BASE, target_weights=(0.8,), starts=("sphere",), runs=20)
    assert p_value(compute(settings, Share())) < LEAST


def test_without_extrapolation_the_step_size_is_seen():
    """The bias that the extrapolation removes is one that the z-scores would show."""
    settings = replace(
        BASE,
        target_weights=(0.5,),
        etas=(0.0,),
        dimensions=(4,),
        starts=("sphere",) * 12,  # twelve settings, each with a start of its own
        estimators=("sticking-the-landing",),
        components=("stratified",),
        times=(1.0,),
        step_size=0.2,
        batch=256,
        runs=20,
    )
    table = compute(settings, Share())
    assert p_value(table) > LEAST
    plain = validation._simulate

    def coarse(settings, setting, target, start, part, seed):
        return plain(settings, setting, target, start, 1, seed)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(validation, "_simulate", coarse)
        assert p_value(compute(settings, Share())) < LEAST


def test_jobs_share_the_work():
    small = {"dimensions": (3,), "starts": ("sphere",), "times": (0.2, 0.4), "batch": 8, "runs": 4}
    settings = replace(BASE, estimators=("pathwise",), components=("sampled",), **small)
    whole = compute(settings, Share())
    parts = pd.concat([compute(settings, Share(k, 3)) for k in range(3)], ignore_index=True)
    pd.testing.assert_frame_equal(parts, whole)


@pytest.mark.parametrize("times", [(1.0, 1.5), (2.0, 1.0), (0.15,)])
def test_times_must_be_steps(times):
    with pytest.raises(ValueError, match=r"^times: got"):
        replace(BASE, times=times)
