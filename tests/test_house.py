"""The house stays one of small rooms: short functions of few arguments, in short files."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from modecollapse.closure import PACKAGE

LINES, ARGUMENTS, FILE = 60, 8, 300
FILES = sorted(PACKAGE.rglob("*.py"))


def front_door() -> set[str]:
    """The functions that a user calls by keywords may have more arguments."""
    stubs = [PACKAGE / "__init__.pyi", *PACKAGE.glob("*/__init__.pyi")]
    nodes = [node for stub in stubs for node in ast.parse(stub.read_text(encoding="utf-8")).body]
    imports = [node for node in nodes if isinstance(node, ast.ImportFrom)]
    return {alias.name for node in imports for alias in node.names}


def functions(source: str) -> Iterator[tuple[str, int, int]]:
    """The name of each function, its lines without its docstring, its arguments without self."""
    for node in ast.walk(ast.parse(source)):
        if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            continue
        told = ast.get_docstring(node, clean=False) is not None
        first = node.body[0]
        words = (first.end_lineno or 0) - first.lineno + 1 if told else 0
        named = [*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs]
        n = len([one for one in named if one.arg not in ("self", "cls")])
        yield node.name, (node.end_lineno or 0) - node.lineno + 1 - words, n


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.relative_to(PACKAGE).as_posix())
def test_functions_and_files_are_short(path: Path):
    source = path.read_text(encoding="utf-8")
    assert len(source.splitlines()) <= FILE
    doors = front_door()
    for name, lines, arguments in functions(source):
        assert lines <= LINES, f"{name} has {lines} lines"
        assert arguments <= ARGUMENTS or name in doors, f"{name} has {arguments} arguments"


def test_the_measures_see_what_they_measure():
    body = "    pass\n" * 61
    long = f'def f(self, a, /, b, *c, d=1):\n    """One.\n\n    Two."""\n{body}'
    assert list(functions(long)) == [("f", 62, 3)]
    assert "simulate" in front_door()
