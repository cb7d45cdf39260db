"""The way of a configuration from its settings to figures and claims, in one process."""

from __future__ import annotations

import json
import re
import warnings
from collections.abc import Mapping
from importlib import import_module
from pathlib import Path
from typing import Any

import matplotlib
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

from modecollapse.claims import claims_of, judged, told
from modecollapse.experiments.share import Share
from modecollapse.figures.style import STYLE
from modecollapse.pipeline import configuration
from modecollapse.pipeline.compute import compute, module_name
from modecollapse.pipeline.gather import gather
from modecollapse.store import read_table

UNSAID = re.compile(r"\b(nan|inf|NaN|NaT|None)\b")


class Maker:
    """Tables of blocks, each made once, below `folder`."""

    def __init__(self, folder: Path) -> None:
        self._folder, self._made = folder, {}

    def table(self, name: str, experiment: str, sources: Mapping[str, Any]) -> pd.DataFrame:
        """The gathered table of all sources, read again from its file."""
        key = json.dumps([experiment, sources], sort_keys=True)
        if key not in self._made:
            folder = self._folder / f"{name}-{len(self._made)}"
            parts = []
            for source, block in sources.items():
                given = {k: v for k, v in block.items() if k != "jobs"}
                parts.append(folder / f"{source}-0.csv")
                compute(experiment, source, given, Share(), parts[-1], "cpu")
            gather(parts, folder / f"{name}.csv")
            table = read_table(folder / f"{name}.csv")
            units = import_module(module_name(experiment, next(iter(sources)))).UNITS
            assert list(table.columns) == list(units)
            assert not table.isna().any().any()
            self._made[key] = table
        return self._made[key]

    def figure(
        self, config: Mapping[str, Any], figure: str, kept: Mapping[str, pd.DataFrame] | None = None
    ) -> str:
        """Compute, gather, draw and judge one figure; returns what its caption says.

        Tables that are `kept` are not computed but taken from there.
        """
        named, kept = configuration.experiments(config), kept or {}
        sources = configuration.blocks(config)[figure]
        return drawn(
            figure,
            {t: kept[t] if t in kept else self.table(t, named[t], s) for t, s in sources.items()},
        )


def rows(figure: str) -> dict[str, pd.DataFrame]:
    """A few rows of a figure's tables, of a run of the smoke configuration."""
    path = Path(__file__).parents[1] / "figures" / "tables.json"
    tables = json.loads(path.read_text(encoding="utf-8")).get(figure, {})
    return {
        name: pd.DataFrame(
            {k: v for k, v in columns.items() if k != "rows"}, range(columns["rows"])
        )
        for name, columns in tables.items()
    }


def drawn(figure: str, tables: Mapping[str, pd.DataFrame]) -> str:
    """Draw and judge; no warning, no axis without an end, nothing unsaid in the caption."""
    name = figure.split("_", 1)[1]
    module = import_module(f"modecollapse.figures.{name}")
    with warnings.catch_warnings(), matplotlib.rc_context(dict(STYLE)):
        warnings.simplefilter("error")
        picture = module.draw(tables)
        picture.draw_without_rendering()
        caption = module.caption(tables)
        verdicts = judged(figure, claims_of(name), tables)
    panels = [axes for axes in picture.axes if axes.get_label() != "<colorbar>"]
    plt.close(picture)
    for axes in panels:
        assert np.isfinite([*axes.get_xlim(), *axes.get_ylim()]).all()
        assert axes.has_data() or any(text.get_text() for text in axes.texts)
    numbers = verdicts[["value", "low", "high"]].astype(float)
    assert np.isfinite(numbers["value"]).all()
    assert not numbers.isna().any().any()
    said = f"{caption} {told(verdicts)}"
    assert not UNSAID.search(said), UNSAID.search(said)
    return said
