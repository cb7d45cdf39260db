"""Fixed points: all of them, at rest, with the right stability, in the space of vectors too."""

import numpy as np
import pytest
from scipy.optimize import brentq, root
from scipy.special import expit

from modecollapse import integrate
from modecollapse.outcomes import Outcome
from modecollapse.overlaps import Overlaps
from modecollapse.targets import BimodalTarget
from modecollapse.theory.branches import branches
from modecollapse.theory.equilibria import fixed_points
from modecollapse.theory.invariant_line import TargetCurve
from modecollapse.theory.rhs import jacobian, velocity

SETTINGS = [
    (0.05, 0.9, 0.5),
    (1.0, 0.5, 0.3),
    (2.0, 0.6, 0.5),
    (2.4, 0.5, 0.5),
    (3.0, 0.8, 0.8),
    (3.0, 0.2, 0.05),
    (5.0, 0.999, 0.4),
    (12.0, 0.3, 0.5),
]

# The trapezoidal rule, error e^{−2π·50·π/2r} < 1e-40 for r <= 5: an integral of this file's own
NODES = np.arange(-500, 501) / 50
WEIGHTS = np.exp(-(NODES**2) / 2) / np.exp(-(NODES**2) / 2).sum()


def forces(means, r, pi, w):
    """−dμ_i/dt over w_i in d dimensions, for means (2, d) and μ* = r e_1, by this file's own rule.

    E over x = μ_i + z of the responsibilities, which see z along one direction only.
    """
    means = np.asarray(means, dtype=float)
    mode = r * np.eye(means.shape[1])[0]
    apart = means[0] - means[1]
    distance = np.linalg.norm(apart)
    out = []
    for i in range(2):
        mean_odds = (-1) ** i * distance**2 / 2 + np.log(w / (1 - w))
        rho = WEIGHTS @ expit(mean_odds + distance * NODES)
        odds = 2 * means[i] @ mode + np.log(pi / (1 - pi))
        tilt = WEIGHTS @ np.tanh((odds + 2 * r * NODES) / 2)
        out.append(rho * means[0] + (1 - rho) * means[1] - tilt * mode)
    return np.array(out)


def state(point):
    overlaps = point.overlaps
    return np.concatenate([overlaps.m[0], overlaps.q[0], overlaps.logit])


@pytest.mark.parametrize("setting", SETTINGS)
def test_at_rest_to_rounding(setting):
    for point in fixed_points(*setting):
        speed = velocity(state(point), point.separation, point.target_weight)
        scale = 1 + point.separation**2
        assert np.abs(speed).max() < 1e-12 * scale


@pytest.mark.parametrize("setting", SETTINGS[1:6])
def test_gradient_vanishes_in_five_dimensions(setting):
    r, pi, w = setting
    for point in fixed_points(*setting):
        means = np.zeros((2, 5))
        means[:, 0] = point.positions
        if not point.merged:
            assert np.abs(forces(means, r, pi, w)).max() < 1e-12 * (1 + r)


@pytest.mark.parametrize("setting", SETTINGS)
def test_eigenvalues_are_those_of_the_jacobian_in_the_order_parameters(setting):
    for point in fixed_points(*setting):
        full = jacobian(state(point), point.separation, point.target_weight)[:5, :5]
        expected = np.sort(np.linalg.eigvals(full).real)[::-1]
        # the solver's error is sqrt(rounding) where two eigenvalues nearly meet
        assert point.eigenvalues == pytest.approx(expected, abs=3e-9 * point.separation)


@pytest.mark.parametrize("setting", SETTINGS[1:6])
def test_eigenvalues_are_those_of_the_hessian_in_three_dimensions(setting):
    """Along μ* once, across μ* once per direction: finite differences of this file's forces."""
    r, pi, w = setting
    speed = np.array([w, 1 - w])[:, None]
    for point in fixed_points(*setting):
        if abs(point.split) < 0.05:  # the differences would step over the split
            continue
        means = np.zeros((2, 3))
        means[:, 0] = point.positions
        h, columns = 1e-5, []
        for step in h * np.eye(6).reshape(6, 2, 3):
            change = forces(means + step, r, pi, w) - forces(means - step, r, pi, w)
            columns.append((-speed * change / (2 * h)).ravel())
        found = np.sort(np.linalg.eigvals(np.column_stack(columns)).real)
        expected = np.sort([*point.along, *point.across, *point.across])
        assert found == pytest.approx(expected, abs=1e-6)


