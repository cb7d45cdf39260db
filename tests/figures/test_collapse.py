"""Figure 1 through its artists."""

from __future__ import annotations

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

from modecollapse.experiments.snapshots import grid, rows
from modecollapse.figures import collapse as figure


def picture(centre: float, case: str = "a", time: float = 0.0) -> pd.DataFrame:
    along, across = grid(3.0, 31)
    density = np.exp(-((along - centre) ** 2 + across**2) / 2) / (2 * np.pi)
    return rows("simulation", case, "both modes", 3.0, time, density)


def test_the_density_lies_along_the_horizontal_axis_and_crosses_mark_the_modes():
    drawn, axes = plt.subplots()
    figure.draw_density(axes, picture(3.0))
    (crosses,) = axes.lines
    np.testing.assert_array_equal(crosses.get_xydata(), [[-3, 0], [3, 0]])
    highest = [path for path in axes.collections[0].get_paths() if len(path.vertices)][-1]
    assert abs(highest.vertices[:, 0].mean() - 3.0) < 0.2
    assert abs(highest.vertices[:, 1].mean()) < 0.2
    plt.close(drawn)


def test_a_row_for_each_case_and_a_column_for_each_time():
    table = pd.concat([picture(0, case, time) for case in "ab" for time in (0.0, 1.0, 2.0)])
    drawn = figure.draw({"snapshots": table})
    assert len(drawn.axes) == 6
    assert drawn.axes[0].get_ylabel() == "a:\nboth modes"
    assert "t" in drawn.axes[1].get_title()
    plt.close(drawn)


def test_the_caption_tells_where_the_mass_went():
    text = figure.caption({"snapshots": picture(3.0)})
    assert "100 % of q at x·μ* > 0" in text
