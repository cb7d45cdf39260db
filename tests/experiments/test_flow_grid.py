"""Tables of flows: every combination, streams that belong to it, and jobs that go on."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from modecollapse.experiments import flow_density, flow_grid, flow_tangent
from modecollapse.experiments.flow_grid import UNITS, Settings, compute, points
from modecollapse.experiments.share import Share
from modecollapse.flows.ensemble import Ensemble

SETTINGS = Settings(
    seed=1,
    separations=(1.0, 2.0),
    dimensions=(2, 3),
    target_weights=(0.5,),
    directions=("random",),
    architectures=("realnvp",),
    couplings=(2,),
    hidden=(4,),
    depths=(1,),
    optimizer="adam",
    seeds=3,
    ensemble=2,
    steps=6,
    batch=8,
    learning_rate=1e-3,
    logs=2,
    samples=16,
    device="cpu",
)


def test_every_combination_with_all_its_runs_and_steps():
    table = compute(SETTINGS, Share())
    assert list(table.columns) == list(UNITS)
    assert not table.isna().any().any()
    grid = table.groupby(["separation", "dimension"])
    assert len(grid) == 4
    for _, rows in grid:
        assert sorted(rows["run"].unique()) == [0, 1, 2]
        assert sorted(rows["step"].unique()) == [0, 3, 6]
        assert len(rows) == 9


@pytest.mark.parametrize("jobs", [2, 3, 20])
def test_the_table_does_not_depend_on_the_number_of_jobs(jobs):
    whole = compute(SETTINGS, Share())
    parts = [compute(SETTINGS, Share(i, jobs)) for i in range(jobs)]
    rows = [row for part in parts for row in part.itertuples(index=False)]
    assert rows == list(whole.itertuples(index=False))


def test_streams_belong_to_the_combination():
    made = points(SETTINGS)
    seeds = {(p.target.separation, p.target.dimension): p.flow.seed for p in made}
    assert len(set(seeds.values())) == 4
    assert [p.flow.first_seed for p in made[:2]] == [0, 2]
    assert [p.flow.seeds for p in made[:2]] == [2, 1]
    assert made[0].flow.seed == made[1].flow.seed


def test_a_run_that_diverges_keeps_what_it_logged():
    table = compute(replace(SETTINGS, learning_rate=9e29, dimensions=(2,)), Share())
    assert set(table["status"]) == {"diverged"}
    assert (table["step"] == 0).any()
    assert not table.isna().any().any()


def test_a_killed_job_goes_on_from_the_points_that_it_had(tmp_path, monkeypatch):
    undisturbed = compute(SETTINGS, Share())
    share = Share(scratch=tmp_path / "scratch")
    step, taken = Ensemble.step, 0

    class Killed(BaseException):
        pass

    def counting(self, loss):
        nonlocal taken
        taken += 1
        if taken == 26:  # in the fifth of eight ensembles of six steps
            raise Killed
        step(self, loss)

    monkeypatch.setattr(Ensemble, "step", counting)
    with pytest.raises(Killed):
        compute(SETTINGS, share)
    again = compute(SETTINGS, share)
    assert taken == 26 + 4 * 6
    assert again.equals(undisturbed)
    compute(replace(SETTINGS, steps=7), share)  # other settings find nothing, and say nothing


def test_the_density_is_that_of_the_worst_and_the_best():
    settings = flow_density.Settings(
        seed=2,
        separation=2.0,
        dimension=2,
        target_weight=0.5,
        seeds=3,
        couplings=2,
        hidden=4,
        depth=1,
        steps=4,
        batch=8,
        learning_rate=1e-3,
        logs=2,
        samples=2000,
        bins=24,
        device="cpu",
    )
    table = flow_density.compute(settings, Share())
    assert list(table.columns) == list(flow_density.UNITS)
    width = np.diff(np.sort(table["position"].unique()))[0]
    mass = table.groupby(["case", "step"])["density"].sum() * width
    assert len(mass) == 2 * 3
    assert (np.abs(mass - 1) < 0.01).all()  # the rest lies beyond 4 standard deviations
    assert (
        flow_density.compute(settings, Share(1, 2)).empty
        != flow_density.compute(settings, Share(0, 2)).empty
    )


def test_the_speeds_of_untrained_flows():
    settings = flow_tangent.Settings(
        seed=3,
        separations=(2.0, 3.0),
        dimensions=(2, 4),
        directions=("axis", "random"),
        couplings=2,
        architectures=("maf", "nsf"),
        architecture_dimension=3,
        architecture_couplings=2,
        hidden=4,
        depth=1,
        runs=3,
        samples=50,
    )
    table = flow_tangent.compute(settings, Share())
    assert list(table.columns) == list(flow_tangent.UNITS)
    assert len(table) == (2 * 2 + 2) * 2 * 3
    assert np.allclose(table["ratio"], table["shift"] / table["stretch"])
    assert (flow_grid.UNITS.keys() & table.columns) >= {"dimension", "direction", "architecture"}
    rates = (table["race"] / table["ratio"]).groupby(table["separation"]).agg(["min", "max"])
    assert np.allclose(rates["min"], rates["max"])
    assert rates["max"].is_monotonic_increasing
