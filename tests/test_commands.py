"""Every command line in every document: planned, parsed or run, whichever is cheap."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest
from snakemake.cli import parse_args

from modecollapse.pipeline.cli import main

ROOT = Path(__file__).parents[1]
DOCUMENTS = sorted(
    path
    for pattern in ("*.md", "docs/*.md", "config/*.md", "config.yaml", "config/*.yaml", "Snakefile")
    for path in ROOT.glob(pattern)
) + sorted([*ROOT.glob("profiles/*/config.yaml"), ROOT / "Makefile", ROOT / ".ci" / "run"])
DOCUMENTS += sorted(ROOT.glob(".github/**/*.*"))
TOOLS = r"snakemake|modecollapse|make|python -m modecollapse|python docs/\w+\.py"
FENCE = re.compile(r"^```(?:sh|bash|console)\n(.*?)^```", re.MULTILINE | re.DOTALL)

# What a document leaves to the reader to fill in, and what stands there in the test.
FILLED = {
    "<yours>": "smoke",
    "<file>": "config/smoke.yaml",
    "FILE": "figures/fig3_mean_alignment.pdf",
    "config/wide.yaml": "config/smoke.yaml",  # the README has the reader write it
    "config/mine.yaml": "config/smoke.yaml",
    "figures/wide": "figures/smoke",
    "<figure>": "fig3_mean_alignment",
}


def commands(path: Path) -> set[str]:
    """The command lines of a document: in its fenced blocks, between backticks, and where a line of
    a comment is nothing else."""
    text = path.read_text(encoding="utf-8")
    if path.suffix == ".md":
        lines = [line for block in FENCE.findall(text) for line in block.splitlines()]
        lines += [each.replace("\n", " ") for each in re.findall(r"`([^`]+)`", FENCE.sub("", text))]
    else:
        shown = re.findall(rf"^(?:#\s+|\s+- run: )?((?:{TOOLS})\s[^`\n]*)$", text, re.MULTILINE)
        lines = [*shown, *re.findall(r"`([^`\n]+)`", text)]
    found = set()
    for line in lines:
        for part in re.split(r"&&|\|\|", re.split(r"\s{2,}|\s#", line.strip())[0]):
            if re.match(rf"(?:{TOOLS})(?=\s|$)", part.strip()):
                found.add(part.strip())
    return {each for each in found if " " in each and not each.endswith("--configfile")}


EVERY = sorted({command for path in DOCUMENTS for command in commands(path)})


def those(*tools: str) -> list[str]:
    return [command for command in EVERY if command.startswith(tools)]


def filled(command: str) -> list[str]:
    for hole, text in FILLED.items():
        command = re.sub(rf"(?<!\w){re.escape(hole)}(?!\w)", text, command)
    return shlex.split(command)


def run(*words: str, folder: Path = ROOT) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        words, cwd=folder, capture_output=True, text=True, check=False, env={**os.environ}
    )


@pytest.fixture(scope="module")
def copy(tmp_path_factory) -> Path:
    """The repository as it is in a clone."""
    folder = tmp_path_factory.mktemp("clone")
    for name in ("Snakefile", "Makefile", "config.yaml", "pyproject.toml"):
        shutil.copy2(ROOT / name, folder)
    for name in ("config", "docs", "envs", "profiles", "reference", "requirements", "src"):
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copytree(ROOT / "workflow", folder / "workflow")
    return folder


def planned(words: list[str]) -> list[str]:
    """The same command as a dry run; one that wants conda is read without it."""
    if "--sdm" in words:
        at = words.index("--sdm")
        words = [w for i, w in enumerate(words) if i not in (at, at + 1) and "conda" not in w]
    at_work = "--unlock" in words or "--report" in words
    return [sys.executable, "-m", "snakemake", *([] if at_work else ["-n"]), *words[1:]]


@pytest.mark.parametrize("command", those("snakemake "))
def test_snakemake_reads_it_as_it_is_meant(command):
    """Each file after --configfile is one (and no target), each target one that a rule makes."""
    _, given = parse_args(filled(command)[1:])
    assert all((ROOT / file).is_file() for file in given.configfile or [])
    assert all(re.search(r"\.(csv|pdf|png|rst|html)$", file) for file in given.targets)


@pytest.mark.slow
@pytest.mark.parametrize("command", those("snakemake "))
def test_snakemake_plans_what_a_document_has_it_do(command, copy):
    done = run(*planned(filled(command)), folder=copy)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.skipif(not shutil.which("make"), reason="there is no make")
@pytest.mark.parametrize("command", those("make "))
def test_make_knows_what_a_document_has_it_do(command, copy):
    done = run("make", "-n", *filled(command)[1:], folder=copy)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("command", those("modecollapse ", "python -m modecollapse "))
def test_the_command_takes_what_a_document_gives_it(command, capsys):
    words = filled(command)
    given = words[words.index("modecollapse") + 1 :]
    with pytest.raises(SystemExit) as ended:
        main([*given, "--help"])
    assert ended.value.code == 0
    assert {word for word in given if word[:2] == "--"} <= set(capsys.readouterr().out.split()) | {
        "--help"
    }


@cache
def help_of(script: str) -> str:
    done = run(sys.executable, script, "--help")
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.parametrize("command", those("python docs/"))
def test_a_script_takes_what_a_document_gives_it(command):
    words = filled(command)
    told = help_of(words[1])
    assert all(word in told for word in words if word.startswith("-"))
    assert all((ROOT / word).exists() for word in words if word.startswith("config/"))


def test_the_commands_of_the_documents_are_found():
    assert "snakemake -n --configfile config/wide.yaml" in EVERY
    assert "make test" in EVERY
    assert "modecollapse show figures/wide/fig3_mean_alignment.pdf" in EVERY
    assert len(those("snakemake ")) >= 8


def test_a_target_after_a_configuration_needs_two_dashes():
    """What the tests above would find: Snakemake takes it for another configuration."""
    wrong = "snakemake -n --configfile config/smoke.yaml figures/smoke/fig3_mean_alignment.pdf"
    with pytest.raises(AssertionError):
        test_snakemake_reads_it_as_it_is_meant(wrong)
