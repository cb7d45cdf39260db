"""Which remedy is best, by the table of all remedies (docs/remedies.md, section 15)."""

from __future__ import annotations

from importlib.resources import files

import pandas as pd

from ..checks import choice, flag, made, require

__all__ = ["COLUMNS", "PROBLEMS", "last_rows", "rank_remedies"]

PROBLEMS = ("equal modes", "unequal modes", "four modes")
KEPT = "remedies.csv"  # beside this module: the last rows of results/remedies.csv, default settings
COLUMNS = (
    *("source", "problem", "remedy", "setting", "regret", "regret_low", "regret_high"),
    *("n_collapsed", "n_runs", "probability", "low", "high", "time", "cost"),
)


def last_rows(table: pd.DataFrame) -> pd.DataFrame:
    """The rows of the table `remedies` at which all is paid, with the columns of a ranking."""
    rows = table.sort_values("cost", kind="stable")
    rows = rows.groupby(["source", "problem", "remedy"], sort=False).tail(1)
    return rows[list(COLUMNS)].sort_values(["source", "problem", "remedy"], ignore_index=True)


def rank_remedies(
    problem: str = "equal modes",
    *,
    flows: bool = False,
    table: pd.DataFrame | None = None,
) -> pd.DataFrame:
    """The remedies for a problem, by their mean regret when all have paid the same.

    Parameters
    ----------
    problem : "equal modes" (two, r = 4), "unequal modes" (0.7 and 0.3, r = 3) or "four modes"
        (corners of a simplex, r = 4), all in d = 16.
    flows : whether of RealNVP, by what it costs, instead of mixtures.
    table : another results/remedies.csv to rank by; default what the package came with.

    Returns
    -------
    A row a remedy, the best first: the columns of :data:`COLUMNS`, and `as_good`, whether its
    interval reaches that of the first.

    >>> ranking = rank_remedies("four modes")
    >>> bool(ranking.regret.is_monotonic_increasing), bool(ranking.as_good.iloc[0])
    (True, True)
    """
    choice("problem", problem, PROBLEMS)
    if table is None:
        with (files(__package__) / KEPT).open(encoding="utf-8") as file:
            table = pd.read_csv(file)
    made("table", table, pd.DataFrame, "a table remedies, as pandas reads results/remedies.csv")
    missing = [name for name in COLUMNS if name not in table]
    require(not missing, "table", f"no column {', '.join(missing)}", "a table remedies")
    source = "flow" if flag("flows", flows) else "simulation"
    rows = last_rows(table[(table["source"] == source) & (table["problem"] == problem)])
    require(len(rows) > 0, "table", f"no rows of {problem}", f"one with rows of {source}")
    rows = rows.sort_values(["regret", "remedy"], ignore_index=True)
    return rows.assign(as_good=rows["regret_low"] <= rows["regret_high"].iloc[0])
