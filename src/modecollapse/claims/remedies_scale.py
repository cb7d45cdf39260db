"""Figure 7's claims on all remedies at one cost, and on finite batches under D_α."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import pandas as pd

from .claim import Claim, Estimate, only
from .intervals import difference
from .rows import chance, gap

__all__ = ["SCALE"]

Tables = Mapping[str, pd.DataFrame]
TWO = ("equal modes", "unequal modes")
EQUAL = "two equal modes at r = 4"
UNEQUAL = "two modes of weights 0.7 and 0.3 at r = 3"
FOUR = "four equal modes at the corners of a simplex, r = 4"
SETTING = (
    "d = 16, means on the sphere of the modes at the start, looked at when 32,000 evaluations of "
    "log p are paid"
)
FLOWS = (
    f"RealNVP, {EQUAL}, {UNEQUAL} and {FOUR} together, d = 16, untrained flows at the start, at "
    "the last step of the table, 800 of Adam by default"
)
WINNER = "annealing, natural"


def _ends(tables: Tables, source: str, *problems: str) -> pd.DataFrame:
    """The rows at the last cost, of these problems, which must all be there."""
    rows = only(tables["remedies"], source=source)
    for problem in problems:
        only(rows, problem=problem)
    rows = rows[rows["problem"].isin(problems)].sort_values("cost")
    return rows.groupby(["problem", "remedy"], sort=False).tail(1)


def _lost(remedy: str, *problems: str) -> Callable[[Tables], Estimate]:
    """Part of the runs of these problems together that a remedy leaves collapsed."""
    return lambda tables: chance(_ends(tables, "simulation", *problems), remedy=remedy)


def _fewer(worse: str, better: str, *problems: str) -> Callable[[Tables], Estimate]:
    """Part collapsed under one remedy minus that under another."""

    def measure(tables: Tables) -> Estimate:
        return gap(_ends(tables, "simulation", *problems), {"remedy": worse}, {"remedy": better})

    return measure


def _regret(table: pd.DataFrame, remedy: str) -> Estimate:
    row = only(table, remedy=remedy).iloc[0]
    return Estimate(row["regret"], row["regret_low"], row["regret_high"])


def _noise(tables: Tables) -> Estimate:
    """Regret with half a share of samples, of which none must be collapsed."""
    rows = only(_ends(tables, "simulation", "equal modes"), remedy="share 0.5", n_collapsed=0)
    return _regret(rows, "share 0.5")


def _saved(tables: Tables) -> Estimate:
    rows = _ends(tables, "simulation", "equal modes")
    return difference(_regret(rows, "plain"), _regret(rows, WINNER))


def _flows_fewer(remedy: str) -> Callable[[Tables], Estimate]:
    """Part of the flows of all problems collapsed by the plain descent minus that by a remedy."""

    def measure(tables: Tables) -> Estimate:
        rows = _ends(tables, "flow", *TWO, "four modes")
        return gap(rows, {"remedy": "plain"}, {"remedy": remedy})

    return measure


def _flows_annealed(tables: Tables) -> Estimate:
    return chance(_ends(tables, "flow", *TWO, "four modes"), remedy="annealing")


def _mixture_base_price(tables: Tables) -> Estimate:
    rows = _ends(tables, "flow", "equal modes")
    return difference(_regret(rows, "mixture base"), _regret(rows, "plain"))


def _reach(tables: Tables, batch: int) -> tuple[pd.Series, Estimate]:
    """The row of so many samples a step at α = 0.9, and the largest separation that it leaves."""
    row = only(
        tables["objective_batches"], alpha=0.9, batch=batch, weights="self-normalised",
        estimator="sticking-the-landing", stopped=True,
    ).iloc[0]  # fmt: skip
    return row, Estimate(row["separation"], row["low"], row["high"])


def _out_of_reach(tables: Tables) -> Estimate:
    """The separation that gradient flow leaves at α = 0.9, minus that of 10⁵ samples a step."""
    row, reached = _reach(tables, 100_000)
    return difference(Estimate.exact(row["flow_separation"]), reached)


def _hundred_times(tables: Tables) -> Estimate:
    """What a hundred times the samples gain in separation, at α = 0.9."""
    return difference(_reach(tables, 100_000)[1], _reach(tables, 1_000)[1])


def _claim(name: str, words: str, statistic: str, measure: Callable[[Tables], Estimate],
           table: str = "remedies", about: str = "practice", **bounds: float) -> Claim:  # fmt: skip
    """Formed on runs with other seeds than those that decide it."""
    return Claim(name, about, words, statistic, (table,), measure, formed="on other runs", **bounds)


SCALE = (
    _claim(
        "winner-two-modes",
        f"Annealing in the natural geometry, variances and weights trained throughout, leaves "
        f"hardly any run of two components collapsed: {EQUAL} and {UNEQUAL} together, {SETTING}.",
        "part of the runs collapsed",
        _lost(WINNER, *TWO),
        below=0.1,
    ),
    _claim(
        "winner-regret",
        f"It ends far nearer to p than the plain descent at the same price: {EQUAL}, {SETTING}.",
        "mean regret, plain minus annealed in the natural geometry, nats",
        _saved,
        above=0.1,
    ),
    _claim(
        "natural-keeps-annealed-components",
        f"No component dies while the target is annealed in the natural geometry, where in the "
        f"Euclidean one it does: {EQUAL} and {UNEQUAL} together, {SETTING}.",
        "part collapsed, weights trained throughout: Euclidean minus natural",
        _fewer("annealing, weights throughout", WINNER, *TWO),
        above=0.5,
    ),
    _claim(
        "winner-needs-more-for-four-modes",
        f"Four components lose a mode of four all the same when annealed in the natural geometry: "
        f"{FOUR}, {SETTING}.",
        "part of the runs collapsed",
        _lost(WINNER, "four modes"),
        above=0.1,
    ),
    _claim(
        "winner-four-modes",
        f"With eight components instead of four hardly any run does: {FOUR}, {SETTING}.",
        "part of the runs collapsed",
        _lost(f"{WINNER}, twice the components", "four modes"),
        below=0.15,
    ),
    _claim(
        "weights-afterwards-four-modes",
        f"With more modes it is no remedy to train the weights after annealing: components that "
        f"share a mode, or have none, then die ({FOUR}, {SETTING}).",
        "part collapsed, weights trained afterwards minus weights fixed",
        _fewer("annealing, weights afterwards", "annealing", "four modes"),
        above=0.0,
    ),
    _claim(
        "restarts-pay",
        f"The best of ten short runs, chosen by KL, is collapsed less often than one run of the "
        f"same price in all: {EQUAL}, equal fixed weights, {SETTING}.",
        "part collapsed, one long run minus the best of ten",
        _fewer("plain", "best of 10", "equal modes"),
        above=0.2,
    ),
    _claim(
        "share-has-a-price",
        f"A share λ = 1/2 of the forward KL leaves no run collapsed, but at equal price few "
        f"samples of p a step, and their noise keeps the means off the modes ({EQUAL}, equal fixed "
        f"weights, ten evaluations for a sample of p, constant step size; {SETTING}).",
        "mean regret where none is collapsed, nats",
        _noise,
        above=0.02,
    ),
    _claim(
        "flows-need-samples",
        f"Half a share of samples of p prevents collapse where the plain descent collapses "
        f"({FLOWS}).",
        "part collapsed, plain minus λ = 1/2",
        _flows_fewer("share 0.5"),
        above=0.5,
    ),
    _claim(
        "flows-need-few-samples",
        f"A tenth of samples of p does so in most flows, at 1.9 times the price of the plain "
        f"descent (ten evaluations for a sample of p; {FLOWS}).",
        "part collapsed, plain minus λ = 1/10",
        _flows_fewer("share 0.1"),
        above=0.5,
    ),
    _claim(
        "flows-wide-base",
        f"A base twice as wide, N(0, 4 I), helps little ({FLOWS}).",
        "part collapsed, plain minus wide base",
        _flows_fewer("wide base"),
        below=0.3,
    ),
    _claim(
        "flows-mixture-base",
        f"A mixture as base, eight normals at the distance 2 r from the origin, finds modes that "
        f"the plain descent loses ({FLOWS}).",
        "part collapsed, plain minus mixture base",
        _flows_fewer("mixture base"),
        above=0.3,
    ),
    _claim(
        "flows-mixture-base-price",
        f"But it ends farther from p by KL than the plain descent ({EQUAL}, d = 16, "
        f"RealNVP, at the last step of the table, 800 of Adam by default).",
        "mean regret, mixture base minus plain, nats",
        _mixture_base_price,
        above=0.2,
    ),
    _claim(
        "flows-annealed-collapse",
        f"RealNVP annealed from β = 0.01 over the first half of its training collapses all the "
        f"same in most runs ({EQUAL}, {UNEQUAL} and {FOUR} together, d = 16, at the last step of "
        f"the table, 800 of Adam by default).",
        "part of the runs collapsed",
        _flows_annealed,
        above=0.3,
    ),
    _claim(
        "batches-do-not-reach-theory",
        "Followed by 10⁵ samples of q a step, self-normalised and without the score, D_α with "
        "α = 0.9 lets go of a collapsed mixture of two equal modes (equal fixed weights, both "
        "means near one mode at the start, in any d) by time 50 only at separations well below "
        "those that gradient flow leaves from there.",
        "largest separation left by gradient flow minus that left by batches, standard deviations "
        "of a mode",
        _out_of_reach,
        table="objective_batches",
        about="figure",
        above=0.3,
    ),
    _claim(
        "hundred-times-the-batch-gains-little",
        "A hundred times as many samples a step, 10⁵ for 10³, move that separation by hardly "
        "more than one standard deviation at most (same problem, start and time).",
        "gain in separation, standard deviations of a mode",
        _hundred_times,
        table="objective_batches",
        about="figure",
        below=1.1,
    ),
)
