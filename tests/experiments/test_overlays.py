"""Odd configurations: each goes all the way to figures and claims, or is refused before any job."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import drawn
import pytest
import whole
import yaml

from modecollapse.pipeline import configuration

ROOT = Path(__file__).parents[2]
SCHEMA = configuration.schema(ROOT / configuration.SCHEMA)
SMALL = drawn.smallest(configuration.load([ROOT / "config.yaml", ROOT / "config" / "smoke.yaml"]))
OWNER = {
    table: figure for figure, tables in configuration.blocks(SMALL).items() for table in tables
}
EVERY = 10  # of each figure's overlays the first and one of so many are in the default suite
CLASSES = yaml.safe_load((Path(__file__).parent / "overlays.yaml").read_text(encoding="utf-8"))


def rows() -> Iterator[Any]:
    """Each change, and how it is refused if it is; most of those that are computed are slow."""
    drawn: Counter[str] = Counter()
    for kind, found in CLASSES.items():
        for number, row in enumerate(found):
            change = {name: block for name, block in row.items() if name != "refused"}
            figure, computed = OWNER[next(iter(change))], "refused" not in row
            slow = computed and drawn[figure] % EVERY
            drawn[figure] += computed
            marks = [pytest.mark.slow] if slow else []
            id = f"{kind}-{number}-{next(iter(change))}"
            yield pytest.param(change, row.get("refused"), id=id, marks=marks)


@pytest.fixture(scope="module")
def maker(tmp_path_factory):
    return whole.Maker(tmp_path_factory.mktemp("tables"))


@pytest.mark.parametrize(("change", "refused"), list(rows()))
def test_it_is_drawn_and_judged_or_refused(maker, change, refused):
    figure = OWNER[next(iter(change))]
    config = configuration.merge(SMALL, {figure: change})
    if refused is None:
        configuration.check(config, SCHEMA)
        kept = {name: rows for name, rows in whole.rows(figure).items() if name not in change}
        maker.figure(config, figure, kept)
        return
    with pytest.raises(configuration.ConfigurationError) as caught:
        configuration.check(config, SCHEMA)
    lines = str(caught.value).splitlines()
    assert any(line.startswith(f"{figure}.{refused}") for line in lines), lines
