"""Training: what it reaches, what it keeps apart, what it records."""

import logging
import math

import numpy as np
import pytest
import torch

from modecollapse.flows import FlowSettings, train
from modecollapse.flows.course import ensembles_of
from modecollapse.flows.ensemble import Ensemble
from modecollapse.flows.training import resolve
from modecollapse.outcomes import Outcome
from modecollapse.schedules import Adaptive, Exponential
from modecollapse.targets import BimodalTarget
from modecollapse.trajectory import UNITS, Status

TARGET = BimodalTarget(separation=2.0, dimension=3, weight=0.6)
SMALL = FlowSettings.of(
    seeds=4,
    couplings=2,
    hidden=8,
    depth=1,
    steps=20,
    batch=32,
    log_every=10,
    evaluation_samples=256,
    device="cpu",
)


def ensemble(settings=SMALL, runs=None, target=TARGET):
    return Ensemble(target, settings, range(settings.seeds) if runs is None else runs)


def advance(made, steps):
    for _ in range(steps):
        made.step(made.loss())
    return made


def same(a, b):
    """Whether two trajectories have the same bits."""
    statistics = all(np.array_equal(a.statistics[k], b.statistics[k]) for k in a.statistics)
    return statistics and a.outcome.tolist() == b.outcome.tolist() and a.message == b.message


def test_an_easy_target_is_learnt():
    p = BimodalTarget(separation=0.7, dimension=2)
    run = train(p, SMALL, seeds=4, hidden=16, steps=400, batch=256, learning_rate=5e-3)
    assert run.finished.all()
    assert (run.statistics["kl"][:, 0] > 0.05).all()
    error = 4.5 * run.final("kl_se")
    assert (run.final("kl") < 0.01 + error).all()
    assert (run.final("kl") > -error).all()
    assert (run.final("ess") > 0.95).all()
    assert all(o is Outcome.BOTH_MODES for o in run.outcome)


def test_two_distant_modes_in_high_dimension_are_not_both_found():
    p = BimodalTarget(separation=4.0, dimension=32)
    run = train(p, SMALL, seeds=6, couplings=4, hidden=16, steps=250, batch=128, learning_rate=5e-3)
    assert run.collapsed.sum() >= 4
    lost = run.final("kl")[run.collapsed]
    assert ((lost > math.log(2) - 0.02) & (lost < 1.0)).all()


def test_kl_is_never_below_what_the_masses_alone_imply():
    """KL(q‖p) ≥ Σ A_k log(A_k/π_k) for soft masses A: the joint laws of (x, mode) differ less."""
    run = train(TARGET, SMALL, seeds=6, steps=100, learning_rate=1e-2)
    plus, minus = run.statistics["mass_plus"], run.statistics["mass_minus"]
    implied = plus * np.log(plus / 0.6) + minus * np.log(minus / 0.4)
    assert (run.statistics["kl"] + 4.5 * run.statistics["kl_se"] > implied).all()
    assert implied.max() > 0.01


def test_the_record():
    run = train(TARGET, SMALL, steps=25)
    assert run.source == "flow"
    assert run.times.tolist() == [0, 10, 20, 25]
    assert set(run.statistics) <= set(UNITS)
    assert "beta" not in run.statistics
    assert all(values.shape == (4, 4) for values in run.statistics.values())
    assert np.isfinite(np.stack(list(run.statistics.values()))).all()
    assert np.allclose(run.statistics["mass_plus"] + run.statistics["mass_minus"], 1)
    assert list(run.status) == [Status.FINISHED] * 4
    assert run.diagnostics["run"].tolist() == [0, 1, 2, 3]
    assert np.allclose(np.linalg.norm(run.diagnostics["direction"], axis=1), 1)
    assert len(run.table()) == 16


@pytest.mark.parametrize("architecture", ["realnvp", "maf", "nsf"])
def test_same_seed_same_bits(architecture):
    settings = SMALL.changed(architecture=architecture, steps=5, seeds=2)
    assert same(train(TARGET, settings), train(TARGET, settings))
    assert not same(train(TARGET, settings), train(TARGET, settings, seed=1))


def test_a_run_starts_the_same_and_sees_the_same_noise_whatever_is_beside_it():
    together, alone = ensemble(), ensemble(runs=range(2, 3))
    assert torch.equal(together.theta[2], alone.theta[0])
    assert torch.equal(together.axes[2], alone.axes[0])
    together.loss(), alone.loss()
    assert torch.equal(together.noise[2], alone.noise[0])
    assert not torch.equal(together.noise[1], alone.noise[0])


