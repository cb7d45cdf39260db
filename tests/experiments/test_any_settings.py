"""Whatever the schema and the settings let pass is computed, gathered and read again."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path

import drawn
import pytest
from hypothesis import HealthCheck, Phase, given, seed, settings

from modecollapse.experiments.share import Share
from modecollapse.pipeline import configuration
from modecollapse.pipeline.compute import compute, module_name, settings_of
from modecollapse.pipeline.gather import gather
from modecollapse.store import read_table

ROOT = Path(__file__).parents[2]
SMOKE = configuration.load([ROOT / "config.yaml", ROOT / "config" / "smoke.yaml"])
NAMED = configuration.experiments(SMOKE)
KINDS = configuration.schema(ROOT / configuration.SCHEMA)["$defs"]
BLOCKS = {
    f"{NAMED[table]}.{source}": (NAMED[table], source, block)
    for tables in configuration.blocks(SMOKE).values()
    for table, sources in tables.items()
    for source, block in sources.items()
}


@pytest.mark.parametrize("name", BLOCKS)
def test_a_block_that_is_let_pass_can_be_computed(name, tmp_path_factory):
    experiment, source, like = BLOCKS[name]
    units = import_module(module_name(experiment, source)).UNITS

    @seed(1)
    @settings(
        max_examples=2,
        deadline=None,
        database=None,
        phases=[Phase.explicit, Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(drawn.blocks(KINDS[name], like))
    def check(block):
        try:
            settings_of(experiment, source, block)
        except ValueError as refused:
            if ": got " in str(refused) and "; allowed: " in str(refused):
                return
            raise
        folder = tmp_path_factory.mktemp("parts")
        part = folder / f"{source}-0.csv"
        compute(experiment, source, block, Share(), part, "cpu")
        gather([part], folder / "table.csv")
        table = read_table(folder / "table.csv")
        assert list(table.columns) == list(units)
        assert not table.isna().any().any()

    check()


def test_what_is_drawn_is_let_pass_by_the_schema():
    kind = {**KINDS["flow_grid.flows"], "required": []}
    like = BLOCKS["flow_grid.flows"][2]

    @seed(1)
    @settings(max_examples=20, database=None, suppress_health_check=list(HealthCheck))
    @given(drawn.blocks(kind, like))
    def check(block):
        assert [str(fault) for fault in configuration.faults(block, kind)] == []

    check()
