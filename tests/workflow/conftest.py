"""A copy of the repository in which the smoke configuration has been run to its end, once."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import pytest
from filelock import FileLock

ROOT = Path(__file__).parents[2]
LIMIT = 1800  # seconds for any run of Snakemake: ten times what the longest takes
COPIED = ("Snakefile", "config.yaml", "config", "workflow", "profiles", "src", "envs", "reference")


@dataclass(frozen=True)
class Pipeline:
    """A folder that holds the workflow, and what Snakemake says of it."""

    folder: Path

    def command(self, *arguments: str) -> list[str]:
        """What runs Snakemake on the smoke configuration."""
        called = [sys.executable, "-m", "snakemake", "--configfile", "config/smoke.yaml"]
        return [*called, *arguments]

    @property
    def environment(self) -> dict[str, str]:
        return {**os.environ, "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}

    def snakemake(self, *arguments: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        """Run Snakemake on the smoke configuration."""
        done = subprocess.run(
            self.command(*arguments),
            cwd=self.folder,
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=LIMIT,
            check=False,
        )
        if check and done.returncode != 0:
            raise AssertionError(f"{' '.join(arguments)}\n{done.stdout}\n{done.stderr}")
        return done

    def planned(self, *arguments: str) -> Counter[str]:
        """The jobs that Snakemake would run: how many of each rule, or of rule and table."""
        said = self.snakemake("--dry-run", "--cores", "1", *arguments)
        text = said.stdout + said.stderr
        jobs: Counter[str] = Counter()
        for block in re.split(r"\n(?=(?:local)?rule )", text)[1:]:
            name = re.match(r"(?:local)?rule (\w+):", block)
            table = re.search(r"wildcards:.*?table=(\w+)", block)
            if name and name[1] != "all":
                jobs[f"{name[1]} {table[1]}" if table else name[1]] += 1
        return jobs

    def append(self, name: str, text: str) -> None:
        """Add text to the end of one of the folder's files."""
        with (self.folder / name).open("a", encoding="utf-8") as stream:
            stream.write(text)

    def edit(self, name: str, old: str, new: str) -> None:
        """Replace text that must be there in one of the folder's files."""
        path = self.folder / name
        text = path.read_text(encoding="utf-8")
        assert old in text, f"{old!r} is not in {name}"
        path.write_text(text.replace(old, new, 1), encoding="utf-8")


def copy_repository(folder: Path, root: Path = ROOT, ignore: str = "__pycache__") -> Pipeline:
    """The workflow and its code, without what any run has made."""
    folder.mkdir(exist_ok=True)
    for name in COPIED:
        source = root / name
        if source.is_dir():
            shutil.copytree(source, folder / name, ignore=shutil.ignore_patterns(ignore))
        else:
            shutil.copy2(source, folder / name)
    return Pipeline(folder)


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
            copy_repository(built).snakemake("--cores", "2")
            (built / "done").touch()
    return Pipeline(shutil.copytree(built, tmp_path_factory.mktemp("pipeline") / "repository"))


@pytest.fixture
def fresh(tmp_path):
    """A copy of the repository in which nothing has been run."""
    return copy_repository(tmp_path)


@pytest.fixture
def clean(finished, tmp_path):
    """A copy of the repository that holds no outputs, but the machine code of the finished run."""
    return copy_repository(tmp_path / "repository", finished.folder, ignore="")


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
