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

# These take a second or more.  In the default suite they are computed from odd settings by
# test_overlays.py and from others by their own tests.
DEAR = (
    *("annealing_formula.theory", "escape_barriers.theory", "escape_times.simulation"),
    *("flow_frequencies.flows", "geometry_waits.theory", "healing.theory", "heated_flows.flows"),
    *("natural_lifetimes.theory", "objective_births.theory", "objective_runs.theory"),
    *("paired_outcomes.simulation", "validation.simulation"),
)


@pytest.mark.parametrize(
    "name", [pytest.param(n, marks=pytest.mark.slow if n in DEAR else []) for n in BLOCKS]
)
def test_a_block_that_is_let_pass_can_be_computed(name, tmp_path_factory):
    compute_some(name, 2, 1, tmp_path_factory)


@pytest.mark.slow
@pytest.mark.parametrize("name", BLOCKS)
def test_many_blocks_that_are_let_pass_can_be_computed(name, tmp_path_factory):
    compute_some(name, 8, 2, tmp_path_factory)


def compute_some(name, examples, number, tmp_path_factory):
    """Compute, gather and read a block with some of its settings drawn at random."""
    experiment, source, like = BLOCKS[name]
    units = import_module(module_name(experiment, source)).UNITS

    @seed(number)
    @settings(
        max_examples=examples,
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
