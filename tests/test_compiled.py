"""Compiled code: an edit anywhere below a function compiles it again, and no cache is no error."""

from __future__ import annotations

import ast
import os
import shutil
import subprocess
import sys
import warnings
from pathlib import Path

import pytest
from numba.core import config

import modecollapse
from modecollapse.compiled import KEPT, _tidy, cache_folder, compiled
from modecollapse.quadrature import sigmoid
from modecollapse.theory import integration

PACKAGE = Path(modecollapse.__file__).parent
HEAD = "from modecollapse.compiled import compiled\n"
TOP = f"{HEAD}from modecollapse.low import f\n@compiled\ndef g(x):\n    return 10 * f(x)\n"
CALL = "from modecollapse.top import g; v = g(1.0); print(v, sum(g.stats.cache_hits.values()))"


class Copy:
    """A package of its own with two functions, one of which calls the other."""

    def __init__(self, folder: Path) -> None:
        self.folder, package = folder, folder / "modecollapse"
        package.mkdir(parents=True)
        for name in ("__init__.py", "__init__.pyi", "checks.py", "compiled.py", "closure.py"):
            shutil.copy(PACKAGE / name, package / name)
        (package / "top.py").write_text(TOP)
        self.edit("x + 1")

    def edit(self, body: str) -> None:
        low = f"{HEAD}@compiled\ndef f(x):\n    return {body}\n"
        (self.folder / "modecollapse" / "low.py").write_text(low)

    def run(self, cache: Path, call: str = CALL, **options) -> subprocess.CompletedProcess[str]:
        # Python's own bytecode would miss an edit of the same length within the same second.
        kept = {k: v for k, v in os.environ.items() if k != "NUMBA_CACHE_DIR"}
        environment = {**kept, "PYTHONPATH": str(self.folder), "PYTHONDONTWRITEBYTECODE": "1"}
        environment |= {"XDG_CACHE_HOME": str(cache), **options.pop("env", {})}
        return subprocess.run(
            [sys.executable, "-c", call], env=environment, cwd=self.folder,
            capture_output=True, text=True, check=False, **options,
        )  # fmt: skip


@pytest.fixture
def copy(tmp_path) -> Copy:
    return Copy(tmp_path / "first")


def pieces(cache: Path) -> list[Path]:
    return sorted((cache / "modecollapse").glob("modecollapse.top.g-*"))


def test_an_edit_of_a_called_function_in_another_file_is_noticed(copy, tmp_path):
    """With numba's own stamp the third run would print what the first one did."""
    cache = tmp_path / "cache"
    assert copy.run(cache).stdout.split() == ["20.0", "0"]
    assert copy.run(cache).stdout.split() == ["20.0", "1"]
    copy.edit("x + 2")
    assert copy.run(cache).stdout.split() == ["30.0", "0"]
    copy.edit("x + 1")
    assert copy.run(cache).stdout.split() == ["20.0", "1"]


BASE = """
from modecollapse.compiled import compiled, overloaded
KNOWN = {}
def value(c):
    return KNOWN[type(c)](c)
@overloaded(value)
def _value(c):
    f = KNOWN[c.instance_class]
    return lambda c: f(c)
@compiled
def g(c):
    return 10 * value(c[0])
"""
CONSTANTS = """
from typing import NamedTuple
from modecollapse.base import KNOWN
from modecollapse.compiled import compiled
class Constants(NamedTuple):
    a: float
class Outer(NamedTuple):
    inner: Constants
@compiled
def f(c):
    return c.a + {}
KNOWN[Constants] = f
"""
BY_TYPE = """
from modecollapse.base import g
from {} import Constants, Outer
print(g(Outer(Constants(1.0))), sum(g.stats.cache_hits.values()))
"""


def test_an_edit_of_what_the_type_of_an_argument_chooses_is_noticed(copy, tmp_path):
    """Nothing that `g` imports changes; the module of its argument's class does."""
    package, cache = copy.folder / "modecollapse", tmp_path / "cache"
    (package / "base.py").write_text(BASE)
    for body, printed in ((1, ["20.0", "0"]), (1, ["20.0", "1"]), (2, ["30.0", "0"])):
        (package / "one.py").write_text(CONSTANTS.format(body))
        assert copy.run(cache, BY_TYPE.format("modecollapse.one")).stdout.split() == printed


def test_what_a_class_from_elsewhere_chooses_is_not_kept(copy, tmp_path):
    (copy.folder / "modecollapse" / "base.py").write_text(BASE)
    (copy.folder / "elsewhere.py").write_text(CONSTANTS.format(1))
    for _ in range(2):
        done = copy.run(tmp_path / "cache", BY_TYPE.format("elsewhere"))
        assert done.stdout.split() == ["20.0", "0"]
    assert not [*(tmp_path / "cache").rglob("modecollapse.base.g-*")]


def test_copies_of_the_same_source_share_it_and_the_source_tree_stays_clean(copy, tmp_path):
    copy.run(tmp_path / "cache")
    other = Copy(tmp_path / "another place")
    assert other.run(tmp_path / "cache").stdout.split() == ["20.0", "1"]
    assert not [*copy.folder.rglob("__pycache__")]


