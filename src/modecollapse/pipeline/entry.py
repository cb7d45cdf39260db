"""How a job ends when a file or a setting fails it: one message that names it, and no traceback."""

from __future__ import annotations

import sys
from collections.abc import Callable

from ..checks import GOT
from ..store import StoreError

__all__ = ["run"]


def run(main: Callable[[], None]) -> None:
    """Run a job's `main`; a :class:`StoreError`, or the ``ValueError`` of a check, ends it with its
    message and exit code 1."""
    try:
        main()
    except StoreError as error:
        sys.exit(f"error: {error}")
    except ValueError as error:
        if GOT not in str(error):  # of no check: a fault of the program, which shows where it is
            raise
        sys.exit(f"error: {error}")
