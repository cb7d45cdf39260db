"""numba's compiler, with machine code kept in the user's cache folder.

numba keeps machine code until the file that holds the function changes; but that machine code holds
the functions it calls as well, from whatever file they come.  Here it is kept under a digest of the
source of every module in the import closure, so that an edit never leaves old code running, and
copies of the same source share it, wherever they lie.

It is kept in ``$NUMBA_CACHE_DIR`` or ``$XDG_CACHE_HOME/modecollapse`` (``~/.cache/modecollapse``),
each piece with a digest of its bytes.  A damaged piece is compiled again; where nothing can be
written, nothing is kept, and one warning says so.  Reading a piece can run code, so that folder and
piece are used only where they belong to the user and nobody else can write them.
"""

from __future__ import annotations

import hashlib
import os
import pickle
import stat
import sys
import tempfile
import warnings
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import numba
from numba.core import config
from numba.core.caching import CompileResultCacheImpl, NullCache
from numba.core.serialize import dumps
from numba.core.types import BaseNamedTuple
from numba.extending import overload

from .closure import PACKAGE, closure

__all__ = ["cache_folder", "compiled", "inlined", "overloaded"]

LARGEST = 2**26  # bytes of a piece
DIGITS = 24  # of the digest in a file's name
KEPT = 50  # pieces of a function: for each source, processor and kinds of arguments there is one
MADE_BY = (numba.__version__, sys.implementation.cache_tag)
SILENT = ("CACHE", "COLOR", "CUDA", "DUMP", "THREAD")  # settings of numba that change no code


def compiled(function: Callable[..., Any]) -> Any:
    """`function` compiled on first use, kept on disk, and free of the interpreter lock.

    Division by zero gives infinity or NaN, as in numpy.  No fast-math: the bits do not depend on
    how a loop is compiled into its caller.  Where ``NUMBA_DISABLE_JIT`` is set it stays Python.

    >>> @compiled
    ... def half(x):
    ...     return x / 2
    >>> half(3.0)
    1.5
    """
    return _compiled(function)


def inlined(function: Callable[..., Any]) -> Any:
    """:func:`compiled`, and made a part of each compiled caller.

    For a function of a hundred nanoseconds that is handed arrays: numba counts the references to
    them around a call, in steps that a processor does not overlap with the work.
    """
    return _compiled(function, forceinline=True)


def _compiled(function: Callable[..., Any], forceinline: bool = False) -> Any:
    options: Any = {"nogil": True, "error_model": "numpy", "forceinline": forceinline}
    dispatcher: Any = numba.njit(**options)(function)
    inside = Path(function.__code__.co_filename).is_relative_to(PACKAGE)
    if inside and dispatcher is not function and function.__closure__ is None:
        dispatcher._cache = MachineCode(function)
    return dispatcher


def overloaded(function: Callable[..., Any]) -> Callable[[Callable[..., Any]], Any]:
    """Tells compiled code what a Python `function` does, by the types of its arguments.

    The decorated function takes these types and returns what is compiled in place of a call.  Where
    that depends on the class of a named tuple, machine code is kept under the source of the module
    that defines the class as well.
    """
    decorator: Callable[[Callable[..., Any]], Any] = overload(function, inline="always")
    return decorator


def cache_folder() -> Path | None:
    """Where machine code is kept; None where the user has no folder for it."""
    if given := os.environ.get("NUMBA_CACHE_DIR"):
        return Path(os.path.expanduser(given)) / "modecollapse"
    if not (base := Path(os.environ.get("XDG_CACHE_HOME", ""))).is_absolute():
        base = Path(os.path.expanduser("~") if os.environ.get("HOME", "~") else "", ".cache")
    return base / "modecollapse" if base.is_absolute() else None


