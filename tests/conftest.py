"""What holds for every test: the order of files, what is read once, and what is not garbage."""

from __future__ import annotations

import functools
import gc
import pickle
from typing import Any

import pytest

from modecollapse.pipeline import strict_yaml

# The longest first, else the end of the tests waits for one of them.  The first runs the smoke
# configuration on both cores; the others that need it come when it has ended.
LONGEST = (
    *("workflow/test_pipeline.py", "figures/test_degenerate.py", "experiments/test_overlays.py"),
    *("simulation/test_reduced.py", "test_compiled.py", "theory/test_escape.py"),
    *("workflow/test_disk.py", "theory/test_advice.py", "pipeline/test_every_command.py"),
    *("experiments/test_any_settings.py", "workflow/test_front_door.py"),
    *("test_document_numbers.py", "experiments/test_validation.py"),
    *("test_document_numbers_of_remedies.py", "pipeline/test_verify.py", "site/test_site.py"),
    *("pipeline/test_draw.py", "flows/test_checkpoints.py", "test_environments.py"),
    *("simulation/test_full.py", "experiments/test_any_figure.py", "test_every_argument.py"),
    *("theory/test_annealed_probability.py", "test_configurations.py", "workflow/test_report.py"),
)


def pytest_configure() -> None:
    """The same YAML is parsed once in a process, and handed out as copies: config.yaml takes a
    tenth of a second, and is read hundreds of times.  What is refused is read anew."""
    parse = functools.cache(lambda text: pickle.dumps(parsed(text)))
    parsed = strict_yaml._parsed

    def copied(text: str) -> Any:
        return pickle.loads(parse(text))

    strict_yaml._parsed = copied


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """With xdist's --no-loadscope-reorder files are handed out in this order."""
    place = {f"tests/{name}": number for number, name in enumerate(LONGEST)}
    items.sort(key=lambda item: place.get(item.nodeid.partition("::")[0], len(place)))


def pytest_collection_finish() -> None:
    """What was loaded and collected, millions of objects, stays: it is not looked through again."""
    gc.collect()
    gc.freeze()
