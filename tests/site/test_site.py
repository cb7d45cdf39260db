"""The documentation site: every link leads somewhere, nothing is fetched, mathematics is drawn."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlparse

import pytest
from equations import cited, equations

import modecollapse

ROOT = Path(__file__).parents[2]
ELSEWHERE = ("http", "https", "mailto", "data")


@dataclass
class Page(HTMLParser):
    """The places of a page, what it links to, and what it loads."""

    path: Path
    ids: set[str] = field(default_factory=set)
    links: list[str] = field(default_factory=list)
    loaded: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        super().__init__()
        self.feed(self.path.read_text(encoding="utf-8"))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        self.ids |= {given[name] for name in ("id", "name") if name in given}
        if tag == "a" and "href" in given:
            self.links.append(given["href"])
        elif "src" in given:
            self.loaded.append(given["src"])
        elif tag == "link" and given.get("rel") in ("stylesheet", "icon", "preload"):
            self.loaded.append(given["href"])

    def broken(self, pages: dict[Path, Page]) -> Iterator[str]:
        """What it links to and loads that is not there."""
        for target in [*self.links, *self.loaded]:
            url = urlparse(target)
            if url.scheme in ELSEWHERE:
                continue
            there = (self.path.parent / unquote(url.path)).resolve() if url.path else self.path
            found = there.is_file()
            if found and url.fragment and there.suffix == ".html":
                found = unquote(url.fragment) in pages[there].ids
            if not found:
                yield target


@pytest.fixture(scope="module")
def pages(site) -> dict[Path, Page]:
    return {path.resolve(): Page(path.resolve()) for path in sorted(site.rglob("*.html"))}


def test_every_link_leads_somewhere(pages):
    assert {path.name: list(page.broken(pages)) for path, page in pages.items()} == {
        path.name: [] for path in pages
    }


def test_a_broken_link_is_found(tmp_path):
    path = tmp_path / "a.html"
    path.write_text(
        '<a href="#there" id="there">x</a><a href="gone.html">x</a><a href="#gone">x</a>'
    )
    page = Page(path)
    assert list(page.broken({path: page})) == ["gone.html", "#gone"]


def test_nothing_is_loaded_from_a_network(pages):
    loaded = {target for page in pages.values() for target in page.loaded}
    assert not {target for target in loaded if urlparse(target).scheme in ("http", "https")}
    assert any(target.split("?")[0].endswith("tex-svg-full.js") for target in loaded)


def test_every_equation_has_its_place(pages, site):
    for number, (source,) in equations().items():
        made = source.relative_to(ROOT / "docs").with_suffix(".html")
        anchor = f"eq-{number.replace('.', '-').lower()}"
        assert anchor in pages[(site / made).resolve()].ids, number


def test_what_cites_an_equation_links_to_it(pages, site):
    """In the reference, which shows docstrings, and on the pages of the theory."""
    text = (ROOT / "src/modecollapse/theory/integration.py").read_text(encoding="utf-8")
    assert "3.7" in set(cited(text))
    front = pages[(site / "api/index.html").resolve()]
    assert "../theory/03-bimodal.html#eq-3-7" in front.links
    for name, number in {"04-expectations": "11-10", "08-lifetimes": "6-14"}.items():
        page = pages[(site / f"theory/{name}.html").resolve()]
        assert any(link.endswith(f"#eq-{number}") for link in page.links), name


def test_the_reference_holds_every_exported_name(pages, site):
    ids = {name for path, page in pages.items() if "api" in path.parts for name in page.ids}
    front = (ROOT / "src/modecollapse/__init__.pyi").read_text(encoding="utf-8")
    packages = re.findall(r"^from \. import (\w+)", front, re.MULTILINE)
    assert {"theory", "flows"} <= set(packages)
    for package in ("", *(f"{name}." for name in packages)):
        stub = ROOT / "src/modecollapse" / package.rstrip(".") / "__init__.pyi"
        names = re.findall(
            r"^from \.\w+ import (\w*[a-z]\w*)", stub.read_text("utf-8"), re.MULTILINE
        )
        assert names
        for name in names:
            assert f"modecollapse.{package}{name}" in ids or f"modecollapse.{name}" in ids, name


def test_help_begins_with_a_sentence_that_a_practitioner_understands():
    for name in sorted(set(modecollapse.__all__) - {"__version__"}):
        first = inspect.getdoc(getattr(modecollapse, name)).split("\n\n")[0]
        if inspect.isfunction(getattr(modecollapse, name)):
            assert not re.search(r"\bEqs?\.|docs/|closed equations|axial", first), name
            assert first.endswith(".")


def test_no_package_is_pinned_twice():
    pinned = {}
    for name in ("lock", "docs"):
        lines = (ROOT / "requirements" / f"{name}.txt").read_text(encoding="utf-8").splitlines()
        pinned[name] = {line.split("==")[0].lower() for line in lines if "==" in line}
    assert "sphinx" in pinned["docs"]
    assert not pinned["docs"] & pinned["lock"]


MATHEMATICS = ["theory/03-bimodal", "theory/10-finite-batches", "remedies", "simulation"]


@pytest.mark.parametrize("name", MATHEMATICS)
def test_mathematics_is_drawn(site, window, name):
    window.open(site / f"{name}.html")
    drawn = window.run(
        """
        await MathJax.startup.promise;
        const all = [...document.querySelectorAll("mjx-container")];
        return {
            count: all.length,
            wrong: document.querySelectorAll("[data-mml-node=merror], mjx-merror").length,
            left: document.querySelectorAll(".math:not(:has(mjx-container))").length,
            least: Math.min(...all.map(one => one.getBoundingClientRect().height)),
        };
        """
    )
    assert drawn["count"] > 20
    assert drawn["wrong"] == drawn["left"] == 0
    assert drawn["least"] > 2
    assert window.complaints() == []


@pytest.mark.slow
def test_mathematics_is_drawn_on_every_page(site, window):
    for path in sorted(site.rglob("*.html")):
        window.open(path)
        wrong = window.run(
            """
            if (window.MathJax?.startup) await MathJax.startup.promise;
            return [...document.querySelectorAll("[data-mml-node=merror]")].map(
                one => one.textContent);
            """
        )
        assert wrong == [], path.name


@pytest.mark.parametrize("width", [1300, 360])
@pytest.mark.parametrize("name", ["index", "theory/03-bimodal", "practice"])
def test_a_page_fits_its_window(site, window, name, width):
    window.emulate(width, 800)
    window.open(site / f"{name}.html")
    seen = window.run(
        """
        return {
            page: document.documentElement.scrollWidth,
            text: document.querySelector("article p").getBoundingClientRect().width,
        };
        """
    )
    assert seen["page"] <= width
    assert seen["text"] > min(width, 900) * 0.8
