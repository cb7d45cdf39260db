"""Figure 8 and its claims through rows that are made."""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest

from modecollapse.claims import beyond as claims
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
        yield "simplex", "simplex 4", 4, 3.0, 3.0, run, run < 5


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
    drawn = figure.draw({"beyond_runs": RUNS})
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
    text = figure.caption({"beyond_runs": RUNS})
    assert "10 runs a target" in text
    assert "Area under the curve" in text
    alike = figure.caption({"beyond_runs": RUNS.assign(outcome="both modes")})
    assert "Too few runs of either end" in alike


def test_claims_measure_what_they_say():
    tables = {"beyond_runs": RUNS}
    found = {claim.name: claim.measure(tables) for claim in claims.CLAIMS}
    assert found["beyond-barrier"].value == pytest.approx(1.0)
    assert found["beyond-separation"].value < 0.9
    assert found["forecast-auc"].value > 0.9
    assert found["forecast-within-a-target"].value == 1.0
    lost = RUNS[(RUNS["outcome"] != "both modes") & (RUNS["n_modes"] == 2)]
    hits = (lost["early_mode"] == lost["heaviest"]).mean()
    assert found["forecast-side"].value == pytest.approx(hits)
    assert hits < 1
    assert 0 <= found["forecast-calibration"].low <= found["forecast-calibration"].high
