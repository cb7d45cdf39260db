"""Claims of fig1_collapse: q loses modes while it trains."""

from __future__ import annotations

import pandas as pd

from .claim import Claim, Estimate, NoRows, Tables

__all__ = ["CLAIMS"]


def _heavier_half(tables: Tables) -> Estimate:
    """The least part of q on one side, at the end of the cases that collapsed."""
    parts = []
    for _, rows in tables["snapshots"].groupby("case", sort=False):
        last = rows[rows["time"] == rows["time"].max()]
        if last["outcome"].iloc[0] != "both modes":
            parts.append(_side(last))
    if not parts:
        raise NoRows("no case collapsed")
    known = [part for part in parts if part is not None]
    if not known:
        raise NoRows("nothing of q in sight")
    return Estimate.exact(min(known))


def _side(picture: pd.DataFrame) -> float | None:
    """The part of the density on the side of μ* that has more of it, its middle shared; None where
    all of it lies outside the picture."""
    mass = picture["density"].groupby(picture["along"].round(9)).sum()
    plus = mass[mass.index > 0].sum() + 0.5 * mass[mass.index == 0].sum()
    if not mass.sum() > 0:
        return None
    part = float(plus / mass.sum())
    return max(part, 1 - part)


CLAIMS = (
    Claim(
        "collapse-watched",
        "figure",
        "The collapsed runs of figure 1 put all but a small part of q on one of two equal modes "
        "(r = 4, d = 16) at the end of their training.",
        "least part of q on one side, over the collapsed cases",
        ("snapshots",),
        _heavier_half,
        above=0.95,
    ),
)
