"""Sphinx: a page for each figure whose tables are there, with its values and its tables.

`make figures` computes the tables; without them the site says so, and has the pictures alone.
"""

from __future__ import annotations

import html
import json
import re
import sys
from pathlib import Path
from typing import Any

import pandas as pd
from values import figure_values, rounded

from modecollapse.pipeline.configuration import blocks, load
from modecollapse.pipeline.records import read_record
from modecollapse.store import StoreError, read_table

ROOT = Path(__file__).parents[2]
VIEWER = ROOT / "docs" / "viewer"
LARGEST = 5000  # rows of a table that a page holds
MARK = "<!-- results -->"


def finished(root: Path) -> dict[str, list[Path]]:
    """Figure -> the tables of the default configuration, for those that have all of them."""
    figures = blocks(load([ROOT / "config.yaml"]))
    paths = {
        figure: [root / "results" / f"{table}.csv" for table in tables]
        for figure, tables in figures.items()
    }
    return {figure: found for figure, found in paths.items() if all(p.exists() for p in found)}


def table_data(name: str, table: pd.DataFrame, units: dict[str, str]) -> dict[str, Any]:
    """What the page holds of a table."""
    part = table.head(LARGEST)
    columns = [
        rounded(part[column].to_numpy(float))
        if pd.api.types.is_numeric_dtype(part[column]) and part[column].dtype != bool
        else part[column].astype(str).tolist()
        for column in part
    ]
    whole = f"{len(table)} rows, {len(table.columns)} columns; results/{name}.csv"
    note = whole if len(part) == len(table) else f"The first {LARGEST} of {whole} has all"
    rows = [list(row) for row in zip(*columns, strict=True)]
    return {"name": name, "units": units, "columns": list(table), "rows": rows, "note": note}


def figure_page(
    figure: str, caption: str, tables: dict[str, pd.DataFrame], units: dict[str, dict[str, str]]
) -> str:
    """The page of a figure, in one file."""
    data = figure_values(figure.split("_", 1)[1], tables)
    held = [table_data(name, table, units.get(name, {})) for name, table in tables.items()]
    page = (VIEWER / "page.html").read_text(encoding="utf-8")
    script = (VIEWER / "viewer.js").read_text(encoding="utf-8")
    for mark, text in {
        "TITLE": html.escape(figure),
        "CAPTION": html.escape(caption),
        "FIGURE_DATA": literal(data),
        "TABLE_DATA": literal(held),
        "/* SCRIPT */": script,
    }.items():
        page = page.replace(mark, text)
    return page


def literal(data: Any) -> str:
    """JSON that may stand in a script, between backticks."""
    text = json.dumps(data, ensure_ascii=True, separators=(",", ":"))
    for character in "`$<":
        text = text.replace(character, f"\\u{ord(character):04x}")
    return text


def page_of(figure: str, paths: list[Path]) -> str:
    """The page of a figure from the tables in these files, which are of this version."""
    tables = {path.stem: read_table(path) for path in paths}
    units = {path.stem: dict(read_record(path).units) for path in paths}
    beside = ROOT / "figures" / f"{figure}.rst"
    caption = beside.read_text(encoding="utf-8") if beside.exists() else ""
    return figure_page(figure, re.sub(r"\\(.)", r"\1", caption), tables, units)


def write(app, failed: Exception | None) -> None:
    """The pages, beside the site's; one that cannot be made says why, in the page too."""
    if failed or not app.config.with_results:
        return
    folder = Path(app.outdir) / "results"
    folder.mkdir(exist_ok=True)
    for figure, paths in finished(ROOT).items():
        try:
            page = page_of(figure, paths)
        except (StoreError, KeyError, ValueError) as error:
            page = f"<p>{figure}: its tables are of another version, run <code>make figures</code>."
            print(f"{figure}: no page of its values: {error!r}", file=sys.stderr)
        (folder / f"{figure}.html").write_text(page, encoding="utf-8")


def read(app, page: str, source: list[str]) -> None:
    """The list of these pages, or why there are none."""
    if MARK in source[0]:
        links = [f'- <a href="results/{figure}.html">{figure}</a>' for figure in finished(ROOT)]
        links *= app.config.with_results
        none = ["This site was built without tables: run `make figures`, then `make docs` again."]
        source[0] = source[0].replace(MARK, "\n".join(links or none))


def setup(app) -> dict[str, bool]:
    app.add_config_value("with_results", True, "env", bool)
    app.connect("source-read", read)
    app.connect("build-finished", write)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
