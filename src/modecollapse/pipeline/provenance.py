"""Where a file came from: the code, settings, inputs and machine that made it."""

from __future__ import annotations

import hashlib
import json
import os
import platform
import re
import subprocess
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from ..closure import PACKAGE, closure
from ..store import digest

__all__ = ["code_digest", "commit", "machine", "record", "seeds", "short", "software"]

# What /proc/cpuinfo says of a processor, on Intel's kind and on ARM's.
KIND = (
    *("vendor_id", "cpu family", "model", "stepping", "cache size", "flags"),
    *("CPU implementer", "CPU part", "CPU revision", "Features"),
)
VERSIONS = ("numpy", "scipy", "numba", "torch", "pandas", "matplotlib", "seaborn", "zuko")


def record(
    modules: Sequence[str],
    settings: Mapping[str, Any],
    inputs: Iterable[Path | str],
    seconds: float,
    device: str = "cpu",
) -> dict[str, Any]:
    """Everything needed to believe a file, as JSON-ready values.

    Parameters
    ----------
    modules : the module that made the file, then those that called it; their import closure is
        the code.
    settings : the slice of the configuration that it was given, seeds included.
    inputs : the files that it read.
    seconds : the time that it took, the only value that differs from run to run.
    device : what its numbers were computed on.
    """
    files = closure(*modules)
    return {
        "modules": list(modules),
        **commit(),
        "settings": dict(settings),
        "seeds": seeds(settings),
        "inputs": {str(path): digest(path) for path in inputs},
        "code": {str(path.relative_to(PACKAGE.parent)): digest(path) for path in files},
        "code_digest": code_digest(files),
        **software(),
        "machine": machine(),
        "device": device,
        "seconds": round(seconds, 3),
    }


def seeds(settings: Mapping[str, Any]) -> dict[str, int]:
    """The seeds among settings, by their path in them.

    >>> seeds({"basins": {"theory": {"seed": 3, "points": 7}}, "start_seed": 5})
    {'basins.theory.seed': 3, 'start_seed': 5}
    """
    found: dict[str, int] = {}
    for name, value in settings.items():
        if isinstance(value, Mapping):
            found |= {f"{name}.{below}": seed for below, seed in seeds(value).items()}
        elif name == "seed" or name.endswith("_seed"):
            found[name] = value
    return found


def code_digest(files: Iterable[Path]) -> str:
    """One digest of the content of source files."""
    contents = {str(path.relative_to(PACKAGE.parent)): digest(path) for path in files}
    return hashlib.sha256(json.dumps(contents, sort_keys=True).encode()).hexdigest()


def machine() -> str:
    """The kind of machine this is: system, processor, C library.

    These decide which of its kernels a numerical library takes, and so the last bits.
    """
    system = f"{platform.system()} {platform.machine()}"
    return ", ".join([system, *_processor(), " ".join(platform.libc_ver())])


def short(record: Mapping[str, Any]) -> str:
    """One line that fits a figure's metadata: what makes the same bytes again, and nothing else."""
    clean = {True: "clean", False: "changed", None: "unknown"}[record["clean"]]
    settings = json.dumps(record["settings"], sort_keys=True).encode()
    pairs = {
        "seeds": record["seeds"],
        "inputs": {Path(path).name: content[:12] for path, content in record["inputs"].items()},
        "with": {"python": record["python"], **record["packages"]},
    }
    parts = [
        f"modecollapse; commit {record['commit'][:12]} ({clean}); {record['modules'][0]}",
        f"code {record['code_digest'][:12]}; settings {hashlib.sha256(settings).hexdigest()[:12]}",
        *(
            " ".join([what, *(f"{k}={v}" for k, v in sorted(p.items()))])
            for what, p in pairs.items()
            if p
        ),
        f"on {record['device']}",
    ]
    return "; ".join(parts)


@cache
def _processor() -> list[str]:
    """Its name and a digest of its kind and features, where Linux tells them."""
    try:
        first = Path("/proc/cpuinfo").read_text(encoding="utf-8").split("\n\n")[0]
    except OSError:
        return []
    told = dict(line.split(":", 1) for line in first.splitlines() if ":" in line)
    told = {name.strip(): value.strip() for name, value in told.items()}
    kind = json.dumps([told.get(name) for name in KIND]).encode()
    name = told.get("model name", "unknown processor")
    return [f"{name} (kind {hashlib.sha256(kind).hexdigest()[:8]})"]


def software() -> dict[str, Any]:
    """The versions of Python and of those of `VERSIONS` that are there; a rule's environment has
    its own."""
    found = {}
    for name in VERSIONS:
        with suppress(PackageNotFoundError):
            found[name] = version(name)
    return {"python": platform.python_version(), "packages": found}


def commit(package: Path = PACKAGE) -> dict[str, Any]:
    """The commit of the source tree, and whether it is as committed: null where nobody knows.

    A repository counts where its top is that of this tree, not where the tree merely lies in it.
    Without one it is the commit that ``git archive`` wrote into ``commit.txt``.
    """
    root = package.parents[1]
    top = _git(root, "rev-parse", "--show-toplevel")
    if top is not None and Path(top).resolve() == root.resolve():
        changes = _git(root, "status", "--porcelain")
        name = _git(root, "rev-parse", "--verify", "HEAD")
        return {"commit": name or "unknown", "clean": None if changes is None else changes == ""}
    try:
        archived = (package / "commit.txt").read_text(encoding="utf-8").strip()
    except (OSError, ValueError):
        archived = ""
    known = re.fullmatch(r"[0-9a-f]{40}|[0-9a-f]{64}", archived)
    return {"commit": archived if known else "unknown", "clean": None}


def _git(root: Path, *arguments: str) -> str | None:
    """What git says of the tree in `root`; its own variables may name another repository."""
    environment = {name: value for name, value in os.environ.items() if name[:4] != "GIT_"}
    command = ["git", "-C", str(root), *arguments]
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, check=True, env=environment, timeout=60
        )
    except (OSError, ValueError, subprocess.SubprocessError):
        return None
    return done.stdout.strip()
