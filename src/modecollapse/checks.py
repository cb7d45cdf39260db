"""Argument checks: one ``ValueError`` that names the argument, its value and what is allowed."""

from __future__ import annotations

import numbers
from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["choice", "integer", "numbers_of", "require", "within"]


def require(condition: bool, name: str, given: Any, allowed: str) -> None:
    """Raise ``ValueError('name: got given; allowed: ...')`` unless `condition` holds.

    >>> require(False, "separation", -1.0, "a number > 0")
    Traceback (most recent call last):
    ...
    ValueError: separation: got -1.0; allowed: a number > 0
    """
    if not condition:
        raise ValueError(f"{name}: got {given!r}; allowed: {allowed}")


def within(
    name: str, value: Any, low: float = -np.inf, high: float = np.inf, *, closed: str = ""
) -> float:
    """A finite number in the interval from `low` to `high`; `closed` holds the ends that belong
    to it ("[" the lower, "]" the upper).

    >>> within("weight", 0.3, 0, 1)
    0.3
    """
    left, right = "[" if "[" in closed else "(", "]" if "]" in closed else ")"
    allowed = f"a finite number in {left}{_bound(low)}, {_bound(high)}{right}"
    number = isinstance(value, numbers.Real | np.floating) and not isinstance(value, bool)
    require(number and bool(np.isfinite(value)), name, value, allowed)
    above = value >= low if "[" in closed else value > low
    below = value <= high if "]" in closed else value < high
    require(bool(above and below), name, value, allowed)
    return float(value)


def _bound(value: float) -> str:
    """A bound that reads as itself: what is next to 1 is not rounded to it.

    >>> _bound(0.7), _bound(1 - 1e-12)
    ('0.7', '1 - 1e-12')
    """
    short, gap = f"{value:g}", f"{1 - value:.3g}"
    if float(short) == value:
        return short
    return f"1 - {gap}" if 1 - float(gap) == value else repr(value)


def numbers_of(name: str, value: Any, allowed: str = "numbers") -> NDArray[np.float64]:
    """An array of floats of its own, of whatever shape.

    >>> numbers_of("means", [[1, 2]])
    array([[1., 2.]])
    """
    try:
        return np.array(value, dtype=float)
    except (TypeError, ValueError):
        given = repr(value)
    raise ValueError(f"{name}: got {given[:80]}; allowed: {allowed}")


def integer(name: str, value: Any, low: int, high: int | None = None) -> int:
    """A whole number from `low` to `high`, both included.

    >>> integer("dimension", 8, 1)
    8
    """
    allowed = f"a whole number >= {low}" + (f" and <= {high}" if high is not None else "")
    whole = isinstance(value, numbers.Integral | np.integer) and not isinstance(value, bool)
    require(whole and value >= low and (high is None or value <= high), name, value, allowed)
    return int(value)


def choice(name: str, value: Any, allowed: Iterable[str]) -> str:
    """One of the `allowed` names.

    >>> choice("start", "sphere", ["sphere", "gaussian"])
    'sphere'
    """
    names = list(allowed)
    require(value in names, name, value, "one of " + ", ".join(names))
    return str(value)
