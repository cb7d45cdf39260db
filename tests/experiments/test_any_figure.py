"""Whatever settings the check lets pass, drawn at random, end in figures and claims."""

from __future__ import annotations

from pathlib import Path

import drawn
import pytest
import whole
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st

from modecollapse.pipeline import configuration

ROOT = Path(__file__).parents[2]
SCHEMA = configuration.schema(ROOT / configuration.SCHEMA)
SMALL = drawn.smallest(configuration.load([ROOT / "config.yaml", ROOT / "config" / "smoke.yaml"]))
NAMED = configuration.experiments(SMALL)
FIGURES = configuration.blocks(SMALL)


@st.composite
def changes(draw, figure: str):
    """One table of a figure with some of its settings drawn anew."""
    table = draw(st.sampled_from(sorted(FIGURES[figure])))
    return {
        table: {
            source: draw(drawn.blocks(SCHEMA["$defs"][f"{NAMED[table]}.{source}"], block))
            for source, block in FIGURES[figure][table].items()
        }
    }


@pytest.fixture(scope="module")
def maker(tmp_path_factory):
    return whole.Maker(tmp_path_factory.mktemp("tables"))


def draw_some(maker, figure: str, examples: int, number: int, kept=()) -> int:
    """Compute, gather, draw and judge `figure` of random configurations; how many were not refused.

    Of the tables that are `kept` those that are not drawn at random are not computed.
    """
    done = []

    @seed(number)
    @settings(
        max_examples=examples,
        deadline=None,
        database=None,
        phases=[Phase.explicit, Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(changes(figure))
    def check(change):
        config = configuration.merge(SMALL, {figure: change})
        try:
            configuration.check(config, SCHEMA)
        except configuration.ConfigurationError as refused:
            for line in str(refused).splitlines():
                assert line.startswith(figure)
                assert "; allowed: " in line
            return
        maker.figure(config, figure, {name: kept[name] for name in kept if name not in change})
        done.append(change)

    check()
    return len(done)


# By default these are drawn from odd settings by test_overlays.py alone: they take seconds.
DEAR = ("fig7_remedies", "figs_survival", "figs_geometry")


@pytest.mark.parametrize(
    "figure", [pytest.param(f, marks=pytest.mark.slow if f in DEAR else []) for f in FIGURES]
)
def test_a_random_configuration_is_drawn_and_judged(maker, figure):
    draw_some(maker, figure, 2, 5, whole.rows(figure))


@pytest.mark.slow
@pytest.mark.parametrize("number", [6, 7])
@pytest.mark.parametrize("figure", FIGURES)
def test_many_random_configurations_are_drawn_and_judged(maker, figure, number):
    assert draw_some(maker, figure, 12, number) > 0
