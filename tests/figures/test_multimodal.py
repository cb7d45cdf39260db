"""The figure of many modes through its artists."""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

from modecollapse.figures import multimodal as figure


def rows():
    for arrangement, modes, d in [("simplex", 4, 64), ("random", 6, 3)]:
        for eta in (0.0, 1.0):
            for k in (2, 4):
                for r in (3.0, 2.0):  # not in order
                    yield arrangement, modes, d, eta, k, r, min(k, modes) - eta + 1 / r


TABLE = pd.DataFrame(
    rows(),
    columns=["arrangement", "n_modes", "dimension", "eta", "n_components", "separation", "n_found"],
).assign(source="theory", n_runs=8, n_found_se=0.1, kl=0.5, kl_se=0.1, time=400.0, n_moving=0)


def test_each_panel_draws_its_arrangement_and_eta():
    drawn = figure.draw({"modes_found": TABLE})
    panels = drawn.axes
    assert len(panels) == 4
    for axes, (arrangement, eta) in zip(
        panels, [("simplex", 0.0), ("simplex", 1.0), ("random", 0.0), ("random", 1.0)], strict=True
    ):
        chosen = TABLE[(TABLE["arrangement"] == arrangement) & (TABLE["eta"] == eta)]
        for line, k in zip(axes.lines[1:3], (2, 4), strict=True):
            values = chosen[chosen["n_components"] == k].sort_values("separation")
            np.testing.assert_array_equal(line.get_xdata(), [2.0, 3.0])
            np.testing.assert_allclose(line.get_ydata().astype(float), values["n_found"])
        assert axes.lines[0].get_ydata()[0] == chosen["n_modes"].iloc[0]
        assert axes.get_ylim()[0] == 0
    colours = [[line.get_color() for line in axes.lines[1:3]] for axes in panels]
    assert all(pair == colours[0] for pair in colours)
    plt.close(drawn)


def test_caption_tells_the_ends_of_the_curves():
    text = figure.caption({"modes_found": TABLE})
    assert "K* = 4 on a simplex, d = 64; K* = 6 in random directions, d = 3" in text
    assert "on a simplex 4.3 ± 0.1 of 4 with fixed weights and 3.3 ± 0.1 of 4 with η = 1" in text
    assert "K = 4 components" in text
