"""Check finished outputs against their records, the configuration and reference values.

For every table and figure of a configuration:

* its record is there, and its bytes are those that were recorded (else it was edited by hand);
* its inputs are still those that it was made from, its settings those of the configuration, and its
  code that of the package (else it is out of date), and so are those of the parts of a table;

and for every table, against the reference values in ``reference/<name>.json``:

* *identical*, where its bytes are those of the reference.  They have to be where both were made by
  the same code from the same settings with the same packages on the same kind of machine; else
* *within tolerance*: the same rows and columns for each source, and the mean and the standard
  deviation of each column within :data:`TOLERANCES` of the reference's, in units of that standard
  deviation.  Theory differs between machines by rounding; training amplifies rounding, so that of
  simulated runs a few may end differently, and of flows many (docs/reproducibility.md).
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from types import MappingProxyType
from typing import Any

import pandas as pd

from ..closure import closure
from ..store import StoreError, read_sidecar, read_table, write_bytes
from . import configuration
from .gather import source_of
from .provenance import code_digest, digest

__all__ = ["TOLERANCES", "Finding", "bless", "reference_path", "verify"]

# How far a column's mean and spread may be from the reference's, in units of that spread.
TOLERANCES: Mapping[str, float] = MappingProxyType({"theory": 1e-6, "formula": 1e-6, "flow": 0.1})
SIMULATED = 0.02  # every other source holds simulated runs
RECORDED = {"sha256", "inputs", "settings", "modules", "code_digest"}  # what is needed of a record
MAKER = ("settings", "code_digest", "python", "packages", "machine", "device")  # decide the bits


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
    """All findings for the outputs of a configuration in the folder `root`.

    Raises
    ------
    StoreError : naming the file of reference values, where it is damaged.
    """
    results, figures = (output_folder(root, top, config["name"]) for top in ("results", "figures"))
    reference = _reference(root, config["name"])
    findings: list[Finding] = []
    for figure, tables in configuration.blocks(config).items():
        settings = {table: _settings(sources) for table, sources in tables.items()}
        for table in tables:
            path = results / f"{table}.csv"
            findings += _check_record(root, path, settings[table])
            findings += _check_parts(root, path, settings[table])
            findings += _check_values(root, path, settings[table], reference.get(table))
        for kind in ("pdf", "png"):
            findings += _check_record(root, figures / f"{figure}.{kind}", settings)
    return findings


def bless(root: Path, config: Mapping[str, Any]) -> Path:
    """Take the tables of a finished run as the reference values, with where they came from.

    Raises
    ------
    StoreError : naming a file that is not there, was edited or is out of date.
    """
    for finding in verify(root, config):
        if finding.check == "record" and not finding.good:
            raise StoreError(f"{finding.file}: {finding.verdict}, no reference ({finding.detail})")
    results = output_folder(root, "results", config["name"])
    names = [table for tables in configuration.blocks(config).values() for table in tables]
    tables = {name: _reference_of(root, results / f"{name}.csv") for name in names}
    made_by = read_sidecar(results / f"{names[-1]}.csv")
    origin = {key: made_by[key] for key in ("commit", "clean", "python", "packages", "machine")}
    origin["date"] = datetime.now(UTC).date().isoformat()
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


def _reference(root: Path, name: str) -> dict[str, Any]:
    """The reference values by table; none where there is no such file."""
    path = reference_path(root, name)
    if not path.exists():
        return {}
    try:
        return dict(json.loads(path.read_text(encoding="utf-8"))["tables"])
    except (ValueError, LookupError, TypeError) as error:
        raise StoreError(f"{path}: no reference values ({error}); restore the file") from error


def _settings(sources: Mapping[str, Any]) -> dict[str, Any]:
    """A table's settings as its record should hold them: by source, without `jobs`."""
    return {
        source: {name: value for name, value in block.items() if name != "jobs"}
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
    if absent := sorted(RECORDED - beside.keys()):
        yield Finding(name, "record", "no record", f"it does not hold {', '.join(absent)}")
        return
    faults = [*_faults(root, path, beside, settings)]
    yield from (Finding(name, "record", verdict, detail) for verdict, detail in faults)
    if not faults:
        yield Finding(name, "record", "ok")


def _check_parts(root: Path, path: Path, settings: Mapping[str, Any]) -> Iterator[Finding]:
    """What is wrong with the parts that a table was joined from; they tell what computed them."""
    try:
        parts = read_sidecar(path)["inputs"]
    except (StoreError, LookupError):  # which the table's own check tells
        return
    for part in parts:
        found = _check_record(root, root / part, settings.get(source_of(part), {}))
        yield from (finding for finding in found if not finding.good)


def _faults(
    root: Path, path: Path, beside: Mapping[str, Any], settings: Mapping[str, Any]
) -> Iterator[tuple[str, str]]:
    """What is wrong with a file, given its record."""
    if beside["sha256"] != digest(path):
        yield "edited", "its bytes are not those that were recorded when it was made"
    caption = path.with_suffix(".rst")
    if "caption" in beside and not _is(caption, beside["caption"]):
        yield "edited", f"{caption.name} is not the caption that was written with it"
    for source, recorded in beside["inputs"].items():
        if not _is(root / source, recorded):
            yield "out of date", f"its input {source} has changed or is gone"
    if beside["settings"] != settings:
        yield "out of date", "the configuration has changed since it was made"
    if beside["code_digest"] != _code(beside["modules"]):
        yield "out of date", f"the code of {beside['modules'][0]} has changed since it was made"


def _is(path: Path, recorded: str) -> bool:
    return path.exists() and digest(path) == recorded


def _code(modules: list[str]) -> str:
    """The digest of the code of these modules as it is now; empty where one of them is gone."""
    try:
        return code_digest(closure(*modules))
    except OSError:
        return ""


def _check_values(
    root: Path, path: Path, settings: Mapping[str, Any], expected: Mapping[str, Any] | None
) -> Iterator[Finding]:
    name = str(path.relative_to(root))
    if not path.exists():
        return
    if expected is None or expected.get("settings") != _digest(settings):
        what = "none" if expected is None else "one of other settings"
        yield Finding(name, "values", "no reference", f"there is {what}; `modecollapse verify -h`")
        return
    if digest(path) == expected["sha256"]:
        yield Finding(name, "values", "identical")
        return
    try:
        found, maker = _summary(read_table(path)), _maker(root, path)
    except StoreError as error:
        yield Finding(name, "values", "unreadable", str(error))
        return
    faults = [*_differences(found, expected["sources"])]
    if maker == expected["maker"]:
        faults.append("not the same bytes, although code, packages and kind of machine are")
    yield from (Finding(name, "values", "differs", detail) for detail in faults)
    if not faults:
        yield Finding(name, "values", "within tolerance", "other code, packages or machine")


def _reference_of(root: Path, path: Path) -> dict[str, Any]:
    """What is kept of a table."""
    beside = read_sidecar(path)
    seconds: dict[str, float] = {}
    for part in beside["inputs"]:
        source, record = source_of(part), read_sidecar(root / part)
        seconds[source] = round(seconds.get(source, 0.0) + record["seconds"], 1)
    return {
        "sha256": digest(path),
        "settings": _digest(beside["settings"]),
        "maker": _maker(root, path),
        "seconds": seconds,
        "sources": _summary(read_table(path)),
    }


def _maker(root: Path, path: Path) -> str:
    """A digest of all that decides the bits of a table: of its own record and of its parts'."""
    beside = read_sidecar(path)
    records = [beside, *(read_sidecar(root / part) for part in beside["inputs"])]
    return _digest([[record.get(name) for name in MAKER] for record in records])


def _digest(value: Any) -> str:
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()


def _summary(table: pd.DataFrame) -> dict[str, Any]:
    """For each source its rows, and each numeric column's mean and standard deviation."""
    result: dict[str, Any] = {}
    for source, rows in table.groupby("source"):
        numbers = rows.select_dtypes("number")
        result[str(source)] = {
            "rows": len(rows),
            "columns": {
                name: {"mean": float(column.mean()), "std": float(column.std(ddof=0))}
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
        if set(here["columns"]) != set(there["columns"]):
            yield f"{source}: columns {sorted(here['columns'])}, not {sorted(there['columns'])}"
            continue
        for name, column in there["columns"].items():
            rounding = 1e-9 * max(1.0, abs(column["mean"]))
            tolerance = TOLERANCES.get(source, SIMULATED) * column["std"] + rounding
            for statistic, value in column.items():
                given = here["columns"][name][statistic]
                if not abs(given - value) <= tolerance:
                    gap = f"{given:.6g}, not {value:.6g} ± {tolerance:.2g}"
                    yield f"{source}: {statistic} of {name} is {gap}"
