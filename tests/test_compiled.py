"""The cache of compiled code: an edit anywhere below a function makes it compile again."""

import ast
import os
import shutil
import subprocess
import sys
from pathlib import Path

import modecollapse
from modecollapse.compiled import _stamp, compiled
from modecollapse.theory import integration

PACKAGE = Path(modecollapse.__file__).parent


def test_an_edit_of_a_called_function_in_another_file_is_noticed(tmp_path):
    """With numba's own stamp the second run would print what the first one did."""
    package = tmp_path / "modecollapse"
    package.mkdir()
    for name in ("__init__.py", "checks.py", "compiled.py", "closure.py"):
        shutil.copy(PACKAGE / name, package / name)
    head = "from modecollapse.compiled import compiled\n"
    top = "from modecollapse.low import f\n@compiled\ndef g(x):\n    return 10 * f(x)\n"
    (package / "top.py").write_text(head + top)
    environment = os.environ | {"PYTHONPATH": str(tmp_path), "NUMBA_CACHE_DIR": ""}
    # Python's own bytecode would miss an edit of the same length within the same second.
    environment["PYTHONDONTWRITEBYTECODE"] = "1"

    def run(body):
        (package / "low.py").write_text(head + f"@compiled\ndef f(x):\n    return {body}\n")
        code = (
            "from modecollapse.top import g; v = g(1.0); print(v, sum(g.stats.cache_hits.values()))"
        )
        result = subprocess.run(
            [sys.executable, "-c", code], env=environment, cwd=tmp_path,
            capture_output=True, text=True, check=True,
        )  # fmt: skip
        return result.stdout.split()

    assert run("x + 1") == ["20.0", "0"]
    assert run("x + 1") == ["20.0", "1"]
    assert run("x + 2") == ["30.0", "0"]


def test_numba_still_keeps_the_stamp_where_it_is_put():
    cache_file = integration._run._cache._cache_file
    assert cache_file._source_stamp == _stamp("modecollapse.theory.integration")


def test_division_by_zero_is_infinite():
    assert compiled(lambda x: 1.0 / x)(0.0) == float("inf")


def test_only_compiled_py_uses_numba():
    """Its own decorators keep old machine code after an edit of a called function."""
    users = []
    for path in sorted(PACKAGE.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            if any(name.split(".")[0] == "numba" for name in names):
                users.append(path.relative_to(PACKAGE).as_posix())
    assert users == ["compiled.py"]
