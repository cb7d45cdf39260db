"""Numbers of practice, questions and tutorials: links to claims, printed by code, or computed."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Sequence

import pytest
from document_numbers import DOCS, NUMBER, disagreeing, loose

from modecollapse.claims.intervals import frequency

N = f"({NUMBER})"
PAGES = [DOCS / "practice.md", DOCS / "questions.md", *sorted((DOCS / "tutorials").glob("*.md"))]


def of_fifty() -> list[float]:
    lost, none = frequency(21, 50), frequency(0, 50)
    return [lost.value, lost.low, lost.high, none.high]


PROSE: list[tuple[str, str, Callable[[], Sequence[float]]]] = [
    (
        "questions",
        rf"{N} plain \(95 % interval {N} to {N}\), none annealed \(0 to {N}\)",
        of_fifty,
    ),
    (
        "questions",
        rf"it is {N} nats too high .*?, −log 0\.0044",
        lambda: [-math.log(0.0044)],
    ),
    ("questions", rf"compared with log 25 = {N}", lambda: [math.log(25)]),
]
SETTINGS = {"practice": "1.25 0.15"}  # · 10⁴, a time; see tests/theory/test_survival_accuracy.py


@pytest.mark.parametrize(("page", "words", "computed"), PROSE)
def test_a_sentence_tells_what_is_computed(page, words, computed):
    assert disagreeing(page, words, computed()) == []


def known(page) -> str:
    """The numbers that code of the page prints, and its settings."""
    code = " ".join(re.findall(r"^```.*?^```", page.read_text(encoding="utf-8"), re.M | re.S))
    printed = re.findall(r"\d+\.\d+", code)  # which tests/site/test_tutorials.py runs
    return " ".join([*printed, SETTINGS.get(page.stem, "")])


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_no_number_of_a_sentence_stands_alone(page):
    assert loose(page, PROSE, known(page)) == []


def test_a_number_that_no_code_prints_is_found(tmp_path):
    page = tmp_path / "guide.md"
    page.write_text("It is 0.75, [0.12](claims.md#a), not 0.31.\n\n```python\n>>> f()\n0.75\n```\n")
    assert loose(page, PROSE, known(page)) == ["0.31"]
