"""Sphinx: numbered equations become places, and what cites them, or a section, becomes a link."""

from __future__ import annotations

import re
from pathlib import Path

from docutils import nodes
from equations import CITED, DOCS, NUMBER, TAG, equations, sections

# Left as they are: code, mathematics, what is a link already, titles.
CLOSED = nodes.literal, nodes.literal_block, nodes.math, nodes.math_block, nodes.reference
CLOSED = *CLOSED, nodes.title, nodes.raw
BARE = re.compile(rf"(?<=\()({NUMBER})(?=\))")  # (8.7), on the pages of the theory
SECTION = re.compile(r"\b[Ss]ections?\s+(\d+)(?:\s+(?:and|to)\s+(\d+))?")
FILE = re.compile(r"docs/(theory|remedies|simulation|practice)\.md")


def name_of(page: Path) -> str:
    return page.relative_to(DOCS).with_suffix("").as_posix()


class Places:
    """Where each equation and each section is, as seen from one page."""

    def __init__(self, app, page: str) -> None:
        self.app, self.page = app, page
        self.equations = {number: name_of(found[0]) for number, found in equations().items()}
        self.sections = {str(number): name_of(path) for number, path in sections().items()}

    def to(self, page: str, anchor: str = "") -> str:
        uri = self.app.builder.get_relative_uri(self.page, page)
        return f"{uri}#{anchor}" if anchor else uri

    def equation(self, number: str) -> str | None:
        page = self.equations.get(number)
        return page and self.to(page, anchor(number))

    def section(self, number: str) -> str | None:
        page = self.sections.get(number)
        if page is None or "/" in page:  # a page of its own
            return page and self.to(page)
        text = (DOCS / f"{page}.md").read_text(encoding="utf-8")
        title = re.search(rf"^## ({number}\. .*)$", text, re.MULTILINE)
        return self.to(page, nodes.make_id(title[1]))


def anchor(number: str) -> str:
    return f"eq-{number.replace('.', '-').lower()}"


def number_equations(app, document: nodes.document) -> None:
    """Every numbered equation gets an id, and keeps its own number."""
    for block in document.findall(nodes.math_block):
        text = block.astext()
        numbers = TAG.findall(text)
        if "&" in text and r"\begin" not in text:  # one line of a docstring, aligned with nothing
            block[:] = [nodes.Text(rf"\begin{{aligned}}{text}\end{{aligned}}")]
        if numbers:
            block["ids"] += [anchor(number) for number in numbers]
            # Sphinx would put `split` around it, in which a tag is an error.
            block["no-wrap"] = True
            block[:] = [nodes.Text(f"\\[{block.astext()}\\]")]


def spans(text: str, theory: bool) -> list[tuple[int, int, str, str]]:
    """(start, end, kind, number) of what a text cites, in order."""
    found = [
        (
            citation.start(1) + number.start(),
            citation.start(1) + number.end(),
            "equation",
            number[0],
        )
        for citation in CITED.finditer(text)
        for number in re.finditer(NUMBER, citation[1])
    ]
    if theory:
        found += [
            (match.start(1), match.end(1), "equation", match[1]) for match in BARE.finditer(text)
        ]
    for match in SECTION.finditer(text):
        if theory or "docs/theory.md" in text[: match.start()]:
            found += [(*match.span(i), "section", match[i]) for i in (1, 2) if match[i]]
    found += [(*match.span(), "file", match[1]) for match in FILE.finditer(text)]
    return sorted(found)


def link(app, document: nodes.document, page: str) -> None:
    """What cites an equation or a section links to it."""
    places = Places(app, page)
    theory = page.startswith("theory") or page == "remedies"
    resolve = {"equation": places.equation, "section": places.section, "file": places.to}
    for text in list(document.findall(nodes.Text)):
        if any(isinstance(above, CLOSED) for above in ancestors(text)):
            continue
        pieces, at = [], 0
        for start, end, kind, number in spans(str(text), theory):
            uri = resolve[kind](number)
            if uri and start >= at:
                pieces += [nodes.Text(text[at:start])]
                pieces += [nodes.reference("", text[start:end], internal=True, refuri=uri)]
                at = end
        if pieces:
            text.parent.replace(text, [*pieces, nodes.Text(text[at:])])


def ancestors(node: nodes.Node):
    while node.parent is not None:
        node = node.parent
        yield node


def setup(app) -> dict[str, bool]:
    app.connect("doctree-read", number_equations)
    app.connect("doctree-resolved", link)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
