"""What docs/cluster.md says of costs is what was measured of config/cluster.yaml as it is."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import cost
import pandas as pd
import pytest

from modecollapse.flows.settings import FlowSettings
from modecollapse.pipeline.configuration import blocks, experiments, load
from modecollapse.targets import BimodalTarget

ROOT = Path(__file__).parents[1]
CLUSTER = load([ROOT / "config.yaml", ROOT / "config" / "cluster.yaml"])
COSTS = pd.read_csv(cost.COSTS)


def described(figure, table, source, block) -> tuple:
    return figure, table, source, block["jobs"], cost.digest(block)


def test_every_block_is_measured_as_it_is_now():
    # Where this fails: python docs/cost.py config/cluster.yaml
    known = COSTS[["figure", "table", "source", "jobs", "settings"]]
    assert {tuple(row) for row in known.itertuples(index=False)} == {
        described(figure, table, source, block)
        for figure, tables in blocks(CLUSTER).items()
        for table, sources in tables.items()
        for source, block in sources.items()
    }


def test_the_page_shows_the_sums():
    page = (ROOT / "docs" / "cluster.md").read_text(encoding="utf-8")
    assert cost.shown(COSTS) in page


def test_a_job_lasts_minutes():
    several = COSTS[COSTS["jobs"] > 1]
    assert several["minutes"].between(2, 90).all(), several[["table", "source", "minutes"]]
    # A point is not shared between jobs; a job asks for two to four hours at first.
    assert COSTS["longest"].max() < 120, COSTS.nlargest(3, "longest")


class Machine:
    """A table whose points take a time that is known, by a clock of its own."""

    def __init__(self) -> None:
        self.time = 0.0

    @dataclass(frozen=True)
    class Settings:
        runs: int
        steps: int
        sizes: tuple[int, ...]

    def compute(self, settings, share):
        for size in share.progress(settings.sizes):
            self.time += settings.runs * (5.0 + 0.01 * size * settings.steps)


@pytest.mark.parametrize("steps", [2000, 50, 3])
def test_times_are_extrapolated_to_the_whole(steps):
    table = Machine()
    block = {"runs": 400, "steps": steps, "sizes": [1, 10, 100]}
    cuts = [cost.Cut(("runs",), 2), cost.Cut(("steps",), 20)]
    seconds, error, longest = cost.core_seconds(table, block, cuts, clock=lambda: table.time)
    table.time = 0.0
    table.compute(table.Settings(400, steps, (1, 10, 100)), cost.Share())
    assert seconds == pytest.approx(table.time)
    assert error == 0
    assert longest == pytest.approx(400 * (5.0 + 0.01 * 100 * steps))


def test_a_grid_costs_the_square_of_its_points():
    small, times = cost.reduced({"points": 1000}, cost.Cut(("points",), 40, power=2))
    assert (small, times) == ({"points": 40}, 625.0)


def test_cuts_belong_to_blocks_and_name_their_settings():
    computed = {
        (experiments(CLUSTER)[table], source): block
        for tables in blocks(CLUSTER).values()
        for table, sources in tables.items()
        for source, block in sources.items()
    }
    for where, cuts in cost.CUTS.items():
        for cut in cuts:
            assert set(cut.names) <= set(computed[where])


def test_every_training_of_a_block_is_caught_and_none_is_started():
    flow = CLUSTER["fig5_normalizing_flows"]["flow_collapse"]["flows"]
    module = cost.import_module(cost.module_name("flow_grid", "flows"))
    block = {name: value for name, value in flow.items() if name != "jobs"}
    block["separations"] = flow["separations"][::4]  # each is looked for among all
    caught = list(cost.trainings(module, block))
    assert len(caught) == 3 * 5 * 4
    assert {target.dimension for target, _ in caught} == set(flow["dimensions"])
    assert sum(settings.seeds for _, settings in caught) == 3 * 5 * 384


@pytest.mark.parametrize(
    ("dimension", "couplings", "hidden", "depth"), [(128, 8, 512, 2), (8, 4, 32, 1)]
)
def test_operations_are_those_of_the_networks(dimension, couplings, hidden, depth):
    half = dimension // 2
    fans = [(half, hidden), *[(hidden, hidden)] * (depth - 1), (hidden, dimension)]
    weights = sum(rows * columns for rows, columns in fans)
    # 2 operations a weight forward and 4 backward, 2 of them for the input, which is data in the
    # first layer.  And projections on μ*.
    step = couplings * 6 * weights - 2 * half * hidden + 4 * dimension
    measurement = couplings * 2 * weights + 6 * dimension
    settings = FlowSettings.of(
        couplings=couplings, hidden=hidden, depth=depth, seeds=3, steps=100, batch=64, log_every=50
    )
    measured = 3 * settings.evaluation_samples * measurement
    counted = cost.operations(BimodalTarget(3.0, dimension, 0.5), settings)
    assert counted == 3 * (100 * 64 * step + measured)


def test_a_small_step_takes_a_gpu_its_launch():
    tiny = FlowSettings.of(couplings=2, hidden=4, seeds=3, steps=100, batch=2, log_every=100)
    target = BimodalTarget(3.0, 2, 0.5)
    assert cost.gpu_seconds(target, tiny) == pytest.approx(100 * cost.LAUNCH, rel=0.01)
    apart = tiny.changed(ensemble_size=2)
    assert cost.gpu_seconds(target, apart) == pytest.approx(200 * cost.LAUNCH, rel=0.01)


@pytest.mark.parametrize(
    ("dimension", "couplings", "hidden", "flows", "milliseconds"),
    [
        (2, 8, 512, 96, 27.2),
        (128, 8, 512, 96, 34.3),
        (64, 2, 128, 96, 4.46),
        (64, 16, 1024, 24, 48.5),
    ],
)
def test_steps_take_a_gpu_what_was_measured(dimension, couplings, hidden, flows, milliseconds):
    # python -m benchmarks gpu on an NVIDIA H100 80GB HBM3, 2026-11-26
    kind = {"couplings": couplings, "hidden": hidden, "batch": 512, "evaluation_samples": 2}
    settings = FlowSettings.of(**kind, seeds=flows, steps=1000, log_every=1000)
    said = cost.gpu_seconds(BimodalTarget(3.0, dimension, 0.5), settings)
    assert said == pytest.approx(milliseconds, rel=1 / 3)
