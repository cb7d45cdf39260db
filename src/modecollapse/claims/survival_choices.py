"""figs_survival's claims on what one may choose: the estimator, the optimiser and the batch."""

from __future__ import annotations

import numpy as np
import pandas as pd

from .claim import Claim, Estimate, NoRows, Tables, only

__all__ = ["CHOICES", "PROBLEM", "STL", "mean_log"]

STL = "sticking-the-landing"
PROBLEM = "two equal modes, equal fixed weights, from the collapsed state"


def mean_log(ratios: pd.Series, variances: pd.Series) -> Estimate:
    """The mean log of ratios of mean steps, a mean over n exits having the variance 1/n."""
    half = 1.96 * float(variances.sum()) ** 0.5 / len(ratios)
    return Estimate.within(np.log(ratios).mean(), half)


def _ratio(value: float, *exits: float) -> Estimate:
    """A ratio of mean steps, each over so many exits."""
    factor = float(np.exp(1.96 * np.sqrt(sum(1 / n for n in exits))))
    return Estimate(value, value / factor, value * factor)


def _which(tables: Tables) -> Estimate:
    """Steps with the score term over those without, where both were measured at one r and B and
    the second has the largest exponent."""
    table = tables["escape_times"]
    keys = ["separation", "step_size", "batch"]
    pairs = table[table["estimator"] == "pathwise"].merge(
        table[table["estimator"] == STL], on=keys, suffixes=("", "_without")
    )
    if pairs.empty:
        raise NoRows("no pair")
    row = pairs.loc[pairs["exponent_without"].idxmax()]
    return _ratio(row["steps"] / row["steps_without"], row["n_left"], row["n_left_without"])


def _momentum(tables: Tables) -> Estimate:
    """Mean log of steps with momentum over those without, at the same batch."""
    table = tables["escape_optimizers"]
    plain, heavy = only(table, optimizer="sgd"), only(table, optimizer="momentum")
    pairs = heavy.merge(plain, on=["separation", "estimator", "step_size", "batch"])
    if pairs.empty:
        raise NoRows("no pair")
    variances = 1 / pairs["n_left_x"] + 1 / pairs["n_left_y"]
    return mean_log(pairs["steps_x"] / pairs["steps_y"], variances)


def _adam(tables: Tables) -> Estimate:
    """Adam's log steps at the largest batch less those at a quarter of it, over what plain descent
    gains in exponent alone over the same batches, at its own Φ."""
    table = tables["escape_optimizers"]
    adam, plain = only(table, optimizer="adam"), only(table, optimizer="sgd")
    large = adam.loc[adam["batch"].idxmax()]
    small = only(adam, batch=float(large["batch"] / 4)).iloc[0]
    slope = float((plain["exponent"] / plain["batch"]).iloc[0])  # Φ/h
    gained = np.log(large["steps"] / small["steps"])
    half = 1.96 * np.sqrt(1 / large["n_left"] + 1 / small["n_left"])
    scale = slope * (large["batch"] - small["batch"])
    return Estimate.within(gained / scale, half / scale)


def _price(tables: Tables) -> Estimate:
    """Evaluations of p to leave with B = 16 over those with B = 8, without the score term."""
    table = only(tables["escape_times"], estimator=STL, separation=2.4)
    small, large = (only(table, batch=b).iloc[0] for b in (8, 16))
    return _ratio(2 * large["steps"] / small["steps"], large["n_left"], small["n_left"])


CHOICES = (
    Claim(
        "escape-estimator",
        "practice",
        f"Without the score term descent leaves collapse sooner ({PROBLEM}), because along the "
        "inner mean, which has to move, the score term cancels part of the noise of the force: "
        "d = 1, where the table has both and the highest barrier, by default r = 2.5, h = 0.5 and "
        "B = 8.",
        "steps with the score term over those without it",
        ("escape_times",),
        _which,
        above=2.0,
        formed="after looking",
    ),
    Claim(
        "escape-momentum",
        "figure",
        f"Momentum of 0.9 hardly changes that time at small steps ({PROBLEM}; r = 2.4, h = 0.1, "
        "without the score term): it is longer by less than a half.",
        "mean log of steps with momentum over steps without",
        ("escape_optimizers",),
        _momentum,
        above=-0.1,
        below=float(np.log(1.5)),
        formed="after looking",
    ),
    Claim(
        "escape-adam",
        "practice",
        f"With Adam a batch guards the collapsed state far less than in plain descent ({PROBLEM}; "
        "r = 2.4, step size 0.1, without the score term): to the largest batch of the table from a "
        "quarter of it the log of the steps grows by less than a fifth of what is forecast for "
        "plain descent with that h.",
        "growth of log steps over Φ ΔB/h",
        ("escape_optimizers",),
        _adam,
        above=0.0,
        below=0.2,
        formed="after looking",
    ),
    Claim(
        "escape-price",
        "practice",
        f"Twice the batch, the same step size, and collapse is left for many times the price "
        f"({PROBLEM}; r = 2.4, h = 0.5, without the score term, B = 16 against 8).",
        "ratio of the evaluations of p to leave",
        ("escape_times",),
        _price,
        above=4.0,
        formed="after looking",
    ),
)