def test_what_is_measured_does_not_change_what_is_trained():
    often = train(TARGET, SMALL, log_every=1, evaluation_samples=64)
    seldom = train(TARGET, SMALL, log_every=20, evaluation_samples=64)
    assert np.array_equal(often.final("loss"), seldom.final("loss"))


def test_an_ensemble_is_its_runs_one_by_one():
    """Up to rounding, which Adam magnifies where a gradient is near zero."""
    settings = SMALL.changed(dtype="float64")
    together = advance(ensemble(settings), 20)
    for run in range(4):
        alone = advance(ensemble(settings, range(run, run + 1)), 20)
        assert torch.allclose(together.theta[run], alone.theta[0], rtol=0, atol=1e-8)


def test_runs_are_split_into_even_ensembles():
    settings = resolve(SMALL.changed(seeds=10, first_seed=5, ensemble_size=4))
    assert ensembles_of(settings) == [range(5, 8), range(8, 12), range(12, 15)]
    run = train(TARGET, settings)
    assert run.diagnostics["run"].tolist() == list(range(5, 15))
    assert run.diagnostics["ensemble_size"].tolist() == [3] * 3 + [4] * 4 + [3] * 3
    one = train(TARGET, settings, seeds=3)
    assert np.allclose(one.final("loss"), run.final("loss")[:3], rtol=1e-4, atol=1e-4)


def test_a_run_that_diverges_does_not_disturb_its_neighbours():
    disturbed, calm = ensemble(), ensemble()
    advance(disturbed, 5), advance(calm, 5)
    with torch.no_grad():
        disturbed.theta[1, 0] = math.nan
    advance(disturbed, 10), advance(calm, 10)
    disturbed.measure(disturbed.loss()), calm.measure(calm.loss())
    assert disturbed.diverged_at.tolist() == [-1, 5, -1, -1]
    for s in (0, 2, 3):
        assert torch.equal(disturbed.theta[s], calm.theta[s])
        for name in calm.logs:
            assert torch.equal(disturbed.logs[name][0][s], calm.logs[name][0][s])
    assert all(torch.isnan(values[0][1]) for values in disturbed.logs.values())


def test_a_run_that_diverges_is_marked_and_says_why():
    run = train(TARGET, SMALL, learning_rate=1e30, steps=20)
    assert list(run.status) == [Status.DIVERGED] * 4
    assert all("not finite at step" in message for message in run.message)
    assert run.outcome.tolist() == [None] * 4
    assert np.isfinite(run.statistics["kl"][:, 0]).all()
    assert np.isnan(run.statistics["kl"][:, -1]).all()
    assert not run.table().isna().any().any()


def test_gradients_are_clipped_run_by_run():
    """A run with a huge gradient moves no less for it, and its neighbours do not notice."""
    steep, calm = ensemble(), ensemble()
    with torch.no_grad():
        steep.theta[0] *= 50
    advance(steep, 1), advance(calm, 1)
    assert steep.theta.grad[0].norm() == pytest.approx(SMALL.clip, rel=1e-4)
    assert torch.equal(steep.theta[1:], calm.theta[1:])


def test_each_run_has_the_gradient_that_it_would_have_alone():
    """The loss is summed over runs: the mean would scale gradients against Adam's ε."""
    together, alone = (ensemble(SMALL.changed(dtype="float64", clip=1e9), r) for r in (None, [0]))
    advance(together, 1), advance(alone, 1)
    assert torch.allclose(together.theta.grad[0], alone.theta.grad[0], rtol=1e-9, atol=1e-12)


def test_the_gradient_is_that_of_the_loss():
    made = ensemble(SMALL.changed(dtype="float64", clip=1e9))
    loss = made.loss()
    start, h = made.theta.detach().clone(), 1e-5
    direction = torch.randn(start.shape, generator=torch.Generator().manual_seed(0)).double()
    beta = torch.ones(4, dtype=torch.float64)
    with torch.no_grad():
        above, below = (made.objective(start + k * direction, made.noise, beta) for k in (h, -h))
    made.step(loss)
    slope = (made.theta.grad * direction).sum(1)
    # Central differences: error h² f‴/6, and a kink of a ReLU here and there within h.
    assert torch.allclose((above - below) / (2 * h), slope, rtol=1e-4, atol=1e-4)


