"""Fill the numbers of the documents in from the claims: ``python -m modecollapse.pipeline.quote``.

A number in a document is a link to its claim, ``[0.54 (0.50 to 0.58)](docs/claims.md#start-law)``.
This replaces the text of every such link by what the table of claims says, and writes the page that
the links lead to, the page of the figures with their captions, the table beside the other
reference values, the rows of the table of remedies that the package ranks them by, and the tables
of docs/remedies.md that show these rows and the components paid for.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from io import StringIO
from pathlib import Path

import pandas as pd

from ..checks import require
from ..claims import number, threshold
from ..claims.claim import UNITS
from ..experiments.remedies import PROBLEMS, at_the_end
from ..experiments.remedies.flows import WORDS
from ..experiments.remedies.menu import MENU
from ..store import StoreError, read_table, write_bytes
from .entry import Parser, run

__all__ = [
    "between",
    "claims_page",
    "components_table",
    "figures_page",
    "filled",
    "main",
    "quote",
    "remedies_table",
]

LINK = re.compile(r"\[([^\]\n]*)\]\(((?:docs/|\.\./)?claims\.md#([a-z0-9-]+))\)")
DOCUMENTS = ("README.md", "docs/**/*.md")
FORMED = {
    "beforehand": "",
    "after looking": ", formed after looking at these runs",
    "on other runs": ", formed after looking at other runs",
}
CLAIMS, FIGURES, KEPT = "docs/claims.md", "docs/figures.md", "reference/claims.csv"
RANKED, SHOWN = "src/modecollapse/theory/remedies.csv", "docs/remedies.md"
FAMILIES = {"simulation": "{}", "flow": "RealNVP: {}"}
ORDER = {"simulation": tuple(MENU), "flow": tuple(WORDS)}


def filled(text: str, claims: Mapping[str, str]) -> str:
    """A document with the text of every link to a claim replaced by its number.

    Raises
    ------
    StoreError : naming a claim that the table does not hold.

    >>> filled("It is [?](claims.md#a-b) here.", {"a-b": "0.5"})
    'It is [0.5](claims.md#a-b) here.'
    """

    def number_of(match: re.Match[str]) -> str:
        name = match[3]
        if name not in claims:
            raise StoreError(f"{name}: a document quotes this claim, which the table does not hold")
        return f"[{claims[name]}]({match[2]})"

    return LINK.sub(number_of, text)


def claims_page(table: pd.DataFrame) -> str:
    """The page of all claims: words, number, threshold and verdict, under the claim's name."""
    lines = ["# Claims", ""]
    lines += [
        "Every sentence of this project that concludes or advises, with the number that decides",
        "it. A claim *holds* or *fails* where the 95 % interval of its statistic lies on one side",
        "of the threshold, and is *undecided* where it does not. Written by `make readme` from",
        "`results/claims.csv` of the default configuration. A claim that was formed after looking",
        "at the runs that decide it says so: its interval tells less than it seems to.",
    ]
    for figure, rows in table.groupby("figure", sort=False):
        lines += ["", f"## {figure}"]
        for row in rows.itertuples():
            lines += ["", f"### {row.claim}", "", f"{row.words}", ""]
            lines += [
                f"{row.statistic}: **{number(row.value, row.low, row.high)}**, "
                f"to be {threshold(row.above, row.below)}: **{row.verdict}** "
                f"({row.about}; {', '.join(f'`{t}`' for t in row.tables.split())})"
                f"{FORMED[row.formed]}."
            ]
    return "\n".join(lines) + "\n"


def figures_page(captions: Mapping[str, str], table: pd.DataFrame) -> str:
    """The page of all figures: picture, caption, and what each of its claims came to.

    Parameters
    ----------
    captions : name of a figure -> its caption in reStructuredText: claim, text and verdicts.
    """
    lines = ["# Figures", "", "Written by `make readme` from the default configuration."]
    for name, caption in captions.items():
        claim, text, *_ = re.sub(r"\\(.)", r"\1", caption).strip().split("\n\n")
        picture = f"![{claim}](images/{name}.png)"
        lines += ["", f"## {name}", "", f"**{claim}**", "", picture, "", text]
        rows = table[table["figure"] == name]
        lines += [""] if len(rows) else []
        for row in rows.itertuples():
            lines.append(f"- {row.words} [{row.verdict}](claims.md#{row.claim})")
    return "\n".join(lines) + "\n"


