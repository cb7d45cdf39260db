"""Folds and cusps, located by two roads each, and the roots counted on both sides."""

import numpy as np
import pytest
from scipy.optimize import brentq, fsolve, root
from scipy.special import expit, logit

import modecollapse
from modecollapse import integrate
from modecollapse.overlaps import Overlaps
from modecollapse.targets import BimodalTarget
from modecollapse.theory.bifurcations import (
    NoFoldError,
    collapse_fold,
    critical_separation,
    cusp,
    fold_lines,
    regions,
)
from modecollapse.theory.equilibria import fixed_points

# The trapezoidal rule, error e^{−2π·40·π/2r} < 1e-40 for r <= 4: integrals of this file's own
NODES = np.arange(-400, 401) / 40
WEIGHTS = np.exp(-(NODES**2) / 2) / np.exp(-(NODES**2) / 2).sum()


def forces(x, r, lam, l=0.0):
    """−dx_i/dt over w_i: the two functions of (x_1, x_2) that vanish at a fixed point."""
    d = x[0] - x[1]
    own = [WEIGHTS @ expit(s * d * d / 2 + l + d * NODES) for s in (1, -1)]
    tilt = [WEIGHTS @ np.tanh(r * (y + NODES) + lam / 2) for y in x]
    return [own[i] * x[0] + (1 - own[i]) * x[1] - r * tilt[i] for i in range(2)]


def reduced(inner, outer, r, lam, l=0.0):
    """The second force where x_1 makes the first one vanish: a scalar function of x_2."""
    x1 = brentq(lambda x: forces((x, inner), r, lam, l)[0], outer - 0.5, outer + 0.5, xtol=1e-15)
    return forces((x1, inner), r, lam, l)[1]


STENCILS = {  # of sixth order
    1: np.array([-1, 9, -45, 0, 45, -9, 1]) / 60,
    2: np.array([2, -27, 270, -490, 270, -27, 2]) / 180,
}


def derivative(f, x, order, h=0.01):
    """Error h⁶ = 1e-12 of truncation, and 1e-16/h^order of rounding."""
    return STENCILS[order] @ [f(x + k * h) for k in range(-3, 4)] / h**order


def test_balanced_value():
    assert modecollapse.critical_separation() == pytest.approx(2.2596075677838, abs=1e-12)
    assert critical_separation(mode="light") == critical_separation()


@pytest.mark.parametrize(
    ("pi", "w", "mode"), [(0.5, 0.5, "heavy"), (0.7, 0.5, "heavy"), (0.7, 0.3, "light")]
)
def test_fold_solves_the_original_equations(pi, w, mode):
    """(force, its slope) = 0 for the reduced force, solved from 1e-3 away, gives the same r."""
    r = critical_separation(pi, w, mode)
    side = float(logit(pi)) if mode == "heavy" else -float(logit(pi))
    folds = [collapse_fold(side, order) for order in (float(logit(w)), -float(logit(w)))]
    fold = min(folds, key=lambda f: f.separation)
    l, (outer, inner) = float(logit(fold.outer_weight)), fold.positions

    def miss(u):
        def f(x):
            return reduced(x, outer, u[1], side, l)

        return [f(u[0]), derivative(f, u[0], 1)]

    found = fsolve(miss, [inner + 1e-3, r + 1e-3], xtol=1e-12)
    assert found[1] == pytest.approx(r, abs=1e-9)
    assert found[0] == pytest.approx(inner, abs=1e-7)


def test_cusp_solves_the_original_equations():
    """Force, slope and curvature of the reduced force vanish together."""
    point = cusp()
    outer, inner = point.positions

    def miss(u):
        def f(x):
            return reduced(x, outer, u[1], u[2])

        return [f(u[0]), derivative(f, u[0], 1), derivative(f, u[0], 2)]

    start = np.add((inner, point.separation, logit(point.target_weight)), 1e-3)
    found = fsolve(miss, start, xtol=1e-12)
    assert found[1] == pytest.approx(point.separation, abs=1e-8)
    assert expit(found[2]) == pytest.approx(point.target_weight, abs=1e-8)


def test_cusp_values():
    point = cusp()
    assert point.separation == pytest.approx(1.604367011, abs=1e-8)
    assert point.target_weight == pytest.approx(0.786654427, abs=1e-8)


def count_roots(r, pi, near):
    """Roots of the original two equations near given positions, by Newton from a fine grid."""
    odds = np.log(pi / (1 - pi))
    found = set()
    for first in np.linspace(-0.1, 0.1, 5):
        for second in np.linspace(-0.1, 0.1, 9):
            end = root(forces, np.add(near, (first, second)), args=(r, odds), tol=1e-14)
            if np.abs(forces(end.x, r, odds)).max() < 1e-12 and np.abs(end.x - near).max() < 0.2:
                found.add(tuple(np.round(end.x, 5)))
    return len(found)


