"""What every target offers to flows: the same density in torch and numpy, samples, modes, axes."""

import numpy as np
import pytest
import torch
from scipy.stats import kstest

from modecollapse.flows import train
from modecollapse.targets import Target, custom, mixture, target
from modecollapse.targets.densities import density as density_of
from modecollapse.targets.directions import principal

MEANS = np.array([[3.0, 0.0, 0.0], [-1.0, 2.0, 0.0], [0.0, -2.0, 1.0]])
MIXTURE = mixture(MEANS, [0.5, 0.3, 0.2], [1.0, 0.25, 2.0])
SMALL = {
    "seeds": 2,
    "couplings": 2,
    "hidden": 8,
    "depth": 1,
    "steps": 10,
    "batch": 32,
    "log_every": 5,
    "evaluation_samples": 256,
    "device": "cpu",
}


def double_well(x):
    """exp of it has modes near (±2, 0)."""
    return -(x[:, 0].square() - 4).square() - x[:, 1].square()


def made(p, flows=2):
    rng = np.random.default_rng(0)
    axes = np.stack([p.axes("random", rng) for _ in range(flows)])
    return density_of(p, torch.as_tensor(axes)), axes


FAMILIES = {
    "bimodal": target(2.0, 3, 0.7),
    "mixture": MIXTURE,
    "one mode": mixture([[1.0, 2.0]]),
    "custom": custom(double_well, 2),
}


@pytest.mark.parametrize("p", FAMILIES.values(), ids=FAMILIES)
def test_every_family_is_a_target(p):
    assert isinstance(p, Target)
    density, axes = made(p)
    assert np.allclose(axes @ axes.swapaxes(1, 2), np.eye(2))
    x = torch.randn(2, 5, p.dimension, generator=torch.Generator().manual_seed(1)).double()
    assert density.log_density(x).shape == (2, 5)
    masses = density.masses(x)
    assert len(masses) == len(p.mode_names)
    if masses:
        assert torch.allclose(sum(masses), torch.ones(2, 5).double())
    along = torch.einsum("sbd,sd->sb", x, torch.as_tensor(axes[:, 0]))
    assert torch.allclose(density.projection(x), along)
    assert p.description()["dimension"] == p.dimension


def test_the_mixture_in_torch_is_that_in_numpy():
    density, _ = made(MIXTURE)
    x = 3 * torch.randn(2, 50, 3, generator=torch.Generator().manual_seed(0)).double()
    assert np.allclose(density.log_density(x), MIXTURE.log_density(x.numpy()), rtol=1e-12)
    found = np.stack(density.masses(x), axis=-1)
    assert np.allclose(found, MIXTURE.responsibilities(x.numpy()), rtol=1e-9, atol=1e-300)


@pytest.mark.parametrize("p", [FAMILIES["bimodal"], MIXTURE], ids=["bimodal", "mixture"])
def test_samples_have_the_targets_law(p):
    """Projected on a line, samples have the distribution function of the projected mixture."""
    density, axes = made(p)
    generators = [torch.Generator().manual_seed(seed) for seed in (1, 2)]
    n = 20_000
    x = density.sample(generators, torch.empty(2, n, p.dimension, dtype=torch.float64)).numpy()
    assert not np.array_equal(x[0], x[1])
    line = np.array([0.6, 0.0, 0.8])
    for s in range(2):
        q = p.mixture(axes[s, 0]) if p is FAMILIES["bimodal"] else p
        exact = q.sample(200_000, np.random.default_rng(3))
        # Two-sample test: what differs by 2 % of the mass would have p < 1e-6.
        assert kstest(x[s] @ line, exact @ line).pvalue > 1e-4
        found = np.mean([m[s].numpy().mean() for m in density.masses(torch.as_tensor(x))[:1]])
        assert found == pytest.approx(p.weights[0], abs=4.5 * 0.5 / np.sqrt(n))


def test_modes_of_a_target_of_ones_own_are_the_nearest():
    p = custom(double_well, 2, modes=[[2.0, 0.0], [-2.0, 0.0]], weights=[0.5, 0.5])
    density, axes = made(p)
    x = torch.tensor([[[3.0, 1.0], [-0.1, 5.0]]] * 2, dtype=torch.float64)
    plus, minus = density.masses(x)
    assert plus.tolist() == [[1, 0]] * 2
    assert minus.tolist() == [[0, 1]] * 2
    assert np.allclose(axes[:, 0], [1, 0])


def test_principal_directions_are_orthonormal_whatever_the_points():
    for points in (MEANS, MEANS[:1], MEANS[:2], np.zeros((3, 4))):
        vectors = principal(points)
        assert np.allclose(vectors @ vectors.T, np.eye(2), atol=1e-12)
    spread = (MEANS - MEANS.mean(0)) @ principal(MEANS).T
    assert spread[:, 0].var() >= spread[:, 1].var()


def test_flows_train_on_a_mixture():
    run = train(MIXTURE, **SMALL)
    masses = [run.statistics[f"mass_{k}"] for k in range(3)]
    assert np.allclose(sum(masses), 1)
    assert np.isfinite(run.final("kl")).all()
    assert all(o is not None for o in run.outcome)
    assert np.allclose(run.diagnostics["direction"], principal(MEANS)[0])


