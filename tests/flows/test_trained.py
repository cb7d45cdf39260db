"""Trained flows: samples and densities that agree, files that give them back or are refused."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import pytest
import torch

from modecollapse.flows import TrainedFlows, load, sealed, train
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


@pytest.mark.parametrize("objective", ["reverse-kl", "maximum-likelihood"])
@pytest.mark.parametrize("flow", ["BPF", "CNF", "GF", "SOSPF"])
def test_a_flow_of_zuko_that_vmap_cannot_carry_is_refused(flow, objective):
    way = "forward" if objective == "reverse-kl" else "inverse"
    told = f"^architecture: got one of zuko's whose {way} map vmap cannot carry; allowed: one that"
    few = {"seeds": 2, "steps": 2, "batch": 8, "evaluation_samples": 8, "device": "cpu"}
    with pytest.raises(ValueError, match=told):
        train(TARGET, architecture=Zuko(flow, {}), objective=objective, **few)


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
    path = tmp_path / "flows.pt"
    with pytest.raises(StoreError, match=r"flows\.pt: cannot be read"):
        load(path)
    train(TARGET, **SMALL, checkpoint=path)
    with pytest.raises(StoreError, match="not flows of this"):
        load(path)


THETA = torch.zeros(3, 4)
WIDE = {"couplings": 2, "hidden": 10**9, "depth": 1, "scale_bound": 2.0}


def view(theta):
    return theta[:1, :1].expand(10**12, theta.shape[1])


def zuko(**options):
    return {"name": "zuko", "settings": {"flow": "NICE", "options": options}}


RESEALED = [
    ("theta of another size", "theta: got \\(3, 4\\)", {"theta": THETA}),
    ("theta a number", "theta: got 3;", {"theta": 3}),
    ("theta a list", "theta: got a list", {"theta": [[0.0] * 4] * 3}),
    ("theta of no flow", "theta", lambda t: t[:0].clone()),
    ("theta of no parameters", "theta", lambda t: t[:, :0].clone()),
    ("theta of one row", "theta", lambda t: t[0].clone()),
    ("theta sparse", "theta: got a tensor .* torch.sparse", torch.Tensor.to_sparse),
    ("theta on no device", "theta", lambda t: t.to("meta")),
    ("theta of two bytes", "theta.*bfloat16", torch.Tensor.bfloat16),
    ("theta of half a number", "theta.*float16", torch.Tensor.half),
    ("theta of whole numbers", "theta.*int64", torch.Tensor.long),
    ("theta complex", "theta.*complex", lambda t: t + 0j),
    ("theta of truths", "theta.*bool", torch.Tensor.bool),
    ("theta with a gradient", "theta.*gradient", torch.Tensor.requires_grad_),
    ("theta a parameter", "theta: got a Parameter", torch.nn.Parameter),
    ("theta of one number", "theta: got a view", view),
    ("theta negated lazily", "theta", torch._neg_view),
    ("name unknown", "name: got 'glow'; allowed: one of realnvp", {"name": "glow"}),
    ("name a list", "name", {"name": ["realnvp"]}),
    ("settings wrong", "couplings: got 0", {"settings": {"couplings": 0}}),
    ("settings unknown", "layers", {"settings": {"layers": 2}}),
    ("settings a list", "settings: got", {"settings": [1]}),
    ("settings by numbers", "settings: got", {"settings": {1: 2}}),
    ("settings huge", "settings: got", {"settings": WIDE}),
    ("settings of no bounds", "scale_bound: got nan", {"settings": WIDE | {"scale_bound": np.nan}}),
    ("settings deep", "settings: got", {"settings": {**WIDE, "hidden": 20000, "depth": 900}}),
    ("dimension one", "dimension: got 1;", {"dimension": 1}),
    ("dimension huge", "settings: got", {"dimension": 10**9}),
    ("dimension beyond all", "dimension: got 1000", {"dimension": 10**400}),
    ("dimension a float", "dimension: got 2.0", {"dimension": 2.0}),
    ("dimension true", "dimension: got True", {"dimension": True}),
    ("dimension a tensor", "dimension: got", {"dimension": torch.tensor(2)}),
    ("reach nan", "reach: got nan", {"reach": np.nan}),
    ("reach infinite", "reach: got inf", {"reach": np.inf}),
    ("reach negative", "reach: got -1.0", {"reach": -1.0}),
    ("reach zero", "reach: got 0", {"reach": 0}),
    ("reach a text", "reach: got '7'", {"reach": "7"}),
    ("reach beyond all", "reach: got 1000", {"reach": 10**400}),
    ("reach too long to be written", "", {"reach": 10**5000}),
    ("reach nothing", "reach: got None", {"reach": None}),
    ("base a number", "base: got 1.0", {"base": 1.0}),
    ("base of two", "base: got a list of 2", {"base": [1.0, 1]}),
    ("base of no width", r"base\[0\]: got 0.0", {"base": [0.0, 1, 3.0]}),
    ("base of no part", r"base\[1\]: got 0", {"base": [1.0, 0, 3.0]}),
    ("base of a billion", "settings: got", {"base": [1.0, 10**9, 3.0]}),
    ("base too far", r"base\[2\]: got inf", {"base": [1.0, 2, np.inf]}),
    ("base of other parameters", "theta: got", {"base": [1.0, 2, 3.0]}),
    ("zuko without a flow", "flow: got ''", {"name": "zuko", "settings": {"flow": ""}}),
    ("zuko wide", "settings: got", zuko(hidden_features=[30000, 30000, 30000])),
    ("zuko of no width", "hidden_features: got 3;", zuko(hidden_features=3)),
    ("zuko of text", "hidden_features: got 'a'", zuko(hidden_features=["a"])),
    ("zuko of many", "transforms: got 1000000000", zuko(transforms=10**9)),
    ("zuko of a tensor", "transforms: got", zuko(transforms=torch.tensor(3))),
    ("zuko otherwise", "options: got", zuko(nothing=1)),
    ("no reach", "it: got the parts", {"reach": ...}),
    ("more than its parts", "it: got the parts", {"more": 1}),
]


@pytest.mark.parametrize(
    ("told", "change"), [r[1:] for r in RESEALED], ids=[r[0] for r in RESEALED]
)
def test_a_file_sealed_around_something_odd_is_refused_by_the_entry(run, tmp_path, told, change):
    path = tmp_path / "flows.pt"
    run.flows.save(path)
    content = sealed.read(path, "flows")
    changed = {
        **content,
        **(change if type(change) is dict else {"theta": change(content["theta"])}),
    }
    sealed.write(path, "flows", {k: v for k, v in changed.items() if v is not ...})
    with pytest.raises(
        StoreError, match=rf"flows\.pt: not flows of this version \(.*{told}"
    ) as caught:
        load(path)
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 1000


def test_flows_whose_parameters_are_apart_in_the_file_are_read(run, tmp_path):
    run.flows.save(tmp_path / "flows.pt")
    content = sealed.read(tmp_path / "flows.pt", "flows")
    content["theta"] = content["theta"].T.contiguous().T
    sealed.write(tmp_path / "flows.pt", "flows", content)
    assert np.array_equal(load(tmp_path / "flows.pt").sample(3), run.flows.sample(3))


@pytest.mark.parametrize("name", ["scale_bound", "base_scale", "base_radius"])
def test_whole_numbers_beyond_64_bits_are_numbers(name):
    odd = {"base_components": 2, name: 10**30}
    few = {"seeds": 2, "steps": 1, "batch": 8, "evaluation_samples": 8, "device": "cpu"}
    flows = train(TARGET, couplings=2, hidden=4, **few, **odd).flows
    assert flows.sample(3).shape == (2, 3, 2)


def test_no_flow_at_all_is_not_saved(run, tmp_path):
    with pytest.raises(ValueError, match=r"^flows: got 0; allowed: one flow or more"):
        run.flows[:0].save(tmp_path / "flows.pt")


def test_a_flow_whose_networks_stay_unused_is_read_again(tmp_path):
    """What its settings seem to need is then more than it has."""
    kind = Zuko("GF", {"transforms": 2, "hidden_features": (64, 64), "components": 3})
    theta = kind.build(2, 8.0, "cpu").initial(np.random.default_rng(0))[None]
    TrainedFlows(kind, 2, 8.0, theta).save(tmp_path / "flows.pt")
    assert np.array_equal(load(tmp_path / "flows.pt").theta, theta)


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
