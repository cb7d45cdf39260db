"""Where a file came from: the code, settings, inputs and machine that made it."""

from __future__ import annotations

import ast
import hashlib
import json
import platform
import subprocess
import sys
from collections.abc import Iterable, Mapping
from contextlib import suppress
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

__all__ = ["closure", "code_digest", "digest", "machine", "record", "short"]

PACKAGE = Path(__file__).parent
VERSIONS = ("numpy", "scipy", "numba", "torch", "pandas", "matplotlib", "seaborn", "zuko")


def closure(*modules: str) -> list[Path]:
    """The package's files that the modules import, directly or not, themselves included; sorted.

    Imports are read from the source, those inside functions too, so nothing is executed.

    >>> [path.name for path in closure("modecollapse.checks")]
    ['__init__.py', 'checks.py']
    """
    found: set[str] = set()
    todo = list(modules)
    while todo:
        name = todo.pop()
        if name in found:
            continue
        found.add(name)
        todo += _imports(name)
    return sorted(_file(name) for name in found)


def digest(path: Path | str) -> str:
    """SHA-256 of a file's bytes, in hexadecimal."""
    return hashlib.sha256(Path(path).read_bytes()).hexdigest()


def record(
    entry: str, settings: Mapping[str, Any], inputs: Iterable[Path | str], seconds: float
) -> dict[str, Any]:
    """Everything needed to believe a file, as JSON-ready values.

    Parameters
    ----------
    entry : the module that made the file; its import closure is digested.
    settings : the slice of the configuration that it was given, seeds included.
    inputs : the files that it read.
    seconds : the time that it took.
    """
    files = closure(entry)
    code = {str(path.relative_to(PACKAGE.parent)): digest(path) for path in files}
    return {
        "entry": entry,
        "commit": _git("rev-parse", "HEAD") or "unknown",
        "clean": _git("status", "--porcelain") == "",
        "settings": dict(settings),
        "inputs": {str(path): digest(path) for path in inputs},
        "code": code,
        "code_digest": code_digest(files),
        "python": platform.python_version(),
        "packages": _versions(),
        "machine": machine(),
        "device": "cpu",
        "seconds": round(seconds, 3),
    }


def code_digest(files: Iterable[Path]) -> str:
    """One digest of the content of source files."""
    contents = {str(path.relative_to(PACKAGE.parent)): digest(path) for path in files}
    return hashlib.sha256(json.dumps(contents, sort_keys=True).encode()).hexdigest()


def machine() -> str:
    """The kind of machine this is."""
    return f"{platform.system()} {platform.machine()}"


def short(record: Mapping[str, Any]) -> str:
    """One line that fits a figure's metadata: what makes the same bytes again, and nothing else."""
    clean = "clean" if record["clean"] else "changed"
    return (
        f"modecollapse; commit {record['commit'][:12]} ({clean}); {record['entry']}; "
        f"code {record['code_digest'][:12]}; "
        + " ".join(f"{Path(p).name}={d[:12]}" for p, d in record["inputs"].items())
    )


def _versions() -> dict[str, str]:
    """The versions of those of `VERSIONS` that are there; a rule's environment has its own."""
    found = {}
    for name in VERSIONS:
        with suppress(PackageNotFoundError):
            found[name] = version(name)
    return found


def _git(*arguments: str) -> str | None:
    command = ["git", "-C", str(PACKAGE), *arguments]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        return None
    return done.stdout.strip()


def _file(module: str) -> Path:
    path = PACKAGE.parent.joinpath(*module.split("."))
    return path / "__init__.py" if path.is_dir() else path.with_suffix(".py")


def _exists(module: str) -> bool:
    path = PACKAGE.parent.joinpath(*module.split("."))
    return (path / "__init__.py").exists() or path.with_suffix(".py").exists()


@cache
def _imports(module: str) -> tuple[str, ...]:
    """The package's modules that `module` names in import statements, and its own packages."""
    parts = module.split(".")
    names = [".".join(parts[:i]) for i in range(1, len(parts))]
    package = parts if _file(module).name == "__init__.py" else parts[:-1]
    for node in ast.walk(ast.parse(_file(module).read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else []
            origin = ".".join([*base, *([node.module] if node.module else [])])
            names += [origin, *(f"{origin}.{alias.name}" for alias in node.names)]
            names += _lazy(origin, {alias.name for alias in node.names})
    return tuple(n for n in names if n.split(".")[0] == PACKAGE.name and _exists(n))


def _lazy(package: str, wanted: set[str]) -> list[str]:
    """The modules behind names that a package re-exports through its ``_HOME`` table."""
    if package.split(".")[0] != PACKAGE.name or not _exists(package):
        return []
    for node in ast.parse(_file(package).read_text(encoding="utf-8")).body:
        if isinstance(node, ast.Assign) and getattr(node.targets[0], "id", "") == "_HOME":
            home = ast.literal_eval(node.value)
            return [m for n in wanted & home.keys() for m in _chase(package, home[n], n)]
    return []


def _chase(package: str, home: str, name: str) -> list[str]:
    """The module `home` of a package, and, where that is a package too, what `name` means there."""
    module = f"{package}.{home}"
    return [module, *_lazy(module, {name})]


if __name__ == "__main__":
    print(*closure(*sys.argv[1:]), sep="\n")
