"""The numbered equations of the documents: where each stands, and where one is cited."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

DOCS = Path(__file__).parent
PAGES = [*sorted((DOCS / "theory").glob("*.md")), DOCS / "remedies.md", DOCS / "simulation.md"]
TAG = re.compile(r"\\tag\{(S?\d+\.\d+)\}")
SECTION = re.compile(r"^#{1,2} (\d+)\. ", re.MULTILINE)
NUMBER = r"S?\d+\.\d+"
# Eq. 8.7; Eqs. 4.6 and 4.7; Eqs. 11.6 to 11.8; Eqs. 9.2, 9.3.  A line may end in between.
CITED = re.compile(rf"\bEqs?\.\s+({NUMBER}(?:(?:,|\s+and|\s+to)\s+{NUMBER})*)")


def equations(pages: list[Path] = PAGES) -> dict[str, list[Path]]:
    """Number of an equation -> the pages that define it, which should be one."""
    found: dict[str, list[Path]] = {}
    for page in pages:
        for number in TAG.findall(page.read_text(encoding="utf-8")):
            found.setdefault(number, []).append(page)
    return found


def sections() -> dict[int, Path]:
    """Number of a section of the theory -> its page; those of the simulation are its own."""
    return {
        int(number): page
        for page in PAGES
        if page.name != "simulation.md"
        for number in SECTION.findall(page.read_text(encoding="utf-8"))
    }


def cited(text: str) -> Iterator[str]:
    """The numbers of the equations that a text cites.

    >>> list(cited("(docs/theory.md, Eqs. 4.6 and 4.7), and Eq. 11.15 as well as version 2.0"))
    ['4.6', '4.7', '11.15']
    """
    plain = re.sub(r"[\"'#\s]*\n\s*(?:f?[\"']|#)?\s*", " ", text)  # a wrapped string or comment
    for match in CITED.finditer(plain):
        yield from re.findall(NUMBER, match[1])
