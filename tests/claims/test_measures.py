"""The measures of the claims on small tables made by hand, and what they make of other ones."""

import pandas as pd
import pytest

from modecollapse.claims import (
    annealing,
    collapse,
    mean_alignment,
    multimodal,
    theory_vs_simulation,
    vanishing_weight,
)
from modecollapse.claims.claim import NoRows, Verdict
from modecollapse.claims.rows import chance, gap, likeness, mean_of_runs


def verdict(module, name: str, tables) -> tuple[float, Verdict]:
    (claim,) = [c for c in module.CLAIMS if c.name == name]
    estimate = claim.measure(tables)
    return round(estimate.value, 6), claim.verdict(estimate)


def starts(small: float, normal: float, failed: float = 1.0) -> dict[str, pd.DataFrame]:
    """1000 runs a row at two dimensions and weights; `failed`: the part with regret."""
    rows = []
    for weight in (0.5, 0.7):
        for d in (16, 64, 512):
            for start, norm, p in (("sphere", 0.1, small), ("normal", d**0.5, normal)):
                hits = round(1000 * p)
                rows.append((weight, d, start, norm, hits, round(failed * hits), hits))
    names = ["target_weight", "dimension", "start", "norm", "n_collapsed", "n_failed"]
    table = pd.DataFrame(rows, columns=[*names, "n_mean_alignment"])
    return {"collapse_probability": table.assign(source="theory", separation=3.0, n_runs=1000)}


def test_starts_are_told_apart():
    tables = starts(small=0.01, normal=0.5)
    assert verdict(mean_alignment, "small-start-equal-modes", tables) == (0.01, "holds")
    assert verdict(mean_alignment, "small-start-unequal-modes", tables) == (0.01, "fails")
    assert verdict(mean_alignment, "normal-start-50", tables) == (0.5, "holds")
    assert verdict(mean_alignment, "favourable-cases", tables) == (0.5, "holds")
    assert verdict(mean_alignment, "favourable-cases", starts(0.01, 0.3))[1] == "undecided"
    assert verdict(mean_alignment, "normal-start-any-dimension-70", tables) == (0.0, "holds")


def test_a_collapse_without_regret_is_no_failure():
    assert verdict(mean_alignment, "family-holds-the-target", starts(0.1, 0.5)) == (1.0, "holds")
    cheap = starts(0.1, 0.5, failed=0.5)
    assert verdict(mean_alignment, "family-holds-the-target", cheap) == (0.5, "fails")
    with pytest.raises(NoRows):
        verdict(mean_alignment, "family-holds-the-target", starts(0.0, 0.0))


def test_simulation_is_compared_in_its_effective_dimension():
    """From N(0, 1) starts P is 0.2, 0.4, 0.6 at d = 16, 64, 512; descent at 512 looks like 64."""
    line = pd.DataFrame({"dimension": [16, 64, 512], "n_collapsed": [200, 400, 600]})
    line = line.assign(source="theory", n_runs=1000, effective_dimension=line["dimension"])
    seen = pd.DataFrame({"dimension": [512, 64], "n_collapsed": [40, 20]})
    seen = seen.assign(source="simulation", n_runs=100, effective_dimension=[64.0, 16.0])
    table = pd.concat([line, seen], ignore_index=True)
    table["probability"] = table["n_collapsed"] / table["n_runs"]
    table = table.assign(separation=3.0, time=60.0, target_weight=0.5, start="normal")
    table["norm"] = table["dimension"] ** 0.5
    far = table.assign(start="sphere", norm=0.1, probability=0.9)  # not spoken of
    both = {"collapse_probability": pd.concat([table, far], ignore_index=True)}
    assert verdict(mean_alignment, "simulated-probability", both) == (0.0, "holds")
    plain = table.assign(effective_dimension=table["dimension"])
    assert verdict(mean_alignment, "simulated-probability", {"collapse_probability": plain})[0] > 9


def test_noise_is_read_from_the_table_of_small_starts():
    rows = {"source": ["theory", "reduced simulation"], "n_runs": [1000, 800]}
    table = pd.DataFrame({**rows, "n_collapsed": [10, 80], "low": 0.08, "high": 0.12})
    table = table.assign(separation=3.0, target_weight=0.5, dimension=512, start="sphere")
    table = table.assign(norm=0.1, time=60.0, probability=table["n_collapsed"] / table["n_runs"])
    small = {"small_start": table}
    assert verdict(mean_alignment, "noise-undoes-a-small-start", small) == (0.09, "holds")


def test_survival_is_read_at_its_time_and_against_fixed_weights():
    rows = [(0.0, t, 400) for t in (100.0, 400.0, 1.25e4, 1e5)]
    rows += [(10.0, 100.0, 900), (10.0, 400.0, 50), (10.0, 1.25e4, 100), (10.0, 1e5, 5)]
    table = pd.DataFrame(rows, columns=["eta", "time", "n_collapsed"])
    table = table.assign(n_vanishing_weight=table["n_collapsed"] - 100 * (table["eta"] == 0))
    table = table.assign(n_runs=1000, dimension=16)
    both = [table.assign(separation=r, target_weight=w) for r in (3.0, 4.0) for w in (0.5, 0.7)]
    tables = {"survival": pd.concat(both)}
    assert verdict(vanishing_weight, "vanishing-weight", tables) == (0.9, "holds")
    assert verdict(vanishing_weight, "vanishing-weight-heals", tables) == (0.005, "holds")
    assert verdict(vanishing_weight, "fixed-weights-do-not-heal", tables) == (0.0, "holds")
    assert verdict(vanishing_weight, "fast-weights-r3-50", tables) == (-0.35, "holds")
    assert verdict(vanishing_weight, "fast-weights-r4", tables) == (0.5, "holds")
    assert verdict(vanishing_weight, "fast-weights-r4-late", tables) == (-0.3, "holds")


