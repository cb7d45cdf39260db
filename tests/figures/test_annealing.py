"""The figure on annealing through its artists."""

from __future__ import annotations

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest

from modecollapse.counting import counted
from modecollapse.figures import annealing as figure

BETAS, STEPS = (0.001, 0.1), (100, 400)
LOST = {(0.001, 100): 8, (0.001, 400): 2, (0.1, 100): 6, (0.1, 400): 4}  # of 10 runs
CORNERS = ((0, 0), (1, 0), (0, 1), (1, 1))
CELLS = ("0.80", "0.20", "0.60", "0.40")
COMMON = {"separation": 3.0, "dimension": 64, "target_weight": 0.8, "time": 60.0, "step_size": 0.1}


@pytest.fixture
def axes():
    drawn, axes = plt.subplots()
    yield axes
    plt.close(drawn)


def grid(source: str, factor: int = 1) -> pd.DataFrame:
    """The cells above, of `factor` times 10 runs."""
    rows = [
        {
            "beta_initial": b,
            "anneal_steps": t,
            **counted(factor * n, factor * 10),
            "n_aligned": factor * n + (t == 100),
            "kl": 0.2,
        }
        for (b, t), n in LOST.items()
    ]
    return pd.DataFrame(rows).assign(source=source, **COMMON)


def practice() -> pd.DataFrame:
    ways = [
        ("none", "fixed", 0.0, "fixed", 9, 0),
        ("none", "trained", 0.0, "fixed", 8, 0),
        ("exponential", "fixed", 0.0, "fixed", 5, 0),
        ("exponential", "fixed", 1.0, "throughout", 5, 0),
        ("exponential", "trained", 0.0, "fixed", 1, 0),
        ("exponential", "trained", 1.0, "throughout", 3, 4),
        ("exponential", "trained", 1.0, "afterwards", 2, 0),
    ]
    rows = []
    for annealing, variances, eta, weights, aligned, vanished in ways:
        row = {"annealing": annealing, "variances": variances, "eta": eta, "weights": weights}
        row |= {"n_mean_alignment": aligned, "n_vanishing_weight": vanished}
        row["anneal_time"] = 40.0
        row["beta_initial"] = 0.01 if annealing == "exponential" else 1.0
        rows.append({**row, **counted(aligned + vanished, 10)})
    return pd.DataFrame(rows).assign(start="normal", norm=8.0, **COMMON)


def tables() -> dict[str, pd.DataFrame]:
    flows = grid("flow").assign(step=lambda t: t["anneal_steps"] + 50)
    plain = flows.iloc[[0]].assign(beta_initial=1.0, anneal_steps=0, step=450, **counted(10, 10))
    growth = [0.001 ** (-1 / 400), 1.05]
    formula = pd.DataFrame(
        [
            {"source": source, "batch": batch, "growth": g, "probability": p}
            for source, batch in (("formula", 0), ("theory", 0), ("theory", 64))
            for g, p in zip(growth, (0.25, 0.75), strict=True)
        ]
    )
    forecast = pd.DataFrame([counted(5, 10), counted(1, 10)]).assign(predicted=[0.5, 0.4])
    return {
        "annealing_map": pd.concat([grid("theory", 10), grid("reduced simulation")]),
        "flow_annealing": pd.concat([plain, flows], ignore_index=True),
        "annealing_formula": formula,
        "annealing_forecast": forecast,
        "annealing_practice": practice(),
    }


def test_a_map_has_each_cell_in_its_place(axes):
    figure.draw_map(axes, grid("theory"))
    (mesh,) = axes.collections
    shown = np.asarray(mesh.get_array()).reshape(2, 2)
    expected = [[LOST[b, t] / 10 for t in STEPS] for b in BETAS]
    np.testing.assert_array_equal(shown, expected)
    assert [t.get_text() for t in axes.get_xticklabels()] == ["100", "400"]
    written = {t.get_position(): t.get_text() for t in axes.texts}
    words = {place: f"{p}\nKL 0.20" for place, p in zip(CORNERS, CELLS, strict=True)}
    assert written == words


def test_cells_stand_at_the_growth_of_beta(axes):
    figure.draw_growth(axes, grid("theory"), tables()["annealing_formula"])
    marks = {
        (round(float(x), 6), float(y))
        for line in axes.lines
        if line.get_marker() == "x"
        for x, y in zip(line.get_xdata(), line.get_ydata(), strict=True)
    }
    assert marks == {(round(b ** (-1 / t), 6), n / 10) for (b, t), n in LOST.items()}


def test_bars_are_the_outcomes_and_fill_the_width(axes):
    figure.draw_practice(axes, practice())
    shown = figure.practice_rows(practice())
    assert len(shown) == 6  # trained weights with fixed variances are not drawn
    ends = np.zeros(len(shown))
    *stacks, errors = axes.containers
    low, high = errors.lines[2][0].get_segments()[0][:, 0]
    assert low < 0.1 < high  # the part that found both modes, of the first way
    for bars, name in zip(stacks, figure.OUTCOMES, strict=True):
        widths = np.array([bar.get_width() for bar in bars])
        ends += widths
        if name == "vanishing weight":
            np.testing.assert_allclose(widths, [0, 0, 0, 0, 0.4, 0], atol=1e-12)
    np.testing.assert_allclose(ends, 1)
    labels = [t.get_text() for t in axes.get_yticklabels()]
    assert labels[4:] == [r"annealed, $\eta = 1$", r"annealed, $\eta = 1$ after"]


def test_the_figure_and_its_caption():
    drawn = figure.draw(tables())
    titles = [a.get_title() for a in drawn.axes]
    assert titles[:3] == ["gradient flow", "finite batches", "RealNVP"]
    plt.close(drawn)
    words = figure.caption(tables())
    assert "differ by 0.0 standard errors" in words
    assert "which differs in 4 of 8 cells" in words
    assert "KL is 0.200 where 0.20 of the runs" in words
    assert "50 steps after annealing: 1.00 are collapsed at step 450 without annealing" in words
    assert "0.20 at best with it, at step 450" in words
    assert "largest difference 0.30" in words
    assert "Outcomes at time 60, all alike, at r = 3, d = 64, π = 0.8, from 10 starts" in words
    assert "from N(0, 1) in each coordinate" in words
    # at (0.001, 400), the only cell of small β_i within the line's range, the line says 0.25
    assert "within 0.05 of the line" in words
