"""The measures of the claims on survival, on tables whose answer is known."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from modecollapse.claims import survival
from modecollapse.claims.claim import NoRows

STL = "sticking-the-landing"
CRITICAL = 2.26


def claim(name, **tables):
    (found,) = [c for c in survival.CLAIMS if c.name == name]
    estimate = found.measure(tables)
    return estimate, str(found.verdict(estimate))


def barriers(power, distances=(0.001, 0.004, 0.01, 0.04), level=1.0):
    x = np.array(distances)
    one = pd.DataFrame({"distance": x, "separation": CRITICAL + x, "barrier": level * x**power})
    one = one.assign(components="stratified", law=x**1.5, gaussian=x**1.5)
    return pd.concat(
        [one.assign(estimator=STL), one.assign(estimator="pathwise", barrier=3 * x**power)]
    )


FAR, NEAR = (0.03, 0.05, 0.07, 0.09, 0.14), (0.01, 0.02, 0.03, 0.04, 0.06)


def times(power=1.5, factor=1.0, scale=2.0, distances=FAR):
    rows = []
    for estimator in (STL, "pathwise"):
        for distance in distances:
            for batch in (200, 400):
                exponent = scale * distance**power * batch / 0.5
                rows.append((estimator, CRITICAL + distance, 0.5, batch, exponent))
    table = pd.DataFrame(
        rows, columns=["estimator", "separation", "step_size", "batch", "exponent"]
    )
    forecast = 10 * np.exp(table["exponent"])
    return table.assign(forecast=forecast, steps=factor * forecast, n_left=200)


def test_exponents_are_those_of_the_table():
    estimate, verdict = claim("escape-exponent", escape_barriers=barriers(1.5))
    assert (round(estimate.value, 9), verdict) == (1.5, "holds")
    assert claim("escape-exponent", escape_barriers=barriers(1.3))[1] == "fails"
    for power in (1.5, 1.8):
        for name, distances in (("escape_times", FAR), ("escape_near", NEAR)):
            table = times(1.5, scale=9.0, distances=distances)
            true = times(power, scale=9.0, distances=distances)["exponent"]
            steps = table["forecast"] * np.exp(true - table["exponent"])
            steps[table["separation"] > CRITICAL + max(distances) - 0.001] *= 10.0  # too far
            tables = {name: table.assign(steps=steps), "escape_barriers": barriers(1.5)}
            which = "measured" if distances is FAR else "near"
            estimate, _ = claim(f"escape-{which}-exponent", **tables)
            assert estimate.value == pytest.approx(power - 1.5)
        estimate, verdict = claim("escape-measured-power", **tables)
        assert estimate.value == pytest.approx(power)
        assert verdict == ("holds" if power == 1.5 else "fails")


def test_the_coefficient_is_that_next_to_the_fold():
    tables = barriers(1.5, level=0.97)
    estimate, verdict = claim("escape-coefficient", escape_barriers=tables[tables.estimator == STL])
    assert (round(estimate.value, 9), verdict) == (0.03, "holds")


@pytest.mark.parametrize(("scale", "verdict"), [(0.97, "holds"), (0.6, "fails")])
def test_the_measured_coefficient_is_over_the_law(scale, verdict):
    """The barriers' law is (r − r_c)^{3/2} for both estimators; that of the times is scaled."""
    estimate, found = claim(
        "escape-measured-coefficient",
        escape_near=times(scale=scale),
        escape_barriers=barriers(1.5),
    )
    assert (round(estimate.value, 9), found) == (scale, verdict)


def test_times_are_held_against_the_forecast():
    assert claim("escape-forecast", escape_times=times())[0].value == 0.0
    estimate, verdict = claim("escape-forecast", escape_times=times(factor=2.0))
    assert (round(estimate.value, 6), verdict) == (round(float(np.log(2)), 6), "fails")
    estimate, verdict = claim("escape-measured", escape_times=times())
    assert (estimate.value, verdict) == (1.0, "holds")
    assert claim("escape-measured", escape_times=times(factor=0.5))[0].value < 1


def test_adam_is_held_against_plain_descent():
    """Φ/h is 1; Adam's log steps grow by 2 from B = 8 to 32, plain descent's by 24."""
    rows = [("sgd", 2, 2.0, 100.0), ("adam", 8, 1.0, 50.0), ("adam", 32, 2.0, 50.0 * np.exp(2.0))]
    table = pd.DataFrame(rows, columns=["optimizer", "batch", "exponent", "steps"]).assign(
        n_left=99
    )
    estimate, verdict = claim("escape-adam", escape_optimizers=table)
    assert (round(estimate.value, 6), verdict) == (round(2 / 24, 6), "holds")


