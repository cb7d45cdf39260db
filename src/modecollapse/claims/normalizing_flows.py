"""Claims of fig5_normalizing_flows: flows collapse likewise, and what of the mixture they share."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd

from .claim import Claim, Estimate, NoRows, Tables, only
from .intervals import Z, difference, frequency
from .rows import chance, gap

__all__ = ["CLAIMS"]

LOST_MODE = math.log(2)  # nats, of two equal modes
SGD_RATE = 0.02  # h of flow_sgd
SHIFT = 4.4  # K_mm of an untrained flow of flow_sgd, d = 16: mean of 24 in flow_tangent, 3.8 to 5.3
START = "an untrained RealNVP, which is nearly N(0, I)"


def _ends(table: pd.DataFrame, **where: float) -> pd.DataFrame:
    """The rows at the last step of the settings chosen."""
    here = only(table, **where)
    return here[here["step"] == here["step"].max()]


def _at_end(tables: Tables) -> Estimate:
    return chance(_ends(tables["flow_collapse"], separation=4.0, dimension=16))


def _family(tables: Tables) -> Estimate:
    """The largest KL(q‖p) of the fits, with the interval of that one."""
    fits = tables["flow_fit"]
    row = fits.loc[fits["kl"].idxmax()]
    half = 1.96 * row["kl_se"]
    return Estimate.within(row["kl"], half)


def _regret(tables: Tables) -> Estimate:
    """KL of the collapsed runs at the last step minus that of the fit to the same target: the mean
    over runs, with the errors of the settings' means."""
    rows = _ends(tables["flow_collapse"])
    best = tables["flow_fit"].groupby(["separation", "dimension"])["kl"].min().rename("best")
    lost = rows[rows["n_collapsed"] > 1].join(best, on=["separation", "dimension"], how="inner")
    if lost.empty:
        raise NoRows("no setting with two collapsed runs and a fit")
    part = lost["n_collapsed"] / lost["n_collapsed"].sum()
    value = float((part * (lost["collapsed_kl"] - lost["best"])).sum())
    half = Z * float(np.sqrt(((part * lost["collapsed_kl_se"]) ** 2).sum()))
    return Estimate.within(value, half)


def _side(tables: Tables) -> Estimate:
    rows = _ends(tables["flow_collapse"])
    return frequency(rows["n_side"].sum(), rows["n_collapsed"].sum())


def _forecast(tables: Tables) -> Estimate:
    """The mean over settings of the area under the curve of |m(0)|, at the first look."""
    later = tables["flow_collapse"].query("step > 0")
    rows = later[later["step"] == later["step"].min()]
    found = rows[rows["auc_high"] - rows["auc_low"] < 1]
    if found.empty:
        raise NoRows("no setting with runs of both ends")
    value = float(found["auc"].mean())
    half = float(np.sqrt((((found["auc_high"] - found["auc_low"]) / 2) ** 2).sum()) / len(found))
    return Estimate.within(value, half)


def _healed(tables: Tables) -> Estimate:
    """Collapsed at the first look minus collapsed at the end, at r = 3 in the largest d."""
    rows = only(tables["flow_collapse"], separation=3.0)
    rows = rows[(rows["dimension"] == rows["dimension"].max()) & (rows["step"] > 0)]
    parts = {step: chance(here) for step, here in rows.groupby("step")}
    return difference(parts[min(parts)], parts[max(parts)])


def _flows_with_dimension(tables: Tables) -> Estimate:
    rows = _ends(tables["flow_collapse"], separation=4.0)
    d = rows["dimension"]
    return gap(rows, {"dimension": int(d.max())}, {"dimension": int(d.min())})


def _mixtures_with_dimension(tables: Tables) -> Estimate:
    rows = only(tables["mixture_collapse"], separation=4.0, eta=0.0)
    d = np.sort(rows["dimension"].unique())
    low, high = (only(rows, dimension=int(k)).iloc[0] for k in (d[0], d[-1]))
    return difference(*(frequency(row["n_collapsed"], row["n_runs"]) for row in (high, low)))


