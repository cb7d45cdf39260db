"""Other divergences on the line of the modes: values, derivatives, limits, and where folds are."""

import math

import numpy as np
import pytest
from scipy.integrate import quad
from scipy.special import expit

from modecollapse.theory.bifurcations import NoFoldError, critical_separation
from modecollapse.theory.divergence_folds import (
    divergence_critical_separation,
    divergence_fixed_points,
    divergence_fold,
    far_separation,
    largest_share,
)
from modecollapse.theory.divergence_line import objective, on_the_line
from modecollapse.theory.equilibria import fixed_points
from modecollapse.theory.rhs import kl_divergence, velocity

X, R, LOGIT = np.array([1.3, -0.4, 0.7]), 2.2, 0.4
PARTS = [objective(alpha=a) for a in (0.0, 1e-7, 0.3, 0.5, 0.8, 1.0)] + [objective(share=0.3)]


def order_parameters(x, r):
    a, b, l = x
    return [r * a, r * b, a * a, a * b, b * b, l]


def forward_kl(x, r, logit):
    """KL(p‖q) by the code for KL(q‖p), the two having changed places around q's midpoint."""
    a, b, l = x
    half, middle = (a - b) / 2, (a + b) / 2
    y = order_parameters([r - middle, -r - middle, logit], half)
    return kl_divergence(y, half, expit(l))


def test_the_reverse_kl_is_the_common_code():
    value, grad, _ = on_the_line(X, R, LOGIT, objective())
    y = order_parameters(X, R)
    f = velocity(y, R, expit(LOGIT), eta=1.0)
    assert value == pytest.approx(kl_divergence(y, R, expit(LOGIT)), abs=1e-12)
    assert -grad == pytest.approx([f[0] / R, f[1] / R, f[5]], abs=1e-12)


def test_the_forward_kl_in_closed_form():
    value, grad, _ = on_the_line(X, R, LOGIT, objective(alpha=1.0))
    assert value == pytest.approx(forward_kl(X, R, LOGIT), abs=1e-12)
    h = 1e-5
    for i, e in enumerate(np.eye(3)):
        slope = forward_kl(X + h * e, R, LOGIT) - forward_kl(X - h * e, R, LOGIT)
        assert grad[i] == pytest.approx(slope / (2 * h), abs=1e-9)


@pytest.mark.parametrize("near", [0.0, 1.0])
def test_the_limits_are_reached_smoothly(near):
    """D_α is analytic in α with slopes of order one: values and derivatives agree to 1e-9."""
    inside = abs(near - 1e-10)
    for got, limit in zip(
        on_the_line(X, R, LOGIT, objective(alpha=inside)),
        on_the_line(X, R, LOGIT, objective(alpha=near)),
        strict=True,
    ):
        assert got == pytest.approx(limit, abs=1e-9)


@pytest.mark.parametrize("alpha", [0.2, 0.5, 0.9])
def test_the_value_by_adaptive_quadrature(alpha):
    weight, w = expit(LOGIT), expit(X[2])

    def powers(t):
        p = weight * math.exp(-0.5 * (t - R) ** 2) + (1 - weight) * math.exp(-0.5 * (t + R) ** 2)
        q = w * math.exp(-0.5 * (t - X[0]) ** 2) + (1 - w) * math.exp(-0.5 * (t - X[1]) ** 2)
        return p**alpha * q ** (1 - alpha) / math.sqrt(2 * math.pi)

    affinity = quad(powers, -15, 15, epsabs=1e-13, points=[-R, 0, R], limit=200)[0]
    expected = (1 - affinity) / (alpha * (1 - alpha))
    assert on_the_line(X, R, LOGIT, objective(alpha=alpha))[0] == pytest.approx(expected, abs=1e-10)


@pytest.mark.parametrize("parts", PARTS, ids=str)
@pytest.mark.parametrize("x", [X, np.array([4.0, 3.2, -2.0]), np.array([-1.0, 3.0, 6.0])])
def test_derivatives_against_differences(parts, x):
    h = 1e-5
    _, grad, hess = on_the_line(x, R, LOGIT, parts)
    for i, e in enumerate(np.eye(3)):
        up, down = (on_the_line(x + s * h * e, R, LOGIT, parts) for s in (1, -1))
        assert grad[i] == pytest.approx((up[0] - down[0]) / (2 * h), abs=1e-8)
        assert hess[i] == pytest.approx((up[1] - down[1]) / (2 * h), abs=1e-8)


