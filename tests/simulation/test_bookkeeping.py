"""Samplers, sums and counts of the simulations, one by one: what tests of whole runs cannot see."""

import itertools

import numpy as np
import pytest
import torch
from scipy import stats

from modecollapse.dynamics import Dynamics
from modecollapse.geometries import GEOMETRIES
from modecollapse.outcomes import Outcome, outcome
from modecollapse.overlaps import Overlaps
from modecollapse.schedules import schedule
from modecollapse.simulation import descent, simulate, simulate_reduced
from modecollapse.simulation.estimators import components
from modecollapse.simulation.kernel import descend
from modecollapse.simulation.points import Setting, align, log_ratio, respond, view_from
from modecollapse.simulation.samplers import AXES, absorb, chi_constants, chi_square, draw_plane
from modecollapse.simulation.settings import Descent, Log, Objective, record
from modecollapse.targets import BimodalTarget, GaussianMixture
from modecollapse.trajectory import Status

# As in tests/test_starts.py: fixed seeds, and a right law fails with one seed in 100,000.
LEVEL = 1e-5
RUNS = 10_000
SETTING = Setting(
    separation=1.5,
    target_logit=0.4,
    log_minus=float(np.log1p(-1 / (1 + np.exp(-0.4)))),
    dimension=6,
    step_size=0.1,
    eta=0.0,
    batch=8,
    score=True,
    stratified=True,
    train_variances=False,
    bures=False,
    sphere=False,
    divide=False,
    metric=GEOMETRIES["euclidean"],
    norms=False,
    ratio=False,
    alpha=0.0,
    self_normalised=False,
    share=0.0,
    target_samples=0,
)


def rng(seed=0):
    return np.random.Generator(np.random.SFC64(seed))


def p_value(values, law):
    return stats.kstest(values, law.cdf).pvalue


# --- samplers -------------------------------------------------------------------------------------


@pytest.mark.parametrize("dof", [1, 2, 3, 10, 509])
def test_chi_square(dof):
    source = rng(dof)
    values = [chi_square(source, dof, *chi_constants(dof)) for _ in range(RUNS)]
    assert p_value(values, stats.chi2(dof)) > LEVEL
    if dof < 5:
        assert p_value(values, stats.chi2(dof + 1)) < LEVEL


def planes(dof, gram):
    """Draws of the two coordinates of g_1 and g_2, (RUNS, 2, 2)."""
    source, out = rng(dof), np.zeros((RUNS, 2, AXES))
    for gradient in out:
        draw_plane(source, gram, dof, gradient)
    return out


GRAM = np.array([[2.0, 0.6], [0.6, 0.5]])


@pytest.mark.parametrize("dof", [1, 2, 3, 61])
def test_a_plane_is_drawn_from_a_wishart_law(dof):
    drawn = planes(dof, GRAM)
    assert (drawn[:, :, :3] == 0).all()
    assert (drawn[:, 0, 4] == 0).all()
    one, two = drawn[:, 0, 3:], drawn[:, 1, 3:]
    # g_1 = √G_11 z, and g_2 less its part along it is c z' with c² = G_22 − G_12²/G_11
    left = GRAM[1, 1] - GRAM[0, 1] ** 2 / GRAM[0, 0]
    along = (two - GRAM[0, 1] / GRAM[0, 0] * one)[:, 0] / np.sqrt(left)
    beside = two[:, 1] ** 2 / left
    assert p_value((one**2).sum(1) / GRAM[0, 0], stats.chi2(dof)) > LEVEL
    assert p_value(along, stats.norm) > LEVEL
    assert p_value((two**2).sum(1) / GRAM[1, 1], stats.chi2(dof)) > LEVEL
    if dof == 1:
        assert (beside == 0).all()
    else:
        assert p_value(beside, stats.chi2(dof - 1)) > LEVEL
    if 1 < dof < 10:
        assert p_value(beside, stats.chi2(dof)) < LEVEL
    # independent of each other
    assert abs(np.corrcoef(one[:, 0], along)[0, 1]) < 4.5 / np.sqrt(RUNS)
    if dof > 1:
        assert abs(np.corrcoef(one[:, 0] ** 2, beside)[0, 1]) < 4.5 / np.sqrt(RUNS)


def test_no_plane_without_dimensions_or_noise():
    gradient = np.zeros((2, AXES))
    draw_plane(rng(), GRAM, 0, gradient)
    draw_plane(rng(), np.zeros((2, 2)), 5, gradient)
    assert (gradient == 0).all()
    draw_plane(rng(), np.array([[0.0, 0.0], [0.0, 1.0]]), 5, gradient)
    assert gradient[0, 3] == 0
    assert gradient[1, 4] > 0