def _flows_over_mixtures(tables: Tables) -> Estimate:
    mixtures = only(tables["mixture_collapse"], separation=4.0, eta=0.0)
    flows = _ends(tables["flow_collapse"], separation=4.0)
    d = int(min(flows["dimension"].max(), mixtures["dimension"].max()))
    row = only(mixtures, dimension=d).iloc[0]
    mixture = frequency(row["n_collapsed"], row["n_runs"])
    return difference(chance(flows, dimension=d), mixture)


def _optimizers(tables: Tables) -> Estimate:
    plain, adam = (
        chance(_ends(tables[name], separation=3.0, dimension=16))
        for name in ("flow_sgd", "flow_collapse")
    )
    return difference(plain, adam)


def _healed_by_law(tables: Tables) -> Estimate:
    """Of the runs by plain descent that are collapsed at r = 3 when one first looks, the part that
    is at the last step, where that is twice e^{r²/2}/(h K_mm) or more."""
    rows = only(tables["flow_sgd"], separation=3.0, dimension=16).query("step > 0")
    if rows.empty or rows["step"].max() < 2 * math.exp(4.5) / (SGD_RATE * SHIFT):
        raise NoRows("too few steps")
    first, last = (rows.loc[at] for at in (rows["step"].idxmin(), rows["step"].idxmax()))
    return frequency(min(last["n_collapsed"], first["n_collapsed"]), first["n_collapsed"])


def _tail_held(tables: Tables) -> Estimate:
    """Mass that the lost mode gains between half-way and the end, a mean over the flows collapsed
    at r = 3, over what the law has it gain: half of the whole by e^{r²/2}/(h K_mm)."""
    rows = only(tables["flow_sgd"], separation=3.0, dimension=16)
    if rows.empty or rows["step"].max() < 2 * math.exp(4.5) / (SGD_RATE * SHIFT):
        raise NoRows("too few steps")
    last = rows.loc[rows["step"].idxmax()]
    half = rows.loc[(rows["step"] - last["step"] / 2).abs().idxmin()]
    if min(last["n_collapsed"], half["n_collapsed"]) < 2:
        raise NoRows("fewer than two collapsed flows")
    due = 0.5 * (last["step"] - half["step"]) * SGD_RATE * SHIFT / math.exp(4.5)
    error = math.hypot(last["lost_mass_se"], half["lost_mass_se"])
    return Estimate.within((last["lost_mass"] - half["lost_mass"]) / due, Z * error / due)


