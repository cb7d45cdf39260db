"""The HTML report: what it holds, and that a browser draws it."""

from __future__ import annotations

import json
import re
from pathlib import Path

import browser
import pytest
from docutils.core import publish_parts

from modecollapse.pipeline.configuration import blocks, drawn_together, load

ROOT = Path(__file__).parents[2]
CONFIG = load([ROOT / "config.yaml", ROOT / "config" / "smoke.yaml"])
FIGURES = blocks(CONFIG)
TOGETHER = drawn_together(CONFIG)
PICTURES = [f"figures/smoke/{figure}.png" for figure in FIGURES]


@pytest.fixture(scope="module")
def report(finished):
    """The report of the smoke configuration."""
    finished.snakemake("--cores", "1", "report")
    finished.snakemake("--report", "report.html", "report")
    return finished.folder / "report.html"


@pytest.fixture(scope="module")
def page(report, tmp_path_factory):
    """The report in a headless browser."""
    if browser.absent():
        pytest.skip(f"THE REPORT IS NOT LOOKED AT: {browser.absent()}")
    with browser.chromium(tmp_path_factory.mktemp("chromium")) as opened:
        opened.open(report)
        yield opened


def held(report: Path, name: str):
    """A value that the page holds as JSON."""
    text = report.read_text(encoding="utf-8")
    return json.loads(re.search(rf"^\s*var {name} = ([{{\[].*);$", text, re.MULTILINE)[1])


def test_it_holds_figures_tables_and_settings(report):
    results = held(report, "results")
    assert {path for path in results if path.startswith("figures/")} == set(PICTURES)
    pages = {path for path in results if path.startswith("results/")}
    assert {Path(path).stem for path in pages} == {"validation", "verification", "settings"}
    assert all(entry["caption"].strip() for entry in results.values())


def test_it_holds_rule_graph_and_run_times(report):
    rules = {entry["rule"] for entry in held(report, "runtimes_spec")["data"]["values"]}
    alone = {*FIGURES} - {figure for figures in TOGETHER for figure in figures}
    shared = {f"figures_{number}" for number, _ in enumerate(TOGETHER, 1)}
    assert {"theory", "simulation", "gather", *alone, *shared} <= rules


@pytest.mark.parametrize("figure", FIGURES)
def test_a_caption_reads_as_it_was_written(finished, report, figure):
    written = (finished.folder / "figures" / "smoke" / f"{figure}.rst").read_text(encoding="utf-8")
    plain = re.sub(r"\\(.)", r"\1", written)
    caption = held(report, "results")[f"figures/smoke/{figure}.png"]["caption"]
    assert "system-message" not in caption
    assert "problematic" not in caption
    shown = re.sub(r"<[^>]+>", "", caption).replace("&gt;", ">").replace("&lt;", "<")
    words = shown.replace("&amp;", "&").split()
    assert words == plain.split()
    assert any(character.isdigit() for character in shown)


def test_unescaped_captions_would_be_misread():
    parts = publish_parts("(a) along μ* and ν*, by x_1", writer="html")["body"]
    assert "(a)" not in parts


def test_every_figure_is_drawn(page):
    for path in PICTURES:
        drawn = page.run(
            """
            const path = arguments[0];
            app.setView({content: "img", contentPath: results[path].data_uri, resultPath: path});
            let picture;
            for (let waits = 0; !picture && waits < 200; waits++) {
                await new Promise(resolve => setTimeout(resolve, 25));
                picture = [...document.querySelectorAll("#app img")].find(
                    each => each.src === results[path].data_uri);
            }
            await picture.decode();
            const canvas = document.createElement("canvas");
            [canvas.width, canvas.height] = [200, 200];
            const context = canvas.getContext("2d");
            context.drawImage(picture, 0, 0, 200, 200);
            const values = context.getImageData(0, 0, 200, 200).data;
            const box = picture.getBoundingClientRect();
            return {shades: new Set(values).size, width: box.width, height: box.height};
            """,
            path,
        )
        assert drawn["shades"] > 50, path
        assert min(drawn["width"], drawn["height"]) > 200, path


def test_rule_graph_and_run_times_are_drawn(page):
    for content in ("rulegraph", "stats"):
        marks = page.run(
            """
            app.setView({content: arguments[0]});
            await new Promise(resolve => setTimeout(resolve, 1500));
            return [...document.querySelectorAll("#app canvas")].map(canvas => new Set(
                canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height).data
            ).size);
            """,
            content,
        )
        assert marks, content
        assert min(marks) > 10, content


@pytest.mark.parametrize("table", ["validation", "verification"])
def test_a_table_is_a_table(page, table):
    rows = page.run(
        """
        const path = arguments[0];
        app.setView({content: "html", contentPath: results[path].data_uri, resultPath: path});
        const frame = await (await fetch(results[path].data_uri)).text();
        return new DOMParser().parseFromString(frame, "text/html").querySelectorAll("tr").length;
        """,
        f"results/smoke/report/{table}.html",
    )
    assert rows > 10


def test_the_console_has_nothing_to_complain_of(page):
    assert page.complaints() == []
    page.run("setTimeout(() => { throw new Error('planted'); }, 0);")
    page.run("await new Promise(resolve => setTimeout(resolve, 200));")
    assert any("planted" in message for message in page.complaints())
