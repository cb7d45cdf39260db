"""Argument checks: one ``ValueError`` that names the argument, its value and what is allowed."""

from __future__ import annotations

import numbers
import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

__all__ = [
    "choice",
    "count",
    "flag",
    "generator",
    "integer",
    "made",
    "numbers_of",
    "path_of",
    "printable",
    "require",
    "within",
]

T = TypeVar("T")
LARGEST = 2**63 - 1
MOST_THREADS = 4096
MOST = 10**9  # of what is counted: steps, samples, runs, numbers in an array
SIZES = (1e-50, 1e50)  # of numbers whose squares and products are to be numbers still
GOT = ": got "  # in the message of every check
LONGEST_PATH = 4096  # bytes
LONGEST = 100  # characters of a value that a message shows


def require(condition: bool, name: str, given: Any, allowed: str) -> None:
    """Raise ``ValueError('name: got given; allowed: ...')`` unless `condition` holds.

    >>> require(False, "separation", -1.0, "a number > 0")
    Traceback (most recent call last):
    ...
    ValueError: separation: got -1.0; allowed: a number > 0
    """
    if not condition:
        raise ValueError(f"{name}{GOT}{_told(given)}; allowed: {allowed}")


def _told(given: Any) -> str:
    """A value in a message: what it shows of itself, or its kind where that is long or fails.

    >>> _told(10**5000), _told([0.5] * 1000)[-6:]
    ('a value of type int', ', 0...')
    """
    try:
        text = repr(given)
    except Exception:  # whatever a stranger's class does, or a number of too many digits
        return f"a value of type {type(given).__name__}"
    text = " ".join(text.split())
    return text if len(text) <= LONGEST else f"{text[: LONGEST - 3]}..."


def printable(text: str) -> str:
    """A line for a terminal, whatever stood in a file: no control characters, no other line.

    >>> print(printable("a\\x1b[31m"))
    a\\x1b[31m
    """
    return "".join(
        c if c.isprintable() or c == "\t" else c.encode("unicode_escape").decode() for c in text
    )


def within(
    name: str, value: Any, low: float = -np.inf, high: float = np.inf, *, closed: str = ""
) -> float:
    """A finite number in the interval from `low` to `high`; `closed` holds the ends that belong
    to it ("[" the lower, "]" the upper).  It is 0, or of a size whose powers neither vanish nor
    overflow.

    >>> within("weight", 0.3, 0, 1)
    0.3
    """
    left, right = "[" if "[" in closed else "(", "]" if "]" in closed else ")"
    allowed = f"a finite number in {left}{_bound(low)}, {_bound(high)}{right}"
    number = _number(value)
    require(number is not None, name, value, allowed)
    assert number is not None
    above = number >= low if "[" in closed else number > low
    below = number <= high if "]" in closed else number < high
    require(above and below, name, value, allowed)
    usual = number == 0 or SIZES[0] <= abs(number) <= SIZES[1]
    require(usual, name, value, f"{allowed}, of size {SIZES[0]:g} to {SIZES[1]:g}")
    return number


def _number(value: Any) -> float | None:
    """A finite real number of whatever kind as a float; None for anything else."""
    if isinstance(value, bool | np.bool_) or not isinstance(value, numbers.Real):
        return None
    try:
        number = float(value)
    except (OverflowError, TypeError, ValueError):  # beyond the largest float
        return None
    return number if np.isfinite(number) else None


def _bound(value: float) -> str:
    """A bound that reads as itself: what is next to 1 is not rounded to it.

    >>> _bound(0.7), _bound(1 - 1e-12)
    ('0.7', '1 - 1e-12')
    """
    short, gap = f"{value:g}", f"{1 - value:.3g}"
    if float(short) == value:
        return short
    return f"1 - {gap}" if 1 - float(gap) == value else repr(value)


