"""Copies of the repository, and Snakemake in them."""

from __future__ import annotations

import atexit
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections import Counter
from dataclasses import dataclass
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[2]
LIMIT = 1800  # seconds for any run of Snakemake: ten times what the longest takes
COPIED = ("Snakefile", "config.yaml", "config", "workflow", "profiles", "src", "envs", "reference")


@cache
def _server() -> subprocess.Popen[str]:
    """Where calls of Snakemake are forked from; it ends with this process."""
    server = subprocess.Popen(
        [sys.executable, Path(__file__).with_name("snakemake_server.py")],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    atexit.register(server.communicate)
    return server


def environment() -> dict[str, str]:
    """That of this process, in which a command finds the Python that runs the tests."""
    return {**os.environ, "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}


def snakemake(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """`snakemake` with these arguments in a folder, in a process of its own."""
    with tempfile.NamedTemporaryFile() as stdout, tempfile.NamedTemporaryFile() as stderr:
        call = {"folder": str(folder), "arguments": arguments, "environment": environment()}
        call |= {"stdout": stdout.name, "stderr": stderr.name, "limit": LIMIT}
        server = _server()
        server.stdin.write(json.dumps(call) + "\n")
        server.stdin.flush()
        code = int(server.stdout.readline())
        said = (stream.read().decode() for stream in (stdout, stderr))
        return subprocess.CompletedProcess(["snakemake", *arguments], code, *said)


@dataclass(frozen=True)
class Pipeline:
    """A folder that holds the workflow, and what Snakemake says of it."""

    folder: Path

    def command(self, *arguments: str) -> list[str]:
        """What runs Snakemake on the smoke configuration."""
        called = [sys.executable, "-m", "snakemake", "--configfile", "config/smoke.yaml"]
        return [*called, *arguments]

    def snakemake(self, *arguments: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        """Run Snakemake on the smoke configuration."""
        done = snakemake(self.folder, "--configfile", "config/smoke.yaml", *arguments)
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


def copy_repository(folder: Path) -> Pipeline:
    """The workflow and its code, without what any run has made."""
    folder.mkdir(exist_ok=True)
    for name in COPIED:
        source = ROOT / name
        if source.is_dir():
            shutil.copytree(source, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy2(source, folder / name)
    return Pipeline(folder)
