"""numba's compiler, with a cache on disk that notices every change of the code.

numba keeps machine code until the file that holds the function changes; but that machine code holds
the functions it calls as well, from whatever file they come.  Here it is kept until the source of
any module in the import closure changes, so that an edit never leaves old code running.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

from numba import njit

from .closure import PACKAGE, closure

__all__ = ["compiled"]


def compiled(function: Callable[..., Any]) -> Any:
    """`function` compiled on first use, kept on disk, and free of the interpreter lock.

    Division by zero gives infinity or NaN, as in numpy.  No fast-math: the bits do not depend on
    how a loop is compiled into its caller.

    >>> @compiled
    ... def half(x):
    ...     return x / 2
    >>> half(3.0)
    1.5
    """
    dispatcher: Any = njit(nogil=True, error_model="numpy")(function)
    if Path(function.__code__.co_filename).is_relative_to(PACKAGE):
        dispatcher.enable_caching()
        dispatcher._cache._cache_file._source_stamp = _stamp(function.__module__)
    return dispatcher


@cache
def _stamp(module: str) -> str:
    """Digest of the source of all that a module imports from this package, itself included."""
    contents = b"".join(path.read_bytes() for path in closure(module))
    return hashlib.sha256(contents).hexdigest()
