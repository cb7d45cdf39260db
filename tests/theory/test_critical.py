"""One name for the critical separation of every objective."""

import pytest

import modecollapse as mc
from modecollapse.theory.bifurcations import NoFoldError
from modecollapse.theory.divergence_folds import divergence_critical_separation


def test_the_reverse_kl_is_the_limit_of_the_others():
    r = mc.critical_separation()
    assert r == pytest.approx(2.2596076, abs=1e-7)
    assert mc.critical_separation(alpha=1e-9) == pytest.approx(r, abs=1e-8)
    assert mc.critical_separation(share=1e-9) == pytest.approx(r, abs=2e-8)


@pytest.mark.parametrize("objective", [{"alpha": 0.5}, {"share": 0.2}])
def test_each_mode_has_its_own(objective):
    heavy, light = (
        mc.critical_separation(0.7, mode=mode, **objective) for mode in ("heavy", "light")
    )
    assert heavy < mc.critical_separation(**objective) < light
    assert light == divergence_critical_separation(0.7, mode="light", **objective)


def test_component_weights_are_those_of_the_reverse_kl():
    assert mc.critical_separation(0.5, 0.3) != pytest.approx(mc.critical_separation(), abs=1e-3)


def test_where_nothing_collapses_it_says_so():
    with pytest.raises(NoFoldError, match="no separation collapses on a mode"):
        mc.critical_separation(share=0.5)
