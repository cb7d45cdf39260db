"""Colours: seaborn's, without loading it where no figure needs it."""

from __future__ import annotations

import subprocess
import sys

import pytest
import seaborn as sns

from modecollapse.figures.style import CYCLE, DARK, shades


def test_the_palettes_are_those_of_seaborn():
    assert list(CYCLE) == list(sns.color_palette("colorblind").as_hex())
    assert list(DARK) == list(sns.color_palette("dark").as_hex())


@pytest.mark.parametrize("name", ["viridis", "cividis", "flare", "light:#0173b2"])
@pytest.mark.parametrize("count", [1, 2, 7])
def test_shades_are_those_of_seaborn(name, count):
    assert shades(count, name) == list(sns.color_palette(name, count).as_hex())


def test_drawing_loads_neither_seaborn_nor_the_statistics_of_scipy():
    code = (
        "import sys, modecollapse.pipeline.draw, modecollapse.figures.mean_alignment\n"
        "print(sorted({'seaborn', 'scipy.stats', 'torch', 'numba'} & {*sys.modules}))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
