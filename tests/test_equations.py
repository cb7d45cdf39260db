"""Every equation and section that the code or a document names is there, once."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from equations import PAGES, SECTION, TAG, cited, equations, sections

ROOT = Path(__file__).parents[1]
TEXTS = sorted(
    [
        *ROOT.glob("*.md"),
        *ROOT.glob("*.yaml"),
        *(ROOT / "docs").rglob("*.md"),
        *(ROOT / "src").rglob("*.py"),
        *(ROOT / "tests" / "theory").rglob("*.py"),
    ]
)


def test_an_equation_has_one_number():
    twice = {
        number: [page.name for page in pages]
        for number, pages in equations().items()
        if len(pages) > 1
    }
    assert not twice, "docs/theory.md lists the sections: a new one takes the next number"


@pytest.mark.parametrize("page", PAGES, ids=lambda path: path.name)
def test_an_equation_is_in_the_section_of_its_number(page):
    text = page.read_text(encoding="utf-8")
    marks = sorted(
        [(match.start(), "section", match[1]) for match in SECTION.finditer(text)]
        + [(match.start(), "equation", match[1]) for match in TAG.finditer(text)]
    )
    section = ""
    for _, what, number in marks:
        if what == "section":
            section = number
        else:
            assert number.removeprefix("S").split(".")[0] == section


def test_every_cited_equation_is_there():
    there = equations()
    missing = {
        (str(path.relative_to(ROOT)), number)
        for path in TEXTS
        for number in cited(path.read_text(encoding="utf-8"))
        if number not in there
    }
    assert not missing


def test_many_are_cited():
    modules = [path for path in TEXTS if "theory" in path.parts and path.suffix == ".py"]
    found = {number for path in modules for number in cited(path.read_text(encoding="utf-8"))}
    assert {"3.7", "8.7", "14.17"} <= found
    assert len(found) > 60


def test_every_cited_section_is_there():
    """Of the theory; "section 4" of the simulation is that page's own."""
    words = re.compile(r"docs/theory(?:\.md)?,\s+[Ss]ection\s+(\d+)")
    for path in TEXTS:
        text = path.read_text(encoding="utf-8")
        assert {int(number) for number in words.findall(text)} <= sections().keys(), path


def test_the_index_names_every_page_of_the_theory():
    index = (ROOT / "docs" / "theory.md").read_text(encoding="utf-8")
    rows = dict(re.findall(r"^\| (\d+) \| \[[^]]+\]\(([\w/.-]+\.md)", index, re.MULTILINE))
    assert {int(number): ROOT / "docs" / page for number, page in rows.items()} == sections()


@pytest.mark.parametrize("page", PAGES[:-2], ids=lambda path: path.name)
def test_a_page_of_the_theory_names_its_code_and_its_figures(page):
    head = page.read_text(encoding="utf-8").split("\n\n")[1]
    assert re.match(r"Code: `[\w/.]+`", head)
    assert "\nFigures: " in head
    assert "](../figures.md#fig" in head
