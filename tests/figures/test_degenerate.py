"""Figures draw whatever their tables hold, without a warning and without nan in a caption."""

from __future__ import annotations

import json
import re
import warnings
from collections.abc import Callable, Iterator
from importlib import import_module
from pathlib import Path

import matplotlib
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure

from modecollapse.figures.style import STYLE

TABLES = json.loads((Path(__file__).parent / "tables.json").read_text(encoding="utf-8"))
GRID = ("separation", "dimension", "target_weight", "eta", "time", "step", "distance")
GRID += ("anneal_steps", "beta_initial", "batch", "step_size", "n_components", "x", "run")
UNSAID = re.compile(r"\b(nan|inf|NaT|None)\b")
KEPT = ("source", "estimator", "annealing", "weights", "variances")


def tables(figure: str) -> dict[str, pd.DataFrame]:
    """A few rows of each of a figure's tables, from a run of the smoke configuration."""
    found = {}
    for name, columns in TABLES[figure].items():
        whole = {key: value for key, value in columns.items() if key != "rows"}
        found[name] = pd.DataFrame(whole, index=range(columns["rows"]))
    return found


def single(column: str) -> Callable[[pd.DataFrame], pd.DataFrame]:
    """Only one value of a column, where a table has it."""
    return lambda t: t[t[column] == t[column].iloc[0]] if column in t else t


def one_of_each_source(table: pd.DataFrame) -> pd.DataFrame:
    return table.groupby("source", sort=False).head(1)


def one_of_each_kind(table: pd.DataFrame) -> pd.DataFrame:
    return table.groupby([c for c in KEPT if c in table], sort=False).head(1)


def ended(outcome: str, probability: float) -> Callable[[pd.DataFrame], pd.DataFrame]:
    """Every run, whoever counted it, with one outcome."""

    def change(table: pd.DataFrame) -> pd.DataFrame:
        lost = outcome != "both modes"
        table = table.copy()
        if "outcome" in table:
            name = "collapsed" if lost and "step" in table else outcome
            table["outcome"] = name
        if "probability" in table:
            table["probability"] = probability
            table["low"], table["high"] = min(probability, 0.9), max(probability, 0.1)
        if "n_collapsed" in table:
            table["n_collapsed"] = table["n_runs"] * int(lost)
        for name in ("n_mean_alignment", "n_vanishing_weight"):
            if name in table:
                table[name] = table["n_runs"] * int(lost and name == "n_mean_alignment")
        for name in ("both_modes", "mean_alignment", "vanishing_weight"):
            if name in table:
                table[name] = float(name.replace("_", " ") == outcome)
        return table

    return change


def diverged(table: pd.DataFrame) -> pd.DataFrame:
    """Runs of flows have rows up to where they diverged: here, the start alone."""
    if "status" in table:
        return table[table["step"] == 0].assign(status="diverged")
    return table.assign(recovered=False) if "recovered" in table else table


def nothing_in_common(table: pd.DataFrame) -> pd.DataFrame:
    """The sources of a table, and the tables of flows, at values of their own."""
    table = table.copy()
    for number, source in enumerate(table["source"].unique()):
        for name in ("separation", "eta", "anneal_steps", "beta_initial"):
            if name in table and number + (source == "flow"):
                values = table[name] * (2 if name == "anneal_steps" else 1.07) + (name == "eta")
                table[name] = table[name].where(table["source"] != source, values)
    return table


def no_rows_of(*sources: str) -> Callable[[pd.DataFrame], pd.DataFrame]:
    return lambda t: t[~t["source"].isin(sources)]


CASES: dict[str, Callable[[pd.DataFrame], pd.DataFrame]] = {
    "as it is": lambda table: table,
    "one row of each source": one_of_each_source,
    "one row of each kind": one_of_each_kind,
    "none collapsed": ended("both modes", 0.0),
    "all by mean alignment": ended("mean alignment", 1.0),
    "all by vanishing weight": ended("vanishing weight", 1.0),
    "all diverged": diverged,
    "nothing in common": nothing_in_common,
    "no simulation": no_rows_of("simulation", "reduced simulation", "theory and simulation"),
    "no flow": no_rows_of("flow"),
    "no theory": no_rows_of("theory", "formula"),
    "nothing": lambda table: table.iloc[:0],
    **{f"one {column}": single(column) for column in GRID},
    "one run of each source": lambda t: single("run")(one_of_each_source(t)),
}


def digest(table: pd.DataFrame) -> tuple[tuple[str, ...], bytes]:
    """The same for the same table."""
    return tuple(table.columns), pd.util.hash_pandas_object(table).to_numpy().tobytes()


def cases() -> Iterator[tuple[str, str]]:
    """Every figure, and what makes tables of it that no case before has made."""
    for figure in TABLES:
        seen, whole = set(), tables(figure).values()
        for case, change in CASES.items():
            given = tuple(digest(change(table)) for table in whole)
            if given not in seen:
                yield figure, case
            seen.add(given)


# Laying a figure out takes longer than all else of it, and drawing its ticks is next.  By default
# both are done where most and where least is written in it; tests/experiments/test_any_figure.py
# lays out what it draws at random.
LAID_OUT = ("as it is", "one row of each source", "nothing")


def tick_words(figure: Figure) -> list[str]:
    """What is written at the ticks of a figure's axes and beside them; they are then not drawn."""
    words = []
    for axis in (axis for axes in figure.axes for axis in (axes.xaxis, axes.yaxis)):
        for ticker in (axis.major, axis.minor):
            words += map(str, ticker.formatter.format_ticks(ticker.locator()))
        axis.label.get_window_extent()
        axis.set_visible(False)
    return words


def drawn_and_told(figure: str, case: str, laid_out: bool) -> tuple[Figure, str]:
    """A figure of these tables, every artist drawn, and its caption; a warning is an error."""
    module = import_module(f"modecollapse.figures.{figure.split('_', 1)[1]}")
    given = {name: CASES[case](table) for name, table in tables(figure).items()}
    with warnings.catch_warnings(), matplotlib.rc_context(dict(STYLE)):
        warnings.simplefilter("error")
        drawn = module.draw(given)
        if not laid_out:
            drawn.set_layout_engine("none")
            assert not any(UNSAID.search(word) for word in tick_words(drawn))
        drawn.draw_without_rendering()
        return drawn, module.caption(given)


@pytest.mark.parametrize(("figure", "case"), list(cases()))
def test_a_figure_draws_whatever_its_tables_hold(figure, case):
    drawn, said = drawn_and_told(figure, case, case in LAID_OUT)
    panels = [axes for axes in drawn.axes if axes.get_label() != "<colorbar>"]
    plt.close(drawn)
    assert not UNSAID.search(said), said
    assert panels
    for axes in panels:
        ends = [*axes.get_xlim(), *axes.get_ylim()]
        assert np.isfinite(ends).all()
        shown = axes.has_data() or any(text.get_text() for text in axes.texts)
        assert shown, axes.get_title("left")
    if case == "as it is":
        assert not any("no rows" in text.get_text() for axes in panels for text in axes.texts)


@pytest.mark.slow
@pytest.mark.parametrize("figure", TABLES)
def test_a_figure_is_laid_out_whatever_its_tables_hold(figure):
    for name, case in cases():
        if name == figure and case not in LAID_OUT:
            plt.close(drawn_and_told(figure, case, True)[0])
