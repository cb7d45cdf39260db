"""Which of the package's files a module depends on, read from the import statements."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

__all__ = ["PACKAGE", "closure", "constant", "main"]

PACKAGE = Path(__file__).parent
BLOCKS = ("body", "orelse", "handlers", "finalbody", "cases")  # what holds statements


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


def constant(module: str, name: str) -> Any:
    """A constant of a module, read from its source like the imports.

    >>> constant("modecollapse.closure", "__all__")
    ['PACKAGE', 'closure', 'constant', 'main']
    """
    for node in ast.parse(_file(module).read_text(encoding="utf-8")).body:
        if isinstance(node, ast.Assign) and getattr(node.targets[0], "id", "") == name:
            return ast.literal_eval(node.value)
    raise ValueError(f"{module}: holds no constant {name}")


def _file(module: str) -> Path:
    path = PACKAGE.parent.joinpath(*module.split("."))
    package = path / "__init__.py"  # a folder alone may be what caches left of one that is gone
    return package if package.exists() else path.with_suffix(".py")


def _exists(module: str) -> bool:
    path = PACKAGE.parent.joinpath(*module.split("."))
    return (path / "__init__.py").exists() or path.with_suffix(".py").exists()


@cache
def _imports(module: str) -> tuple[str, ...]:
    """The package's modules that `module` names in import statements, and its own packages."""
    parts = module.split(".")
    names = [".".join(parts[:i]) for i in range(1, len(parts))]
    package = parts if _file(module).name == "__init__.py" else parts[:-1]
    for node in _statements(ast.parse(_file(module).read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else []
            origin = ".".join([*base, *([node.module] if node.module else [])])
            names += [origin, *(f"{origin}.{alias.name}" for alias in node.names)]
            names += _lazy(origin, {alias.name for alias in node.names})
    return tuple(n for n in names if n.split(".")[0] == PACKAGE.name and _exists(n))


def _statements(tree: ast.AST) -> Iterator[ast.AST]:
    """All statements of a module, in one another too; :func:`ast.walk` would look into expressions
    as well, where no import can be, and takes ten times as long."""
    todo = [tree]
    while todo:
        node = todo.pop()
        yield node
        for field in BLOCKS:
            todo += getattr(node, field, ())


def _lazy(package: str, wanted: set[str]) -> list[str]:
    """The modules behind names that a package loads when they are first used: its stub says."""
    stub = _file(package).with_suffix(".pyi")
    if package.split(".")[0] != PACKAGE.name or not _exists(package) or not stub.exists():
        return []
    return [
        module
        for node in ast.parse(stub.read_text(encoding="utf-8")).body
        if isinstance(node, ast.ImportFrom) and node.level == 1 and node.module
        for name in wanted & {alias.name for alias in node.names}
        for module in _chase(package, node.module, name)
    ]


def _chase(package: str, home: str, name: str) -> list[str]:
    """The module `home` of a package, and, where that is a package too, what `name` means there."""
    module = f"{package}.{home}"
    return [module, *_lazy(module, {name})]


def main(modules: list[str]) -> int:
    """Print the files of a closure; returns the exit code."""
    for name in modules:
        if name.split(".")[0] != PACKAGE.name or not _exists(name):
            print(f"error: {name!r}: no module of {PACKAGE.name}", file=sys.stderr)
            return 2
    print(*closure(*modules), sep="\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