def test_a_new_direction_is_absorbed_by_a_rotation():
    source = np.random.default_rng(1)
    for _ in range(100):
        p, q, rest = source.standard_normal(3), source.standard_normal(3), source.exponential()
        given = *p[:2], *q[:2], p[2], q[2], rest
        p1, p2, q1, q2 = absorb(*given)
        p[2], q[2] = p[2] * np.sqrt(rest), q[2] * np.sqrt(rest)
        assert p2 == 0
        assert min(p1, q2) >= 0
        np.testing.assert_allclose([p1 * p1, p1 * q1, q1**2 + q2**2], [p @ p, p @ q, q @ q])


def test_absorbing_where_there_is_no_direction():
    assert absorb(0.0, 0.0, 3.0, 0.0, 0.0, 2.0, 4.0) == (0.0, 0.0, 5.0, 0.0)


# --- points ---------------------------------------------------------------------------------------


def test_alignment_keeps_every_overlap():
    means = np.random.default_rng(2).standard_normal((2, AXES))
    before, along = means @ means.T, means[:, 0].copy()
    align(means)
    np.testing.assert_allclose(means @ means.T, before, rtol=1e-13)
    np.testing.assert_array_equal(means[:, 0], along)
    assert means[0, 2] == means[1, 2] >= 0
    assert (means[:, 3:] == 0).all()
    same = np.tile([1.0, 2.0, 3.0, 0.0, 0.0], (2, 1))
    align(same)
    np.testing.assert_allclose(same @ same.T, 14.0)
    assert (same[0] == same[1]).all()


@pytest.mark.parametrize("i", [0, 1])
def test_a_point_against_the_densities_in_full_dimension(i):
    means = np.zeros((2, AXES))
    means[:, :3] = [[0.7, 0.4, 0.3], [-0.2, -0.6, 0.3]]
    logit, variances, beta = 0.8, np.array([1.7, 0.6]), 0.3
    p = BimodalTarget(1.5, 6, 1 / (1 + np.exp(-0.4)))
    weights = np.array([1, np.exp(-0.8)]) / (1 + np.exp(-0.8))
    q = GaussianMixture(np.pad(means, ((0, 0), (0, 1))), weights, variances)
    view = view_from(means, logit, variances, i, SETTING)
    for z in np.random.default_rng(3).standard_normal((20, 6)):
        x = q.means[i] + np.sqrt(variances[i]) * z
        point = respond(view, z[0], z[1], z @ z, SETTING)
        shares = q.responsibilities(x) / variances
        modes = p.mixture().responsibilities(x)
        seen = [point.own, point.other, point.tilt, point.gap, point.distance2]
        gap = q.means[i] - q.means[1 - i]
        distance2 = ((x - q.means[1 - i]) ** 2).sum() / variances[1 - i]
        exact = [shares[i], shares[1 - i], modes[0] - modes[1], z @ gap, distance2]
        np.testing.assert_allclose(seen, exact, rtol=1e-12)
        # both without their constants in log 2π
        constant = 3 * np.log(2 * np.pi) * (1 - beta)
        f = q.log_density(x) - beta * p.mixture().log_density(x) + constant
        z_mean = z @ q.means[i]
        ours = log_ratio(view, point, z @ z, z_mean, beta, SETTING)
        np.testing.assert_allclose(ours, f, rtol=1e-11)


def steps(setting, eta=0.0, beta=1.0, n=1):
    """The mixture and the means after n steps from one state, with one noise."""
    means, mixture = np.zeros((2, AXES)), np.array([0.3, 1.5, 0.8])
    means[:, :2] = [[1.0, 0.5], [-0.5, 0.7]]
    setting = setting._replace(eta=eta, norms=True)
    taken, ratio = descend(rng(5), means, mixture, np.full(n, beta), setting)
    return means, mixture, taken, ratio


def test_only_what_is_trained_moves():
    means, mixture, taken, _ = steps(SETTING, n=3)
    assert taken == 3
    assert mixture.tolist() == [0.3, 1.5, 0.8]
    assert means[0, 0] != 1.0
    moved = steps(SETTING._replace(ratio=True), eta=2.0)[1]
    assert moved[0] != 0.3
    assert moved[1:].tolist() == [1.5, 0.8]
    trained = steps(SETTING._replace(train_variances=True))[1]
    assert trained[0] == 0.3
    assert (trained[1:] != [1.5, 0.8]).all()


def test_rates_scale_the_steps():
    weights = SETTING._replace(ratio=True)
    once, twice = (steps(weights, eta=eta)[1][0] - 0.3 for eta in (1.0, 2.0))
    assert twice == pytest.approx(2 * once, rel=1e-12)
    divided = steps(weights._replace(divide=True), eta=1.0, beta=0.5)[1][0] - 0.3
    plain = steps(weights, eta=1.0, beta=0.5)[1][0] - 0.3
    assert divided == pytest.approx(2 * plain, rel=1e-12)


