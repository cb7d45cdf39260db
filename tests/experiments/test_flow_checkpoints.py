"""A job that trains flows and is killed goes on, and its table is as if it had not been killed."""

import pandas as pd
import pytest

from modecollapse.experiments import flow_annealing, flow_density, flow_grid
from modecollapse.experiments.share import Share
from modecollapse.experiments.snapshots import flows as snapshots
from modecollapse.flows.ensemble import Ensemble
from modecollapse.flows.training import train

FLOW = {"couplings": 2, "hidden": 4, "batch": 16, "learning_rate": 1e-3, "device": "cpu"}
ONE = {"seed": 1, "separation": 2.0, "dimension": 2, "target_weight": 0.5, "seeds": 2, "depth": 1}
JOBS = {
    "flow_annealing": (
        flow_annealing,
        flow_annealing.Settings(
            **ONE,
            **FLOW,
            beta_initials=(0.1,),
            anneal_steps=(20,),
            extra_steps=10,
            ensemble=2,
            samples=32,
        ),
    ),
    "flow_density": (
        flow_density,
        flow_density.Settings(**ONE, **FLOW, steps=60, logs=2, samples=32, bins=4),
    ),
    "snapshots": (
        snapshots,
        snapshots.Settings(**ONE, **FLOW, steps=60, samples=32, fractions=(0.0, 1.0), points=5),
    ),
    "flow_grid": (
        flow_grid,
        flow_grid.Settings(
            seed=1,
            separations=(2.0,),
            dimensions=(2,),
            target_weights=(0.5,),
            directions=("random",),
            architectures=("realnvp",),
            depths=(1,),
            optimizer="adam",
            seeds=2,
            ensemble=1,
            steps=30,
            logs=2,
            samples=32,
            **{**FLOW, "couplings": (2,), "hidden": (4,)},
        ),
    ),
}


class Killed(BaseException):
    pass


@pytest.mark.parametrize("name", JOBS)
def test_flows_go_on(name, tmp_path, monkeypatch):
    module, settings = JOBS[name]
    monkeypatch.setitem(train.__kwdefaults__, "checkpoint_every", 5)
    whole = module.compute(settings, Share())
    step, allowed, taken = Ensemble.step, 42, []

    def limited(self, loss):
        if len(taken) == allowed:
            raise Killed
        taken.append(self.time)
        step(self, loss)

    monkeypatch.setattr(Ensemble, "step", limited)
    with pytest.raises(Killed):
        module.compute(settings, Share(scratch=tmp_path))
    assert list(tmp_path.iterdir())
    taken.clear()
    allowed = 60 - 40  # of the 60 steps in all, the last checkpoint has 40
    pd.testing.assert_frame_equal(module.compute(settings, Share(scratch=tmp_path)), whole)
    assert len(taken) == allowed
