"""Reference values: what is kept of a table, and how far another may be from it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
import pandas as pd

from ..store import StoreError, digest, read_table
from .gather import source_of
from .records import Summary, TableReference, read_record

__all__ = ["TOLERANCES", "differences", "digest_of", "maker", "reference_of", "summary"]

# How far a column's mean and spread may be from the reference's, in units of that spread, by
# source.  A module of a table may name its own for single columns, in a mapping of this name.
TOLERANCES: Mapping[str, float] = MappingProxyType({"theory": 1e-6, "formula": 1e-6, "flow": 0.1})
CAME_TO = ("outcome", "status")  # text that tells what a run came to, as truth values do
SIMULATED = 0.02  # every other source holds simulated runs
# What decides the bits of a table.
MAKER = ("settings", "code_digest", "python", "packages", "machine", "device")


def reference_of(root: Path, path: Path) -> dict[str, Any]:
    """What is kept of a table.

    Raises
    ------
    StoreError : naming a file that cannot be read.
    """
    beside = read_record(path)
    seconds: dict[str, float] = {}
    for part in beside.inputs:
        source, record = source_of(part), read_record(root / part)
        seconds[source] = round(seconds.get(source, 0.0) + record.seconds, 1)
    kept = {
        "sha256": digest(path),
        "settings": digest_of(beside.settings),
        "maker": maker(root, path),
        "seconds": seconds,
        "sources": summary(read_table(path)),
    }
    return kept | ({"tolerances": beside.tolerances} if beside.tolerances else {})


def maker(root: Path, path: Path) -> str:
    """A digest of all that decides the bits of a table: of its own record and of its parts'."""
    beside = read_record(path)
    records = [beside, *(read_record(root / part) for part in beside.inputs)]
    return digest_of([[getattr(record, name) for name in MAKER] for record in records])


def digest_of(value: Any) -> str:
    """A digest of a value of JSON."""
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()


def summary(table: pd.DataFrame) -> dict[str, Any]:
    """For each source its rows, each numeric column's mean and standard deviation, how often runs
    came to each end, and a digest of every other text, row by row.

    Raises
    ------
    StoreError : where no column says from which source a row is.
    """
    if "source" not in table:
        raise StoreError("it has no column source; delete the table and run again")
    result: dict[str, Any] = {}
    with np.errstate(invalid="ignore"):  # infinity has no spread, and is told as a difference
        for source, rows in table.groupby("source"):
            numbers, texts = rows.select_dtypes("number"), rows.select_dtypes(exclude="number")
            ends = [n for n in texts if n in CAME_TO or pd.api.types.is_bool_dtype(texts[n])]
            result[str(source)] = {
                "rows": len(rows),
                "columns": {
                    name: {"mean": float(column.mean()), "std": float(column.std(ddof=0))}
                    for name, column in numbers.items()
                },
                "labels": {
                    name: digest_of([str(value) for value in texts[name]])
                    for name in texts
                    if name != "source" and name not in ends
                },
                "counts": {
                    name: {str(v): int(n) for v, n in texts[name].value_counts().items()}
                    for name in ends
                },
            }
    return result


def differences(found: Mapping[str, Any], expected: TableReference) -> Iterator[str]:
    """What of a table's summary is further from the reference than its tolerances allow."""
    if set(found) != set(expected.sources):
        yield f"sources {sorted(found)}, not {sorted(expected.sources)}"
        return
    for source, there in expected.sources.items():
        here = found[source]
        if here["rows"] != there.rows:
            yield f"{source}: {here['rows']} rows, not {there.rows}"
        if set(here["columns"]) != set(there.columns):
            yield f"{source}: columns {sorted(here['columns'])}, not {sorted(there.columns)}"
            continue
        usual = TOLERANCES.get(source, SIMULATED)
        yield from _columns(source, here["columns"], there, expected.tolerances, usual)
        yield from _texts(source, here, there, usual)


def _columns(
    source: str,
    here: Mapping[str, Any],
    there: Summary,
    tolerances: Mapping[str, float],
    usual: float,
) -> Iterator[str]:
    for name, column in there.columns.items():
        rounding = 1e-9 * max(1.0, abs(column.mean))
        tolerance = tolerances.get(name, usual) * column.std + rounding
        for statistic, value in column.model_dump().items():
            given = here[name][statistic]
            if not abs(given - value) <= tolerance:
                gap = f"{given:.6g}, not {value:.6g} ± {tolerance:.2g}"
                yield f"{source}: {statistic} of {name} is {gap}"


def _texts(source: str, here: Mapping[str, Any], there: Summary, usual: float) -> Iterator[str]:
    """Text is as it was, row by row; of the ends of runs the part that came to each is."""
    for name, expected in there.labels.items():
        if here["labels"].get(name) != expected:
            yield f"{source}: {name} has other text, or the same in other rows"
    for name, counts in there.counts.items():
        found = here["counts"].get(name, {})
        for value in sorted({*found, *counts}):
            gap = abs(found.get(value, 0) - counts.get(value, 0))
            if gap > usual * there.rows:
                told = f"{found.get(value, 0)} times, not {counts.get(value, 0)}"
                yield f"{source}: {name} is {value!r} {told}, of {there.rows}"