def test_bures_variances_move_by_a_square():
    euclid = steps(SETTING._replace(train_variances=True, step_size=1e-7))[1][1:]
    bures = steps(SETTING._replace(train_variances=True, bures=True, step_size=1e-7))[1][1:]
    start = np.array([1.5, 0.8])
    # dv/dt = −g and −(4v/d) g
    np.testing.assert_allclose((bures - start) / (euclid - start), 4 * start / 6, rtol=1e-4)


# --- settings and logs ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("steps", "every", "logged"),
    [
        (0, None, [0]),
        (5, None, [0, 1, 2, 3, 4, 5]),
        (250, 100, [0, 100, 200, 250]),
        (200, 100, [0, 100, 200]),
        (3, 10, [0, 3]),
    ],
)
def test_logged_steps(steps, every, logged):
    log = Log(steps, every, 4, unit=True)
    assert list(log.at) == logged
    assert log.count == len(logged)


def test_about_a_hundred_times_are_logged():
    assert len(Log(12_345, None, 4, unit=True).at) == 102


def test_variances_and_beta_are_logged_unless_they_are_one():
    p, wide = BimodalTarget(2.0, 3), np.full((1, 2), 2.0)
    unit = Overlaps([[1.0, -1.0]], [[1.0, 0.0, 1.0]])
    broad = Overlaps(unit.m, unit.q, variances=wide)
    linear = schedule("linear", beta_initial=0.5, time=1.0)
    few = {"step_size": 0.1, "steps": 1, "batch": 4, "seed": 0, "evaluation_samples": 4}
    for run in (simulate, simulate_reduced):
        assert "v1" not in run(p, unit, **few).statistics
        assert run(p, broad, **few).statistics["v2"].tolist() == [[2.0, 2.0]]
        betas = run(p, unit, schedule=linear, **few).statistics["beta"]
        np.testing.assert_allclose(betas, [[0.5, 0.55]])
        assert "v1" in run(p, unit, variances="bures", **few).statistics


def test_a_record_says_when_a_run_diverged_and_keeps_what_it_logged():
    log, p = Log(20, 10, 4, unit=True), BimodalTarget(2.0, 3)
    values = np.full((4, len(log.statistics), 3), 0.5)
    values[1, :, 2] = values[3] = np.nan
    taken = Descent(0.25, 20, 4, 0)
    run = record("simulation", [p] * 4, taken, Objective(), log, values, np.array([-1, 2, -1, 0]))
    both, lost = Outcome.BOTH_MODES, Status.DIVERGED
    assert run.times.tolist() == [0.0, 2.5, 5.0]
    assert run.status.tolist() == [Status.FINISHED, lost, Status.FINISHED, lost]
    assert run.message[1] == "step_size: 0.25 is too large; diverged by time 5, reduce it"
    assert run.message[3] == "step_size: 0.25 is too large; diverged by time 0, reduce it"
    assert run.message[0] == run.message[2] == ""
    assert run.outcome.tolist() == [both, None, both, None]
    weighted = (taken, Objective(alpha=0.5), log)
    run = record("simulation", [p] * 4, *weighted, values, np.array([-1, 2, -1, 0]))
    assert "too far from every mode for weights (p/q)^0.5; diverged by time 5," in run.message[1]


@pytest.mark.parametrize("run", [simulate, simulate_reduced])
def test_arrival_is_judged_by_the_variances_at_the_end(run):
    # all mass on +, w_2 = 0.0025 and ℓ free; μ_2·μ*/r = 1.8 is 1.8 standard deviations, or 1.27
    p, q = BimodalTarget(3.0, 4), [[9.0, 5.4, 3.5]]
    ends = []
    for v in (1.0, 2.0):
        start = Overlaps([[9.0, 5.4]], q, [6.0], [[1.0, v]])
        few = {"step_size": 0.1, "steps": 0, "batch": 4, "seed": 0}
        ends += run(p, start, **few).outcome.tolist()
    assert ends == [Outcome.MEAN_ALIGNMENT, Outcome.VANISHING_WEIGHT]


def test_a_component_is_dead_by_the_lighter_mode():
    # c · min π = 0.05 and c · max π = 0.2: a weight of 0.1 is alive
    lost = [0.999, 0.001]
    for weights in ([0.8, 0.2], [0.2, 0.8]):
        masses = lost if weights[0] > 0.5 else lost[::-1]
        assert outcome(masses, weights, [0.9, 0.1])[()] is Outcome.MEAN_ALIGNMENT
        assert outcome(masses, weights, [0.96, 0.04])[()] is Outcome.VANISHING_WEIGHT


