"""Where the time of a finished run went: seconds and memory of its jobs, by table and source.

Seconds are those of the records, which are what computing a part took; memory is the largest that
Snakemake saw of a job, from its log's ``.tsv``.  What frequencies cost is told by the seconds that
they would take to ±0.1, seconds · ⟨w²⟩/0.1² with the half-widths w of their intervals: with n runs
the time goes as n and w² as 1/n, but at 0 and 1 as 1/n², so that more runs look cheaper there.
"""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from ..store import LARGEST_RECORD, StoreError, read_bytes, read_table
from . import configuration
from .owner import folder
from .records import read_record

__all__ = ["profile", "report"]

WIDTH = 0.1  # half of the intervals for which the time of a frequency is told


def profile(root: Path, config: Mapping[str, Any]) -> pd.DataFrame:
    """A row for each table and source of a configuration, the longest first.

    Returns
    -------
    Columns ``figure``, ``table``, ``source``, ``jobs``; ``seconds`` of all jobs, ``longest`` of
    one, ``share`` of the whole; ``memory``, the peak of any job in MB (NaN where it was too short
    to be seen); ``at_tenth``, the seconds for frequencies to ± 0.1 (NaN where there are none).

    Raises
    ------
    StoreError : naming the first part that has not been computed.
    """
    results, logs = (folder(root, top, config["name"]) for top in ("results", "logs"))
    rows = [
        {
            "figure": figure,
            "table": table,
            "source": source,
            **_jobs(results, logs, figure, table, source),
        }
        for figure, tables in configuration.blocks(config).items()
        for table, sources in tables.items()
        for source in sources
    ]
    table = pd.DataFrame(rows)
    table["share"] = table["seconds"] / table["seconds"].sum()
    return table.sort_values("seconds", ascending=False, ignore_index=True)


def _jobs(results: Path, logs: Path, figure: str, table: str, source: str) -> dict[str, float]:
    """What the jobs of a table and source took."""
    parts = sorted((results / "parts" / table).glob(f"{source}-*.csv"))
    if not parts:
        raise StoreError(f"{results / 'parts' / table}: no {source}-*.csv; run the workflow first")
    seconds = [read_record(part).seconds for part in parts]
    memory = [_memory(logs / table / f"{part.stem}.tsv") for part in parts]
    memory.append(_memory(logs / figure / f"{source}.tsv"))  # of a process that it shared
    return {
        "jobs": len(parts),
        "seconds": sum(seconds),
        "longest": max(seconds),
        "memory": max(memory, key=lambda peak: peak if peak == peak else -1.0),
        "at_tenth": sum(seconds) * _square(parts) / WIDTH**2,
    }


def _square(parts: Iterable[Path]) -> float:
    """The mean square half-width of the intervals of frequencies; NaN where there are none."""
    table = pd.concat([read_table(part) for part in parts])
    if not {"probability", "low", "high"} <= {*table}:
        return float("nan")
    return float((((table["high"] - table["low"]) / 2) ** 2).mean())


def _memory(path: Path) -> float:
    """The peak memory of a job in MB, from what Snakemake's benchmark wrote; NaN without it."""
    try:
        text = read_bytes(path, LARGEST_RECORD).decode()
        (row,) = csv.DictReader(io.StringIO(text, newline=""), delimiter="\t")
        return float(row["max_rss"])
    except (StoreError, ValueError, KeyError, TypeError, csv.Error):  # cut off, or something else
        return float("nan")


def report(table: pd.DataFrame) -> str:
    """A profile as text: a line for each table and source, then the sums by source and in all."""
    head = f"{'table':28}{'source':12}{'jobs':>5}{'seconds':>10}{'longest':>9}{'share':>7}{'MB':>7}"
    lines = [head + f"{'s at ±0.1':>12}"]
    lines += [
        f"{row.table:28}{row.source:12}{row.jobs:5}{row.seconds:10.1f}{row.longest:9.1f}"
        f"{row.share:7.1%}{row.memory:7.0f}{_told(row.at_tenth):>12}"
        for row in table.itertuples()
    ]
    sums = table.groupby("source").agg({"jobs": "sum", "seconds": "sum", "share": "sum"})
    lines += [
        f"{'all of':28}{source:12}{row['jobs']:5.0f}{row['seconds']:10.1f}{'':9}{row['share']:7.1%}"
        for source, row in sums.sort_values("seconds", ascending=False).iterrows()
    ]
    total, peak = table["seconds"].sum(), table["memory"].max()
    return "\n".join([*lines, f"{total:.0f} s in {table['jobs'].sum()} jobs; peak {peak:.0f} MB"])


def _told(seconds: float) -> str:
    return f"{seconds:.1f}" if math.isfinite(seconds) else ""
