"""A project that is moved or copied: its commands run the code of the tree that they stand in."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest
from pipelines import LIMIT, ROOT, copy_repository

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not shutil.which("make"), reason="there is no make"),
]
TABLE = "results/smoke/phase_portrait.csv"
SMOKE = "CONFIG=config/smoke.yaml"


def run(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """Run a command as a user does who has activated nothing."""
    hidden = ("PYTHONPATH", "VIRTUAL_ENV")
    plain = {name: value for name, value in os.environ.items() if name not in hidden}
    return subprocess.run(
        words, cwd=folder, env=plain, capture_output=True, text=True, timeout=LIMIT, check=False
    )


def make(folder: Path, *words: str) -> str:
    done = run(folder, "make", *words)
    return done.stdout + done.stderr


@pytest.fixture(scope="module")
def project(tmp_path_factory) -> Path:
    """A set-up project that holds one table, its packages being those that run this test."""
    folder = tmp_path_factory.mktemp("in a folder") / "project"
    copy_repository(folder)
    for name in ("Makefile", "pyproject.toml", "README.md", "LICENSE"):
        shutil.copy2(ROOT / name, folder)
    shutil.copytree(ROOT / "requirements", folder / "requirements")
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", ".venv"], cwd=folder, check=True)
    (site,) = (folder / ".venv").glob("lib/python*/site-packages")
    (site / "shared.pth").write_text(sysconfig.get_path("purelib"), encoding="utf-8")
    said = make(folder, "placed")
    assert (folder / ".venv" / "bin" / "modecollapse").exists(), said
    done = run(
        folder, ".venv/bin/python", "-c", "import modecollapse; print(modecollapse.__file__)"
    )
    assert done.stdout.startswith(str(folder)), done.stdout + done.stderr
    target = ("--configfile", "config/smoke.yaml", "--", TABLE)
    done = run(folder, ".venv/bin/python", "-m", "snakemake", "--cores", "1", *target)
    assert done.returncode == 0 or "python: not found" in done.stderr, done.stderr
    return folder


def verdict(said: str) -> str:
    (line,) = re.findall(rf"^. {re.escape(TABLE)} +record +(.*)$", said, re.MULTILINE)
    return line


def test_a_project_that_is_set_up_is_left_alone(project):
    assert make(project, "setup") == ""


def test_a_moved_project_works_and_fetches_nothing(project, tmp_path):
    moved = tmp_path / "another place"
    shutil.move(project, moved)
    try:
        said = make(moved, "verify", SMOKE)
        assert "Traceback" not in said
        assert verdict(said).startswith("ok")
        done = run(moved, ".venv/bin/modecollapse", "check")
        assert done.returncode == 0, done.stderr
        assert make(moved, "setup") == ""
        planned = run(moved, "make", "-n", "figures").stdout
        assert "pip" not in planned
    finally:
        shutil.move(moved, project)
        make(project, "setup")


def test_a_copy_is_verified_by_its_own_code(project, tmp_path):
    copy = tmp_path / "copy"
    shutil.copytree(project, copy, symlinks=True)
    with (copy / "src" / "modecollapse" / "store.py").open("a", encoding="utf-8") as stream:
        stream.write("# changed\n")
    assert "out of date" in verdict(make(copy, "verify", SMOKE))
    assert verdict(make(project, "verify", SMOKE)).startswith("ok")


def test_the_originals_command_refuses_to_check_a_copy_of_other_code(project, tmp_path):
    copy = tmp_path / "copy"
    shutil.copytree(project, copy, symlinks=True)
    command = str(project / ".venv" / "bin" / "modecollapse")
    smoke = ("verify", "--configfile", "config/smoke.yaml")
    assert verdict(run(copy, command, *smoke).stdout).startswith("ok")
    with (copy / "src" / "modecollapse" / "store.py").open("a", encoding="utf-8") as stream:
        stream.write("# changed\n")
    done = run(copy, command, *smoke)
    assert done.returncode == 2
    assert "other code" in done.stderr
    assert "python -m modecollapse" in done.stderr
