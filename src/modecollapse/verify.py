"""Check finished outputs against their records, the configuration and reference values.

For every table and figure of a configuration:

* its record is there, and its bytes are those that were recorded (else it was edited by hand);
* its inputs are still those that it was made from, its settings those of the configuration, and its
  code that of the package (else it is out of date);

and for every table, against the reference values in ``reference/<name>.json``:

* *identical*, where its bytes are those of the reference, as they are on one machine; else
* *within tolerance*: the same rows and columns for each source, the mean of each column within
  :data:`TOLERANCES` of the reference's, in units of that column's standard deviation there.  Theory
  differs between machines by rounding; simulation and flows differ by chance, since rounding is
  amplified by training, and so by much less than the spread of a column.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from . import configuration
from .jobs.compute import module_name
from .provenance import closure, code_digest, digest, machine
from .store import StoreError, read_sidecar, read_table, write_bytes

__all__ = ["TOLERANCES", "Finding", "bless", "reference_path", "verify"]

# How far a column's mean may be from the reference's, in its standard deviations there.
TOLERANCES: Mapping[str, float] = {"theory": 1e-3, "formula": 1e-6}
STATISTICAL = 0.25


@dataclass(frozen=True)
class Finding:
    """One check of one file: `verdict` is "ok" or what is wrong, `detail` says more."""

    file: str
    check: str
    verdict: str
    detail: str = ""

    @property
    def good(self) -> bool:
        return self.verdict in ("ok", "identical", "within tolerance")


def verify(root: Path, config: Mapping[str, Any]) -> list[Finding]:
    """All findings for the outputs of a configuration in the folder `root`."""
    results, figures = (output_folder(root, top, config["name"]) for top in ("results", "figures"))
    reference = _reference(root, config["name"])
    findings: list[Finding] = []
    for figure, tables in configuration.blocks(config).items():
        for table, sources in tables.items():
            path = results / f"{table}.csv"
            findings += _check_record(root, path, _recorded_settings(table, sources))
            findings += _check_values(root, path, table, reference)
        for kind in ("pdf", "png"):
            findings += _check_record(root, figures / f"{figure}.{kind}", {})
    return findings


def bless(root: Path, config: Mapping[str, Any]) -> Path:
    """Take the tables of a finished run as the reference values, with where they came from."""
    results = output_folder(root, "results", config["name"])
    tables = {}
    made_by: dict[str, Any] = {}
    for figure in configuration.blocks(config).values():
        for table in figure:
            path = results / f"{table}.csv"
            made_by = read_sidecar(path)
            tables[table] = {"sha256": digest(path), "sources": _summary(read_table(path))}
    origin = {key: made_by[key] for key in ("commit", "clean", "python", "packages", "machine")}
    path = reference_path(root, config["name"])
    text = json.dumps({"origin": origin, "tables": tables}, indent=1, sort_keys=True)
    write_bytes(path, (text + "\n").encode())
    return path


def output_folder(root: Path, top: str, name: str) -> Path:
    """Where a configuration writes: results/ and figures/, a named one below its name."""
    return root / top if name == "default" else root / top / name


def reference_path(root: Path, name: str) -> Path:
    """The reference values of a configuration."""
    return root / "reference" / f"{name}.json"


def _reference(root: Path, name: str) -> dict[str, Any] | None:
    path = reference_path(root, name)
    return json.loads(path.read_text(encoding="utf-8")) if path.exists() else None


def _recorded_settings(table: str, sources: Mapping[str, Any]) -> dict[str, Any]:
    """The settings that a table's record should hold: by module, without `jobs`."""
    return {
        module_name(table, source): {k: v for k, v in block.items() if k != "jobs"}
        for source, block in sources.items()
    }


def _check_record(root: Path, path: Path, settings: Mapping[str, Any]) -> Iterator[Finding]:
    name = str(path.relative_to(root))
    if not path.exists():
        yield Finding(name, "record", "missing", "it has not been made")
        return
    try:
        beside = read_sidecar(path)
    except StoreError as error:
        yield Finding(name, "record", "no record", str(error))
        return
    faults = [*_faults(root, path, beside, settings)]
    yield from (Finding(name, "record", verdict, detail) for verdict, detail in faults)
    if not faults:
        yield Finding(name, "record", "ok")


def _faults(
    root: Path, path: Path, beside: Mapping[str, Any], settings: Mapping[str, Any]
) -> Iterator[tuple[str, str]]:
    """What is wrong with a file, given its record."""
    if beside.get("sha256") != digest(path):
        yield "edited", "its bytes are not those that were recorded when it was made"
    for source, recorded in beside.get("inputs", {}).items():
        there = root / source
        if not there.exists() or digest(there) != recorded:
            yield "out of date", f"its input {source} has changed or is gone"
    if beside.get("settings") != dict(settings):
        yield "out of date", "the configuration has changed since it was made"
    if beside.get("code_digest") != code_digest(closure(beside["entry"])):
        yield "out of date", f"the code of {beside['entry']} has changed since it was made"


def _check_values(
    root: Path, path: Path, table: str, reference: Mapping[str, Any] | None
) -> Iterator[Finding]:
    name = str(path.relative_to(root))
    if not path.exists():
        return
    if reference is None or table not in reference["tables"]:
        yield Finding(name, "values", "no reference", "make one with `modecollapse verify --bless`")
        return
    expected = reference["tables"][table]
    if digest(path) == expected["sha256"]:
        yield Finding(name, "values", "identical")
        return
    try:
        found = _summary(read_table(path))
    except StoreError as error:
        yield Finding(name, "values", "unreadable", str(error))
        return
    elsewhere = machine() != reference["origin"]["machine"]
    where = "another machine made the reference" if elsewhere else "this kind of machine made it"
    faults = [*_differences(found, expected["sources"])]
    yield from (Finding(name, "values", "differs", detail) for detail in faults)
    if not faults:
        yield Finding(name, "values", "within tolerance", f"not the same bytes; {where}")


def _summary(table: pd.DataFrame) -> dict[str, Any]:
    """For each source its rows, and each numeric column's mean, spread and range."""
    result: dict[str, Any] = {}
    for source, rows in table.groupby("source"):
        numbers = rows.select_dtypes("number")
        result[str(source)] = {
            "rows": len(rows),
            "columns": {
                name: {
                    "mean": float(column.mean()),
                    "std": float(column.std(ddof=0)),
                    "min": float(column.min()),
                    "max": float(column.max()),
                }
                for name, column in numbers.items()
            },
        }
    return result


def _differences(found: Mapping[str, Any], expected: Mapping[str, Any]) -> Iterator[str]:
    if set(found) != set(expected):
        yield f"sources {sorted(found)}, not {sorted(expected)}"
        return
    for source, there in expected.items():
        here = found[source]
        if here["rows"] != there["rows"]:
            yield f"{source}: {here['rows']} rows, not {there['rows']}"
        for name, column in there["columns"].items():
            if name not in here["columns"]:
                yield f"{source}: no column {name}"
                continue
            tolerance = TOLERANCES.get(source, STATISTICAL) * column["std"]
            rounding = 1e-9 * max(1.0, abs(column["mean"]))
            gap = abs(here["columns"][name]["mean"] - column["mean"])
            if not gap <= tolerance + rounding:
                yield (
                    f"{source}: mean of {name} is {here['columns'][name]['mean']:.6g}, not "
                    f"{column['mean']:.6g} ± {tolerance + rounding:.2g}"
                )
