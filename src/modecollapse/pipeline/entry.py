"""How a job's command line is read, and how it ends: where something is wrong with what it was
given, or with a file, with one line that names it and exit code 2, and no traceback."""

from __future__ import annotations

import argparse
import json
import os
import re
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NoReturn

from ..checks import GOT, MOST_THREADS, printable, require
from ..store import StoreError, read_bytes

__all__ = [
    "MOST_JOBS",
    "MOST_THREADS",
    "Parser",
    "Tables",
    "end",
    "file_to_write",
    "folder_to_write",
    "keys",
    "mapping",
    "run",
    "set_aside",
    "whole",
]

WRONG, INTERRUPTED = 2, 130  # exit codes
MOST_JOBS = 20000
LONGEST = 2000  # characters of the line
LARGEST = 2**20  # bytes of settings for matplotlib


class Parser(argparse.ArgumentParser):
    """A reader of command lines that refuses with one line."""

    def parse_args(self, args: Any = None, namespace: Any = None) -> Any:
        words = sys.argv[1:] if args is None else args
        for word in words:
            if not _is_text(word):
                self.error(f"got {word!r}; allowed: text in UTF-8")
        return super().parse_args(words, namespace)

    def error(self, message: str) -> NoReturn:
        end(message)


class Tables(dict[str, Any]):
    """Tables by name, of which one that was not given is told by its name."""

    def __missing__(self, name: str) -> NoReturn:
        raise StoreError(f"{name}: a table that is needed and was not given, beside {[*self]}")


def _is_text(word: str) -> bool:
    """Whether a word can be written to a file; other bytes than UTF-8 come as half characters."""
    try:
        return "\0" not in str(word.encode(), "utf-8")
    except UnicodeError:
        return False


def whole(low: int, high: int) -> Callable[[str], int]:
    """Reads a whole number from `low` to `high`.

    >>> whole(1, 10)("3")
    3
    """

    def read(text: str) -> int:
        fits = re.fullmatch(r"[+-]?[0-9]{1,18}", text) is not None and low <= int(text) <= high
        return int(_asked(fits, text, f"a whole number from {low} to {high}", text))

    return read


def mapping(text: str) -> dict[str, Any]:
    """Reads a mapping that is written as JSON; keys given twice and NaN are none.

    >>> mapping('{"points": 3}')
    {'points': 3}
    """
    try:
        value = json.loads(text, object_pairs_hook=_once, parse_constant=_once)
    except (ValueError, RecursionError):
        value = None
    return dict(_asked(isinstance(value, dict), text, "keys and values, as JSON", value))


def _once(pairs: Any) -> dict[str, Any]:
    found = dict(pairs)  # of the name of a number that is none: a ValueError too
    if len(found) < len(pairs):
        raise ValueError("a key is given twice")
    return found


def file_to_write(text: str) -> Path:
    """Reads the path of a file that can be written, or can be made.

    >>> file_to_write("results/basins.csv").name
    'basins.csv'
    """
    fits = text not in ("", ".", "..") and text[-1:] != "/" and _can_be_made(text, folder=False)
    return Path(_asked(fits, text, "the path of a file that can be written", text))


def folder_to_write(text: str) -> Path:
    """Reads the path of a folder that can be written to, or can be made."""
    fits = text != "" and _can_be_made(text, folder=True)
    return Path(_asked(fits, text, "the path of a folder that can be written to", text))


def _can_be_made(text: str, folder: bool) -> bool:
    path = Path(text).absolute()
    try:
        if path.exists() and not (path.is_dir() if folder else path.is_file()):
            return False
        above = next(each for each in (path, *path.parents) if each.is_dir())
        rest = path.relative_to(above).parts
        blocked = bool(rest) and os.path.lexists(above / rest[0]) and (folder or len(rest) > 1)
        return not blocked and os.access(above, os.W_OK)
    except (OSError, ValueError):  # a name that is too long, or one with a null byte
        return False


def _asked(fits: bool, given: str, allowed: str, value: Any) -> Any:
    """`value`, or the refusal of what was `given`, which argparse tells with the option's name."""
    try:
        require(fits, "it", given, allowed)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error).removeprefix("it: ")) from None
    return value


def keys(name: str, given: Mapping[str, Any], kinds: Mapping[str, type]) -> None:
    """Refuse a mapping that has not just these keys, with values of these kinds."""
    allowed = ", ".join(f"{key} ({kind.__name__})" for key, kind in kinds.items())
    fits = isinstance(given, dict) and given.keys() == kinds.keys()
    fits = fits and all(type(given[key]) is kind for key, kind in kinds.items())
    require(fits, name, given, f"the keys {allowed}")


def set_aside() -> None:
    """Let matplotlib, which reads them when it is imported, find no settings of the user's: a
    notebook sets another backend, and what they are may be no text.

    Raises
    ------
    StoreError : of those in the current folder, which it reads in spite of this, that are no text.
    """
    os.environ.update({"MPLBACKEND": "Agg", "MATPLOTLIBRC": os.devnull})
    own = Path("matplotlibrc")
    if not own.exists() or own.is_dir():
        return
    try:
        read_bytes(own, LARGEST).decode()
    except UnicodeDecodeError:
        raise StoreError(f"{own}: not UTF-8 text; delete it, or save it as UTF-8") from None


def run(main: Callable[[], None]) -> None:
    """Run a job's `main`; what is wrong with a file, a setting or the system ends it with a line.

    A ``ValueError`` that no check has raised is a fault of the program, which shows where it is.
    """
    try:
        main()
    except StoreError as error:
        end(error)
    except ValueError as error:
        if GOT not in str(error):
            raise
        end(error)
    except OSError as error:  # a full disk behind `>`, a current folder that is gone
        end(f"{error.filename}: {error.strerror}" if error.filename else error)
    except MemoryError as error:
        end(f"more memory is needed than there is ({error})")
    except KeyboardInterrupt:
        sys.exit(INTERRUPTED)


def end(message: object) -> NoReturn:
    """End with a line; what it quotes moves no cursor and begins no other."""
    line = printable(" ".join(str(message).split()))
    print(f"error: {line[:LONGEST]}", file=sys.stderr)
    sys.exit(WRONG)
