"""How the tests read the numbers of a document: as written, and to the digits that are written."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

DOCS = Path(__file__).parents[1] / "docs"
NUMBER = r"-?\d+(?:\.\d+)?(?:e[+-]?\d+)?"
POWERS = str.maketrans("⁻⁰¹²³⁴⁵⁶⁷⁸⁹−", "-0123456789-")


# A setting follows "=" or a like sign.
SETTING = re.compile(
    rf"(?:=|\\(?:le|ge|sim|approx|to|times)\b|[<>])\s*\$?{NUMBER}"
    rf"(?:(?:,\s*|\s+(?:and|to)\s+)\$?{NUMBER}\$?)*"
)


def read(text: str) -> float:
    """A number as the documents write it.

    >>> read("6.5e2"), read("10⁻³"), round(read("1 − 2.0e-7"), 9)
    (650.0, 0.001, 0.9999998)
    """
    if match := re.fullmatch(r"10([⁻⁰¹²³⁴⁵⁶⁷⁸⁹]+)", text):
        return 10.0 ** int(match[1].translate(POWERS))
    if match := re.fullmatch(rf"1 − ({NUMBER})", text):
        return 1 - float(match[1])
    return float(text.translate(POWERS))


def unit(text: str) -> float:
    """One in the last digit that is written."""
    digits, _, power = text.removeprefix("1 − ").partition("e")
    return 10.0 ** (int(power or 0) - len(digits.partition(".")[2]))


def agrees(text: str, x: float) -> bool:
    return abs(read(text) - x) <= 0.5001 * unit(text)


def plain(page: Path) -> str:
    """The page without fenced code, on one line."""
    text = re.sub(r"^```.*?^```", "", page.read_text(encoding="utf-8"), flags=re.M | re.S)
    return re.sub(r"\s*\n\s*", " ", text)


def tables(page: Path) -> dict[str, list[list[str]]]:
    """Header of each table -> its rows."""
    found = {}
    for block in re.findall(r"(?:^\|.*\n)+", page.read_text(encoding="utf-8"), re.M):
        header, _, *rows = block.strip().splitlines()
        found[header] = [[cell.strip() for cell in row.strip("|").split("|")] for row in rows]
    return found


def prose(page: Path) -> str:
    """The page without code, displayed equations, tables, links and the numbers of equations."""
    text = re.sub(r"^```.*?^```", "", page.read_text(encoding="utf-8"), flags=re.M | re.S)
    text = re.sub(r"\$\$.*?\$\$", "", text, flags=re.S)
    text = re.sub(r"^\|.*$", "", text, flags=re.M)
    text = re.sub(r"\s*\n\s*", " ", text)
    text = re.sub(r"\[[^\]]*\]\([^)]*\)|`[^`]*`", "", text)
    return re.sub(r"Eqs?\. S?\d+\.\d+(?:(?:,| and| to) S?\d+\.\d+)*|\(S?\d+\.\d+\)", "", text)


def chapter_of(page: Path) -> str:
    """The number of a chapter of the theory, or the name of another page."""
    return page.stem.split("-")[0]


def page_of(chapter: str) -> Path:
    """The page of a chapter, see :func:`chapter_of`."""
    (page,) = [*(DOCS / "theory").glob(f"{chapter}-*.md"), *DOCS.glob(f"{chapter}.md")]
    return page


def loose(page: Path, told: Iterable[tuple[str, str, object]], once: str = "") -> list[str]:
    """The numbers of a page's sentences that nothing accounts for.

    Parameters
    ----------
    told : for each passage whose numbers are computed its chapter, a regular expression, and what
        computes them.
    once : the numbers that were measured once, with spaces between.
    """
    text = prose(page)
    for chapter, words, _ in told:
        if chapter == chapter_of(page):
            text = re.sub(words, "", text)
    text = SETTING.sub("", text)
    found = re.findall(r"(?<![\w.])\d+\.\d{2,}(?:e[+-]?\d+)?(?![\w.]*\d)", text)
    return [number for number in found if number not in once.split()]


def header_of(chapter: str, begin: str) -> str:
    """The header of a table, by how it begins."""
    (header,) = [name for name in tables(page_of(chapter)) if name.startswith(begin)]
    return header


def rows_of(chapter: str, begin: str) -> list[list[str]]:
    """The rows of the table of a chapter whose header begins so."""
    return tables(page_of(chapter))[header_of(chapter, begin)]


def columns_of(chapter: str, begin: str) -> list[str]:
    """The cells of the header of such a table but for the first."""
    return [cell.strip() for cell in header_of(chapter, begin).strip("| ").split("|")[1:]]


def disagreeing(chapter: str, words: str, values: Sequence[float]) -> list[tuple[str, float]]:
    """Where the one passage that `words` match, its groups numbers, tells other values."""
    (match,) = re.finditer(words, plain(page_of(chapter)))
    pairs = zip(match.groups(), values, strict=True)
    return [(text, x) for text, x in pairs if not agrees(text, x)]


def loose_tables(page: Path, *known: Mapping[str, tuple[str, ...]]) -> set[str]:
    """The headers of the tables with numbers that begin like none that is known of the chapter."""
    begin = ["no table", *(each for names in known for each in names.get(chapter_of(page), ()))]
    held = {h for h, rows in tables(page).items() if re.search(r"\d\.\d", str(rows))}
    return {h for h in held if not h.startswith(tuple(begin))}