def test_the_folder_of_numba_is_respected(copy, tmp_path):
    copy.run(tmp_path / "unused", env={"NUMBA_CACHE_DIR": str(tmp_path / "given")})
    assert pieces(tmp_path / "given")
    assert not (tmp_path / "unused").exists()


@pytest.mark.parametrize(
    "damage",
    [
        lambda content: b"",
        lambda content: content[:1],
        lambda content: content[:32],
        lambda content: content[: len(content) // 2],
        lambda content: content[:-1],
        lambda content: content + b"\0",
        lambda content: os.urandom(len(content)),
        lambda content: content[:100] + bytes([content[100] ^ 1]) + content[101:],
        lambda content: content[:-5] + bytes([content[-5] ^ 128]) + content[-4:],
        lambda content: b"\x80\x04" + content,
        None,
    ],
)
def test_damage_is_survived_by_compiling(tmp_path, monkeypatch, damage):
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(tmp_path))
    assert (hits(), hits()) == (0, 1)
    (path,) = cache_folder().iterdir()
    content = path.read_bytes()
    path.unlink()
    if damage is None:
        path.mkdir()
        with pytest.warns(UserWarning, match="compiled code is not kept"):
            assert hits() == 0
    else:
        path.write_bytes(damage(content))
        assert (hits(), hits()) == (0, 1)  # it is mended, too


@pytest.mark.parametrize("kind", ["pipe", "device", "circle", "tebibyte", "nowhere"])
def test_a_piece_that_is_no_file_or_without_end_is_compiled_anew(tmp_path, monkeypatch, kind):
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(tmp_path))
    assert hits() == 0
    (path,) = cache_folder().iterdir()
    path.unlink()
    if kind == "pipe":
        os.mkfifo(path)
    elif kind == "tebibyte":
        path.touch()
        os.truncate(path, 2**40)
    else:
        path.symlink_to({"device": "/dev/zero", "circle": path, "nowhere": "/nowhere"}[kind])
    assert (hits(), hits()) == (0, 1)


def hits() -> int:
    """How often the cache had the machine code of a small function of this package."""
    dispatcher = compiled(sigmoid._centre.py_func)
    assert dispatcher(0.0, 1.0) == (0.0, 0.0)
    return sum(dispatcher.stats.cache_hits.values())


def without_room() -> None:
    import resource

    resource.setrlimit(resource.RLIMIT_FSIZE, (100, 100))


def test_a_full_disk_is_told_once_and_is_no_error(copy, tmp_path):
    done = copy.run(tmp_path / "cache", preexec_fn=without_room)
    assert done.returncode == 0
    assert done.stdout.split() == ["20.0", "0"]
    assert done.stderr.count("File too large") == 1
    assert [path.name for path in (tmp_path / "cache/modecollapse").iterdir()] == []


@pytest.mark.parametrize("kind", ["a file", "below a file", "a null device"])
def test_a_folder_that_cannot_be_made_is_told_once_and_is_no_error(copy, tmp_path, kind):
    (tmp_path / "file").write_text("")
    place = {"a file": "file", "below a file": "file/below", "a null device": "/dev/null"}[kind]
    done = copy.run(tmp_path / place)
    assert done.stdout.split() == ["20.0", "0"]
    assert done.stderr.count("compiled code is not kept") == 1


@pytest.mark.skipif(os.geteuid() == 0, reason="nothing is read-only for root")
def test_a_read_only_home_is_told_once_and_is_no_error(copy, tmp_path):
    (tmp_path / "home").mkdir(mode=0o555)
    done = copy.run(tmp_path, env={"HOME": str(tmp_path / "home"), "XDG_CACHE_HOME": ""})
    assert done.stdout.split() == ["20.0", "0"]
    assert done.stderr.count("compiled code is not kept") == 1


def test_without_the_compiler_it_stays_python(copy, tmp_path):
    call = "from modecollapse.top import g; print(g(1.0), type(g).__name__)"
    done = copy.run(tmp_path / "cache", call, env={"NUMBA_DISABLE_JIT": "1"})
    assert done.stdout.split() == ["20.0", "function"]
    assert not (tmp_path / "cache").exists()


def test_few_pieces_of_a_function_are_kept(tmp_path):
    for number in range(KEPT + 3):
        path = tmp_path / f"a.f-{number:024d}"
        path.write_bytes(b"")
        os.utime(path, (number, number))
    (tmp_path / f"a.f-g-{1:024d}").write_bytes(b"")
    _tidy(tmp_path, "a.f-")
    assert len([*tmp_path.iterdir()]) == KEPT + 1
    assert not (tmp_path / f"a.f-{2:024d}").exists()
    assert (tmp_path / f"a.f-{3:024d}").exists()


