"""The container recipe and what runs on a hosting site: they install the lock, and call `make`.

Neither was run by these tests: that needs a builder, and the site.
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[1]
RECIPE = (ROOT / "Dockerfile").read_text(encoding="utf-8")
TARGETS = re.findall(r"^([\w -]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE)


def test_the_container_takes_the_locks_versions_and_copies_what_is_there():
    assert "pip install --no-cache-dir -r requirements/lock.txt" in RECIPE
    for line in re.findall(r"^COPY (.+) \S+$", RECIPE, re.MULTILINE):
        assert all((ROOT / name).exists() for name in line.split())
    assert re.search(r"^FROM python:3\.\d+-slim-\w+$", RECIPE, re.MULTILINE)  # no moving tag


def test_the_container_leaves_out_what_a_run_has_made():
    left_out = (ROOT / ".dockerignore").read_text(encoding="utf-8").split()
    assert {".venv", ".snakemake", "results", "logs"} <= set(left_out)


@pytest.mark.parametrize("path", sorted(ROOT.glob(".github/workflows/*.yml")), ids=lambda p: p.name)
def test_a_hosted_workflow_calls_commands_that_are_there(path):
    jobs = yaml.safe_load(path.read_text(encoding="utf-8"))["jobs"]
    runs = [step["run"] for job in jobs.values() for step in job["steps"] if "run" in step]
    known = {name for names in TARGETS for name in names.split()}
    assert {command.split()[1] for command in runs} <= known
    assert {"lint", "test", "smoke"} <= {command.split()[1] for command in runs}
    assert all("timeout-minutes" in job for job in jobs.values())
