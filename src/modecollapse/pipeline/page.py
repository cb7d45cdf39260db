"""Write a page of the report: a table, the settings, or the outcome of the verification."""

from __future__ import annotations

import html
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pandas as pd
import yaml

from ..checks import require
from ..store import StoreError, read_table, write_bytes
from . import configuration
from .entry import Parser, file_to_write, mapping, run
from .records import read_record
from .verify import Finding, verify

__all__ = ["main", "settings_page", "table_page", "verification_page"]

PAGE = """\
<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<title>{title}</title>
<style>
body {{ font: 14px/1.4 sans-serif; margin: 1.5em; color: #222; }}
table {{ border-collapse: collapse; font-variant-numeric: tabular-nums; }}
th, td {{ padding: 0.2em 0.7em; text-align: right; border-bottom: 1px solid #ddd; }}
td {{ white-space: nowrap; }}
th {{ position: sticky; top: 0; background: #fff; vertical-align: bottom; }}
th span {{ display: block; font-weight: normal; font-size: 11px; color: #666; }}
</style>
</head>
<body>
<h1>{title}</h1>
{body}
</body>
</html>
"""


def table_page(title: str, table: pd.DataFrame, units: Mapping[str, str]) -> str:
    """A table as HTML, the unit of each column below its name.

    >>> page = table_page("t", pd.DataFrame({"r": [2.0]}), {"r": "standard deviations"})
    >>> "<span>standard deviations</span>" in page
    True
    """
    escaped = {name: (html.escape(name), html.escape(units[name])) for name in table.columns}
    heads = {name: f"{head}<span>{unit}</span>" for name, (head, unit) in escaped.items()}
    texts = table.select_dtypes(exclude="number").columns
    safe = table.assign(**{name: table[name].astype(str).map(html.escape) for name in texts})
    body = safe.rename(columns=heads).to_html(
        index=False, border=0, escape=False, float_format=lambda value: f"{value:.4g}"
    )
    return PAGE.format(title=html.escape(title), body=body)


def verification_page(title: str, findings: Sequence[Finding]) -> str:
    """What `modecollapse verify` finds, as HTML: one line for each check of a file.

    >>> "no record" in verification_page("t", [Finding("results/a.csv", "record", "no record")])
    True
    """
    table = pd.DataFrame([asdict(finding) for finding in findings])
    return table_page(title, table, dict.fromkeys(table.columns, ""))


def settings_page(title: str, settings: Mapping[str, Any]) -> str:
    """Settings as HTML, in the form of ``config.yaml``.

    >>> "<pre>a: 1\\n</pre>" in settings_page("t", {"a": 1})
    True
    """
    text = yaml.safe_dump(dict(settings), sort_keys=False, allow_unicode=True, width=100)
    return PAGE.format(title=html.escape(title), body=f"<pre>{html.escape(text)}</pre>")


def main(arguments: list[str] | None = None) -> None:
    parser = Parser(description="Write a page of the report.")
    parser.add_argument("title")
    parser.add_argument("--table", type=Path, help="show this table")
    parser.add_argument("--settings", type=mapping, help="show these settings, given as JSON")
    parser.add_argument("--verify", action="store_true", help="verify the outputs of the settings")
    parser.add_argument("--output", type=file_to_write, required=True)
    given = parser.parse_args(arguments)
    shown = given.table is not None or given.settings is not None
    require(shown, "--table or --settings", None, "one of them")
    if given.table is not None:
        page = table_page(given.title, read_table(given.table), read_record(given.table).units)
    elif given.verify:
        try:
            configuration.check(given.settings, configuration.schema(Path(configuration.SCHEMA)))
        except configuration.ConfigurationError as error:
            raise StoreError(f"--settings: no configuration: {error}") from error
        page = verification_page(given.title, verify(Path.cwd(), given.settings))
    else:
        page = settings_page(given.title, given.settings)
    write_bytes(given.output, page.encode())


if __name__ == "__main__":
    run(main)