@pytest.mark.parametrize("weight", [0.5, 0.6, 0.75])
@pytest.mark.parametrize("mode", ["heavy", "light"])
def test_critical_separations_of_the_reverse_kl(weight, mode):
    got = divergence_critical_separation(weight, mode=mode)
    assert got == pytest.approx(critical_separation(weight, 0.5, mode), abs=1e-9)


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        ({"alpha": 0.0}, 2.2596075678),
        ({"alpha": 0.5}, 2.7083087478),
        ({"alpha": 0.9}, 5.1099365919),
        ({"alpha": 0.99}, 16.4054155800),
        ({"share": 0.1}, 2.7558683992),
        ({"share": 0.3}, 5.2134056483),
        ({"share": 0.45}, 25.9874540941),
    ],
)
def test_critical_separations_of_equal_modes(kind, expected):
    assert divergence_critical_separation(**kind) == pytest.approx(expected, abs=1e-6)


@pytest.mark.parametrize("kind", [{"alpha": 0.4}, {"alpha": 0.85}, {"share": 0.2}])
@pytest.mark.parametrize("weight", [0.5, 0.7, 0.3])
def test_the_fold_lies_between_no_collapse_and_collapse(kind, weight):
    """Counted from a grid of starts: two states more above the fold, one of them stable."""
    r = divergence_fold(weight, **kind).separation
    counts = []
    for side in (-1e-3, 1e-3):
        table = divergence_fixed_points(r + side, weight, **kind)
        aligned = table.query("stable and position_1 > 0 and position_2 > 0")
        counts.append((len(table), len(aligned)))
    (few, without), (many, collapsed) = counts
    assert (without, collapsed) == (0, 1)
    assert many - few == (4 if weight == 0.5 else 2)


def test_the_reverse_kl_has_the_fixed_points_of_the_common_code():
    table = divergence_fixed_points(3.0, 0.7)
    expected = fixed_points(3.0, 0.7)
    assert len(table) == len(expected)
    for row, point in zip(table.itertuples(), expected, strict=True):
        assert (row.position_1, row.position_2) == pytest.approx(point.positions, abs=1e-8)
        assert row.stable == point.stable
        assert row.outcome == str(point.outcome)
        if not point.merged:
            assert row.slowest == pytest.approx(max(point.along), abs=1e-8)


@pytest.mark.parametrize("r", [2.0, 4.0, 8.0])
def test_the_forward_kl_has_no_collapsed_state(r):
    """Eq. 14.13: the means of a stationary state lie on both sides of the midpoint."""
    table = divergence_fixed_points(r, alpha=1.0)
    assert table.stable.sum() == 1
    assert (table.outcome == "both modes").all()
    assert (table.position_1 * table.position_2 < 1e-12).all()


def test_the_critical_separation_diverges_at_the_forward_kl():
    """(r_c − s/2)² (1 − α) → ½ log 2(r_c − s/2)/g of Eq. 14.14, s = 1.82659, g = 0.253226."""
    for alpha, far in ((0.9, 4e-3), (0.95, 2e-3), (0.99, 1e-3)):
        lead = divergence_critical_separation(alpha=alpha) - 1.82659 / 2
        law = math.sqrt(0.5 * math.log(2 * lead / 0.253226) / (1 - alpha))
        assert lead == pytest.approx(law, rel=far)
        assert far_separation(alpha) == pytest.approx(lead + 1.82659 / 2, rel=far)
    with pytest.raises(NoFoldError, match="forward KL"):
        divergence_critical_separation(alpha=1.0)


def test_the_share_beyond_which_nothing_collapses():
    """r_c (1 − 2λ) = min over x of x + r_c 2 (1 − λ) Φ(−x), to leading order (Eq. 14.16)."""
    assert largest_share(0.5) == 0.5
    for share in (0.4, 0.45):
        fold = divergence_fold(share=share)
        outer, inner = fold.positions
        assert outer == pytest.approx(fold.separation, rel=1e-3)
        tail = math.erfc(inner / math.sqrt(2)) / 2
        assert fold.separation * (1 - 2 * share) == pytest.approx(
            inner + 2 * (1 - share) * fold.separation * tail, rel=0.01
        )
    with pytest.raises(NoFoldError, match="no separation"):
        divergence_critical_separation(share=0.5)
    with pytest.raises(NoFoldError, match="no separation"):
        divergence_critical_separation(0.8, share=0.4, mode="light")
    assert divergence_critical_separation(0.8, share=0.45) < 4


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        ({"alpha": -0.1}, "alpha: got -0.1"),
        ({"alpha": 1.1}, "alpha: got 1.1"),
        ({"alpha": math.nan}, "alpha"),
        ({"share": 1.0}, "share: got 1.0"),
        ({"share": -0.2}, "share: got -0.2"),
        ({"alpha": 0.5, "share": 0.5}, "alpha and share"),
        ({"mode": "left"}, "mode"),
        ({"target_weight": 1.0}, "target_weight"),
    ],
)
def test_wrong_arguments(arguments, named):
    with pytest.raises(ValueError, match=named):
        divergence_critical_separation(**arguments)