@pytest.mark.parametrize("setting", SETTINGS[1:6])
def test_none_is_missed_on_the_line_or_off_it(setting):
    """Newton's method from 300 random means in three dimensions ends at a listed point."""
    r, pi, w = setting
    listed = [np.array(p.positions) for p in fixed_points(*setting)]
    listed += [x[::-1] for x in listed if w == 0.5]
    rng = np.random.default_rng(1)
    seen = set()
    for k in range(300):
        start = np.zeros((2, 3))
        start[:, 0] = rng.uniform(-1.4, 1.4, 2) * r
        if k < 100:
            start[:, 1:] = 0.5 * r * rng.standard_normal((2, 2))
        found = root(lambda u: forces(u.reshape(2, 3), r, pi, w).ravel(), start.ravel(), tol=1e-10)
        if not found.success or np.abs(found.fun).max() > 1e-9:
            continue
        end = found.x.reshape(2, 3)
        if np.linalg.norm(end[0] - end[1]) < 0.02:
            continue  # merged: a degenerate root, which Newton's method only creeps up to
        assert np.abs(end[:, 1:]).max() < 1e-5
        distances = [np.abs(end[:, 0] - x).max() for x in listed]
        assert min(distances) < 1e-5
        seen.add(int(np.argmin(distances)))
    wanted = {k for k, x in enumerate(listed) if abs(x[0] - x[1]) > 0.3}
    assert seen >= wanted


@pytest.mark.parametrize(("r", "pi"), [(0.7, 0.5), (2.5, 0.5), (2.5, 0.7), (4.0, 0.9)])
def test_merged_means_are_the_roots_of_one_gaussian_and_saddles(r, pi):
    def miss(x):
        return x - r * (WEIGHTS @ np.tanh(r * x + np.log(pi / (1 - pi)) / 2 + r * NODES))

    grid = np.linspace(-1.2 * r, 1.2 * r, 2002)
    signs = np.sign([miss(x) for x in grid])
    roots = [
        brentq(miss, grid[k], grid[k + 1], xtol=1e-14)
        for k in np.flatnonzero(signs[1:] != signs[:-1])
    ]
    merged = [p for p in fixed_points(r, pi) if p.merged]
    assert sorted(p.positions[0] for p in merged) == pytest.approx(roots, abs=1e-12)
    assert all(p.along[1] > 0 and p.across[1] == 0 for p in merged)


@pytest.mark.parametrize("pi", [0.5, 0.7])
def test_reflection_exchanges_the_modes(pi):
    one, other = fixed_points(3.0, pi, 0.3), fixed_points(3.0, 1 - pi, 0.3)
    assert len(one) == len(other)
    mirrored = sorted((-p.positions[0], -p.positions[1]) for p in other)
    assert np.allclose(sorted(p.positions for p in one), mirrored, atol=1e-12)
    assert np.allclose(sorted(p.kl for p in one), sorted(p.kl for p in other), atol=1e-12)


def test_exchange_of_the_components():
    one, other = fixed_points(3.0, 0.6, 0.3), fixed_points(3.0, 0.6, 0.7)
    swapped = sorted((p.positions[1], p.positions[0]) for p in other)
    assert np.allclose(sorted(p.positions for p in one), swapped, atol=1e-12)


def test_perfect_fit_where_the_weights_agree():
    best = fixed_points(2.7, 0.8, 0.8)[0]
    assert best.kl < 1e-25
    assert best.positions == pytest.approx((2.7, -2.7), abs=1e-13)
    assert best.stable
    assert best.outcome is Outcome.BOTH_MODES