def test_a_mixture_of_two_is_the_bimodal_target():
    p = target(2.0, 3, 0.7)
    one = train(p, **SMALL, direction="axis", dtype="float64")
    other = train(p.mixture(), **SMALL, dtype="float64")
    assert np.allclose(one.statistics["loss"], other.statistics["loss"], rtol=1e-9)
    assert np.allclose(one.final("mass_plus"), other.final("mass_0"), rtol=1e-9)
    density, _ = made(p.mixture())
    axes = torch.as_tensor(np.eye(3)[:2])[None].expand(2, -1, -1)
    x = 3 * torch.randn(2, 20, 3, generator=torch.Generator().manual_seed(4)).double()
    assert torch.allclose(density_of(p, axes).log_density(x), density.log_density(x), rtol=1e-12)


def test_flows_train_on_a_log_density_of_ones_own():
    run = train(custom(double_well, 2), **SMALL)
    assert "kl" not in run.statistics
    assert np.isfinite(run.final("negative_elbo")).all()
    assert run.outcome.tolist() == [None, None]
    assert run.finished.all()
    known = custom(double_well, 2, modes=[[2, 0], [-2, 0]], weights=[0.5, 0.5], log_z=0.25)
    named = train(known, **SMALL)
    assert np.allclose(named.final("kl"), run.final("negative_elbo") + 0.25, atol=2e-4)
    assert all(o is not None for o in named.outcome)


@pytest.mark.parametrize(
    "wrong",
    [lambda x: -x.square().sum(-1), None, "bimodal", MEANS, np.zeros(3)],
    ids=["a function", "nothing", "a name", "means", "a vector"],
)
def test_what_is_no_target_is_told_what_to_call(wrong):
    with pytest.raises(ValueError, match=r"(?s)^target: got .*custom\(log_density, dimension\)"):
        train(wrong, seeds=1, steps=1)


def shouts(x):
    raise RuntimeError("mat1 and mat2 shapes cannot be multiplied\nand more")


@pytest.mark.parametrize(
    ("function", "arguments", "told"),
    [
        (3, {}, "^log_density: got 3; allowed: a function"),
        (shouts, {}, r"^log_density: got RuntimeError: mat1 and mat2 .*; allowed: a function"),
        (lambda x: x, {}, r"^log_density: got \(8, 2\); allowed"),
        (lambda x: x.sum(), {}, r"^log_density: got \(\); allowed"),
        (lambda x: 0.0, {}, r"^log_density: got 'float'; allowed"),
        (lambda x: x[:, 0] * torch.nan, {}, r"^log_density: got .*nan.*; allowed: finite"),
        (lambda x: x[:, 0] - torch.inf, {}, r"^log_density: got .*inf.*; allowed: finite"),
        (lambda x: x[:, 0].detach(), {}, r"^log_density: got 'no gradient'"),
        (double_well, {"dimension": 1}, "^dimension: got 1"),
        (double_well, {"modes": [1.0, 2.0]}, "^modes: got"),
        (double_well, {"modes": [[1.0, np.nan]]}, "^modes: got"),
        (double_well, {"weights": [1.0]}, "^weights: got"),
        (double_well, {"modes": [[1, 2], [3, 4]], "weights": [0.5, 0.6]}, "^weights: got"),
        (double_well, {"log_z": np.inf}, "^log_z: got"),
        (double_well, {"reach": 0.0}, "^reach: got"),
    ],
)
def test_a_log_density_that_is_none_is_refused_by_name(function, arguments, told):
    with pytest.raises(ValueError, match=told):
        custom(function, **{"dimension": 2, **arguments})


def test_what_is_not_known_of_a_target_is_said():
    from modecollapse.schedules import Adaptive

    for p in (MIXTURE, custom(double_well, 2)):
        with pytest.raises(ValueError, match=r"^schedule: got .*log ∫ p\^β"):
            train(p, **SMALL, schedule=Adaptive(0.2, 0.6, 0.1))
    with pytest.raises(ValueError, match=r"^target: got 'a log-density alone'"):
        train(custom(double_well, 2), **SMALL, objective="maximum-likelihood")


def test_a_checkpoint_knows_a_log_density_again(tmp_path):
    path = tmp_path / "checkpoint.pt"
    train(custom(double_well, 2), **SMALL, checkpoint=path)
    train(custom(double_well, 2), **SMALL, checkpoint=path)
    with pytest.raises(ValueError, match="target log_density at fixed points: got"):
        train(custom(lambda x: 1.001 * double_well(x), 2), **SMALL, checkpoint=path)


W = torch.eye(2, dtype=torch.float64)


def fails_elsewhere(x):
    if len(x) != 8:
        raise KeyError("absent")
    return gaussian(x)


def gaussian(x):
    return -x.square().sum(-1) / 2


ODD = {
    "of float64 alone": (lambda x: -(x @ W).square().sum(-1), r"RuntimeError: .*of float32"),
    "failing elsewhere": (fails_elsewhere, "KeyError: 'absent'; allowed: a function"),
    "of another shape elsewhere": (lambda x: gaussian(x) if len(x) == 8 else x, r"\(16, 2\)"),
    "complex": (lambda x: gaussian(x).to(torch.complex64), "'torch.complex64'; allowed: values"),
    "half": (lambda x: gaussian(x).half(), "'torch.float16'; allowed: values of float32"),
}


@pytest.mark.parametrize(("function", "told"), ODD.values(), ids=ODD)
def test_what_shows_only_in_use_is_refused_by_name_too(function, told):
    with pytest.raises(ValueError, match=rf"(?s)^log_density: got {told}"):
        train(custom(function, 2), seeds=1, steps=1, batch=16, evaluation_samples=16)


def test_modes_at_one_place_are_refused():
    with pytest.raises(ValueError, match=r"^modes: got .*; allowed: different places"):
        custom(gaussian, 2, modes=[[1.0, 0.0], [1.0, 0.0]], weights=[0.5, 0.5])