def test_a_relative_cache_folder_is_not_taken(monkeypatch):
    monkeypatch.delenv("NUMBA_CACHE_DIR", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", "here")
    assert cache_folder() == Path("~/.cache/modecollapse").expanduser()


@pytest.mark.parametrize("home", ["here", "~", ""])
def test_without_a_home_nothing_is_kept_and_no_folder_made(home, tmp_path, monkeypatch, recwarn):
    for name in ("NUMBA_CACHE_DIR", "XDG_CACHE_HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", home)
    monkeypatch.chdir(tmp_path)
    assert cache_folder() is None
    assert (hits(), hits()) == (0, 0)
    assert not [*tmp_path.iterdir()]
    assert not recwarn


def test_a_home_in_the_name_of_the_folder_is_the_users(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("NUMBA_CACHE_DIR", "~/mine")
    assert cache_folder() == tmp_path / "mine" / "modecollapse"


@pytest.mark.parametrize("mode", [0o777, 0o775, 0o720, 0o1777])
def test_a_folder_that_others_can_write_is_neither_read_nor_written(mode, tmp_path, monkeypatch):
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(tmp_path))
    assert (hits(), hits()) == (0, 1)
    cache_folder().chmod(mode)
    (path,) = cache_folder().iterdir()
    before = path.stat().st_mtime_ns
    with pytest.warns(UserWarning, match=r"cannot be used \(others can write it\)"):
        assert (hits(), hits()) == (0, 0)
    assert path.stat().st_mtime_ns == before
    cache_folder().chmod(0o755)
    assert hits() == 1


@pytest.mark.parametrize("mode", [0o666, 0o620, 0o602])
def test_a_piece_that_others_can_write_is_compiled_anew(mode, tmp_path, monkeypatch):
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(tmp_path))
    assert hits() == 0
    (path,) = cache_folder().iterdir()
    path.chmod(mode)
    assert (hits(), hits()) == (0, 1)
    assert path.stat().st_mode & 0o777 == 0o600


def test_what_belongs_to_another_user_is_neither_read_nor_written(tmp_path, monkeypatch):
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(tmp_path))
    assert hits() == 0
    me = os.geteuid()
    monkeypatch.setattr(os, "geteuid", lambda: me + 1)
    with pytest.warns(UserWarning, match="others can write it"):
        assert (hits(), hits()) == (0, 0)


def test_where_the_system_knows_no_owners_nothing_is_kept(tmp_path, monkeypatch, recwarn):
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(tmp_path))
    monkeypatch.delattr(os, "geteuid")
    assert (hits(), hits()) == (0, 0)
    assert not [*tmp_path.iterdir()]
    assert not recwarn


SETTINGS = {
    "OPT": 0,
    "BOUNDSCHECK": 1,
    "LOOP_VECTORIZE": 0,
    "SLP_VECTORIZE": 1,
    "ENABLE_AVX": False,
}
SETTINGS |= {"DEBUGINFO_DEFAULT": 1, "DISABLE_INTEL_SVML": True, "LLVM_REFPRUNE_PASS": 0}


@pytest.mark.parametrize("name", SETTINGS)
def test_code_that_numba_would_compile_otherwise_is_not_taken(name, tmp_path, monkeypatch):
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(tmp_path))
    assert hits() == 0
    with monkeypatch.context() as patched:
        patched.setattr(config, name, SETTINGS[name])
        assert hits() == 0
    assert hits() == 1


def test_what_changes_no_code_leaves_it_in_use(tmp_path, monkeypatch):
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(tmp_path))
    assert hits() == 0
    for name in ("NUMBA_NUM_THREADS", "THREADING_LAYER", "COLOR_SCHEME", "DUMP_IR"):
        monkeypatch.setattr(config, name, "other" if name == "COLOR_SCHEME" else 0)
    assert hits() == 1


def test_a_warning_that_is_made_an_error_does_not_end_the_call(tmp_path, monkeypatch, capsys):
    (tmp_path / "file").touch()
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(tmp_path / "file"))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert (hits(), hits()) == (0, 0)
    assert capsys.readouterr().err.count("compiled code is not kept") == 1


def test_numba_asks_this_cache():
    assert type(integration._run_rows._cache).__name__ == "MachineCode"


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
    assert set(users) == {"compiled.py"}


@pytest.mark.parametrize("terminal", [True, False])
def test_who_waits_at_a_terminal_is_told_why_and_once(terminal, copy, tmp_path):
    environment = {**os.environ, "PYTHONPATH": str(copy.folder)}
    environment |= {"XDG_CACHE_HOME": str(tmp_path / "cache"), "NUMBA_CACHE_DIR": ""}
    said = []
    for _ in ("compiled", "kept"):
        reader, writer = os.openpty()
        subprocess.run(
            [sys.executable, "-c", CALL],
            cwd=copy.folder,
            env=environment,
            stdout=subprocess.DEVNULL,
            stderr=writer if terminal else subprocess.DEVNULL,
            check=True,
        )
        os.write(writer, b"end")
        said.append(os.read(reader, 1000))
        os.close(reader)
        os.close(writer)
    assert said[0].count(b"compiling, once") == (1 if terminal else 0)
    assert said[1] == b"end"
