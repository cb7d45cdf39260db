"""How a job ends when a file fails it: one message that names the file, and no traceback."""

from __future__ import annotations

import sys
from collections.abc import Callable

from ..store import StoreError

__all__ = ["run"]


def run(main: Callable[[], None]) -> None:
    """Run a job's `main`; a :class:`StoreError` ends it with its message and exit code 1."""
    try:
        main()
    except StoreError as error:
        sys.exit(f"error: {error}")