def healing(**changes):
    """At three η, from r = 3 to 5: half-lives as their laws; S(t) off by 2, 0, 0 of 100."""
    rows = [
        {
            "separation": r, "eta": eta, "norm": r, "n_runs": 100, "n_collapsed": 50,
            "n_slow": 48 if eta == 0.1 else 50, "n_own": 51 if eta == 10 else 80,
            "drift_law": 1.25 * r * r - np.log(eta), "frozen_law": 0.5 * r * r,
            "half_life": np.exp(1.25 * r * r - np.log(eta) - 0.5 if eta == 0.1 else 0.5 * r * r),
        }
        for eta in (0.1, 1.0, 10.0)
        for r in (3.0, 4.0, 5.0)
    ]  # fmt: skip
    same = {"dimension": 16, "target_weight": 0.5, "start": "sphere"}
    return pd.DataFrame(rows).assign(**same, **changes)


@pytest.mark.parametrize(
    ("name", "value", "broken"),
    [
        ("healing-slow", 0.02, {"n_slow": 54}),
        ("healing-own", 0.01, {"n_own": 54}),
        ("healing-decades", (1.25 * 25 + np.log(10) - 5) / np.log(10), {"half_life": 30.0}),
        ("healing-drift-law", 0.5, {"half_life": [*np.exp([9, 16, 25.0])] * 3}),
        ("healing-drift-growth", 1.0, {"half_life": [*np.exp([9, 16, 25.0])] * 3}),
        ("healing-frozen-law", 1.0, {"half_life": [*np.exp([9, 16, 25.0])] * 3}),
    ],
)
def test_claims_of_healing(name, value, broken):
    estimate, verdict = claim(name, healing=healing())
    assert (round(estimate.value, 9), verdict) == (round(value, 9), "holds")
    assert claim(name, healing=healing(**broken))[1] == "fails"


def test_a_half_life_that_is_not_known_does_not_count():
    table = healing()
    table.loc[[0, 1], "half_life"] = 0.0
    with pytest.raises(NoRows):
        claim("healing-drift-law", healing=table)


def test_without_rows_nothing_is_said():
    for found in survival.CLAIMS:
        empty = {"escape_barriers": barriers(1.5).iloc[:0], "escape_times": times().iloc[:0]}
        empty |= {"escape_full": times().iloc[:0], "escape_optimizers": pd.DataFrame()}
        empty["healing"] = healing().iloc[:0]
        empty |= {"escape_near": times().iloc[:0], "survival_check": checks(0.1).iloc[:0]}
        empty["escape_optimizers"] = times().iloc[:0].assign(optimizer="sgd")
        with pytest.raises(NoRows):
            found.measure({name: empty[name] for name in found.tables})


def checks(error, runs=3000):
    rows = [("above", 0.02, 0.01), ("above", 0.02, error), ("below", 0.02, 0.2)]
    table = pd.DataFrame(rows, columns=["side", "temperature", "survival_error"])
    return table.assign(n_runs=runs)


@pytest.mark.parametrize(
    ("error", "runs", "verdict"),
    [
        (0.03, 3000, "holds"),
        (0.14, 3000, "undecided"),
        (0.2, 3000, "fails"),
        (0.03, 90, "undecided"),
    ],
)
def test_the_worst_point_decides_with_the_chance_of_all_of_them(error, runs, verdict):
    estimate, found = claim("survival-above", survival_check=checks(error, runs))
    assert estimate.value == error
    assert found == verdict
    assert estimate.high - error == pytest.approx((np.log(4 / 0.05) / (2 * runs)) ** 0.5)


def test_each_side_has_its_points():
    table = checks(0.03)
    assert claim("survival-below-noisy", survival_check=table)[0].value == 0.2
    with pytest.raises(NoRows):
        claim("survival-below-quiet", survival_check=table)
    quiet = table.assign(temperature=0.002)
    assert claim("survival-below-quiet", survival_check=quiet)[1] == "holds"


@pytest.mark.parametrize(
    "name", ["escape-near-exponent", "escape-measured-power", "escape-measured-coefficient"]
)
def test_times_of_an_estimator_without_a_barrier_say_nothing_of_the_law(name):
    near, known = times(distances=NEAR, scale=20.0), barriers(1.5)
    one = known[known["estimator"] == "pathwise"]
    both = near[near["estimator"] == "pathwise"]
    alone = claim(name, escape_near=near, escape_barriers=one)
    assert np.isfinite(alone[0]).all()
    assert alone == claim(name, escape_near=both, escape_barriers=one)
    with pytest.raises(NoRows):
        claim(name, escape_near=near[near["estimator"] == STL], escape_barriers=one)
