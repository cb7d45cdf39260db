"""The claims on flows, measured on small tables whose answers are known."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from counted_flows import summaries

from modecollapse.claims import flow_factors, normalizing_flows
from modecollapse.claims.claim import NoRows
from modecollapse.experiments.flow_frequencies import SETTING
from modecollapse.experiments.flow_tangent import Settings, compute
from modecollapse.experiments.share import Share

STEPS = (0, 100, 200)
OTHERS = dict.fromkeys(("couplings", "hidden", "depth"), 2) | {
    "source": "flow",
    "target_weight": 0.5,
    "direction": "random",
    "architecture": "realnvp",
    "optimizer": "adam",
}


def runs(starts, ends, separation=4.0, dimension=16, early=None, **more) -> pd.DataFrame:
    """A run for each start; `ends` are masses on the + mode at the last step."""
    rows = []
    for run, (start, end) in enumerate(zip(starts, ends, strict=True)):
        middle = end if early is None else early[run]
        for step, mass in zip(STEPS, (0.5, middle, end), strict=True):
            lost = min(mass, 1 - mass) < 0.1
            rows.append(
                {
                    "separation": separation,
                    "dimension": dimension,
                    "run": run,
                    "step": step,
                    "projection_mean": start,
                    "mass_plus": mass,
                    "outcome": "collapsed" if lost else "both modes",
                    "kl": 0.75 if lost else 0.05,
                    "status": "finished",
                    **more,
                }
            )
    table = pd.DataFrame(rows)
    missing = {name: OTHERS[name] for name in SETTING if name not in table}
    return table.assign(**missing)


def measured(module, name, **tables):
    (claim,) = (claim for claim in module.CLAIMS if claim.name == name)
    given = {table: tables[table] for table in claim.tables}
    counted = {n: summaries(t) if "status" in t else t for n, t in given.items()}
    return claim.measure(counted)


def test_the_part_collapsed_is_that_of_the_last_step():
    table = runs([0.1] * 4, [1.0, 0.0, 1.0, 0.5], early=[0.5] * 4)
    assert measured(normalizing_flows, "flows-collapse", flow_collapse=table).value == 0.75


def test_a_run_that_diverged_is_not_counted():
    table = runs([0.1] * 3, [1.0, 0.5, 0.5])
    table.loc[table["run"] == 2, "status"] = "diverged"
    assert measured(normalizing_flows, "flows-collapse", flow_collapse=table).value == 0.5


def test_sides_are_those_of_the_collapsed_runs_alone():
    table = runs([0.1, -0.1, 0.2, -0.3], [1.0, 0.0, 0.0, 0.5])
    found = measured(normalizing_flows, "flows-side", flow_collapse=table)
    assert found.value == pytest.approx(2 / 3)


def test_the_start_foretells_by_its_distance_whatever_the_side():
    starts = [0.5, -0.6, 0.7, -0.8, 0.1, -0.1, 0.05, 0.02]
    table = runs(starts, [1.0, 0.0, 1.0, 0.0, 0.5, 0.5, 0.5, 0.5])
    found = measured(normalizing_flows, "flows-start-foretells", flow_collapse=table)
    assert found.value == 1.0
    with pytest.raises(NoRows):
        measured(normalizing_flows, "flows-start-foretells", flow_collapse=table[table.run < 7])


def test_regret_is_kl_above_the_best_fit_of_the_same_target():
    table = pd.concat([runs([0.1, 0.1, 0.1], [1.0, 0.0, 0.5])])
    fits = pd.DataFrame({"separation": 4.0, "dimension": 16, "kl": [0.06, 0.02], "kl_se": 0.001})
    found = measured(normalizing_flows, "flows-regret", flow_collapse=table, flow_fit=fits)
    assert found.value == pytest.approx(0.73)
    worst = measured(normalizing_flows, "flows-family", flow_fit=fits)
    assert worst.value == 0.06
    assert worst.low < 0.06 < worst.high


def test_healing_is_from_the_worst_step_to_the_last():
    table = runs([0.1] * 4, [1.0, 0.5, 0.5, 0.5], 3.0, 64, early=[1.0, 1.0, 1.0, 0.5])
    other = runs([0.1] * 4, [1.0] * 4, 3.0, 2)
    both = pd.concat([table, other])
    assert measured(normalizing_flows, "flows-heal", flow_collapse=both).value == 0.5


def test_dimension_is_the_largest_against_the_smallest():
    low, high = runs([0.1] * 4, [0.5] * 4, 4.0, 2), runs([0.1] * 4, [1.0] * 4, 4.0, 64)
    both = pd.concat([low, high])
    found = measured(normalizing_flows, "flows-worse-in-high-dimension", flow_collapse=both)
    assert found.value == 1.0
    mixture = pd.DataFrame(
        {"separation": 4.0, "eta": 0.0, "dimension": [2, 64], "n_collapsed": [40, 10], "n_runs": 50}
    )
    name = "mixtures-worse-in-high-dimension"
    assert measured(normalizing_flows, name, mixture_collapse=mixture).value == pytest.approx(-0.6)
    name = "flows-more-than-mixtures"
    found = measured(normalizing_flows, name, flow_collapse=both, mixture_collapse=mixture)
    assert found.value == pytest.approx(0.8)


def test_optimizers_are_compared_at_their_last_steps():
    plain, adam = runs([0.1] * 4, [1.0] * 4, 3.0), runs([0.1] * 4, [1.0, 0.5, 0.5, 0.5], 3.0)
    found = measured(normalizing_flows, "flows-optimizer", flow_sgd=plain, flow_collapse=adam)
    assert found.value == 0.75


def slow(steps, collapsed):
    """Plain descent at r = 3, of 24 flows."""
    rows = {"separation": 3.0, "dimension": 16, "n_runs": 24}
    return pd.DataFrame({"step": steps, "n_collapsed": collapsed}).assign(**rows)


def test_flows_that_heal_late_are_those_collapsed_after_twice_the_time_foretold():
    late = measured(
        normalizing_flows, "flows-healing-law", flow_sgd=slow([0, 600, 2400], [0, 20, 15])
    )
    assert late.value == 0.75
    for steps, collapsed in (
        ([0, 600, 2000], [0, 20, 15]),
        ([0], [0]),
        ([0, 600, 2400], [0, 0, 0]),
    ):
        with pytest.raises(NoRows):
            measured(normalizing_flows, "flows-healing-law", flow_sgd=slow(steps, collapsed))


@pytest.mark.parametrize(
    ("gain", "verdict"), [(0.0, "holds"), (0.3, "fails"), (0.012, "undecided")]
)
def test_the_tail_is_held_where_the_lost_mode_gains_nothing(gain, verdict):
    """Half of the whole in e^{4.5}/(0.02 · 4.4) = 1,023 steps, 0.59 from step 1200 to 2400."""
    due = 0.5 * 1200 * 0.02 * 4.4 / np.exp(4.5)
    table = slow([0, 1200, 2400], [24, 23, 23]).assign(
        lost_mass=[0.5, 0.003, 0.003 + gain * due], lost_mass_se=[0.01, 0.003, 0.004]
    )
    (claim,) = [c for c in normalizing_flows.CLAIMS if c.name == "flows-tail-held"]
    found = claim.measure({"flow_sgd": table})
    assert found.value == pytest.approx(gain)
    assert found.high - found.value == pytest.approx(1.96 * 0.005 / due, rel=1e-3)
    assert str(claim.verdict(found)) == verdict
    with pytest.raises(NoRows):
        claim.measure({"flow_sgd": table.assign(n_collapsed=1)})


def test_the_speed_of_an_untrained_flow_is_what_the_claim_takes_it_for():
    """K_mm at d = 16, 4 couplings of 2 × 32, random directions."""
    settings = Settings(
        seed=5, separations=(3.0,), dimensions=(16,), directions=("random",), couplings=4,
        architectures=("realnvp",), architecture_dimension=2, architecture_couplings=2, hidden=32,
        depth=2, runs=12, samples=256,
    )  # fmt: skip
    speeds = compute(settings, Share()).query("dimension == 16")["shift"]
    assert speeds.mean() == pytest.approx(normalizing_flows.SHIFT, rel=0.1)


def test_lost_late_are_those_that_held_both_modes_at_a_quarter():
    courses = {0: [0.5, 0.5, 0.5, 0.5, 1.0], 1: [0.5, 1.0, 1.0, 1.0, 1.0], 2: [0.5] * 5}
    rows = [
        {"run": run, "step": step, "outcome": "collapsed" if mass > 0.9 else "both modes"}
        for run, course in courses.items()
        for step, mass in enumerate(course)
    ]
    found = measured(normalizing_flows, "flows-no-vanishing-weight", flow_course=pd.DataFrame(rows))
    assert found.value == 0.5


def test_the_race_orders_frequencies():
    settings, parts = [], []
    for k, r in enumerate(np.linspace(2, 5, 6)):
        ends = [1.0] * k + [0.5] * (6 - k)
        setting = {"direction": "random", "architecture": "realnvp", "couplings": 4}
        parts.append(runs([0.1] * 6, ends, float(r), 16, **setting))
        settings.append({**setting, "separation": float(r), "dimension": 16, "race": 1.0 + k})
    table, tangent = pd.concat(parts), pd.DataFrame(settings)
    tables = {"flow_race": table, "flow_tangent": tangent}
    found = measured(flow_factors, "flows-race", **tables)
    assert found.value == pytest.approx(1.0)
    reverse = {**tables, "flow_tangent": tangent.assign(race=-tangent["race"])}
    assert measured(flow_factors, "flows-race", **reverse).value == pytest.approx(-1.0)


def test_heavy_modes_and_widths():
    weight = runs([0.1] * 4, [1.0, 1.0, 0.0, 0.5], target_weight=0.7)
    assert measured(flow_factors, "flows-heavy-mode", flow_weight=weight).value == (
        pytest.approx(2 / 3)
    )
    narrow = runs([0.1] * 4, [1.0] * 4, hidden=16, couplings=4)
    wide = runs([0.1] * 4, [1.0, 0.5, 0.5, 0.5], hidden=64, couplings=4)
    table = pd.concat([narrow, wide])
    assert measured(flow_factors, "flows-width", flow_capacity=table).value == 0.75
