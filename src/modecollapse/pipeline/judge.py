"""Judge the claims: ``python -m modecollapse.pipeline.judge --figure NAME TABLE ...``."""

from __future__ import annotations

import re
import time
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import pandas as pd

from ..checks import require
from ..claims import claims_of, doubted, judged
from ..claims.claim import UNITS
from ..store import StoreError, read_table, write_table
from .entry import Parser, Tables, file_to_write, run
from .provenance import record
from .records import read_record

__all__ = ["counted", "judge", "main", "verdicts"]


def judge(figures: Mapping[str, Sequence[Path]], output: Path) -> None:
    """Write a row for each claim that the figures' tables can speak of.

    Parameters
    ----------
    figures : name of a figure, such as ``fig1_collapse`` -> its tables.
    """
    start = time.monotonic()
    parts, modules = [pd.DataFrame(columns=list(UNITS))], [__spec__.name]
    for figure, paths in figures.items():
        name = figure.split("_", 1)[1]
        if claims := claims_of(name):
            modules.append(f"modecollapse.claims.{name}")
            tables = Tables({path.stem: read_table(path) for path in paths})
            try:
                parts.append(judged(figure, claims, tables))
            except KeyError as error:
                raise StoreError(f"{figure}: a column that no table given has, {error}") from error
    table = pd.concat(parts[1:] or parts, ignore_index=True)
    inputs = [path for paths in figures.values() for path in paths]
    settings = {path.stem: read_record(path).settings for path in inputs}
    devices = ", ".join(sorted({read_record(path).device for path in inputs}))
    made_by = record(modules, settings, inputs, time.monotonic() - start, devices)
    write_table(output, table, UNITS, made_by)


def verdicts(path: Path) -> list[str]:
    """What a table of claims says: a line for each claim that does not hold, and the count.

    Raises
    ------
    StoreError : naming the table, where it is none of claims.
    """
    table = read_table(path)
    if list(table.columns) != list(UNITS):
        raise StoreError(f"{path}: its columns are not those of claims; delete it and run again")
    return [*doubted(table), f"claims: {counted(table['verdict'])}"]


def counted(verdicts: Iterable[object]) -> str:
    """How many of each, in words.

    >>> counted(["ok", "edited", "ok"])
    '1 edited, 2 ok'
    """
    found = Counter(map(str, verdicts))
    return ", ".join(f"{count} {verdict}" for verdict, count in sorted(found.items()))


def main(arguments: list[str] | None = None) -> None:
    parser = Parser(description="Judge the claims of figures by their tables.")
    parser.add_argument(
        "--figure", nargs="+", action="append", required=True, metavar=("NAME", "TABLE")
    )
    parser.add_argument("--output", type=file_to_write, required=True)
    given = parser.parse_args(arguments)
    for name, *_ in given.figure:
        named = re.fullmatch(r"figs?\d*_[a-z_]+", name) is not None
        require(named, "--figure", name, "the name of a figure, such as fig1_collapse, and tables")
    judge({name: [Path(table) for table in tables] for name, *tables in given.figure}, given.output)


if __name__ == "__main__":
    run(main)