def numbers_of(
    name: str, value: Any, allowed: str = "numbers", *, finite: bool = False
) -> NDArray[np.float64]:
    """An array of floats of its own, of whatever shape; real numbers only, neither text nor dates
    nor truth values, nor an array with masked entries.

    Parameters
    ----------
    finite : refuse infinity and NaN.

    >>> numbers_of("means", [[1, 2]])
    array([[1., 2.]])
    """
    require(_size(value) <= MOST, name, f"{_size(value)} of them", f"at most {MOST} numbers")
    found = _floats(value)
    require(found is not None, name, value, allowed)
    assert found is not None
    require(not finite or bool(np.isfinite(found).all()), name, "NaN or infinity", "finite numbers")
    return found


def _size(value: Any) -> int:
    """How many numbers an array or a list seems to hold, before any is looked at."""
    if isinstance(value, np.ndarray):
        return value.size
    try:
        return len(value)
    except Exception:  # what has no length is no list, whatever a stranger's class raises
        return 0


def _floats(value: Any) -> NDArray[np.float64] | None:
    """An array of floats of its own; None where the values are no real numbers."""
    if np.ma.isMaskedArray(value) and np.ma.getmaskarray(value).any():
        return None
    try:
        raw = np.asarray(value)
        if raw.dtype.kind in "iuf":
            return np.array(raw, dtype=float)
        if raw.dtype.kind != "O" or raw.size == 0:
            return np.array(raw, dtype=float) if raw.size == 0 else None
        exact = [item for item in raw.ravel() if isinstance(item, numbers.Real)]
        if len(exact) < raw.size or any(isinstance(item, bool) for item in exact):
            return None
        return np.array([float(item) for item in exact]).reshape(raw.shape)
    except (TypeError, ValueError, OverflowError, RuntimeError, MemoryError):
        return None  # ragged, or beyond a float


def flag(name: str, value: Any) -> bool:
    """True or False, and nothing that merely counts as one of them.

    >>> flag("sphere", True)
    True
    """
    require(isinstance(value, bool | np.bool_), name, value, "True or False")
    return bool(value)


def generator(name: str, value: Any) -> np.random.Generator:
    """A generator of random numbers.

    >>> generator("rng", np.random.default_rng(0)).random() < 1
    True
    """
    made = isinstance(value, np.random.Generator)
    require(made, name, value, "a generator, such as np.random.default_rng(0)")
    return value


def made(name: str, value: Any, kind: type[T], allowed: str) -> T:
    """Something of a `kind`, which `allowed` describes.

    >>> made("text", "a", str, "text")
    'a'
    """
    require(isinstance(value, kind), name, value, allowed)
    return value


def path_of(name: str, value: Any) -> Path:
    """The path of a file; no empty text, which is the current folder's, nor one with a null byte.

    >>> path_of("path", "flows.pt").name
    'flows.pt'
    """
    named = isinstance(value, str | os.PathLike) and os.fspath(value) not in ("", b"")
    named = named and isinstance(os.fspath(value), str) and _encoded(os.fspath(value))
    require(named, name, value, "the path of a file")
    return Path(value)


def _encoded(text: str) -> bool:
    """Whether a text can be a file's name at all."""
    try:
        return "\0" not in text and 0 < len(os.fsencode(text)) <= LONGEST_PATH
    except UnicodeEncodeError:  # half of a character
        return False


def integer(name: str, value: Any, low: int, high: int | None = None) -> int:
    """A whole number from `low` to `high`, both included; at most what a C integer holds.

    >>> integer("dimension", 8, 1)
    8
    """
    allowed = f"a whole number >= {low}" + (f" and <= {high}" if high is not None else "")
    counted = isinstance(value, numbers.Integral | np.integer)
    whole = counted and not isinstance(value, bool | np.timedelta64)
    most = LARGEST if high is None else high
    require(whole and low <= value <= most, name, value, allowed)
    return int(value)


def count(name: str, value: Any, low: int = 1) -> int:
    """A whole number of what is made one by one, from `low` to 1e9.

    >>> count("steps", 400)
    400
    """
    return integer(name, value, low, MOST)


def choice(name: str, value: Any, allowed: Iterable[str]) -> str:
    """One of the `allowed` names.

    >>> choice("start", "sphere", ["sphere", "gaussian"])
    'sphere'
    """
    names = list(allowed)
    require(isinstance(value, str) and value in names, name, value, "one of " + ", ".join(names))
    return str(value)
