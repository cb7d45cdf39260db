"""What a record and a file of reference values hold, and the only way to read either.

A record stands beside each table and picture, ``<file>.json``; reference values stand in
``reference/<name>.json``.  Both may come from elsewhere, so that their shape is checked before any
use is made of them.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError

from ..store import StoreError, read_json, read_sidecar, sidecar

__all__ = ["Record", "Reference", "Summary", "TableReference", "read_record", "read_reference"]

Digest = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
Module = Annotated[
    str, StringConstraints(pattern=r"^modecollapse(\.[A-Za-z_]\w*)+$", max_length=200)
]
Number = Annotated[float, Field(allow_inf_nan=False)]
Tolerance = Annotated[float, Field(gt=0, allow_inf_nan=False)]
TOLD = 5  # faults that a message names


class _Checked(BaseModel):
    model_config = ConfigDict(strict=True, frozen=True, extra="ignore")


class Record(_Checked):
    """Where a file came from; :func:`modecollapse.pipeline.provenance.record` makes it."""

    sha256: Digest
    modules: Annotated[list[Module], Field(min_length=1, max_length=50)]
    commit: str
    clean: bool | None
    settings: dict[str, Any]
    seeds: dict[str, Any]
    inputs: dict[str, Digest]
    code: dict[str, Digest]
    code_digest: Digest
    python: str
    packages: dict[str, str]
    machine: str
    device: str
    seconds: Annotated[float, Field(ge=0, allow_inf_nan=False)]
    units: dict[str, str] = {}  # of a table
    tolerances: dict[str, Tolerance] = {}  # of a table's columns, where they have their own
    caption: Digest | None = None  # of a picture


class Statistics(_Checked):
    """A column's mean and standard deviation."""

    mean: Number
    std: Number


class Summary(_Checked):
    """What is kept of a table's rows from one source."""

    rows: Annotated[int, Field(ge=0)]
    columns: dict[str, Statistics]  # of numbers
    labels: dict[str, Digest] = {}  # of text that names the rows, in their order
    counts: dict[str, dict[str, int]] = {}  # of what runs came to, how many to each


class TableReference(_Checked):
    """What is kept of a table."""

    sha256: Digest
    settings: Digest
    maker: Digest
    seconds: dict[str, Number]
    sources: dict[str, Summary]
    tolerances: dict[str, Tolerance] = {}


class Reference(_Checked):
    """The reference values of a configuration."""

    tables: dict[str, TableReference]


def read_record(path: Path | str) -> Record:
    """The record beside a file.

    Raises
    ------
    StoreError : naming the record, where it is missing, damaged, or lacks something.
    """
    beside = sidecar(path)
    try:
        return Record.model_validate(read_sidecar(path))
    except ValidationError as error:
        raise StoreError(f"{beside}: {_faults(error)}; delete {path} and run again") from None


def read_reference(path: Path) -> Reference:
    """The reference values in a file.

    Raises
    ------
    StoreError : naming the file, where it cannot be used.
    """
    try:
        return Reference.model_validate(read_json(path))
    except ValidationError as error:
        why = _faults(error)
    except ValueError as error:
        why = str(error)
    raise StoreError(f"{path}: no reference values ({why}); restore the file")


def _faults(error: ValidationError) -> str:
    """What does not fit, in a line: what is absent first, and then what is of another kind."""
    found = error.errors(include_url=False, include_context=False, include_input=False)
    absent = [_place(fault["loc"]) for fault in found if fault["type"] == "missing"]
    wrong = [
        f"{_place(fault['loc'])}: {fault['msg']}" for fault in found if fault["type"] != "missing"
    ]
    said = [f"does not hold {', '.join(absent)}"] if absent else []
    said += wrong[:TOLD] + (["…"] if len(wrong) > TOLD else [])
    return "; ".join(said)


def _place(location: tuple[int | str, ...]) -> str:
    """Where in a file something stands, as printable text of bounded length."""
    return ".".join(repr(str(part))[1:-1][:60] for part in location) or "it"
