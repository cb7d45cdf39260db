"""The only reader and writer of files.

Every file is written under a temporary name beside its own and renamed when it is whole, so that
nothing half-written is ever seen under its final name.  Beside each table and figure stands
``<file>.json``, its provenance; a table's holds the units of its columns too.  Only regular files
of bounded size are read, so that nothing waits on a device or a pipe.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
import stat
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from io import BufferedReader
from pathlib import Path
from typing import Any

import pandas as pd

__all__ = [
    "LARGEST_RECORD",
    "StoreError",
    "digest",
    "opened",
    "read_bytes",
    "read_json",
    "read_sidecar",
    "read_table",
    "sidecar",
    "write_bytes",
    "write_recorded",
    "write_table",
]


LARGEST_TABLE = 2**32  # bytes of what is read or digested whole
LARGEST_RECORD = 2**24
DEEPEST_RECORD = 30  # lists and mappings inside one another


class StoreError(Exception):
    """A file that cannot be read or written; the message names it and says why."""


def sidecar(path: Path | str) -> Path:
    """The file that holds the provenance of `path`."""
    return Path(f"{path}.json")


def write_bytes(path: Path | str, *content: bytes | memoryview) -> None:
    """Write a file whole or not at all; of several pieces, one after another.

    Raises
    ------
    StoreError : naming the file, where it cannot be written; what stood there before stays, and
        so does a device or a pipe, which a file would take the place of.
    """
    path = Path(path)
    temporary = None
    try:
        if path.exists() and not path.is_file():
            raise StoreError(f"{path}: cannot be written (not a regular file)")
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(
            dir=path.parent, prefix=f".{path.name}.", suffix=".part", delete=False
        ) as stream:
            temporary = stream.name
            stream.writelines(content)
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


def read_bytes(path: Path | str, most: int = LARGEST_TABLE) -> bytes:
    """The content of a regular file of at most `most` bytes.

    Raises
    ------
    StoreError : naming the file, where it is missing, too large, or no regular file.
    """
    with opened(path, most) as stream:
        return stream.read(most + 1)


def digest(path: Path | str) -> str:
    """SHA-256 of a regular file's bytes, in hexadecimal.

    Raises
    ------
    StoreError : naming the file, where it is missing, too large, or no regular file.
    """
    with opened(path, LARGEST_TABLE) as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


@contextmanager
def opened(path: Path | str, most: float) -> Iterator[BufferedReader]:
    """A regular file of at most `most` bytes, open to be read.

    Raises
    ------
    StoreError : naming the file, where it is missing, too large, or no regular file: a pipe or a
        device would be waited for without end.
    """
    with ExitStack() as until:
        try:
            about = os.stat(path)
            if not stat.S_ISREG(about.st_mode):
                raise StoreError(f"{path}: not a regular file")
            if about.st_size > most:
                raise StoreError(f"{path}: {about.st_size} bytes; at most {most:.0f} are read")
            stream = until.enter_context(open(path, "rb"))
        except OSError as error:
            raise StoreError(f"{path}: cannot be read ({error.strerror})") from error
        except ValueError as error:  # a name with a null byte
            raise StoreError(f"{str(path)!r}: cannot be read ({error})") from error
        try:
            yield stream
        except OSError as error:
            raise StoreError(f"{path}: cannot be read ({error.strerror})") from error


def read_table(path: Path | str) -> pd.DataFrame:
    """Read a table written by :func:`write_table`; empty text stays empty text.

    Raises
    ------
    StoreError : naming the file, where it is missing or not what was written.
    """
    content = read_bytes(path)
    beside = read_sidecar(path)
    if hashlib.sha256(content).hexdigest() != beside.get("sha256"):
        remedy = "it was cut off or edited; delete it and run again"
        raise StoreError(f"{path}: its bytes are not those recorded beside it: {remedy}")
    try:
        table = pd.read_csv(io.BytesIO(content), keep_default_na=False, na_values=[])
    except ValueError as error:  # not text, not CSV, or nothing at all
        raise StoreError(f"{path}: not a table ({error})") from error
    units = beside.get("units")
    if not isinstance(units, dict) or set(table.columns) != set(units):
        raise StoreError(f"{path}: its columns are not those of {sidecar(path)}")
    # Without rows no value tells that a column is one of numbers.
    return table if len(table) else table.astype(float)


def read_sidecar(path: Path | str) -> dict[str, Any]:
    """The provenance of a file, as it is written.

    Raises
    ------
    StoreError : naming the sidecar, where it is missing or damaged.
    """
    beside = sidecar(path)
    try:
        value = read_json(beside)
    except ValueError as error:
        raise StoreError(f"{beside}: {error}; delete {path} and run again") from error
    if not isinstance(value, dict):
        raise StoreError(f"{beside}: not a record; delete {path} and run again")
    return value


def read_json(path: Path | str) -> Any:
    """What a JSON file holds.

    Raises
    ------
    StoreError : naming the file, where it cannot be read.
    ValueError : where it is not JSON, or nested without end.
    """
    try:
        value = json.loads(read_bytes(path, LARGEST_RECORD))
    except ValueError as error:
        raise ValueError(f"not JSON ({error})") from error
    except RecursionError:
        raise ValueError("nested too deeply") from None
    level, todo = 0, [value]
    while todo:
        level += 1
        if level > DEEPEST_RECORD:
            raise ValueError("nested too deeply")
        below = [item.values() if isinstance(item, dict) else item for item in todo]
        todo = [value for item in below if not _single(item) for value in item]
    return value


def _single(item: Any) -> bool:
    """Whether a value of JSON holds no others."""
    return item is None or isinstance(item, str | int | float)
