"""A claim, its number with an interval, and its verdict."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from importlib import import_module
from importlib.util import find_spec
from types import MappingProxyType
from typing import Any, NamedTuple

import pandas as pd

from ..checks import choice, require

__all__ = [
    "UNITS",
    "Claim",
    "Estimate",
    "NoRows",
    "Verdict",
    "claims_of",
    "doubted",
    "judged",
    "number",
    "only",
    "threshold",
    "told",
]

Tables = Mapping[str, pd.DataFrame]
ABOUT = ("abstract", "figure", "practice")
FORMED = ("beforehand", "after looking", "on other runs")
UNITS: Mapping[str, str] = MappingProxyType(
    {
        "source": "claims",
        "claim": "its name",
        "figure": "the figure that it belongs to",
        "about": "abstract (the paper's), figure or practice (what to do)",
        "words": "what the reader is told",
        "statistic": "what is measured, and in which unit",
        "value": "the statistic",
        "low": "lower end of its 95 % interval",
        "high": "upper end of its 95 % interval",
        "above": "the claim holds where the statistic is above this",
        "below": "and below this",
        "verdict": "holds or fails where the interval decides it, else undecided",
        "tables": "what the statistic is measured from",
        "formed": "beforehand; after looking at the runs that decide it; or on other runs",
    }
)


class NoRows(LookupError):
    """The tables of a configuration do not hold what a claim speaks of."""


class Verdict(StrEnum):
    """What the interval of a statistic says of a claim."""

    HOLDS = "holds"
    FAILS = "fails"
    UNDECIDED = "undecided"


class Estimate(NamedTuple):
    """A number and its 95 % interval; without an error of its own, `low` and `high` are `value`."""

    value: float
    low: float
    high: float

    @classmethod
    def exact(cls, value: float) -> Estimate:
        """A number that is computed to more digits than are told."""
        return cls(float(value), float(value), float(value))

    @classmethod
    def within(cls, value: float, half: float) -> Estimate:
        """value ± half."""
        return cls(float(value), float(value - half), float(value + half))


@dataclass(frozen=True)
class Claim:
    """A sentence and what decides it.

    Parameters
    ----------
    name : lower-case words joined by hyphens; documents link to it.
    about : "abstract", "figure" or "practice".
    words : names its problem, start, time and measure.
    statistic : what `measure` returns, and in which unit.
    tables : the tables that `measure` reads.
    measure : tables -> :class:`Estimate`; :class:`NoRows` where they do not hold the rows.
    above, below : the claim holds where above < statistic < below.
    formed : "beforehand"; "after looking" at runs with the seeds that decide it, so that its
        interval says less than it seems to; "on other runs", and judged on these.
    """

    name: str
    about: str
    words: str
    statistic: str
    tables: tuple[str, ...]
    measure: Callable[[Tables], Estimate]
    above: float = -math.inf
    below: float = math.inf
    formed: str = "beforehand"

    def __post_init__(self) -> None:
        choice("about", self.about, ABOUT)
        choice("formed", self.formed, FORMED)
        bounded = self.above < self.below and (self.above, self.below) != (-math.inf, math.inf)
        require(bounded, "above, below", (self.above, self.below), "a threshold, or two in order")

    def verdict(self, estimate: Estimate) -> Verdict:
        """Whether the interval lies where the claim holds, where it fails, or in both.

        >>> claim = Claim("a", "figure", "", "", (), lambda tables: Estimate(0, 0, 0), above=0.5)
        >>> str(claim.verdict(Estimate(0.7, 0.6, 0.8))), str(claim.verdict(Estimate(0.7, 0.4, 0.8)))
        ('holds', 'undecided')
        """
        if estimate.low > self.above and estimate.high < self.below:
            return Verdict.HOLDS
        if estimate.high <= self.above or estimate.low >= self.below:
            return Verdict.FAILS
        return Verdict.UNDECIDED


def number(value: float, low: float, high: float) -> str:
    """A value with its interval, to the digits that the interval leaves.

    >>> number(0.5432, 0.501, 0.584), number(-0.002, -0.04, 0.04), number(2.2596, 2.2596, 2.2596)
    ('0.54 (0.50 to 0.58)', '0.00 (-0.04 to 0.04)', '2.26')
    """
    half = max(high - value, value - low)
    if not half or not math.isfinite(half):
        return f"{value:.3g}"
    places = -math.floor(math.log10(half))
    form = f"z.{max(places, 0)}f" if -4 < places < 7 else ".3g"  # z: no minus before a zero
    texts = [format(x, form) for x in (value, low, high)]
    return f"{texts[0]} ({texts[1]} to {texts[2]})"


def told(table: pd.DataFrame) -> str:
    """What a table of claims says, as one paragraph for a caption."""
    return " ".join(
        f"[{row.verdict}] {row.words} ({row.statistic}: {number(row.value, row.low, row.high)}.)"
        for row in table.itertuples()
    )


def threshold(above: float, below: float) -> str:
    """Where a claim holds, in words.

    >>> threshold(0.5, float("inf")), threshold(-0.1, 0.1)
    ('above 0.5', 'above -0.1 and below 0.1')
    """
    parts = [f"above {above:g}"] if math.isfinite(above) else []
    parts += [f"below {below:g}"] if math.isfinite(below) else []
    return " and ".join(parts)


def doubted(table: pd.DataFrame) -> list[str]:
    """A line for each claim that does not hold, those that fail first."""
    lines = []
    for mark, verdict in (("!", Verdict.FAILS), ("?", Verdict.UNDECIDED)):
        for row in table[table["verdict"] == str(verdict)].itertuples():
            told = number(row.value, row.low, row.high)
            lines.append(
                f"{mark} claim {row.claim}: {verdict.upper()}: {row.statistic} is {told}, "
                f"to be {threshold(row.above, row.below)} ({row.about} of {row.figure})"
            )
    return lines


def claims_of(figure: str) -> tuple[Claim, ...]:
    """The claims of a figure, by the name of the module that draws it; none where it has none."""
    name = f"{__package__}.{figure}"
    return tuple(import_module(name).CLAIMS) if find_spec(name) else ()


def judged(figure: str, claims: Iterable[Claim], tables: Tables) -> pd.DataFrame:
    """A row for each claim that the tables can speak of, with the columns of :data:`UNITS`."""
    rows = []
    for claim in claims:
        try:
            estimate = claim.measure({name: tables[name] for name in claim.tables})
        except NoRows:
            continue
        rows.append(
            {
                "source": "claims",
                "claim": claim.name,
                "figure": figure,
                "about": claim.about,
                "words": claim.words,
                "statistic": claim.statistic,
                **estimate._asdict(),
                "above": claim.above,
                "below": claim.below,
                "verdict": str(claim.verdict(estimate)),
                "tables": " ".join(claim.tables),
                "formed": claim.formed,
            }
        )
    return pd.DataFrame(rows, columns=list(UNITS))


def only(table: pd.DataFrame, **where: Any) -> pd.DataFrame:
    """The rows in which each column named has the value given, numbers to nine digits.

    Raises
    ------
    NoRows : where there are none.
    """
    rows = table
    for name, value in where.items():
        column = rows[name]
        same = (column - value).abs() <= 1e-9 * abs(value) if _number(value) else column == value
        rows = rows[same]
    if rows.empty:
        raise NoRows(f"no row with {where}")
    return rows


def _number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
