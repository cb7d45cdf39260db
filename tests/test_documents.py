"""What the documents name is there: files, commands, figures, tables, names and anchors."""

from __future__ import annotations

import re
from itertools import chain
from pathlib import Path

import pandas as pd
import pytest

import modecollapse
from modecollapse.claims import claims_of, number
from modecollapse.pipeline.cli import main
from modecollapse.pipeline.configuration import blocks, load
from modecollapse.pipeline.quote import RANKED, SHOWN, between, claims_page, filled, remedies_table

ROOT = Path(__file__).parents[1]
DOCUMENTS = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])
FIGURES = blocks(load([ROOT / "config.yaml"]))
TABLES = {*chain.from_iterable(FIGURES.values()), "benchmarks", "claims"}
FENCE = re.compile(r"^```(\w*)\n(.*?)^```", re.MULTILINE | re.DOTALL)
MADE = {"results": TABLES, "figures": set(FIGURES)}  # by commands, so not there in a checkout
EXAMPLES = {"wide", "births", "figs_births"}  # what a document tells the reader to write


def code(text: str) -> list[str]:
    """The lines of fenced blocks, and what stands between backticks."""
    fenced = [line for _, block in FENCE.findall(text) for line in block.splitlines()]
    return [*fenced, *re.findall(r"`([^`\n]+)`", FENCE.sub("", text))]


def exists(name: str) -> bool:
    """Whether a path is there, in the checkout or the package, or is one that a command makes.

    What stands for a name, as in ``figures/<name>.py``, stands for any.
    """
    top, *below = Path(name).parts
    pattern = re.sub(r"<\w+>", "*", name.rstrip("/"))
    if any(list(folder.glob(pattern)) for folder in (ROOT, ROOT / "src" / "modecollapse")):
        return True
    stem = Path(pattern).stem
    return (
        (top in MADE and (not below or stem in MADE[top] | EXAMPLES | {"*"}))
        or (top in ("config", "src") and stem in EXAMPLES)
        or name == "logs/"
    )


def paths(text: str) -> set[str]:
    """The words in code that are paths below a folder of the project."""
    tops = {path.name for path in [*ROOT.iterdir(), *(ROOT / "src" / "modecollapse").iterdir()]}
    words = re.findall(r"(?<![\w/.:-])[\w.-]+/[\w./<>*-]*", "\n".join(code(text)))
    return {word.rstrip(".") for word in words if word.split("/")[0] in tops | MADE.keys()}


def slugs(text: str) -> set[str]:
    """The anchors of a document's headings, as GitHub makes them."""
    headings = re.findall(r"^#+ +(.+)$", FENCE.sub("", text), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in headings}


@pytest.fixture(params=DOCUMENTS, ids=lambda path: path.name)
def document(request) -> Path:
    return request.param


def test_every_path_is_there(document):
    named = paths(document.read_text(encoding="utf-8"))
    assert sorted(name for name in named if not exists(name)) == []


def test_every_link_leads_somewhere(document):
    text = document.read_text(encoding="utf-8")
    for target in re.findall(r"\]\(([^)\s]+)\)", text):
        if target.startswith(("http://", "https://")):
            continue
        name, _, anchor = target.partition("#")
        there = document.parent / name if name else document
        assert there.exists(), target
        assert not anchor or anchor in slugs(there.read_text(encoding="utf-8")), target


def test_every_command_exists(document):
    text = document.read_text(encoding="utf-8")
    targets = re.findall(
        r"^([\w-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE
    )
    for line in code(text):
        for words in re.findall(r"(?:^|&& |\()make((?: [\w=./-]+)*)", line):
            wanted = [word for word in words.split() if "=" not in word and word[0] != "-"]
            assert set(wanted) <= set(targets), line
        for command in re.findall(r"^modecollapse (\w+)", line):
            with pytest.raises(SystemExit) as ended:
                main([command, "--help"])
            assert ended.value.code == 0, line


def test_every_name_of_the_package_exists(document):
    text = document.read_text(encoding="utf-8")
    assert set(re.findall(r"\bmc\.(\w+)", text)) <= set(modecollapse.__all__)


@pytest.mark.parametrize(
    ("name", "there"),
    [
        ("src/modecollapse/pipeline/cli.py", True),
        ("theory/rhs.py", True),
        ("figures/fig1_collapse.pdf", True),
        ("src/modecollapse/figures/<figure>.py", True),
        ("results/wide/", True),
        ("src/modecollapse/gone.py", False),
        ("docs/gone.md", False),
        ("figures/fig9_gone.pdf", False),
        ("results/gone.csv", False),
        ("config/gone.yaml", False),
    ],
)
def test_what_is_not_there_is_found(name, there):
    assert exists(name) == there
    assert paths(f"See `{name}`.") == {name}


def test_the_words_of_the_readme_are_read():
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    assert {"config/cluster.yaml", "config/smoke.yaml", "figures/wide/"} & paths(text)
    assert "make test        # the tests" in code(text)
    assert "where-to-go-on" in slugs(text)


CLAIMS = pd.read_csv(ROOT / "reference" / "claims.csv", keep_default_na=False)


def test_every_number_that_a_document_quotes_is_that_of_its_claim(document):
    numbers = {row.claim: number(row.value, row.low, row.high) for row in CLAIMS.itertuples()}
    if document.name not in ("claims.md", "figures.md"):  # which are written whole
        text = document.read_text(encoding="utf-8")
        assert filled(text, numbers) == text


def test_the_page_of_claims_is_that_of_the_table():
    assert (ROOT / "docs" / "claims.md").read_text(encoding="utf-8") == claims_page(CLAIMS)


def test_every_claim_has_been_judged_and_those_of_the_abstract_are_decided():
    figures = [figure.split("_", 1)[1] for figure in FIGURES]
    assert set(CLAIMS["claim"]) == {claim.name for name in figures for claim in claims_of(name)}
    abstract = CLAIMS[CLAIMS["about"] == "abstract"]
    assert len(abstract) >= 5
    assert "undecided" not in set(abstract["verdict"])


@pytest.mark.parametrize("figure", FIGURES)
def test_every_figure_has_a_claim(figure):
    assert claims_of(figure.split("_", 1)[1])


def test_the_table_of_remedies_shows_what_the_package_ranks_by():
    page = (ROOT / SHOWN).read_text(encoding="utf-8")
    assert between(page, "remedies", remedies_table(pd.read_csv(ROOT / RANKED))) == page


def test_the_starts_of_healing_are_those_of_the_configuration():
    runs = FIGURES["figs_survival"]["healing"]["theory"]["runs"]
    said = (ROOT / "docs" / "theory" / "16-survival.md").read_text(encoding="utf-8")
    assert re.findall(r"(\d+) starts each|one run of the (\d+)", said) == [
        (str(runs), ""),
        ("", str(runs)),
    ]
