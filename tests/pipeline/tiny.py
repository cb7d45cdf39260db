"""What a run of a tiny configuration leaves, without the run."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from modecollapse.pipeline.provenance import record
from modecollapse.store import digest, read_sidecar, write_bytes, write_recorded, write_table

SETTINGS = {"points": 4, "seed": 1}
CONFIG = {"name": "tiny", "fig1_tiny": {"t": {"theory": {"jobs": 2, **SETTINGS}}}}
UNITS = {"source": "text", "x": "1", "n": "1", "kind": "text", "outcome": "text", "stable": "1"}
TABLE = pd.DataFrame({"source": ["theory"] * 4, "x": [0.0, 1.0, 2.0, 3.0], "n": [1, 2, 3, 4]})
PART = "modecollapse.experiments.basins"


def write(root: Path, table: pd.DataFrame = TABLE, seconds: float = 1.0) -> None:
    """What a run of CONFIG leaves: a part, the table, and the figure with its caption."""
    part = root / "results/tiny/parts/t/theory-0.csv"
    write_table(part, table, UNITS, record([PART], SETTINGS, [], seconds))
    inputs = {str(part.relative_to(root)): read_sidecar(part)["sha256"]}
    gathered = record(["modecollapse.pipeline.gather"], {"theory": SETTINGS}, [], seconds)
    write_table(root / "results/tiny/t.csv", table, UNITS, {**gathered, "inputs": inputs})
    inputs = {"results/tiny/t.csv": read_sidecar(root / "results/tiny/t.csv")["sha256"]}
    drawn = record(["modecollapse.figures.mean_alignment"], {"t": {"theory": SETTINGS}}, [], 0.1)
    caption = root / "figures/tiny/fig1_tiny.rst"
    write_bytes(caption, b"p = 0.5")
    for kind in ("pdf", "png"):
        path = root / f"figures/tiny/fig1_tiny.{kind}"
        made_by = {**drawn, "inputs": inputs, "caption": digest(caption)}
        write_recorded(path, kind.encode(), made_by)
