"""What a release says of itself in several places agrees."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest
import yaml

import modecollapse

ROOT = Path(__file__).parents[1]


def read(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


def test_one_version_everywhere():
    versions = {
        "pyproject.toml": tomllib.loads(read("pyproject.toml"))["project"]["version"],
        "CITATION.cff": yaml.safe_load(read("CITATION.cff"))["version"],
        "CHANGELOG.md": re.findall(r"^## \[(\d[^]]*)\]", read("CHANGELOG.md"), re.MULTILINE)[0],
    }
    assert versions == dict.fromkeys(versions, modecollapse.__version__)


def test_the_citation_names_software_and_papers():
    citation = yaml.safe_load(read("CITATION.cff"))
    assert {"cff-version", "message", "title", "authors", "license"} <= citation.keys()
    for paper, number in zip(citation["references"], ("2410.13300", "2602.12923"), strict=True):
        assert paper["type"] == "article"
        assert number in paper["url"]


@pytest.mark.parametrize("tool", ["ruff", "snakefmt", "mypy"])
def test_hooks_are_the_tools_of_make_lint(tool):
    hooks = yaml.safe_load(read(".pre-commit-config.yaml"))["repos"][0]["hooks"]
    assert any(hook["entry"].split()[0] == tool for hook in hooks)
    assert re.search(rf"^\t.*\b{tool}\b|&& {tool}\b", read("Makefile"), re.MULTILINE)
