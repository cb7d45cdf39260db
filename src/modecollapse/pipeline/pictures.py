"""Draw small figures one after another: ``python -m modecollapse.pipeline.pictures --figure …``.

Importing what draws takes a process as long as drawing a small figure, so that figures all of whose
blocks say ``jobs: shared`` are drawn a few to a process.  Each has its own files, records and
seconds, as if it were alone.
"""

from __future__ import annotations

import argparse
import logging
from collections.abc import Sequence
from pathlib import Path

from ..checks import require
from .draw import draw, drawable
from .entry import Parser, file_to_write, run

__all__ = ["main"]


def main(arguments: list[str] | None = None) -> None:
    parser = Parser(description="Draw figures from their tables, one after another.")
    parser.add_argument(
        *("--figure",), nargs="+", action="append", required=True, metavar=("STEM", "TABLE"),
        help="a figure without ending, such as figures/fig1_collapse, and its tables",
    )  # fmt: skip
    given = parser.parse_args(arguments)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    figures = [(Path(stem), [*map(Path, tables)]) for stem, *tables in given.figure]
    for stem, tables in figures:  # all of them, before any is drawn
        _check(stem, tables)
    for stem, tables in figures:
        logging.info("%s", stem.name)
        draw(stem.name.partition("_")[2], tables, stem)


def _check(stem: Path, tables: Sequence[Path]) -> None:
    """Check that a figure can be drawn, written, and has tables."""
    drawable(stem.name.partition("_")[2])
    require(bool(tables), "--figure", str(stem), "a figure and its tables")
    try:
        file_to_write(str(stem))
    except argparse.ArgumentTypeError as error:
        raise ValueError(f"--figure: {error}") from None


if __name__ == "__main__":
    run(main)