def _lost_late(tables: Tables) -> Estimate:
    """Of the runs of flow_course that end collapsed, those that held both modes at a quarter."""
    by_run = tables["flow_course"].pivot(index="run", columns="step", values="outcome")
    lost = by_run.iloc[:, -1] != "both modes"
    quarter = by_run.columns[len(by_run.columns) // 4]
    return frequency((lost & (by_run[quarter] == "both modes")).sum(), lost.sum())


CLAIMS = (
    Claim(
        "flows-collapse",
        "abstract",
        f"Normalizing flows lose modes likewise: from {START}, trained by Adam on the reverse KL "
        "to the last step of the table, more than half of the flows are collapsed at r = 4, "
        "d = 16, π = 1/2.",
        "part of the runs that is collapsed at the last step",
        ("flow_collapse",),
        _at_end,
        above=0.5,
    ),
    Claim(
        "flows-family",
        "figure",
        "The architecture could hold both modes: fitted by maximum likelihood to samples of p, it "
        "reaches on every target of flow_fit a KL(q‖p) below half of log 2, which is what a lost "
        "mode costs; so few and narrow layers do not come close to zero in high dimension.",
        "largest KL(q‖p) of the fits, nats",
        ("flow_fit",),
        _family,
        below=LOST_MODE / 2,
        formed="after looking",
    ),
    Claim(
        "flows-regret",
        "figure",
        "Collapse is a failure of the training: a collapsed flow's KL at the last step of Adam is, "
        "on average over r and d, more than half a nat above what its architecture reaches by "
        "maximum likelihood on the same target (the better of the fits; π = 1/2).",
        "mean regret of the collapsed runs, nats",
        ("flow_collapse", "flow_fit"),
        _regret,
        above=0.5,
    ),
    Claim(
        "flows-side",
        "figure",
        "Flows collapse to the side to which their mean points before the first step: q's mean "
        "along μ* at step 0 has the sign of the mode that is kept (π = 1/2, all r and d of the "
        "table, Adam).",
        "part of the collapsed runs at the last step whose side is that of m(0)",
        ("flow_collapse",),
        _side,
        above=0.8,
    ),
    Claim(
        "flows-start-foretells",
        "figure",
        "How far an untrained flow's mean lies along μ* tells which runs of a setting will be "
        "collapsed when one first looks (step 100), better than chance (π = 1/2, Adam).",
        "area under the curve of |m(0)|, mean over the settings with runs of both ends",
        ("flow_collapse",),
        _forecast,
        above=0.5,
    ),
    Claim(
        "flows-heal",
        "figure",
        "A frequency of collapsed flows needs its step: at r = 3 in the largest d of the table "
        "flows heal while they are trained on (π = 1/2, Adam).",
        "part collapsed at the first look after the start minus that at the last step",
        ("flow_collapse",),
        _healed,
        above=0.0,
    ),
    Claim(
        "flows-worse-in-high-dimension",
        "figure",
        f"Flows collapse more often in higher dimension: from {START}, at r = 4, "
        "π = 1/2, at the last step of the table.",
        "part collapsed in the largest d minus that in the smallest",
        ("flow_collapse",),
        _flows_with_dimension,
        above=0.0,
    ),
    Claim(
        "mixtures-worse-in-high-dimension",
        "figure",
        "So do mixtures that start where flows do: from means N(0, 0.28²) in each coordinate, "
        "whose mean along μ* is spread as that of untrained flows, two components of equal fixed "
        "weights collapse more often in higher dimension, at r = 4, π = 1/2, time 10⁵.",
        "probability of collapse in the largest d minus that in the smallest",
        ("mixture_collapse",),
        _mixtures_with_dimension,
        above=0.0,
    ),
    Claim(
        "flows-more-than-mixtures",
        "figure",
        "Mixtures collapse less often than flows in high dimension: at r = 4, π = 1/2, in the "
        "largest d, from the same spread of the mean along μ* (mixtures at time 10⁵, flows at the "
        "last step of the table).",
        "part of the flows collapsed minus that of the mixtures",
        ("flow_collapse", "mixture_collapse"),
        _flows_over_mixtures,
        above=0.0,
    ),
    Claim(
        "flows-optimizer",
        "practice",
        "How fast flows heal is the optimiser's: at r = 3, d = 16, π = 1/2, by step 2400 from "
        "untrained ones, plain descent at a learning rate of 0.02 leaves more of them collapsed "
        "than Adam at 0.002.",
        "part collapsed by plain descent minus that by Adam",
        ("flow_collapse", "flow_sgd"),
        _optimizers,
        above=0.0,
    ),
    Claim(
        "flows-healing-law",
        "figure",
        "The time of a free sample over the speed of the untrained flow, e^{r²/2}/(h K_mm), does "
        "not tell to a factor of two when half of the flows have healed that plain descent has "
        "collapsed at r = 3, d = 16, π = 1/2 (from untrained ones; h = 0.02, K_mm = 4.4 as "
        "flow_tangent has it, 1,000 steps): after more than twice that, at step 2400, more than "
        "half are collapsed still.",
        "part of those collapsed at the first look that is collapsed at the last step",
        ("flow_sgd",),
        _healed_by_law,
        above=0.5,
        formed="after looking",
    ),
    Claim(
        "flows-tail-held",
        "figure",
        "Which step of that law fails: mass beyond the midpoint does not go over to the lost mode. "
        "In flows collapsed at r = 3, d = 16, π = 1/2 by plain descent (h = 0.02, batches of 256, "
        "from untrained ones) it gains, between steps 1200 and 2400, less than a fiftieth of "
        "what the law has it gain.",
        "gain of the mass on the lost mode over the law's",
        ("flow_sgd",),
        _tail_held,
        above=-0.02,
        below=0.02,
        formed="on other runs",
    ),
    Claim(
        "flows-no-vanishing-weight",
        "figure",
        "In flows collapse comes early, as mean alignment does: of those that end collapsed at r = "
        "4, d = 8, π = 1/2, after 800 steps of Adam, fewer than one in five held both modes at a "
        "quarter of the training. A slow loss of a mode that was found, as by vanishing weight, "
        "is not seen.",
        "part of the collapsed runs that held both modes at a quarter of the training",
        ("flow_course",),
        _lost_late,
        below=0.2,
    ),
)
