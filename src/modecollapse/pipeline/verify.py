"""Check finished outputs against their records, the configuration and reference values.

For every table and figure of a configuration:

* its record is there and whole, and its bytes are those that were recorded (else it was edited);
* its inputs are still those that it was made from, its settings those of the configuration, and its
  code that of the package (else it is out of date), and so are those of the parts of a table;
* where asked (`deep`), a picture and its caption are what its tables give when drawn again;

and for every table, against the reference values in ``reference/<name>.json`` where there are any:

* *identical*, where its bytes are those of the reference.  They have to be where both were made by
  the same code from the same settings with the same packages on the same kind of machine; else
* *within tolerance*: the same rows and columns for each source, and the mean and the standard
  deviation of each column within :data:`TOLERANCES` of the reference's, in units of that standard
  deviation.  Theory differs between machines by rounding; training amplifies rounding, so that of
  simulated runs a few may end differently, and of flows many (docs/reproducibility.md).

Only regular files inside the repository are read, and results/ and figures/ where these are links.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from ..closure import closure
from ..store import StoreError, digest, read_bytes, read_table, write_bytes
from . import configuration
from .gather import source_of
from .owner import folder
from .provenance import code_digest, short, software
from .records import Record, Reference, TableReference, read_record, read_reference
from .reference import TOLERANCES, differences, digest_of, maker, reference_of, summary

__all__ = ["TOLERANCES", "Finding", "bless", "reference_path", "verify"]

GOOD = ("ok", "identical", "within tolerance", "no reference")


@dataclass(frozen=True)
class Finding:
    """One check of one file: `verdict` is "ok" or what is wrong, `detail` says more."""

    file: str
    check: str
    verdict: str
    detail: str = ""

    @property
    def good(self) -> bool:
        return self.verdict in GOOD


def verify(root: Path, config: Mapping[str, Any], *, deep: bool = False) -> list[Finding]:
    """All findings for the outputs of a configuration in the folder `root`.

    Raises
    ------
    StoreError : naming the file of reference values, where it is damaged.
    """
    results, figures = (folder(root, top, config["name"]) for top in ("results", "figures"))
    reference = _reference(root, config["name"])
    findings: list[Finding] = []
    for figure, tables in configuration.blocks(config).items():
        settings = {table: _settings(sources) for table, sources in tables.items()}
        for table in tables:
            path = results / f"{table}.csv"
            findings += _check_record(root, path, settings[table])
            findings += _check_parts(root, path, settings[table])
            findings += _check_values(root, path, settings[table], reference)
        for kind in ("pdf", "png"):
            findings += _check_record(root, figures / f"{figure}.{kind}", settings)
        if deep:
            sources = [results / f"{table}.csv" for table in tables]
            findings += _check_drawing(root, figures / figure, sources)
    if (claims := results / "claims.csv").exists():
        findings += _check_claims(root, claims, config)
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
    results = folder(root, "results", config["name"])
    names = [table for tables in configuration.blocks(config).values() for table in tables]
    tables = {name: reference_of(root, results / f"{name}.csv") for name in names}
    kept = {"commit", "clean", "python", "packages", "machine"}
    origin = read_record(results / f"{names[-1]}.csv").model_dump(include=kept)
    origin["date"] = datetime.now(UTC).date().isoformat()
    path = reference_path(root, config["name"])
    text = json.dumps({"origin": origin, "tables": tables}, indent=1, sort_keys=True)
    write_bytes(path, (text + "\n").encode())
    return path


def reference_path(root: Path, name: str) -> Path:
    """The reference values of a configuration."""
    return root / "reference" / f"{name}.json"


def _reference(root: Path, name: str) -> Reference | None:
    """The reference values; none where there is no such file."""
    path = reference_path(root, name)
    return read_reference(path) if path.exists() else None


def _settings(sources: Mapping[str, Any]) -> dict[str, Any]:
    """A table's settings as its record should hold them: by source, without `jobs`."""
    return {
        source: {name: value for name, value in block.items() if name != "jobs"}
        for source, block in sources.items()
    }


def _check_record(root: Path, path: Path, settings: Mapping[str, Any]) -> Iterator[Finding]:
    name = _name(root, path)
    if not path.exists():
        yield Finding(name, "record", "missing", "it has not been made")
        return
    try:
        beside = read_record(path)
    except StoreError as error:
        yield Finding(name, "record", "no record", str(error))
        return
    if path.suffix != ".csv" and beside.caption is None:
        yield Finding(name, "record", "no record", "it does not hold its caption's digest")
        return
    try:
        faults = [*_faults(root, path, beside, settings)]
    except StoreError as error:  # a run may be going on
        faults = [("unreadable", str(error))]
    yield from (Finding(name, "record", verdict, detail) for verdict, detail in faults)
    if not faults:
        yield Finding(name, "record", "ok")


def _name(root: Path, path: Path) -> str:
    return str(path.relative_to(root)) if path.is_relative_to(root) else str(path)


