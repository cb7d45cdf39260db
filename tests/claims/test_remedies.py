"""The measures of figure 7's claims on small tables made by hand."""

from __future__ import annotations

import pandas as pd
import pytest

from modecollapse.claims.claim import NoRows
from modecollapse.claims.remedies import CLAIMS

NAMED = {claim.name: claim for claim in CLAIMS}


def verdict(name: str, **tables: pd.DataFrame) -> tuple[float, str]:
    estimate = NAMED[name].measure(tables)
    return round(estimate.value, 9), str(NAMED[name].verdict(estimate))


def survival(natural_dead: int = 0, natural_late: int = 90) -> pd.DataFrame:
    rows = [
        ("euclidean", 300.0, 770, 650),
        ("natural", 300.0, 300, natural_dead),
        ("euclidean", 1e5, 10, 5),
        ("natural", 1e5, natural_late, 0),
    ]
    table = pd.DataFrame(rows, columns=["geometry", "time", "n_collapsed", "n_vanishing_weight"])
    table = table.assign(n_runs=1000, eta=10.0, dimension=16, target_weight=0.5)
    other = table.assign(n_collapsed=500, n_vanishing_weight=500, separation=5.0)
    return pd.concat([other, table.assign(separation=4.0)])


def test_geometries_are_compared_at_one_time_and_problem():
    table = survival()
    assert verdict("natural-keeps-weights", geometry_survival=table) == (0.0, "holds")
    assert verdict("vanishing-weight-is-euclidean", geometry_survival=table) == (0.65, "holds")
    assert verdict("natural-is-ahead-early", geometry_survival=table) == (0.47, "holds")
    assert verdict("natural-is-not-best-for-ever", geometry_survival=table) == (0.08, "holds")
    dead = survival(natural_dead=700, natural_late=2)
    assert verdict("natural-keeps-weights", geometry_survival=dead) == (0.7, "fails")
    assert verdict("vanishing-weight-is-euclidean", geometry_survival=dead) == (-0.05, "fails")
    assert verdict("natural-is-not-best-for-ever", geometry_survival=dead) == (-0.008, "fails")


def test_a_wait_is_read_only_where_it_recovered():
    columns = ["start", "geometry", "separation", "time", "recovered"]
    rows = [
        ("one at its mode", "natural", 3.0, 1.5, True),
        ("one at its mode", "natural", 6.0, 2.1, True),
        ("aligned", "natural", 3.0, 300.0, True),
        ("one at its mode", "euclidean", 6.0, 1e8, True),
    ]
    table = pd.DataFrame(rows, columns=columns).assign(eta=10.0)
    assert verdict("natural-wait", geometry_waits=table) == (1.4, "holds")
    with pytest.raises(NoRows):
        verdict("natural-wait", geometry_waits=table.assign(recovered=False))


def test_births_are_those_of_theory_and_of_both_objectives():
    columns = ["source", "objective", "strength", "separation"]
    rows = [
        ("theory", "alpha", 1e-7, 2.2596076),
        ("theory", "share", 1e-7, 2.2596176),
        ("theory", "alpha", 0.99, 16.4),
        ("formula", "alpha", 0.99, 14.0),
    ]
    table = pd.DataFrame(rows, columns=columns).assign(target_weight=0.5)
    found = verdict("births-start-at-the-reverse-kl", objective_births=table)
    assert found == (pytest.approx(1e-5), "fails")
    assert verdict("births-diverge", objective_births=table) == (16.4, "holds")
    with pytest.raises(NoRows):
        verdict("births-start-at-the-reverse-kl", objective_births=table.iloc[[0, 2, 3]])


def test_half_a_share_is_judged_by_every_separation_and_needs_the_large_ones():
    columns = ["objective", "strength", "separation", "n_collapsed", "n_collapsed_states"]
    rows = [
        ("share", 0.5, 3.0, 0, 0),
        ("share", 0.5, 6.0, 0, 0),
        ("share", 0.2, 6.0, 90, 2),
        ("alpha", 0.5, 6.0, 90, 2),
    ]
    table = pd.DataFrame(rows, columns=columns)
    table = table.assign(n_runs=100, target_weight=0.5, dimension=16, time=1e4)
    assert verdict("half-a-share-leaves-no-state", objective_runs=table) == (0.0, "holds")
    assert verdict("half-a-share-does-not-collapse", objective_runs=table) == (0.0, "holds")
    found = table.assign(n_collapsed_states=1, n_collapsed=[20, 0, 0, 0])
    assert verdict("half-a-share-leaves-no-state", objective_runs=found) == (2.0, "fails")
    assert verdict("half-a-share-does-not-collapse", objective_runs=found) == (0.1, "fails")
    with pytest.raises(NoRows):
        verdict("half-a-share-leaves-no-state", objective_runs=table[table["separation"] < 6])


