"""Trained flows: samples and densities that agree, files that give them back or are refused."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import pytest
import torch

from modecollapse.flows import TrainedFlows, load, train
from modecollapse.flows.architectures import ARCHITECTURES
from modecollapse.flows.architectures.realnvp import Couplings
from modecollapse.flows.architectures.zuko import Zuko
from modecollapse.store import StoreError
from modecollapse.targets import BimodalTarget

TARGET = BimodalTarget(1.0, 2)
SMALL = {"seeds": 3, "couplings": 2, "hidden": 8, "steps": 20, "batch": 64, "device": "cpu"}


@pytest.fixture(scope="module")
def run():
    return train(TARGET, **SMALL, evaluation_samples=20_000, learning_rate=1e-2)


def test_they_are_the_flows_that_were_measured(run):
    n = 20_000
    x = run.flows.sample(n, seed=5)
    assert x.shape == (3, n, 2)
    u = run.diagnostics["direction"]
    along = np.einsum("snd,sd->sn", x, u)
    error = 4.5 * run.final("projection_std") * np.sqrt(2 / n)
    assert (np.abs(along.mean(1) - run.final("projection_mean")) < error).all()
    p = np.stack([TARGET.mixture(u[s]).log_density(x[s]) for s in range(3)])
    kl = (run.flows.log_density(x) - p).mean(1)
    assert (np.abs(kl - run.final("kl")) < 4.5 * np.sqrt(2) * run.final("kl_se")).all()


def test_densities_integrate_to_one(run):
    axis = np.linspace(-8, 8, 321)
    grid = np.stack(np.meshgrid(axis, axis), -1).reshape(-1, 2)
    mass = np.exp(run.flows.log_density(grid)).sum(1) * (axis[1] - axis[0]) ** 2
    assert np.allclose(mass, 1, atol=2e-3)


def test_one_of_them_alone(run):
    assert len(run.flows) == 3
    assert len(list(run.flows)) == 3
    assert np.array_equal(run.flows[1].theta, run.flows.theta[1:2])
    assert np.array_equal(run.flows[-1].theta, run.flows.theta[2:])
    x = np.zeros((4, 2))
    alone, together = run.flows[1].log_density(x)[0], run.flows.log_density(x)[1]
    assert np.allclose(alone, together, rtol=1e-12)
    with pytest.raises(IndexError, match="run: got 3"):
        run.flows[3]
    assert np.array_equal(run.flows.sample(3, seed=1), run.flows.sample(3, seed=1))
    assert not np.array_equal(run.flows.sample(3, seed=1), run.flows.sample(3, seed=2))


@pytest.mark.parametrize("name", ARCHITECTURES)
def test_saved_and_loaded_they_are_the_same(name, tmp_path):
    kind = ARCHITECTURES[name]()
    theta = np.stack([kind.build(3, 8.0, "cpu").initial(np.random.default_rng(s)) for s in (0, 1)])
    flows = TrainedFlows(kind, 3, 8.0, theta)
    flows.save(tmp_path / "flows.pt")
    again = load(tmp_path / "flows.pt")
    assert again.architecture == kind
    assert np.array_equal(again.sample(5, seed=2), flows.sample(5, seed=2))
    x = np.random.default_rng(0).standard_normal((4, 3))
    assert np.array_equal(again.log_density(x), flows.log_density(x))


def test_any_flow_of_zuko_can_be_trained_by_its_name():
    kind = Zuko("NICE", {"transforms": 2, "hidden_features": (8,)})
    run = train(TARGET, architecture=kind, seeds=2, steps=60, batch=64, learning_rate=1e-2)
    assert (run.final("kl") < run.statistics["kl"][:, 0]).all()
    assert not np.array_equal(run.flows.theta[0], run.flows.theta[1])
    with pytest.raises(ValueError, match=r"^flow: got 'Nice'; allowed: one of .*NICE"):
        Zuko("Nice")
    with pytest.raises(ValueError, match=r"^options: got .*layers"):
        train(TARGET, architecture=Zuko("NICE", {"layers": 2}), seeds=1, steps=1)


@pytest.mark.parametrize(
    ("call", "told"),
    [
        (lambda f: f.sample(0), "^n: got 0"),
        (lambda f: f.sample(2, seed=-1), "^seed: got -1"),
        (lambda f: f.log_density([1.0, 2.0]), r"^x: got \(2,\)"),
        (lambda f: f.log_density(np.zeros((4, 3))), r"^x: got \(4, 3\)"),
        (lambda f: f.log_density(np.zeros((2, 4, 2))), r"^x: got \(2, 4, 2\)"),
    ],
)
def test_wrong_arguments_are_named(call, told, run):
    with pytest.raises(ValueError, match=told):
        call(run.flows)


def test_a_file_that_holds_something_else_is_refused(run, tmp_path):
    from modecollapse.flows import sealed

    path = tmp_path / "flows.pt"
    with pytest.raises(StoreError, match=r"flows\.pt: cannot be read"):
        load(path)
    train(TARGET, **SMALL, checkpoint=path)
    with pytest.raises(StoreError, match="not a flows"):
        load(path)
    run.flows.save(path)
    content = sealed.read(path, "flows")
    for change in (
        {"theta": torch.zeros(3, 4)},
        {"theta": 3},
        {"name": "glow"},
        {"settings": {"couplings": 0}},
        {"settings": {"layers": 2}},
        {"dimension": 1},
    ):
        sealed.write(path, "flows", {**content, **change})
        with pytest.raises(StoreError, match=r"flows\.pt: not flows of this version"):
            load(path)


@dataclass(frozen=True)
class Shift:
    """x = z + θ: a flow that the package does not know, in ten lines."""

    name: ClassVar[str] = "shift"
    scale: float = 1.0

    def build(self, dimension, reach, device):
        self_dimension = dimension

        class Flow:
            dimension = self_dimension

            def initial(_, rng):
                return rng.standard_normal(dimension) * self.scale

            def forward(_, theta, z):
                return z + theta[:, None], z.new_zeros(z.shape[:2]) + 0 * theta.sum()

            def inverse(_, theta, x):
                return x - theta[:, None], x.new_zeros(x.shape[:2]) + 0 * theta.sum()

        return Flow()

    def footprint(self):
        return 1, 1


def test_a_flow_of_ones_own_is_trained_by_a_record():
    run = train(TARGET, architecture=Shift(), scale=0.5, seeds=2, steps=300, learning_rate=1e-2)
    # KL of N(θ, I): its minimum over shifts is at ±m* on the axis of the modes, or at zero.
    across = run.flows.theta - np.einsum(
        "sd,sd,se->se", run.flows.theta, run.diagnostics["direction"], run.diagnostics["direction"]
    )
    assert np.abs(across).max() < 0.1
    assert (run.final("kl") < 0.3).all()
    with pytest.raises(ValueError, match=r"^architecture: got"):
        run.flows.save("nowhere.pt")
    with pytest.raises(TypeError, match=r"^hidden: no setting of training or of shift"):
        train(TARGET, architecture=Shift(), hidden=3)


def test_settings_of_the_flow_are_its_own():
    from modecollapse.flows import FlowSettings

    settings = FlowSettings.of(couplings=4, steps=7)
    assert settings.architecture == Couplings(couplings=4)
    changed = settings.changed(architecture="maf", hidden=5)
    assert (changed.architecture.name, changed.architecture.couplings) == ("maf", 4)
    assert (changed.architecture.hidden, changed.steps) == (5, 7)
