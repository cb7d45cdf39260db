"""The measures of the claims on geometry on small tables made by hand."""

from __future__ import annotations

import itertools

import pandas as pd
import pytest

from modecollapse.claims.claim import NoRows
from modecollapse.claims.geometry import CLAIMS

NAMED = {claim.name: claim for claim in CLAIMS}


def verdict(name: str, **tables: pd.DataFrame) -> tuple[float, str]:
    estimate = NAMED[name].measure(tables)
    return round(estimate.value, 9), str(NAMED[name].verdict(estimate))


def paid() -> pd.DataFrame:
    rows = [
        (8, "trained", "natural", 4.0, 0.001, 1),
        (8, "trained", "euclidean", 2.2, 0.7, 99),
        (8, "fixed", "euclidean", 3.8, 0.15, 18),
        (4, "trained", "natural", 3.6, 0.15, 40),
        (4, "fixed", "natural", 2.9, 0.4, 83),
        (4, "fixed", "euclidean", 2.8, 0.4, 83),
    ]
    columns = ["n_components", "weights", "geometry", "n_found", "regret", "n_collapsed"]
    table = pd.DataFrame(rows, columns=columns).assign(n_runs=100, n_found_se=0.05, dimension=16)
    table = table.assign(regret_low=table["regret"] - 0.01, regret_high=table["regret"] + 0.01)
    other = table.assign(problem="equal modes", n_found=2.0, n_collapsed=100, regret=0.3)
    return pd.concat([other, table.assign(problem="four modes")])


def test_spare_components_are_those_of_four_modes():
    table = paid()
    assert verdict("spare-components-natural", components_paid=table) == (0.01, "holds")
    assert verdict("spare-components-need-no-regret", components_paid=table) == (0.001, "holds")
    fixed = verdict("spare-components-fixed-weights-regret", components_paid=table)
    assert fixed == (0.15, "holds")
    assert verdict("spare-components-wasted", components_paid=table) == (1.6, "holds")
    assert verdict("geometry-acts-on-weights", components_paid=table) == (0.1, "holds")
    few = verdict("a-component-a-mode-is-not-enough", components_paid=table)
    assert few == (0.149, "holds")


def test_they_fail_where_the_runs_say_so():
    table = paid().assign(
        n_collapsed=50, n_found=3.0, regret=0.1, regret_low=0.09, regret_high=0.11
    )
    for name in (
        "spare-components-natural",
        "spare-components-need-no-regret",
        "spare-components-wasted",
        "a-component-a-mode-is-not-enough",
    ):
        assert verdict(name, components_paid=table)[1] == "fails", name
    assert verdict("geometry-acts-on-weights", components_paid=table)[1] == "holds"
    far = table.assign(n_found=table["n_found"] + 2 * (table["geometry"] == "natural"))
    assert verdict("geometry-acts-on-weights", components_paid=far)[1] == "fails"


def annealed(dead: int = 100) -> pd.DataFrame:
    rows = [
        ("theory", "euclidean", 1.0, dead),
        ("theory", "euclidean", 0.1, 55),
        ("theory", "wasserstein", 1.0, 100 - dead),
        ("theory", "natural", 1.0, 0),
        ("reduced simulation", "natural", 1.0, 0),
        ("reduced simulation", "euclidean", 1.0, 98),
    ]
    table = pd.DataFrame(rows, columns=["source", "geometry", "eta", "n_collapsed"])
    problem = {"separation": 4.0, "dimension": 16, "target_weight": 0.7, "beta_initial": 0.01}
    table = table.assign(n_runs=100, anneal_time=40.0, time=60.0, **problem)
    return pd.concat([table, table.assign(dimension=64, n_collapsed=50)])


def test_annealed_components_are_kept_by_the_geometry():
    table = annealed()
    cured = verdict("annealed-natural-keeps-components", annealed_geometry=table)
    assert cured == (1.0, "holds")
    by = verdict("annealed-natural-keeps-components-by-descent", annealed_geometry=table)
    assert by == (0.98, "holds")
    kept = verdict("annealed-variances-without-weights", annealed_geometry=table)
    assert kept == (0.0, "holds")
    # at η = 0.1 there is no descent to be compared
    assert verdict("annealed-roads-agree", annealed_geometry=table) == (-0.02, "holds")
    other = table.assign(
        n_collapsed=table["n_collapsed"] + 50 * (table["geometry"] == "wasserstein")
    )
    cured = verdict("annealed-natural-keeps-components", annealed_geometry=other)
    assert cured == (1.0, "holds")
    healthy = annealed(dead=20)
    for name in (
        "annealed-natural-keeps-components",
        "annealed-variances-without-weights",
        "annealed-roads-agree",
    ):
        assert verdict(name, annealed_geometry=healthy)[1] == "fails", name


def lifetimes(power: float = 1.0, trend: float = 0.0, of_norm: float = 0.0) -> pd.DataFrame:
    rows = []
    cases = itertools.product((1.0, 10.0), (4, 64, 1024), (2e3, 1e5), (0.3, 1.0))
    for eta, d, law, size in cases:
        time = law**power * d**trend * size**of_norm
        rows.append(("random", 3.6, eta, d, law, time, 1.0, 3.6 * size))
        # where the bottleneck is longer
        rows.append(("random", 3.6, eta, d, 10.0, 300.0, 6.0, 3.6 * size))
    for r, logit in itertools.product((3.2, 4.0), (46.0, 599.0)):
        time = (2 if r < 4 else 1) * logit ** (0.4 * power)
        rows += [("light", r, 1.0, 64, time, time, logit, r)] * 2
    columns = ["start", "separation", "eta", "dimension", "law", "time", "logit", "norm"]
    return pd.DataFrame(rows, columns=columns).assign(geometry="natural", recovered=True)


def test_lifetimes_are_a_power_of_their_law_where_it_is_long():
    table = lifetimes()
    assert verdict("natural-lifetime-law", natural_lifetimes=table) == (1.0, "holds")
    free = verdict("natural-lifetime-free-of-dimension", natural_lifetimes=table)
    assert free == (0.0, "holds")
    norm = "natural-lifetime-free-of-norm"
    assert verdict(norm, natural_lifetimes=table) == (0.0, "holds")
    assert verdict(norm, natural_lifetimes=lifetimes(of_norm=0.5)) == (0.5, "fails")
    with pytest.raises(NoRows):
        verdict(norm, natural_lifetimes=table[table["norm"] == 3.6])
    assert verdict("light-component-power", natural_lifetimes=table) == (0.4, "holds")
    assert verdict("light-component-law", natural_lifetimes=table) == (1.0, "holds")
    other = lifetimes(power=2.0, trend=0.5)
    assert verdict("natural-lifetime-law", natural_lifetimes=other)[1] == "fails"
    off = verdict("natural-lifetime-free-of-dimension", natural_lifetimes=lifetimes(trend=0.5))
    assert off == (0.5, "fails")
    assert verdict("light-component-power", natural_lifetimes=other)[1] == "fails"
    slow = table.assign(time=2 * table["time"])
    assert verdict("light-component-law", natural_lifetimes=slow) == (2.0, "fails")


def test_they_say_nothing_of_other_problems():
    tables = {
        "components_paid": paid()[:6],
        "annealed_geometry": annealed()[6:],
        "natural_lifetimes": lifetimes().assign(geometry="wasserstein"),
    }
    for claim in CLAIMS:
        with pytest.raises(NoRows):
            claim.measure({name: tables[name] for name in claim.tables})