def scale(**changed: int) -> pd.DataFrame:
    """Ends of some remedies at two costs; the earlier must not count."""
    lost = {
        "plain": 20,
        "annealing": 2,
        "annealing, weights throughout": 40,
        "annealing, weights afterwards": 30,
        "annealing, natural": 0,
        "annealing, natural, twice the components": 0,
        "best of 10": 0,
        "share 0.5": 0,
        "share 0.1": 2,
        "wide base": 19,
        "mixture base": 4,
    } | changed
    rows = [
        (source, problem, remedy, cost, n if cost == 32000 else 40)
        for source in ("simulation", "flow")
        for problem in ("equal modes", "unequal modes", "four modes")
        for remedy, n in lost.items()
        for cost in (1000.0, 32000.0)
    ]
    columns = ["source", "problem", "remedy", "cost", "n_collapsed"]
    table = pd.DataFrame(rows, columns=columns).assign(n_runs=40)
    regret = table["n_collapsed"] / 40 * 0.6
    return table.assign(regret=regret, regret_low=regret - 0.05, regret_high=regret + 0.05)


def test_remedies_are_judged_at_their_last_cost():
    table = scale()
    assert verdict("winner-two-modes", remedies=table) == (0.0, "holds")
    assert verdict("winner-regret", remedies=table) == (0.3, "holds")
    assert verdict("natural-keeps-annealed-components", remedies=table) == (1.0, "holds")
    assert verdict("winner-needs-more-for-four-modes", remedies=table) == (0.0, "fails")
    assert verdict("winner-four-modes", remedies=table) == (0.0, "holds")
    assert verdict("weights-afterwards-four-modes", remedies=table) == (0.7, "holds")
    assert verdict("restarts-pay", remedies=table) == (0.5, "holds")
    assert verdict("flows-need-samples", remedies=table)[0] == 0.5
    assert verdict("flows-annealed-collapse", remedies=table) == (0.05, "fails")
    worse = scale(**{"annealing, natural": 20, "best of 10": 20})
    assert verdict("winner-two-modes", remedies=worse) == (0.5, "fails")
    assert verdict("winner-regret", remedies=worse)[1] == "fails"
    assert verdict("winner-needs-more-for-four-modes", remedies=worse) == (0.5, "holds")
    assert verdict("restarts-pay", remedies=worse) == (0.0, "undecided")


def test_a_remedy_is_judged_by_all_problems_of_its_claim():
    table = scale()
    with pytest.raises(NoRows):
        verdict("winner-two-modes", remedies=table[table["problem"] != "unequal modes"])
    with pytest.raises(NoRows):
        verdict("flows-need-samples", remedies=table[table["source"] == "simulation"])


def test_shares_and_bases_of_flows_are_held_against_the_plain_descent():
    table = scale(plain=36)
    told = {
        "flows-need-few-samples": (0.85, "holds"),
        "flows-wide-base": (0.425, "fails"),
        "flows-mixture-base": (0.8, "holds"),
    }
    for name, wanted in told.items():
        assert verdict(name, remedies=table) == wanted
    assert verdict("flows-wide-base", remedies=scale(plain=20))[1] == "holds"
    none = scale(**{"plain": 36, "share 0.1": 36, "mixture base": 36})
    assert verdict("flows-need-few-samples", remedies=none) == (0.0, "fails")
    assert verdict("flows-mixture-base", remedies=none) == (0.0, "fails")
    dear = table.assign(regret=0.1, regret_low=0.08, regret_high=0.12)
    rows = (dear["remedy"] == "mixture base") & (dear["source"] == "flow")
    dear.loc[rows, ["regret", "regret_low", "regret_high"]] = [0.6, 0.5, 0.7]
    assert verdict("flows-mixture-base-price", remedies=dear) == (0.5, "holds")
    with pytest.raises(NoRows):
        verdict("flows-mixture-base-price", remedies=dear[~rows])


def test_the_price_of_samples_is_told_only_where_none_is_collapsed():
    table = scale()
    table["regret_low"], table["regret"], table["regret_high"] = 0.09, 0.1, 0.11
    assert verdict("share-has-a-price", remedies=table) == (0.1, "holds")
    lost = scale(**{"share 0.5": 3})
    with pytest.raises(NoRows):
        verdict("share-has-a-price", remedies=lost)


def test_batches_are_held_against_gradient_flow_and_against_a_hundred_times_as_many():
    own = "self-normalised"
    kinds = [(1000, own, 3.25, 3.0, 3.5), (100_000, own, 3.75, 3.5, 4.0),
             (100_000, "plain", 4.75, 4.75, 5.0), (10_000, own, 2.0, 2.0, 2.25)]  # fmt: skip
    table = pd.DataFrame(kinds, columns=["batch", "weights", "separation", "low", "high"])
    table = table.assign(alpha=0.9, flow_separation=4.75, stopped=True)
    table["estimator"] = "sticking-the-landing"
    other = table.assign(estimator="pathwise", separation=1.0)
    table = pd.concat([other, table], ignore_index=True)
    (reach, gain) = ("batches-do-not-reach-theory", "hundred-times-the-batch-gains-little")
    assert verdict(reach, objective_batches=table) == (1.0, "holds")
    assert verdict(gain, objective_batches=table) == (0.5, "holds")
    assert verdict(reach, objective_batches=table.assign(flow_separation=4.25)) == (
        0.5,
        "undecided",
    )
    assert verdict(reach, objective_batches=table.assign(flow_separation=3.5)) == (-0.25, "fails")
    wide = table.assign(low=table["low"] - 0.5)
    assert verdict(gain, objective_batches=wide) == (0.5, "undecided")
    with pytest.raises(NoRows):
        verdict(gain, objective_batches=table[table["batch"] > 2000])
