"""Figure 8 and its claims through rows that are made."""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest

from modecollapse.claims import beyond as claims
from modecollapse.claims import heating
from modecollapse.figures import beyond as figure

KEYS = ["kind", "target", "n_modes", "separation", "barrier", "run"]


def rows():
    """Two-mode targets of three kinds that collapse by their barrier, and one of four modes."""
    for number, kind in enumerate(("bimodal", "phi4", "anisotropic")):
        for barrier in (2.0, 3.0, 4.0, 5.0):
            for run in range(10):
                lost = run < 2.5 * (barrier - 2)
                yield kind, f"{kind} {barrier}", 2, barrier * (1 + number), barrier, run, lost
    for run in range(10):
        yield "simplex", "simplex (dimension 8, n_modes 4, separation 4)", 4, 3.0, 3.0, run, run < 5


MADE = pd.DataFrame(rows(), columns=[*KEYS, "lost"])
RUNS = MADE.drop(columns="lost").assign(
    source="flow",
    dimension=8,
    modes_seen=MADE["n_modes"],
    start=0.1,
    early_step=8,
    early=np.where(MADE["lost"], 0.5, 0.9) - 0.01 * MADE["run"],
    early_mode=MADE["run"] % 2,
    step=400,
    least=np.where(MADE["lost"], 0.0, 0.9),
    heaviest=np.where(MADE["run"] == 0, 1, MADE["run"] % 2),
    n_found=MADE["n_modes"] - MADE["lost"],
    outcome=np.where(MADE["lost"], "collapsed", "both modes"),
    status="finished",
)


def test_panels_draw_frequencies_against_separation_and_barrier():
    drawn = figure.draw(with_heating({"beyond_runs": RUNS}))
    for axes, column in zip(drawn.axes[:2], ("separation", "barrier"), strict=True):
        lines = [c.lines[0] for c in axes.containers]
        assert len(lines) == 3
        own = RUNS[RUNS["kind"] == "phi4"]
        np.testing.assert_allclose(lines[1].get_xdata().astype(float), sorted(own[column].unique()))
        np.testing.assert_allclose(lines[1].get_ydata().astype(float), [0.0, 0.3, 0.5, 0.8])
    sizes = drawn.axes[2].collections[0].get_sizes()
    assert sizes == pytest.approx([49, 49])  # half the runs find 3, half find 4
    counts = [int(text.get_text()) for text in drawn.axes[3].texts]
    assert sum(counts) == len(RUNS)
    plt.close(drawn)


def test_the_caption_tells_how_good_the_forecasts_are():
    text = figure.caption(with_heating({"beyond_runs": RUNS}))
    assert "10 runs a target" in text
    assert "Area under the curve" in text
    alike = figure.caption(with_heating({"beyond_runs": RUNS.assign(outcome="both modes")}))
    assert "Too few runs of either end" in alike


def test_claims_measure_what_they_say():
    tables = with_heating({"beyond_runs": RUNS})
    found = {claim.name: claim.measure(tables) for claim in claims.CLAIMS}
    assert found["beyond-barrier"].value == pytest.approx(1.0)
    assert found["beyond-separation"].value < 0.9
    more = found["flows-find-more-than-components"]
    assert more.value == pytest.approx((3.5 - 3.2) / 4)
    half = 1.96 * np.hypot(0.1, np.sqrt(10 / 36 / 10)) / 4
    assert more.high - more.value == pytest.approx(half, rel=1e-3)
    assert found["forecast-auc"].value > 0.9
    assert found["forecast-within-a-target"].value == 1.0
    lost = RUNS[(RUNS["outcome"] != "both modes") & (RUNS["n_modes"] == 2)]
    hits = (lost["early_mode"] == lost["heaviest"]).mean()
    assert found["forecast-side"].value == pytest.approx(hits)
    assert hits < 1
    assert 0 <= found["forecast-calibration"].low <= found["forecast-calibration"].high


def heated_rows():
    """Tempered runs lose the narrow mode above a log-volume of 1.5, the others never."""
    for source in ("theory", "simulation"):
        for d in (4, 32):
            for volume in (0.0, 1.0, 2.0, 4.0):
                for path in ("none", "tempered", "weights kept"):
                    lost = 20 if path == "tempered" and volume > 1.5 else 0
                    yield source, d, volume, path, lost


def with_heating(tables):
    heated = pd.DataFrame(
        heated_rows(), columns=["source", "dimension", "log_volumes", "path", "n_lost"]
    ).assign(n_runs=20, separation=2.5, target_weight=0.6, anneal_time=40.0, time=60.0)
    flows = pd.DataFrame(
        [
            (path, run, mode, weight, 0.0 if path == "tempered" and mode == 0 else weight)
            for path in ("tempered", "weights evened")
            for run in range(6)
            for mode, weight in enumerate((0.6, 0.3, 0.1))
        ],
        columns=["path", "run", "mode", "weight", "mass"],
    )
    flows["outcome"] = np.where(flows["path"] == "tempered", "collapsed", "both modes")
    found = pd.DataFrame(
        {
            "arrangement": "simplex", "n_modes": [4, 4, 8], "n_components": [4, 8, 8],
            "dimension": 8, "separation": 4.0, "n_found": [3.2, 3.9, 5.0], "n_found_se": 0.1,
            "time": 300.0,
        }
    )  # fmt: skip
    return {
        **tables,
        "heated": heated,
        "heated_flows": flows.assign(step=9),
        "components_found": found,
    }


def test_a_narrow_mode_lost_is_drawn_by_theory_and_by_simulation():
    drawn = figure.draw(with_heating({"beyond_runs": RUNS}))
    axes = drawn.axes[4]
    tempered = [line for line in axes.lines if line.get_label() == "tempered"]
    np.testing.assert_array_equal(tempered[0].get_ydata(), [0, 0, 1, 1])
    assert len(axes.containers) == 2 * 4 * 3  # a mark for each point of the simulation
    masses = drawn.axes[5].lines
    assert any(np.array_equal(line.get_ydata(), np.zeros(6)) for line in masses)
    plt.close(drawn)


def test_components_stand_beside_the_flows_of_their_own_simplex():
    theory = with_heating({})["components_found"]
    runs = pd.DataFrame(
        {"kind": "simplex", "n_modes": [4], "dimension": 8,
         "target": "simplex (n_modes 4, separation 4, dimension 8)"}
    )  # fmt: skip
    assert figure.beside(runs, theory)["n_found"].tolist() == [3.2]
    sorted_by_name = runs.assign(target="simplex (dimension 8, n_modes 4, separation 4)")
    assert figure.beside(sorted_by_name, theory)["n_found"].tolist() == [3.2]
    other = runs.assign(target="simplex (n_modes 4, separation 4.5, dimension 8)")
    assert figure.beside(other, theory).empty
    assert figure.beside(runs.assign(kind="many-well"), theory).empty


def test_claims_about_heating_measure_what_they_say():
    tables = with_heating({"beyond_runs": RUNS})
    found = {claim.name: claim.measure(tables) for claim in heating.CLAIMS}
    assert found["heating-onset"].value == pytest.approx(1.5)
    assert 1 < found["heating-onset"].low < 1.5 < found["heating-onset"].high < 2
    assert found["heating-loses-the-narrow"].value == pytest.approx(2 / 3)
    assert found["corrected-path-keeps-the-narrow"].value == 0
    assert found["heating-theory-and-simulation"].value == 0
    assert found["heated-flows-lose-the-heaviest"].value == 1
    assert found["evened-flows-collapse-less"].value == -1
