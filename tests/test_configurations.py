"""The configurations that come with the project."""

from __future__ import annotations

import resource
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest

from modecollapse.experiments.size import points as most
from modecollapse.pipeline.compute import _frozen, module_name
from modecollapse.pipeline.configuration import blocks, experiments, load, read

ROOT = Path(__file__).parents[1]
NAMED = sorted((ROOT / "config").glob("*.yaml"))
CONFIGURATIONS = {
    path.stem: load([ROOT / "config.yaml", path]) for path in [ROOT / "config.yaml", *NAMED]
}
BLOCKS = [
    pytest.param(experiments(config)[table], source, block, id=f"{stem}-{table}-{source}")
    for stem, config in CONFIGURATIONS.items()
    for figure in blocks(config).values()
    for table, sources in figure.items()
    for source, block in sources.items()
]


class Counted(Exception):
    """Carries the number of points that a table's work is made of."""


class Counting:
    """A share that counts the points instead of handing them out."""

    index, count, threads, scratch = 0, 1, 1, None

    def of(self, items):
        raise Counted(len(items))

    progress = of


@pytest.mark.parametrize("path", NAMED, ids=lambda path: path.stem)
def test_it_is_valid_and_called_like_its_file(path):
    assert read(ROOT, [path])["name"] == path.stem


@pytest.mark.parametrize(("experiment", "source", "block"), BLOCKS)
def test_every_job_has_something_to_do(experiment, source, block):
    module = import_module(module_name(experiment, source))
    given = {name: value for name, value in block.items() if name != "jobs"}
    with pytest.raises(Counted) as points:
        module.compute(module.Settings(**_frozen(given)), Counting())
    assert 1 <= block["jobs"] <= points.value.args[0] <= most(module.Settings(**_frozen(given)))


FIGURES = blocks(load([ROOT / "config.yaml", ROOT / "config" / "cluster.yaml"]))


@pytest.mark.parametrize(
    ("figures", "jobs"),
    [
        (("fig4_vanishing_weight", "figs_finite_batch"), 1000),
        pytest.param([*FIGURES], 2000, marks=pytest.mark.slow),
    ],
    ids=["two figures", "all"],
)
def test_the_graph_of_thousands_of_jobs_is_planned_in_seconds(figures, jobs):
    """A hundredth of a second for each job."""
    computed = [
        block["jobs"]
        for figure in figures
        for sources in FIGURES[figure].values()
        for block in sources.values()
    ]
    assert sum(computed) > jobs
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    planning = ("--dry-run", "--quiet", "--cores", "1", "--configfile", "config/cluster.yaml")
    targets = [f"figures/cluster/{figure}.pdf" for figure in figures]
    done = subprocess.run(
        [sys.executable, "-m", "snakemake", *planning, "--", *targets],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    assert done.returncode == 0, done.stderr[-5000:]
    # Processor time, which is the time on the clock where nothing else runs.
    assert after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime < jobs / 100