def test_the_cosine_schedule_starts_at_the_rate_and_ends_at_zero(monkeypatch):
    made = ensemble(SMALL.changed(learning_rate_schedule="cosine", steps=40))
    rates = []
    taken = made.optimizer.step
    monkeypatch.setattr(made.optimizer, "step", lambda rate: rates.append(rate) or taken(rate))
    for _ in range(40):
        advance(made, 1)
    rates = np.array(rates) / SMALL.learning_rate
    assert rates[0] == 1
    assert rates[20] == pytest.approx(0.5)
    assert rates[-1] < 0.01
    assert (np.diff(rates) < 0).all()


def test_annealing_follows_its_schedule():
    schedule = Exponential(beta_initial=0.01, time=10)
    run = train(TARGET, SMALL, schedule=schedule, log_every=5)
    assert np.allclose(run.statistics["beta"], schedule.beta(run.times))
    # At β = β_i the loss is E_q[log q − β log p]; the KL is that to p itself.
    plain = train(TARGET, SMALL, log_every=5)
    assert np.array_equal(run.statistics["kl"][:, 0], plain.statistics["kl"][:, 0])
    assert not np.allclose(run.statistics["loss"][:, 0], plain.statistics["loss"][:, 0])


def test_the_adaptive_schedule_waits_for_each_run():
    settings = SMALL.changed(steps=60, log_every=1, learning_rate=1e-2)
    schedule = Adaptive(beta_initial=0.2, bound=0.6, rate=0.05)
    beta = train(TARGET, settings, schedule=schedule).statistics["beta"]
    assert (np.diff(beta, axis=1) >= 0).all()
    assert (np.diff(beta, axis=1) == 0).any()
    assert (beta[:, -1] > 0.2).all()
    assert len(np.unique(beta[:, -1])) > 1


def test_projections_are_of_the_samples_that_were_measured():
    run = train(TARGET, SMALL, projection_samples=256)
    projection = run.diagnostics["projection"]
    assert projection.shape == (4, 3, 256, 2)
    assert np.allclose(projection[..., 0].mean(-1), run.statistics["projection_mean"], atol=1e-5)
    assert np.allclose(
        projection[..., 0].std(-1, ddof=1), run.statistics["projection_std"], atol=1e-5
    )


def test_progress_is_logged(caplog):
    with caplog.at_level(logging.INFO, logger="modecollapse.flows"):
        train(TARGET, SMALL)
    assert [r.getMessage().split(":")[0] for r in caplog.records] == [
        f"ensemble 1 of 1, step {step} of 20" for step in (0, 10, 20)
    ]
    assert "s left" in caplog.records[-1].getMessage()
    assert "median loss" in caplog.records[0].getMessage()


def test_compile_falls_back_with_one_warning(monkeypatch):
    def broken(function):
        def call(*arguments):
            raise RuntimeError("no C++ compiler")

        return call

    monkeypatch.setattr(torch, "compile", broken)
    with pytest.warns(UserWarning, match="compile: not possible here") as caught:
        run = train(TARGET, SMALL, compile=True)
    assert len(caught) == 1
    assert same(run, train(TARGET, SMALL))


def test_a_compiled_gradient_that_is_wrong_is_not_used(monkeypatch):
    class Wrong(torch.autograd.Function):
        @staticmethod
        def forward(ctx, loss):
            return loss.clone()

        @staticmethod
        def backward(ctx, gradient):
            return 1.001 * gradient

    monkeypatch.setattr(torch, "compile", lambda f: lambda *a: Wrong.apply(f(*a)))
    with pytest.warns(UserWarning, match="the compiled gradient is wrong") as caught:
        run = train(TARGET, SMALL, compile=True)
    assert len(caught) == 1
    assert same(run, train(TARGET, SMALL))


@pytest.mark.slow
@pytest.mark.filterwarnings("default:compile")
@pytest.mark.parametrize("dimension", [2, 5])
def test_compiled_training_is_the_same_training(dimension):
    settings = SMALL.changed(dtype="float64", steps=10)
    p = BimodalTarget(2.0, dimension)
    fast, plain = train(p, settings, compile=True), train(p, settings)
    assert np.allclose(fast.final("kl"), plain.final("kl"), rtol=1e-6, atol=1e-8)