def test_collapsed_split_is_small_and_relatively_exact():
    """δ² → 4 r T'(r) → 4π r φ(r) for large r, far below what x_1 − x_2 can hold (Eq. 6.14)."""
    ratios = []
    for r in (6.0, 9.0, 13.0, 18.0):
        point = next(p for p in fixed_points(r) if p.aligned and not p.merged)
        leading = np.sqrt(4 * np.pi * r) * np.exp(-r * r / 4) / (2 * np.pi) ** 0.25
        ratios.append(point.split / leading)
        assert point.stable
    assert np.all(np.diff(np.abs(np.array(ratios) - 1)) < 0)
    assert abs(ratios[-1] - 1) < 2 / 18**2


@pytest.mark.parametrize("mode", [1, -1])
def test_stable_ones_attract_in_eight_dimensions_and_saddles_repel(mode):
    r, d = 3.0, 8
    rng = np.random.default_rng(5)
    target = BimodalTarget(r, d, 0.6)
    for point in fixed_points(r, 0.6):
        if point.positions[0] * mode < 0:
            continue
        means = np.zeros((20, 2, d))
        means[:, :, 0] = point.positions
        means += 1e-3 * rng.standard_normal(means.shape)
        start = Overlaps.from_vectors(means, r * np.eye(d)[0])
        run = integrate(target, start, times=[600.0])
        ends = np.sort(np.stack([run.final("m1"), run.final("m2")], -1) / r, axis=-1)
        returns = np.abs(ends - np.sort(point.positions)).max(-1) < 1e-3
        assert returns.all() if point.stable else not returns.any()


@pytest.mark.parametrize("r", [0.8, 1.7, 2.6, 3.5])
@pytest.mark.parametrize("logit", [-2.0, 0.0, 1.0])
def test_trained_weights_leave_the_perfect_fit_alone(r, logit):
    """Along all split fixed points of all targets ∂KL/∂ℓ has one zero, at q = p (section 6)."""
    curve = TargetCurve(r, logit)
    drifts, places = [], []
    for t in np.linspace(-curve.end, curve.end, 400):
        half, lam = 0.5 * curve.split(t), curve.value(t)
        x = curve.point(t)[0] - lam / (2 * r) + np.array([half, -half])
        y = [r * x[0], r * x[1], x[0] ** 2, x[0] * x[1], x[1] ** 2, logit]
        if half > 0.01 and abs(lam) < 15:  # the rest drifts less than rounding
            drifts.append(velocity(y, r, expit(lam), eta=1.0)[5])
            places.append((half, lam))
    change = np.flatnonzero(np.diff(np.sign(drifts)) != 0)
    assert len(change) == 1
    assert places[change[0]][0] == pytest.approx(r, abs=0.1)
    assert abs(places[change[0]][1] - logit) < 0.2 * r


def test_branches_are_fixed_points_and_meet_in_a_fold():
    table = branches((1.5, 3.2), 0.6)
    assert table.fold.sum() == 2  # collapse on the heavy and on the light mode
    for row in table.iloc[::60].itertuples():
        found = [p.positions for p in fixed_points(row.separation, 0.6)]
        assert (
            min(np.abs(np.subtract(p, (row.position_1, row.position_2))).max() for p in found)
            < 1e-9
        )
    for _, branch in table.groupby("branch"):
        jumps = np.hypot(branch.position_1.diff(), branch.position_2.diff()).max()
        assert jumps < 0.2
        if branch.fold.any():
            turn = int(np.flatnonzero(branch.fold)[0])
            assert branch.separation.iloc[turn] == branch.separation.min()
            before, after = branch.stable.iloc[:turn], branch.stable.iloc[turn + 1 :]
            assert before.nunique() == after.nunique() == 1
            assert before.iloc[0] != after.iloc[0]


@pytest.mark.parametrize(
    ("arguments", "name"),
    [
        ((-1.0,), "separation"),
        ((25.0,), "separation"),
        ((float("nan"),), "separation"),
        ((2.0, 1.0), "target_weight"),
        ((2.0, 0.5, 0.0), "component_weight"),
    ],
)
def test_bad_input_is_named(arguments, name):
    with pytest.raises(ValueError, match=rf"{name}: got .*allowed"):
        fixed_points(*arguments)


def test_branches_want_an_interval():
    with pytest.raises(ValueError, match=r"separations: got .*allowed"):
        branches((3.0, 2.0))