class MachineCode(NullCache):
    """What numba asks for machine code and hands it to: a file for each function and signature."""

    def __init__(self, function: Callable[..., Any]) -> None:
        self._function = function
        self._name = f"{function.__module__}.{function.__qualname__}"
        self._stamp = _stamp(function.__module__)

    @property
    def cache_path(self) -> str:
        return str(cache_folder())

    def load_overload(self, sig: Any, target_context: Any) -> Any:
        """The machine code for these types of arguments; None where there is none, or damage."""
        found = self._read(sig, target_context)
        if found is None:
            _announce()
        return found

    def _read(self, sig: Any, target_context: Any) -> Any:
        target_context.refresh()
        if not _known(sig):
            return None
        try:
            path = self.path(sig, target_context.codegen())
            if path is None or not _own(path.parent.stat()):
                return None
            about = path.stat()
            if not stat.S_ISREG(about.st_mode) or about.st_size > LARGEST:  # a pipe would never end
                return None
            with path.open("rb") as stream:
                content = stream.read() if _own(os.fstat(stream.fileno())) else b""
            if hashlib.sha256(content[32:]).digest() != content[:32]:
                return None
            reduced = pickle.loads(content[32:])
            return CompileResultCacheImpl.rebuild(None, target_context, reduced)  # type: ignore[arg-type]
        except (
            Exception
        ):  # numba's and pickle's are of any kind, and compiling is the remedy for all
            return None

    def save_overload(self, sig: Any, data: Any) -> None:
        """Keep machine code, unless it holds addresses of this process or the disk refuses."""
        if data.library.has_dynamic_globals or any(not lifted.can_cache for lifted in data.lifted):
            return
        if not _known(sig):
            return
        path = self.path(sig, data.codegen)
        if path is None or not hasattr(os, "geteuid"):
            return
        try:
            path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            if not _own(path.parent.stat()):
                _warn(path.parent, "others can write it")
                return
            content = dumps(data._reduce())
            _write(path, hashlib.sha256(content).digest() + content)
            _tidy(path.parent, path.name[:-DIGITS])
        except OSError as error:
            _warn(path.parent, error.strerror or str(error))

    def path(self, sig: Any, codegen: Any) -> Path | None:
        """The file for these types of arguments, this source, compiler, its settings, processor."""
        if (folder := cache_folder()) is None:
            return None
        code, types = self._function.__code__, [_stamp(home) for home in sorted(_homes(sig))]
        source = self._stamp, types
        made_by = (*MADE_BY, _settings(), codegen.magic_tuple())
        what = (self._name, code.co_firstlineno, source, made_by, sig)
        name = "".join(c if c.isalnum() or c in "._" else "_" for c in self._name)
        return folder / (name + "-" + hashlib.sha256(repr(what).encode()).hexdigest()[:DIGITS])


def _own(about: os.stat_result) -> bool:
    """Whether something belongs to this user, and nobody else can write it; no where the system
    does not tell."""
    mine = hasattr(os, "geteuid") and about.st_uid == os.geteuid()
    return mine and not about.st_mode & (stat.S_IWGRP | stat.S_IWOTH)


def _settings() -> list[tuple[str, str]]:
    """What numba was told of how to compile, by ``NUMBA_OPT``, ``NUMBA_BOUNDSCHECK`` and so on."""
    return sorted(
        (name, repr(value))
        for name, value in vars(config).items()
        if name.isupper() and isinstance(value, int | float | str | None)
        if not name.startswith("_") and not any(part in name for part in SILENT)
    )


def _write(path: Path, content: bytes) -> None:
    """Write a file whole or not at all."""
    with tempfile.NamedTemporaryFile(dir=path.parent, prefix=".", delete=False) as stream:
        try:
            stream.write(content)
            stream.flush()
            os.replace(stream.name, path)
        except OSError:
            Path(stream.name).unlink(missing_ok=True)
            raise


def _tidy(folder: Path, stem: str) -> None:
    """Remove the oldest of many pieces of a function; other processes may do the same."""
    pieces = [path for path in folder.glob(f"{stem}*") if path.name[:-DIGITS] == stem]
    if len(pieces) > KEPT:
        for path in sorted(pieces, key=lambda path: path.stat().st_mtime)[:-KEPT]:
            path.unlink(missing_ok=True)


@cache
def _announce() -> None:
    """Say once why the first call takes its time, to who sits at a terminal."""
    if sys.stderr is not None and sys.stderr.isatty():
        print("modecollapse: compiling, once; this may take half a minute", file=sys.stderr)


@cache
def _warn(folder: Path, why: str) -> None:
    """Say once that nothing is kept."""
    said = (
        f"{folder}: cannot be used ({why}), so that compiled code is not kept and each process "
        "compiles anew; NUMBA_CACHE_DIR names another folder"
    )
    try:
        warnings.warn(said, stacklevel=2)
    except UserWarning:  # made an error of, which no cache is not
        print(f"modecollapse: {said}", file=sys.stderr)


def _homes(types: Any) -> set[str]:
    """The modules that define the named tuples among these types: what compiled code does with one
    may be decided there (:func:`overloaded`)."""
    homes: set[str] = set()
    for kind in types:
        if isinstance(kind, BaseNamedTuple) and (defined := getattr(kind, "instance_class", None)):
            homes |= {defined.__module__} | _homes(kind)
    return homes


def _known(types: Any) -> bool:
    """Whether all named tuples among these types are this package's, whose source has a digest."""
    return all(home.split(".")[0] == PACKAGE.name for home in _homes(types))


@cache
def _stamp(module: str) -> str:
    """Digest of the source of all that a module imports from this package, itself included."""
    contents = b"".join(path.read_bytes() for path in closure(module))
    return hashlib.sha256(contents).hexdigest()
