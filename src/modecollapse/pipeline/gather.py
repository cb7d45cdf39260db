"""Join the parts of a table: ``python -m modecollapse.pipeline.gather PART ... --output TABLE``."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from ..store import StoreError, read_table, write_table
from .entry import Parser, file_to_write, run
from .provenance import record
from .records import read_record

__all__ = ["gather", "main"]


def gather(parts: Sequence[Path], output: Path) -> None:
    """Write the rows of all parts, in order, as one table; its record names each part's settings.

    Raises
    ------
    StoreError : where the parts do not have the same columns.
    """
    start = time.monotonic()
    records = [read_record(part) for part in parts]
    tables = [read_table(part) for part in parts]
    units = records[0].units
    for part, table in zip(parts, tables, strict=True):
        if set(table.columns) != set(units):
            raise StoreError(f"{part}: its columns are not those of {parts[0]}")
    whole = pd.concat(tables, ignore_index=True)
    known = zip(parts, records, strict=True)
    settings = {source_of(part): beside.settings for part, beside in known}
    device = ", ".join(sorted({beside.device for beside in records}))
    tolerances = {name: value for beside in records for name, value in beside.tolerances.items()}
    seconds = sum(beside.seconds for beside in records) + time.monotonic() - start
    made_by = record([__spec__.name], settings, parts, seconds, device)
    write_table(output, whole, units, made_by | ({"tolerances": tolerances} if tolerances else {}))


def source_of(part: Path | str) -> str:
    """Where a part's rows come from, which its name tells.

    >>> source_of("results/parts/basins/theory-0.csv")
    'theory'
    """
    return Path(part).stem.rsplit("-", 1)[0]


def main(arguments: list[str] | None = None) -> None:
    parser = Parser(description="Join the parts of a table.")
    parser.add_argument("parts", type=Path, nargs="+")
    parser.add_argument("--output", type=file_to_write, required=True)
    given = parser.parse_args(arguments)
    gather(given.parts, given.output)


if __name__ == "__main__":
    run(main)
