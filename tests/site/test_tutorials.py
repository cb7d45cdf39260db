"""Each tutorial runs, and prints what it shows."""

from __future__ import annotations

import doctest
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
BLOCK = re.compile(r"^```(?:python|yaml)\n# (\S+)\n(.*?)^```", re.MULTILINE | re.DOTALL)
TUTORIALS = sorted([*DOCS.glob("tutorials/*.md"), *DOCS.glob("tutorial-*.md")])


QUESTIONS = DOCS / "questions.md"
BEGIN, *ANSWERS = re.split(r"^## ", QUESTIONS.read_text(encoding="utf-8"), flags=re.MULTILINE)
QUICK = ("Why do the means", "How do I anneal")  # the answers that take seconds


def check(text: str, page: Path) -> int:
    """What a text shows as printed is what its code prints; how many lines were run."""
    text = re.sub(r"^```.*$", "", text, flags=re.MULTILINE)
    flags = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE
    test = doctest.DocTestParser().get_doctest(text, {}, page.name, str(page), 0)
    said: list[str] = []
    result = doctest.DocTestRunner(optionflags=flags).run(test, out=said.append)
    assert not result.failed, "".join(said)
    return result.attempted


@pytest.mark.parametrize("page", TUTORIALS, ids=lambda path: path.stem)
def test_a_tutorial_prints_what_it_shows(page):
    check(page.read_text(encoding="utf-8"), page)


@pytest.mark.parametrize(
    "answer",
    [
        pytest.param(one, id=one[:20], marks=[] if one.startswith(QUICK) else [pytest.mark.slow])
        for one in ANSWERS
    ],
)
def test_an_answer_prints_what_it_shows(answer):
    """Each by itself, after what the page begins with."""
    assert check(BEGIN + answer, QUESTIONS) > 6


def test_six_questions_are_answered():
    assert len(ANSWERS) == 6
    assert all(any(one.startswith(name) for one in ANSWERS) for name in QUICK)


def test_the_readme_gives_what_it_says():
    """The lines of its notebook whose comment begins with a number."""
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    block = re.search(r"^```python\n(.*?)^```", text, re.MULTILINE | re.DOTALL)[1]
    names: dict[str, object] = {}
    exec(block, names)
    told = re.findall(r"^(mc\.\S+|\w\S+)  # (\d+\.\d+):", block, re.MULTILINE)
    assert len(told) == 2
    for expression, number in told:
        assert eval(expression, names) == pytest.approx(float(number), abs=10 ** -len(number[2:]))


@pytest.mark.slow
def test_the_tutorial_of_a_figure_makes_one(tmp_path):
    """Its blocks, put where their first lines say, and its command."""
    for name in ("src", "workflow", "profiles", "config", "envs"):
        shutil.copytree(ROOT / name, tmp_path / name)
    for name in ("Snakefile", "config.yaml", "pyproject.toml"):
        shutil.copy2(ROOT / name, tmp_path / name)
    text = (DOCS / "tutorials" / "figure.md").read_text(encoding="utf-8")
    for name, block in BLOCK.findall(text):
        with (tmp_path / name).open("a", encoding="utf-8") as file:
            file.write(block)
    environment = os.environ | {"PYTHONPATH": str(tmp_path / "src")}
    for command in (
        ["modecollapse", "schema"],
        ["snakemake", "--cores", "1", "--", "figures/figs_births.pdf"],
        ["modecollapse", "show", "figures/figs_births.pdf"],
    ):
        assert " ".join(command) in text
        done = subprocess.run(
            [sys.executable, "-m", *command],
            cwd=tmp_path,
            env=environment,
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, done.stdout + done.stderr
    assert "births" in done.stdout
    caption = (tmp_path / "figures" / "figs_births.rst").read_text(encoding="utf-8")
    assert "r_c = 2.2596" in re.sub(r"\\(.)", r"\1", caption)
    assert "[holds]" in caption
