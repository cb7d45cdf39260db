"""A copy of the repository in which the smoke configuration has been run to its end, once."""

from __future__ import annotations

import os
import shutil
import subprocess

import pytest
from filelock import FileLock
from pipelines import LIMIT, Pipeline, copy_repository, environment


@pytest.fixture(scope="session")
def finished(tmp_path_factory):
    """The smoke configuration, run to its end on two cores.  Tests leave it as they found it.

    It is run once for all test processes; each works on a copy of its own.
    """
    base = tmp_path_factory.getbasetemp()
    shared = base.parent if "PYTEST_XDIST_WORKER" in os.environ else base
    built = shared / "smoke"
    with FileLock(shared / "smoke.lock"):
        if not (built / "done").exists():
            shutil.rmtree(built, ignore_errors=True)
            built.mkdir()
            whole = copy_repository(built)
            command = whole.command("--cores", "2")
            done = subprocess.run(
                command, cwd=built, env=environment(), capture_output=True, text=True,
                timeout=LIMIT,
            )  # fmt: skip
            assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
            (built / "done").touch()
    return Pipeline(shutil.copytree(built, tmp_path_factory.mktemp("pipeline") / "repository"))


@pytest.fixture
def clean(tmp_path):
    """A copy of the repository in which nothing has been run."""
    return copy_repository(tmp_path / "repository")


@pytest.fixture
def changed(finished):
    """The finished pipeline, for tests that edit its files: they are put back afterwards."""
    kept = {
        path: path.read_bytes()
        for top in ("config", "src", "workflow")
        for path in (finished.folder / top).rglob("*")
        if path.is_file() and path.suffix in (".py", ".yaml", ".smk")
    }
    yield finished
    for path, content in kept.items():
        if path.read_bytes() != content:
            path.write_bytes(content)
