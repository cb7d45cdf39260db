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
