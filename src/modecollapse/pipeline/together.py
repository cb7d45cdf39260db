"""Compute small tables one after another: ``python -m modecollapse.pipeline.together SOURCE …``.

Importing the numerical libraries takes a process longer than computing a table of a second, so
that tables whose block says ``jobs: shared`` are computed in one process for each figure and
source.  Each has its own part, record and seconds, as if it were alone.
"""

from __future__ import annotations

import argparse
import json
import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from .compute import limit_threads, part
from .entry import run
from .gather import gather

__all__ = ["main", "together"]


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


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description="Compute small tables in one process.")
    parser.add_argument("source")
    parser.add_argument("--work", required=True, help="the tables, as JSON")
    parser.add_argument("--results", type=Path, required=True)
    parser.add_argument("--threads", type=int, default=1)
    given = parser.parse_args(arguments)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    limit_threads(given.threads)
    together(given.source, json.loads(given.work), given.results, given.threads)


if __name__ == "__main__":
    run(main)