@pytest.mark.parametrize(("pi", "mode"), [(0.5, "heavy"), (0.7, "heavy"), (0.7, "light")])
def test_two_roots_appear_at_the_fold(pi, mode):
    """None 1e-5 below, two 1e-5 above: counted with integrals and roots of this file's own."""
    r = critical_separation(pi, 0.5, mode)
    seen = pi if mode == "heavy" else 1 - pi
    near = collapse_fold(float(logit(seen))).positions
    assert count_roots(r - 1e-5, seen, near) == 0
    assert count_roots(r + 1e-5, seen, near) == 2


def test_runs_leave_just_below_the_fold_and_stay_just_above():
    d, ends = 4, {}
    r = critical_separation()
    for offset in (-1e-3, 1e-3):
        target = BimodalTarget(r + offset, d)
        means = np.zeros((1, 2, d))
        means[0, :, 0] = np.add(collapse_fold(0.0).positions, (0.0, 0.02))
        start = Overlaps.from_vectors(means, target.separation * np.eye(d)[0])
        ends[offset] = integrate(target, start, times=[5000.0]).final("m2")[0]
    assert ends[-1e-3] < 0 < ends[1e-3]


@pytest.mark.parametrize(
    ("w", "mode"), [(0.5, "heavy"), (0.5, "light"), (0.2, "heavy"), (0.02, "light")]
)
def test_reflection_exchanges_the_roles_of_the_modes(w, mode):
    at = critical_separation(0.45, w, mode)
    assert critical_separation(0.55, w, mode) == pytest.approx(at, abs=1e-11)
    assert critical_separation(0.55, 1 - w, mode) == pytest.approx(at, abs=1e-11)


def test_it_says_so_where_there_is_no_fold():
    """Between the cusp and the highest birth the fold is still there, by a little."""
    highest = 0.786686
    assert critical_separation(highest) > cusp().separation
    for pi in (0.78669, 0.9, 0.1):
        with pytest.raises(NoFoldError, match=r"target_weight: got .*only up to 0\.786686"):
            critical_separation(pi)
    assert critical_separation(0.9, mode="light") == pytest.approx(2.760072896, abs=1e-8)


def test_no_fold_means_no_bifurcation():
    """At π = 0.9 one stable state goes from small r into the collapsed one without a jump."""
    states = []
    for r in np.arange(0.5, 2.01, 0.02):
        stable = [p for p in fixed_points(r, 0.9) if p.stable]
        assert len(stable) == 1
        states.append(np.array(stable[0].positions) / r)
    assert np.abs(np.diff(states, axis=0)).max() < 0.03
    assert states[-1].min() > 0.7


@pytest.mark.parametrize("r", [1.7, 2.2, 3.0])
def test_fold_lines_bound_the_number_of_attractors(r):
    line = fold_lines([r]).iloc[0]
    for value, inside in ((line.collapse_above_logit, 1), (line.both_below_logit, -1)):
        numbers = {
            side: sum(p.stable for p in fixed_points(r, expit(value + side * inside * 1e-6)))
            for side in (-1, 1)
        }
        assert numbers[1] == numbers[-1] + 1


def test_fold_line_passes_through_the_critical_separations():
    for pi in (0.5, 0.7):
        r = critical_separation(pi)
        assert fold_lines([r]).collapse_above[0] == pytest.approx(pi, abs=1e-10)
        r = critical_separation(pi, mode="light")
        assert fold_lines([r]).collapse_above[0] == pytest.approx(1 - pi, abs=1e-10)
    assert len(fold_lines([1.5, 1.6043])) == 0


def test_regions_change_at_the_folds():
    r = critical_separation(0.6)
    table = regions([0.6], [r - 1e-4, r + 1e-4])
    assert table.region.tolist() == ["both modes only", "both and collapse"]
    assert table.attractors.tolist() == [1, 2]
    assert table.aligned.tolist() == [0, 1]
    both = fold_lines([2.0]).both_below[0]
    table = regions([both - 1e-6, both + 1e-6], [2.0])
    assert table.region.tolist() == ["both and collapse", "collapse only"]
    mirrored = regions([1 - both - 1e-6], [2.0]).iloc[0]
    assert mirrored.region == "collapse only"
    assert mirrored.collapse_minus
    assert not mirrored.collapse_plus


@pytest.mark.parametrize(
    ("arguments", "name"),
    [((0.0,), "target_weight"), ((0.5, 1e-4), "component_weight"), ((0.5, 0.5, "left"), "mode")],
)
def test_bad_input_is_named(arguments, name):
    with pytest.raises(ValueError, match=rf"{name}: got .*allowed"):
        critical_separation(*arguments)
