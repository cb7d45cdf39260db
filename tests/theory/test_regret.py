"""The global minimum of KL: closed limits, integration, direct minimisation, and its line."""

import numpy as np
import pytest
from scipy.optimize import minimize

from modecollapse.overlaps import Overlaps
from modecollapse.targets import BimodalTarget
from modecollapse.theory.bifurcations import cusp
from modecollapse.theory.integration import integrate
from modecollapse.theory.regret import (
    Ending,
    best_fit,
    best_fit_with_variances,
    endings,
    regret_line,
)
from modecollapse.theory.rhs import kl_divergence

BOTH, HEAVIER, LIGHTER, EXCHANGED = Ending


def kls(*arguments):
    """The least KL of each kind of ending."""
    found = {}
    for end in endings(*arguments):
        found.setdefault(end.ending, end.kl)
    return found


def test_published_settings_where_collapse_is_the_better_fit():
    near, far = kls(3.0, 0.8), kls(6.0, 0.95)
    assert near[BOTH] == pytest.approx(0.22207, abs=5e-6)
    assert near[HEAVIER] == pytest.approx(0.22124, abs=5e-6)
    assert far[BOTH] == pytest.approx(0.830, abs=5e-4)
    assert far[HEAVIER] == pytest.approx(0.051, abs=5e-4)
    assert best_fit(3.0, 0.8).ending is best_fit(6.0, 0.95).ending is HEAVIER


@pytest.mark.parametrize("weight", [0.2, 0.5, 0.7, 0.95])
def test_limits_of_far_apart_modes(weight):
    """What is left out falls like e^{−r²/2}; beyond r = 19 the limit itself is returned."""
    heavy = max(weight, 1 - weight)
    limit = {
        BOTH: 0.5 * np.log(1 / (4 * weight * (1 - weight))),
        HEAVIER: -np.log(heavy),
        LIGHTER: -np.log(1 - heavy),
    }
    assert kls(30.0, weight) == pytest.approx(limit)
    if weight != 0.5:
        assert kls(9.0, weight) == pytest.approx(limit, abs=1e-13)
        third = {**limit, BOTH: 0.0, EXCHANGED: (2 * heavy - 1) * np.log(heavy / (1 - heavy))}
        assert kls(9.0, weight, "target") == pytest.approx(third, abs=1e-13)
        assert kls(30.0, weight, "target") == pytest.approx(third)


def test_line_tends_to_four_fifths_and_begins_at_the_cusp():
    point = cusp()
    line = regret_line([1.0, point.separation + 1e-3, 2.0, 3.0, 5.0, 9.0, 19.0])
    assert len(line) == 6  # none below the cusp
    assert line.target_weight.is_monotonic_increasing
    assert line.target_weight.iloc[0] == pytest.approx(point.target_weight, abs=1e-4)
    assert line.target_weight.iloc[2] == pytest.approx(0.799732, abs=1e-6)
    gap = 0.8 - line.target_weight
    assert gap.iloc[3] < 1e-6
    assert gap.iloc[-2:].abs().max() < 1e-12
    assert line.kl.iloc[-1] == pytest.approx(np.log(5 / 4), abs=1e-12)


@pytest.mark.parametrize("separation", [1.8, 3.0, 6.0])
def test_the_best_changes_on_the_line(separation):
    weight = regret_line([separation]).target_weight[0]
    below, above = best_fit(separation, weight - 1e-4), best_fit(separation, weight + 1e-4)
    assert (below.ending, above.ending) == (BOTH, HEAVIER)
    mirrored = best_fit(separation, 1 - weight - 1e-4)
    assert mirrored.ending is HEAVIER
    assert mirrored.kl == pytest.approx(above.kl)


@pytest.mark.parametrize(
    "case", [(3.0, 0.8, 0.5), (2.0, 0.6, 0.5), (1.2, 0.9, 0.5), (3.0, 0.7, 0.2)]
)
def test_nothing_is_better_than_the_best(case):
    """Minimisation of KL over the six overlaps' vectors, from many starts."""
    r, weight, w = case
    logit = np.log(w / (1 - w))

    def kl(x):
        means = x.reshape(2, 2)
        gram = means @ means.T
        y = [r * means[0, 0], r * means[1, 0], gram[0, 0], gram[0, 1], gram[1, 1], logit]
        return float(kl_divergence(y, r, weight))

    rng = np.random.default_rng(0)
    found = [minimize(kl, rng.normal(0, r, 4), options={"gtol": 1e-9}).fun for _ in range(12)]
    assert min(found) == pytest.approx(best_fit(r, weight, w).kl, abs=1e-7)


@pytest.mark.parametrize("weights", ["equal", "target", 0.3])
def test_every_end_is_at_rest_and_stable(weights):
    r, pi = 3.5, 0.7
    target = BimodalTarget(r, 5, pi)
    ends = endings(r, pi, weights)
    assert {end.ending for end in ends} == set(Ending) - (
        {EXCHANGED} if weights == "equal" else set()
    )
    for end in ends:
        x = np.array(end.positions) + np.array([0.01, -0.01])
        q = [[x[0] ** 2 + 1e-3, x[0] * x[1], x[1] ** 2 + 1e-3]]
        logit = [np.log(end.component_weight / (1 - end.component_weight))]
        run = integrate(target, Overlaps(r * x[None], q, logit), [1e5])
        assert run.final("kl")[0] == pytest.approx(end.kl, abs=1e-10)
        assert run.collapsed[0] == end.ending.is_collapse


def test_trained_weights_leave_the_target():
    (end,) = endings(2.0, 0.9, "trained")
    assert (end.ending, end.kl, end.component_weight) == (BOTH, 0.0, 0.9)


def test_the_best_fit_is_the_least():
    collapsed, both = (kls(3.0, 0.7)[ending] for ending in (HEAVIER, BOTH))
    assert best_fit(3.0, 0.7).kl == pytest.approx(both, abs=1e-15)
    assert collapsed - both > 0.2
    assert best_fit(3.0, 0.7, "trained").kl == 0


@pytest.mark.parametrize(
    ("arguments", "name"),
    [((0.0,), "separation"), ((3.0, 1.0), "target_weight"), ((3.0, 0.5, "free"), "weights"),
     ((3.0, 0.5, 1.5), "weights"), ((3.0, 0.5, None), "weights")],
)  # fmt: skip
def test_refusals(arguments, name):
    with pytest.raises(ValueError, match=f"^{name}: got"):
        endings(*arguments)
    with pytest.raises(ValueError, match=f"^{name}: got"):
        best_fit(*arguments)


@pytest.mark.parametrize("weight", [0.5, 0.7, 0.95])
def test_trained_variances_gain_little_and_never_lose(weight):
    """At the target nothing is gained; else Newton's step, −(∂KL/∂v)²/2(d/2) and less, for each."""
    fixed = best_fit(2.5, weight).kl
    few, many = (best_fit_with_variances(BimodalTarget(2.5, d, weight)) for d in (4, 400))
    assert few <= many <= fixed
    if weight == 0.5:
        assert fixed - few < 1e-12
    else:
        assert 1e-7 < fixed - few < 0.01
        assert fixed - many < (fixed - few) / 20
