"""The ranking of remedies is that of the table that it is made from."""

from __future__ import annotations

import pandas as pd
import pytest

from modecollapse.experiments.remedies.menu import MENU
from modecollapse.targets import BimodalTarget
from modecollapse.theory.advice import Recommendation
from modecollapse.theory.ranking import COLUMNS, PROBLEMS, last_rows, rank_remedies


def table() -> pd.DataFrame:
    rows = [
        ("plain", 100.0, 0.1, 0.05, 0.15),  # an early row, which must not count
        ("plain", 900.0, 0.5, 0.4, 0.6),
        ("natural", 900.0, 0.02, 0.0, 0.04),
        ("adam", 900.0, 0.05, 0.03, 0.07),
        ("share 0.5", 900.0, 0.06, 0.05, 0.07),
    ]
    names = ["remedy", "cost", "regret", "regret_low", "regret_high"]
    made = pd.DataFrame(rows, columns=names).assign(source="simulation", problem="four modes")
    return made.assign(**{name: 0 for name in COLUMNS if name not in made})


def test_the_least_regret_comes_first_and_what_is_as_good_says_so():
    ranking = rank_remedies("four modes", table=table().sample(frac=1, random_state=1))
    assert ranking["remedy"].tolist() == ["natural", "adam", "share 0.5", "plain"]
    assert ranking["as_good"].tolist() == [True, True, False, False]
    assert ranking["regret"].iloc[-1] == 0.5
    assert len(last_rows(table())) == 4


@pytest.mark.parametrize("problem", PROBLEMS)
def test_the_package_comes_with_a_ranking_of_every_remedy(problem):
    ranking = rank_remedies(problem)
    absent = set(MENU) - set(ranking["remedy"])
    assert absent <= ({"share 0.5, equal chains"} if problem != "unequal modes" else set())
    assert ranking["cost"].min() > 0.9 * ranking["cost"].max()  # they have paid the same
    assert ranking["remedy"].iloc[0] != "plain"
    flows = rank_remedies(problem, flows=True)
    assert flows["remedy"].iloc[0] == "share 0.5"


def test_advice_has_the_ranking_of_the_nearer_problem():
    for weight, problem in ((0.5, "equal modes"), (0.7, "unequal modes")):
        advice = Recommendation(BimodalTarget(4.0, 64, weight), 0.5, 0.0, 0.3, 0.0, 0.01, 20.0)
        assert set(advice.ranking["problem"]) == {problem}
        assert set(advice.flow_ranking["problem"]) == {problem}
        assert set(advice.flow_ranking["source"]) == {"flow"}


@pytest.mark.parametrize(
    ("words", "arguments"),
    [
        ("problem: got 'one mode'", {"problem": "one mode"}),
        ("table: got", {"table": pd.DataFrame({"source": []})}),
        ("table: got", {"problem": "equal modes", "table": table()}),
    ],
)
def test_what_cannot_be_ranked_is_named(words, arguments):
    with pytest.raises(ValueError, match=words):
        rank_remedies(**arguments)