@pytest.mark.parametrize("batch", [2, 7, 4096, 100_000])
@pytest.mark.parametrize("d", [1, 8, 1000, 10**6])
def test_blocks_are_the_batch(d, batch):
    settings = descent.Settings(
        dimension=d,
        dynamics=Dynamics(),
        descent=Descent(0.1, 1, batch, 0),
        objective=Objective(),
        log=Log(1, 1, 4, unit=True),
        dtype=torch.float64,
        device=torch.device("cpu"),
        log_ratio=False,
    )
    blocks = settings.blocks
    assert sum(blocks) == batch
    assert min(blocks) >= 2
    assert max(blocks) <= max(4, descent.BLOCK["cpu"] // (d + descent.PER_SAMPLE)) + 1
    assert 1 <= settings.runs_at_once(50) <= 50


def test_the_first_samples_of_a_batch_are_of_component_one():
    first = torch.tensor([3, 0, 5])
    whole = torch.cat([components(first, a, b) for a, b in itertools.pairwise((0, 2, 5))], 2)
    assert whole[:, 0].sum(1).tolist() == [3, 0, 5]
    assert whole[0, 0].tolist() == [1, 1, 1, 0, 0]
    assert (whole.sum(1) == 1).all()


@pytest.mark.parametrize(("batch", "first"), [(2, 1), (5, 3), (8, 4)])
@pytest.mark.parametrize("run", [simulate, simulate_reduced])
def test_how_many_samples_a_component_has_and_what_they_count(run, batch, first):
    """At μ = 0 without the score term ∇f = (β − 1) z, so that a step of size 1 ends at
    ‖μ_i‖² = (1 − β)² χ²_d Σ_b s_b²: w_i²/n_i where stratified, w_i/B on average where sampled."""
    d, runs, w, beta = 4000, 50, 0.7, 0.5
    start = Overlaps(np.zeros((runs, 2)), np.zeros((runs, 3)), np.full(runs, np.log(w / (1 - w))))
    few = {"step_size": 1.0, "steps": 1, "batch": batch, "seed": 0, "evaluation_samples": 4}
    few |= {"estimator": "sticking-the-landing"}
    few |= {"schedule": schedule("step", beta_initial=beta, time=9.0)}
    exact = np.array([w**2 / first, (1 - w) ** 2 / (batch - first)]) * (1 - beta) ** 2 * d
    stratified = run(BimodalTarget(1e-9, d), start, **few)
    ends = np.stack([stratified.final("q11"), stratified.final("q22")])
    np.testing.assert_allclose(ends.mean(1), exact, rtol=4.5 * np.sqrt(2 / d / runs))
    sampled = run(BimodalTarget(1e-9, d), start, components="sampled", **few)
    ends = np.stack([sampled.final("q11"), sampled.final("q22")])
    average = np.array([w, 1 - w]) / batch * (1 - beta) ** 2 * d
    error = ends.std(1) / np.sqrt(runs)
    assert (abs(ends.mean(1) - average) < 4.5 * error).all()


def test_eta_zero_keeps_weights_beside_runs_that_train_them():
    p = BimodalTarget(2.0, 4)
    start = Overlaps(np.ones((3, 2)), np.ones((3, 3)), np.full(3, 0.7))
    few = {"step_size": 0.1, "steps": 3, "batch": 8, "seed": 0, "eta": [0.0, 1.0, 0.0]}
    for run in (simulate, simulate_reduced):
        moved = run(p, start, **few).final("logit") != 0.7
        assert moved.tolist() == [False, True, False]


def test_beta_of_an_adaptive_schedule_stops_at_one():
    adaptive = schedule("adaptive", beta_initial=0.9, bound=1e9, rate=50.0)
    few = {"step_size": 0.1, "steps": 2, "batch": 8, "seed": 0, "log_every": 1}
    start = Overlaps(np.ones((1, 2)), np.ones((1, 3)))
    for run in (simulate, simulate_reduced):
        betas = run(BimodalTarget(2.0, 4), start, schedule=adaptive, **few).statistics["beta"]
        assert betas.tolist() == [[0.9, 1.0, 1.0]]


def test_dynamics_know_what_stays_one():
    unit = Overlaps(np.ones((1, 2)), np.ones((1, 3)))
    assert Dynamics().is_unit(unit)
    assert not Dynamics().is_unit(Overlaps(unit.m, unit.q, variances=[[1.0, 2.0]]))
    assert not Dynamics(variances="bures").is_unit(unit)
    assert not Dynamics(schedule=schedule("step", beta_initial=0.5, time=1.0)).is_unit(unit)
    assert Dynamics(eta=2.0).rates(3).tolist() == [2.0, 2.0, 2.0]
    assert Dynamics(eta=[1.0, 2.0]).rates(2).tolist() == [1.0, 2.0]
    with pytest.raises(ValueError, match=r"^eta: got"):
        Dynamics(eta=[1.0, 2.0]).rates(3)
    with pytest.raises(ValueError, match=r"^geometry: got"):
        Dynamics(geometry="flat")