def between(text: str, name: str, body: str) -> str:
    """A document with what stands between the comments `name` and `end of name` replaced.

    >>> between("a\\n<!-- b -->\\nold\\n<!-- end of b -->\\n", "b", "new\\n")
    'a\\n<!-- b -->\\nnew\\n<!-- end of b -->\\n'
    """
    first, last = f"<!-- {name} -->\n", f"<!-- end of {name} -->\n"
    head, found, rest = text.partition(first)
    _, ended, tail = rest.partition(last)
    if not (found and ended):
        raise StoreError(f"{name}: the document has no such two comments")
    return head + first + body + last + tail


def remedies_table(kept: pd.DataFrame) -> str:
    """The last rows of the table of remedies: part collapsed, and mean regret ± of its interval."""
    lines = [f"| remedy | {' | '.join(PROBLEMS)} |", "|---|" + "---|" * len(PROBLEMS)]
    for source, name in FAMILIES.items():
        family = dict(list(kept[kept["source"] == source].groupby("remedy")))
        for remedy in (name for name in ORDER[source] if name in family):
            rows = family[remedy]
            cells = dict.fromkeys(PROBLEMS, "–")
            for row in rows.itertuples():
                half = (row.regret_high - row.regret_low) / 2
                mean = round(row.regret, 3) + 0.0  # no minus zero
                cells[row.problem] = f"{row.probability:.3f}, {mean:.3f} ± {half:.3f}"
            lines.append(f"| {name.format(remedy)} | {' | '.join(cells.values())} |")
    return "\n".join(lines) + "\n"


def components_table(paid: pd.DataFrame) -> str:
    """Modes found, of each component that is paid for, and mean regret, for each K."""
    ways = list(dict.fromkeys(zip(paid["weights"], paid["geometry"], strict=True)))
    names = [f"{weights}, {geometry}" for weights, geometry in ways]
    lines = [f"| problem | K | {' | '.join(names)} |", "|---|---|" + "---|" * len(names)]
    for (problem, k), rows in paid.groupby(["problem", "n_components"], sort=False):
        cells = dict.fromkeys(ways, "–")
        for row in rows.itertuples():
            mean = round(row.regret, 3) + 0.0  # no minus zero
            found = f"{row.n_found:.2f} ({row.n_found / k:.2f})"
            cells[row.weights, row.geometry] = f"{found}, {mean:.3f}"
        lines.append(f"| {problem} | {k} | {' | '.join(cells.values())} |")
    return "\n".join(lines) + "\n"


def quote(root: Path, table: pd.DataFrame) -> list[Path]:
    """Bring the documents in the folder `root` up to date; returns those that changed."""
    claims = {row.claim: number(row.value, row.low, row.high) for row in table.itertuples()}
    captions = {
        path.stem: path.read_text(encoding="utf-8")
        for path in sorted((root / "figures").glob("fig*.rst"))
    }
    texts = {
        root / KEPT: table.to_csv(index=False, lineterminator="\n"),
        root / CLAIMS: claims_page(table),
        root / FIGURES: figures_page(captions, table),
    }
    shown = {}
    if (remedies := root / "results" / "remedies.csv").exists():
        kept = at_the_end(read_table(remedies))
        ranked = kept.to_csv(index=False, lineterminator="\n", float_format="%.6g")
        texts[root / RANKED] = ranked
        shown["remedies"] = remedies_table(pd.read_csv(StringIO(ranked)))
    if (paid := root / "results" / "components_paid.csv").exists():
        shown["components"] = components_table(read_table(paid))
    if shown:
        page = filled((root / SHOWN).read_text(encoding="utf-8"), claims)
        for name, rows in shown.items():
            page = between(page, name, rows)
        texts[root / SHOWN] = page
    for pattern in DOCUMENTS:
        for path in sorted(root.glob(pattern)):
            if path not in texts:  # those may still quote a claim that is gone
                texts[path] = filled(path.read_text(encoding="utf-8"), claims)
    changed = [p for p, t in texts.items() if not p.exists() or p.read_text("utf-8") != t]
    for path in changed:
        write_bytes(path, texts[path].encode())
    return changed


def main(arguments: list[str] | None = None) -> None:
    parser = Parser(description="Fill the documents' numbers in from the claims.")
    parser.add_argument("--root", type=Path, default=Path.cwd(), help="the repository")
    parser.add_argument("--claims", type=Path, default=Path("results/claims.csv"))
    given = parser.parse_args(arguments)
    table = read_table(given.root / given.claims)
    named = list(table.columns) == list(UNITS)
    require(named, "--claims", str(given.claims), "a table of claims, such as results/claims.csv")
    for path in quote(given.root, table):
        print(f"wrote {path}")


if __name__ == "__main__":
    run(main)
