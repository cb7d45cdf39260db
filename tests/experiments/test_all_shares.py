"""The work of a table can be shared between any number of jobs, also more than there are points."""

from importlib import import_module
from pathlib import Path

import pandas as pd
import pytest

from modecollapse.experiments.share import Share
from modecollapse.pipeline import configuration
from modecollapse.pipeline.compute import module_name, settings_of

ROOT = Path(__file__).parents[2]
SMOKE = configuration.load([ROOT / "config.yaml", ROOT / "config" / "smoke.yaml"])
SOURCES = [
    pytest.param(configuration.experiments(SMOKE)[table], source, block, id=f"{table}-{source}")
    for tables in configuration.blocks(SMOKE).values()
    for table, sources in tables.items()
    for source, block in sources.items()
]


@pytest.mark.parametrize(("experiment", "source", "block"), SOURCES)
def test_a_job_without_work_writes_an_empty_table(experiment, source, block):
    module = import_module(module_name(experiment, source))
    part = module.compute(settings_of(experiment, source, block), Share(4999, 5000))
    assert len(part) == 0
    assert list(part.columns) == list(module.UNITS)


@pytest.mark.parametrize("table", ["fold_lines", "region_map", "fold_delay"])
def test_two_jobs_make_the_table_of_one(table):
    (block,) = [p.values[2] for p in SOURCES if p.values[0] == table]
    module, settings = (
        import_module(module_name(table, "theory")),
        settings_of(table, "theory", block),
    )
    whole = module.compute(settings, Share())
    parts = [module.compute(settings, Share(k, 2)) for k in (0, 1)]
    joined = pd.concat(parts, ignore_index=True)
    columns = list(whole.columns)
    pd.testing.assert_frame_equal(
        joined.sort_values(columns, ignore_index=True),
        whole.sort_values(columns, ignore_index=True),
    )
