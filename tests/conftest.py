"""What holds for every test: the order of files, and what is not garbage."""

from __future__ import annotations

import gc

import pytest

# The longest first: else the end of the tests waits for one of them.  The first runs the smoke
# configuration on both cores, and the others that need it come when it has ended.
LONGEST = ("workflow/test_pipeline.py", "figures/test_degenerate.py")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """With xdist's --no-loadscope-reorder files are handed out in this order."""
    place = {f"tests/{name}": number for number, name in enumerate(LONGEST)}
    items.sort(key=lambda item: place.get(item.nodeid.partition("::")[0], len(place)))


def pytest_collection_finish() -> None:
    """What was loaded and collected, millions of objects, stays: it is not looked through again."""
    gc.collect()
    gc.freeze()
