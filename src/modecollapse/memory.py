"""Whether what is asked for fits into this machine's memory, before any of it is taken."""

from __future__ import annotations

import math
import os
from typing import Any

from .checks import count, require

__all__ = ["check_memory", "fitting", "installed"]


def installed() -> float:
    """Bytes of memory that this machine has; infinity where the system does not tell.

    >>> installed() > 2**20
    True
    """
    try:
        found = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, OSError, ValueError):  # no POSIX system, or one without these names
        return math.inf
    return float(found) if found > 0 else math.inf


def check_memory(name: str, given: Any, needed: float, remedy: str) -> None:
    """Raise ``ValueError`` where the argument `name` asks for more than `installed` bytes.

    Parameters
    ----------
    needed : bytes, about.
    remedy : what to do instead, in words.
    """
    most = installed()
    fits = f"what fits into this machine's memory of {most / 2**30:.3g} GiB"
    allowed = f"{fits}; this takes about {needed / 2**30:.3g} GiB: {remedy}"
    require(needed <= most, name, given, allowed)


def fitting(name: str, value: Any, each: float, low: int = 1) -> int:
    """A whole number from `low` on of things that take `each` bytes and fit into the memory.

    >>> fitting("samples", 400, 16.0)
    400
    """
    number = count(name, value, low)
    check_memory(name, value, each * number, "take fewer of them")
    return number