def test_annealing_is_read_way_by_way():
    ways = [("none", "fixed", "fixed", 0.0, 500), ("none", "trained", "fixed", 0.0, 500)]
    ways += [("exponential", "fixed", "fixed", 0.0, 450), ("exponential", "trained", "fixed", 0, 1)]
    columns = ["annealing", "variances", "weights", "eta", "n_collapsed"]
    table = pd.DataFrame(ways, columns=columns)
    table = table.assign(separation=3.0, target_weight=0.7, start="normal", n_runs=1000)
    tables = {"annealing_practice": table}
    assert verdict(annealing, "without-annealing", tables) == (0.5, "holds")
    assert verdict(annealing, "variances-alone", tables) == (0.0, "holds")
    assert verdict(annealing, "annealing-alone", tables) == (0.45, "holds")
    assert verdict(annealing, "annealing-with-variances", tables) == (0.001, "holds")
    with pytest.raises(NoRows):
        verdict(annealing, "weights-after-annealing", tables)


def test_heat_is_read_at_the_slowest_annealing():
    rows = [(0.1 / 9, 200, 300, 0.9), (0.1 / 9, 800, 60, 0.222)]
    rows += [(1 / 9, 200, 700, 0.3), (1 / 9, 800, 500, 0.223)]
    table = pd.DataFrame(rows, columns=["beta_initial", "anneal_steps", "n_collapsed", "kl"])
    table = table.assign(source="theory", target_weight=0.8, separation=3.0, n_runs=1000)
    tables = {"annealing_map": table}
    assert verdict(annealing, "how-hot", tables) == (0.44, "holds")
    assert verdict(annealing, "published-map-fits-no-better", tables) == (-0.001, "holds")
    better = {"annealing_map": table.assign(kl=table["n_collapsed"] / 1000)}
    assert verdict(annealing, "published-map-fits-no-better", better) == (-0.44, "fails")


def test_a_picture_is_split_at_its_middle():
    cells = [(-1.0, 0.1), (0.0, 0.2), (1.0, 0.9)]
    picture = pd.DataFrame(cells, columns=["along", "density"]).assign(time=1.0, case="a")
    early = picture.assign(time=0.0, density=1.0)
    table = pd.concat([early, picture]).assign(outcome="mean alignment")
    assert verdict(collapse, "collapse-watched", {"snapshots": table})[0] == round(1 / 1.2, 6)
    with pytest.raises(NoRows):
        verdict(collapse, "collapse-watched", {"snapshots": table.assign(outcome="both modes")})


def test_modes_are_counted_with_their_error():
    row = {"arrangement": "simplex", "n_modes": 4, "separation": 6.0, "eta": 0.0, "n_runs": 8}
    table = pd.DataFrame([{**row, "n_components": 4, "n_found": 2.6, "n_found_se": 0.2}])
    table = table.assign(n_moving=1)
    assert verdict(multimodal, "as-many-components", {"modes_found": table}) == (2.6, "holds")
    assert verdict(multimodal, "many-modes-at-rest", {"modes_found": table}) == (0.125, "fails")
    estimate = mean_of_runs(table.iloc[0], "n_found")
    assert estimate.high - estimate.value == pytest.approx(2.3646 * 0.2, abs=1e-3)  # t with 7


def test_frequencies_of_rows_chosen():
    table = pd.DataFrame({"x": [1, 1, 2], "n_collapsed": [10, 30, 90], "n_runs": [100, 100, 100]})
    assert chance(table, x=1).value == 0.2
    assert gap(table, {"x": 2}, {"x": 1}).value == pytest.approx(0.7)


@pytest.mark.parametrize(("simulated", "near"), [([50, 52, 48], True), ([90, 10, 80], False)])
def test_likeness_is_about_one_where_theory_is_right(simulated, near):
    theory = pd.DataFrame({"k": [1, 2, 3], "n_collapsed": 500, "n_runs": 1000, "source": "theory"})
    other = pd.DataFrame({"k": [1, 2, 3], "n_collapsed": simulated, "n_runs": 100})
    table = pd.concat([theory, other.assign(source="simulation")], ignore_index=True)
    table["probability"] = table["n_collapsed"] / table["n_runs"]
    assert (likeness(table, ["k"]).value < 2) is near


def test_outcomes_of_the_same_starts_are_paired():
    rows = {"n_runs": [500, 500], "n_same": [490, 480], "n_theory": [4, 4], "n_simulation": [6, 4]}
    pairs = pd.DataFrame(rows).assign(separation=3.0, start="normal", time=60.0)
    tables = {"validation_outcomes": pairs}
    assert verdict(theory_vs_simulation, "same-outcomes", tables) == (0.97, "holds")
    assert verdict(theory_vs_simulation, "outcomes-not-biased", tables) == (0.002, "holds")
    worse = {"validation_outcomes": pairs.assign(n_same=440, n_simulation=56)}
    assert verdict(theory_vs_simulation, "same-outcomes", worse)[1] == "fails"
    assert verdict(theory_vs_simulation, "outcomes-not-biased", worse) == (0.104, "fails")
    with pytest.raises(NoRows):
        verdict(theory_vs_simulation, "same-outcomes", {"validation_outcomes": pairs.iloc[:0]})
