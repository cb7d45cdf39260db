"""The only reader and writer of files.

Every file is written under a temporary name beside its own and renamed when it is whole, so that
nothing half-written is ever seen under its final name.  Beside each table and figure stands
``<file>.json``, its provenance; a table's holds the units of its columns too.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd

__all__ = [
    "StoreError",
    "read_sidecar",
    "read_table",
    "sidecar",
    "write_bytes",
    "write_recorded",
    "write_table",
]


class StoreError(Exception):
    """A file that cannot be read or written; the message names it and says why."""


def sidecar(path: Path | str) -> Path:
    """The file that holds the provenance of `path`."""
    return Path(f"{path}.json")


def write_bytes(path: Path | str, content: bytes) -> None:
    """Write a file whole or not at all.

    Raises
    ------
    StoreError : naming the file, where it cannot be written; what stood there before stays.
    """
    path = Path(path)
    temporary = None
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(
            dir=path.parent, prefix=f".{path.name}.", suffix=".part", delete=False
        ) as stream:
            temporary = stream.name
            stream.write(content)
            stream.flush()
            os.fsync(stream.fileno())
        os.chmod(temporary, 0o644)
        os.replace(temporary, path)
    except OSError as error:
        raise StoreError(f"{path}: cannot be written ({error.strerror})") from error
    finally:  # after an interruption too
        if temporary is not None:
            Path(temporary).unlink(missing_ok=True)


def write_recorded(path: Path | str, content: bytes, record: Mapping[str, Any]) -> None:
    """Write a file, and beside it its provenance with the digest of what was written."""
    whole = {**record, "sha256": hashlib.sha256(content).hexdigest()}
    text = json.dumps(whole, indent=2, sort_keys=True, ensure_ascii=False, allow_nan=False)
    write_bytes(path, content)
    write_bytes(sidecar(path), (text + "\n").encode())


def write_table(
    path: Path | str, table: pd.DataFrame, units: Mapping[str, str], record: Mapping[str, Any]
) -> None:
    """Write a table as CSV, and its units and provenance beside it.

    Raises
    ------
    StoreError : where a column has no unit, a value is NaN, or the disk refuses.
    """
    missing = [name for name in table.columns if name not in units]
    if missing:
        raise StoreError(f"{path}: no unit is given for the column(s) {', '.join(missing)}")
    holes = [name for name in table.columns if table[name].isna().any()]
    if holes:
        raise StoreError(f"{path}: missing values in the column(s) {', '.join(holes)}")
    buffer = io.StringIO()
    table.to_csv(buffer, index=False, lineterminator="\n")
    named = {name: units[name] for name in table.columns}
    write_recorded(path, buffer.getvalue().encode(), {**record, "units": named})


def read_table(path: Path | str) -> pd.DataFrame:
    """Read a table written by :func:`write_table`; empty text stays empty text.

    Raises
    ------
    StoreError : naming the file, where it is missing or not what was written.
    """
    try:
        content = Path(path).read_bytes()
    except OSError as error:
        raise StoreError(f"{path}: cannot be read ({error.strerror})") from error
    beside = read_sidecar(path)
    if hashlib.sha256(content).hexdigest() != beside.get("sha256"):
        remedy = "it was cut off or edited; delete it and run again"
        raise StoreError(f"{path}: its bytes are not those recorded beside it: {remedy}")
    try:
        table = pd.read_csv(io.BytesIO(content), keep_default_na=False, na_values=[])
    except ValueError as error:  # not text, not CSV, or nothing at all
        raise StoreError(f"{path}: not a table ({error})") from error
    if set(table.columns) != set(beside.get("units", {})):
        raise StoreError(f"{path}: its columns are not those of {sidecar(path)}")
    return table


def read_sidecar(path: Path | str) -> dict[str, Any]:
    """The provenance of a file.

    Raises
    ------
    StoreError : naming the sidecar, where it is missing or damaged.
    """
    beside = sidecar(path)
    try:
        value = json.loads(beside.read_text(encoding="utf-8"))
    except OSError as error:
        raise StoreError(f"{beside}: cannot be read ({error.strerror})") from error
    except ValueError as error:
        raise StoreError(f"{beside}: not JSON ({error}); delete {path} and run again") from error
    if not isinstance(value, dict):
        raise StoreError(f"{beside}: not a record; delete {path} and run again")
    return value