def _check_parts(root: Path, path: Path, settings: Mapping[str, Any]) -> Iterator[Finding]:
    """What is wrong with the parts that a table was joined from; they tell what computed them."""
    try:
        parts = read_record(path).inputs
    except StoreError:  # which the table's own check tells
        return
    for part in parts:
        if (file := _inside(root, part)) is not None:  # else its table's input is told to be gone
            found = _check_record(root, file, settings.get(source_of(part), {}))
            yield from (finding for finding in found if not finding.good)


def _check_claims(root: Path, path: Path, config: Mapping[str, Any]) -> Iterator[Finding]:
    """The record of the table of claims, which holds the settings of all tables that it is from."""
    given = {
        name: _settings(s) for t in configuration.blocks(config).values() for name, s in t.items()
    }
    try:
        sources = [Path(name).stem for name in read_record(path).inputs]
    except StoreError:  # which the check of the record tells
        sources = []
    yield from _check_record(root, path, {name: given.get(name, {}) for name in sources})


def _inside(root: Path, name: str) -> Path | None:
    """The file that a record names, if it is one of the repository's."""
    homes = [root, root / "results", root / "figures"]
    try:
        path = (root / name).resolve()
        inside = any(path.is_relative_to(home.resolve()) for home in homes)
        return root / name if inside and path.is_file() else None
    except (OSError, ValueError, RuntimeError):  # no name of a file, or links in a circle
        return None


def _faults(
    root: Path, path: Path, beside: Record, settings: Mapping[str, Any]
) -> Iterator[tuple[str, str]]:
    """What is wrong with a file, given its record."""
    if _inside(root, str(path)) is None:
        raise StoreError(f"{path}: not a regular file of the repository")
    if beside.sha256 != digest(path):
        yield "edited", "its bytes are not those that were recorded when it was made"
    caption = path.with_suffix(".rst")
    if beside.caption is not None and not _is(root, str(caption), beside.caption):
        yield "edited", f"{caption.name} is not the caption that was written with it"
    for source, recorded in beside.inputs.items():
        if not _is(root, source, recorded):
            yield "out of date", f"its input {source[:200]!r} has changed or is gone"
    if beside.settings != settings:
        yield "out of date", "the configuration has changed since it was made"
    if beside.code_digest != _code(beside.modules):
        yield "out of date", f"the code of {beside.modules[0]} has changed since it was made"


def _is(root: Path, name: str, recorded: str) -> bool:
    path = _inside(root, name)
    return path is not None and digest(path) == recorded


def _code(modules: list[str]) -> str:
    """The digest of the code of these modules as it is now; empty where one of them is gone."""
    try:
        return code_digest(closure(*modules))
    except (OSError, StoreError):
        return ""


def _check_values(
    root: Path, path: Path, settings: Mapping[str, Any], reference: Reference | None
) -> Iterator[Finding]:
    name = _name(root, path)
    if not path.exists():
        return
    if reference is None:
        yield Finding(name, "values", "no reference", "`modecollapse verify --bless` makes one")
        return
    expected = reference.tables.get(path.stem)
    if expected is None or expected.settings != digest_of(settings):
        what = "none for this table" if expected is None else "one of other settings"
        yield Finding(name, "values", "other reference", f"there is {what}; see docs")
        return
    try:
        verdict, details = _compared(root, path, expected)
    except StoreError as error:
        verdict, details = "unreadable", [str(error)]
    yield from (Finding(name, "values", verdict, detail) for detail in details)


def _compared(root: Path, path: Path, expected: TableReference) -> tuple[str, list[str]]:
    """How a table compares with its reference values, and in what."""
    if digest(path) == expected.sha256:
        return "identical", [""]
    faults = [*differences(summary(read_table(path)), expected)]
    if maker(root, path) == expected.maker:
        faults.append("not the same bytes, although code, packages and kind of machine are")
    if faults:
        return "differs", faults
    return "within tolerance", ["other code, packages or machine"]


def _check_drawing(root: Path, stem: Path, tables: list[Path]) -> Iterator[Finding]:
    """Whether pictures and caption are what the tables give when they are drawn again."""
    from .draw import render  # it loads all that drawing needs

    try:
        beside = read_record(stem.with_suffix(".pdf"))
        frames = {path.stem: read_table(path) for path in tables}
        drawn = render(stem.name.split("_", 1)[1], frames, short(beside.model_dump()))
    except StoreError as error:
        yield Finding(_name(root, stem), "drawing", "unreadable", str(error))
        return
    except Exception as error:  # whatever a figure stumbles over in a table
        yield Finding(_name(root, stem), "drawing", "differs", f"it cannot be drawn: {error}")
        return
    same_software = software() == {"python": beside.python, "packages": beside.packages}
    for kind, content in drawn.items():
        path = stem.with_suffix(f".{kind}")
        yield _same_drawing(root, path, content, kind == "rst" or same_software)


def _same_drawing(root: Path, path: Path, drawn: bytes, comparable: bool) -> Finding:
    name = _name(root, path)
    if not comparable:
        return Finding(name, "drawing", "ok", "not compared: drawn with other packages")
    try:
        if read_bytes(path) == drawn:
            return Finding(name, "drawing", "ok")
    except StoreError as error:
        return Finding(name, "drawing", "unreadable", str(error))
    return Finding(name, "drawing", "differs", "not what its tables give when drawn again")
