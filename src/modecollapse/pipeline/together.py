"""Compute small tables one after another: ``python -m modecollapse.pipeline.together SOURCE …``.

Importing the numerical libraries takes a process longer than computing a table of a second, so
that tables whose block says ``jobs: shared`` are computed in one process for each figure and
source.  Each has its own part, record and seconds, as if it were alone.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ..checks import require
from .compute import check, limit_threads, part
from .entry import MOST_THREADS, Parser, folder_to_write, keys, mapping, run, whole
from .gather import gather

__all__ = ["main", "together"]

WORK = {"experiment": str, "settings": dict, "whole": bool}


def together(
    source: str, work: Mapping[str, Mapping[str, Any]], results: Path, threads: int
) -> None:
    """Compute the parts of several tables, and join those tables that have no other part.

    Parameters
    ----------
    work : table -> its ``experiment``, the ``settings`` of its block, and whether this is the
        ``whole`` of it.
    results : the folder of the tables, with their parts below ``parts/<table>/``.
    """
    for table, given in work.items():
        logging.info("%s", table)
        output = results / "parts" / table / f"{source}-0.csv"
        part(given["experiment"], source, given["settings"], output, threads=threads)
        if given["whole"]:
            gather([output], results / f"{table}.csv")


def _check(source: str, work: Mapping[str, Any]) -> None:
    """Check all of the work before any of it is begun."""
    for table, given in work.items():
        named = re.fullmatch(r"\w{1,60}", table, re.ASCII) is not None
        require(named, "--work", table, "names of tables, of letters, digits and _")
        keys(f"--work: {table}", given, WORK)
        check(given["experiment"], source, given["settings"])


def main(arguments: list[str] | None = None) -> None:
    parser = Parser(description="Compute small tables in one process.")
    parser.add_argument("source")
    parser.add_argument("--work", type=mapping, required=True, help="the tables, as JSON")
    parser.add_argument("--results", type=folder_to_write, required=True)
    parser.add_argument("--threads", type=whole(1, MOST_THREADS), default=1)
    given = parser.parse_args(arguments)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    limit_threads(given.threads)
    _check(given.source, given.work)
    together(given.source, given.work, given.results, given.threads)


if __name__ == "__main__":
    run(main)
