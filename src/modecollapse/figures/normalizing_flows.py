"""Figure 5: normalizing flows lose modes too, and how that compares with the mixture."""

from __future__ import annotations

import math
from collections.abc import Mapping

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from ..counting import counted
from .style import (
    COLOURS,
    MARKERS,
    UNKNOWN,
    WIDTH,
    first,
    limits,
    most,
    nothing,
    panel,
    panel_letter,
    shown,
)

__all__ = ["CLAIM", "caption", "draw", "frequencies"]

CLAIM = "Normalizing flows trained by the reverse KL divergence lose modes likewise."
SETTING = ["separation", "dimension", "target_weight", "direction", "architecture"]
CAPACITY = ["couplings", "hidden", "depth"]
ENDS = {"both modes": "both modes", "collapsed": "collapsed"}


def draw(tables: Mapping[str, pd.DataFrame]) -> Figure:
    """(a) mass over training, (b) projected density, (c) collapse frequency beside the mixture."""
    figure = plt.figure(figsize=(WIDTH, 4.3))
    top, bottom = figure.subfigures(2, 1, height_ratios=[1.0, 1.0], squeeze=True)
    course, *densities = top.subplots(1, 3, width_ratios=[1.25, 1.0, 1.0])
    panel(course, draw_course, tables["flow_course"])
    panel_letter(course, "a")
    cases = tables["flow_density"].groupby("case")
    for axes in densities[len(cases) :]:
        nothing(axes)
    for axes, (case, rows) in zip(densities, cases, strict=False):
        draw_density(axes, rows)
        axes.set_title(f"{rows['outcome'].iloc[0]}", fontsize=7, loc="right", y=1.0, pad=3)
        if case == "best":
            axes.set_ylabel(r"position $x\cdot\mu^\star/r$")
            panel_letter(axes, "b")
    draw_frequency_panels(bottom, tables["flow_collapse"], tables["mixture_collapse"])
    return figure


def draw_course(axes: Axes, table: pd.DataFrame) -> None:
    """The mass on the + mode, one line a run, in the colour of its end."""
    ended = table[table["step"] == table["step"].max()].set_index("run")["outcome"]
    for run, rows in table.groupby("run"):
        colour = COLOURS[str(ended.get(run, "collapsed"))]
        axes.plot(rows["step"], rows["mass_plus"], color=colour, lw=0.5, alpha=0.7)
    axes.set_xscale("symlog", linthresh=10)
    axes.set_xticks([0, 10, 100], ["0", "10", "100"])
    limits(axes.set_xlim, [0, table["step"].max()])
    axes.set_ylim(-0.03, 1.03)
    axes.set_xlabel("optimisation step")
    axes.set_ylabel("mass of q on the + mode")
    handles = [Line2D([], [], color=COLOURS[end], label=name) for end, name in ENDS.items()]
    axes.legend(handles=handles, loc="upper left", bbox_to_anchor=(0.0, 0.95), handlelength=1.2)


def draw_density(axes: Axes, table: pd.DataFrame) -> None:
    """The histogram of the projection on μ* as grey levels, step by step; the modes as lines."""
    grid = table.pivot(index="position", columns="step", values="density")
    if len(grid) < 2 or len(grid.columns) < 2:
        return nothing(axes, "too few points")
    steps = grid.columns.to_numpy(dtype=float)
    middle = np.sqrt(steps[1:-1] * steps[2:])
    edges = np.concatenate([[0.0, steps[1] / 2], middle, steps[-1:]])
    positions = grid.index.to_numpy(dtype=float)
    half = (positions[1] - positions[0]) / 2
    levels = np.append(positions - half, positions[-1] + half)
    highest = 1 / np.sqrt(2 * np.pi)
    axes.pcolormesh(
        edges, levels, grid.to_numpy(), cmap="Blues", vmin=0, vmax=highest, rasterized=True
    )
    separation = table["separation"].iloc[0]
    for mode in (-separation, separation):
        axes.axhline(mode, color=COLOURS["theory"], lw=0.6, ls=":")
    axes.set_xscale("symlog", linthresh=10)
    axes.set_xticks([0, 10, 100], ["0", "10", "100"])
    axes.set_xlim(0, steps[-1])
    axes.set_xlabel("optimisation step")
    return None


def frequencies(table: pd.DataFrame, step: int | None = None) -> pd.DataFrame:
    """Collapse frequency of each setting at a logged step, by default the last."""
    rows = table[table["step"] == (table["step"].max() if step is None else step)]
    rows = rows.assign(collapsed=rows["outcome"] != "both modes")
    keys = [*SETTING, *CAPACITY]
    found = [
        {**dict(zip(keys, setting, strict=True)), **counted(int(group.sum()), len(group))}
        for setting, group in rows.groupby(keys)["collapsed"]
    ]
    return pd.DataFrame(found, columns=[*keys, *counted(0, 1)])


def draw_frequency_panels(figure: Figure, flows: pd.DataFrame, mixture: pd.DataFrame) -> None:
    """P(collapse) against the separation, one panel for each dimension."""
    dimensions = np.sort(flows["dimension"].unique())
    columns = max(len(dimensions), 1)
    panels = figure.subplots(1, columns, sharex=True, sharey=True, squeeze=False)[0]
    early, late = _early_and_late(flows)
    if flows.empty:
        nothing(panels[0])
    for axes, dimension in zip(panels, dimensions, strict=False):
        here = flows[flows["dimension"] == dimension]
        draw_mixture(axes, mixture[mixture["dimension"] == dimension], "separation")
        if early is not None:
            draw_frequencies(axes, frequencies(here, early), "separation", early=True)
        draw_frequencies(axes, frequencies(here), "separation")
        axes.set_title(rf"$d = {dimension}$")
    panels[len(panels) // 2].set_xlabel(r"separation $r = \|\mu^\star\|$")
    panels[0].set_ylabel("P(collapse)")
    figure.legend(handles=keys(early, late), loc="outside upper right", ncols=4)
    panel_letter(panels[0], "c")


def draw_frequencies(
    axes: Axes,
    table: pd.DataFrame,
    against: str,
    *,
    early: bool = False,
    colour: str = COLOURS["flow"],
    marker: str = MARKERS["flow"],
    line: str = "",
    label: str | None = None,
) -> None:
    """Flows as marks with 95 % intervals, hollow and without intervals where `early`."""
    rows = table.sort_values(against)
    x, p = rows[against].to_numpy(dtype=float), rows["probability"].to_numpy()
    axes.errorbar(
        x,
        p,
        None if early else np.abs([p - rows["low"], rows["high"] - p]),
        marker=marker,
        color=colour,
        mfc="white" if early else colour,
        ls=line,
        lw=0.7,
        mew=0.8,
        elinewidth=0.8,
        zorder=2 if early else 3,
        label=label,
    )
    axes.set_ylim(-0.04, 1.04)


def draw_mixture(axes: Axes, table: pd.DataFrame, against: str) -> None:
    """The mixture's theory as lines with 95 % bands: solid with fixed weights, dashed trained."""
    for eta, rows in table.sort_values(against).groupby("eta"):
        x, p, low, high = (rows[n].to_numpy() for n in (against, "probability", "low", "high"))
        axes.plot(x, p, color=COLOURS["theory"], ls="-" if eta == 0 else "--", lw=1.0)
        axes.fill_between(x, low, high, color=COLOURS["theory"], alpha=0.12, linewidth=0)


def keys(early: int | None, late: int | None) -> list[Line2D]:
    """The legend of the frequencies."""
    lines = []
    for step, face in ((early, "white"), (late, COLOURS["flow"])):
        if step is None:
            continue
        line = Line2D([], [], color=COLOURS["flow"], marker=MARKERS["flow"], mfc=face, ls="")
        line.set_label(f"flows, step {step}")
        lines.append(line)
    for style, name in (("-", "fixed weights"), ("--", "trained")):
        line = Line2D([], [], color=COLOURS["theory"], lw=1.0, ls=style, label=f"mixture, {name}")
        lines.append(line)
    return lines


def caption(tables: Mapping[str, pd.DataFrame]) -> str:
    """What the panels show, and what agrees with the two mechanisms and what does not."""
    course, flows = tables["flow_course"], tables["flow_collapse"]
    mixture, density = tables["mixture_collapse"], tables["flow_density"]
    runs = flows.groupby([*SETTING, *CAPACITY, "run"])["status"].first()
    return (
        f"RealNVP ({_only(flows, 'couplings')} couplings, {_only(flows, 'depth')} hidden layers of "
        f"{_only(flows, 'hidden')}), μ* in a direction drawn for each run. (a) Mass on the + mode "
        f"of {course['run'].nunique()} runs at r = {_only(course, 'separation')}, d = "
        f"{_only(course, 'dimension')}: {_course_in_numbers(course)} (b) Density of the projection "
        f"on μ* under two runs at r = {_only(density, 'separation')}, d = "
        f"{_only(density, 'dimension')}; dotted: the modes. (c) Frequency of collapse among "
        f"{shown(most(frequencies(flows), 'n_runs'))} runs a point (bars: 95 % Wilson intervals) "
        f"beside "
        f"the two-component mixture's theory with fixed equal weights (solid) and with weights "
        f"trained at η = {shown(most(mixture, 'eta'), 'g')} (dashed; bands: likewise, "
        f"{shown(most(mixture, 'n_runs'))} starts). {_comparison(flows, mixture)} "
        f"{int((runs != 'finished').sum())} runs diverged."
    )


def _course_in_numbers(table: pd.DataFrame) -> str:
    """How many runs collapse, how wide they became before, and when it was decided."""
    if table.empty:
        return UNKNOWN
    by_run = table.pivot(index="run", columns="step", values="outcome")
    lost = by_run.iloc[:, -1] == "collapsed"
    quarter = by_run.columns[len(by_run.columns) // 4]
    late = int((lost & (by_run[quarter] == "both modes")).sum())
    widest = table.groupby("run")["projection_std"].max()[lost]
    ends = table[(table["step"] == table["step"].max()) & (table["outcome"] == "collapsed")]
    split = np.sqrt(1 + table["separation"].iloc[0] ** 2)
    if not lost.any():
        return "0 end collapsed."
    return (
        f"{int(lost.sum())} end collapsed, with a median KL of "
        f"{shown(ends['kl'].median(), '.3f')} (a lost "
        f"mode costs log 2 = 0.693 at least). They move to one mode before they have split: the "
        f"widest that their standard deviation along μ* gets is {widest.median():.1f} in the "
        f"median, {split:.1f} when split. That is mean alignment without means. {late} of them "
        f"held both modes at step {quarter}: vanishing weight, the slow loss of a mode that was "
        f"found, has no counterpart of its own."
    )


def _comparison(flows: pd.DataFrame, mixture: pd.DataFrame) -> str:
    """What agrees with the mixture and what does not, in numbers."""
    early, late = (
        frequencies(flows if step is not None else flows.iloc[:0], step)
        for step in _early_and_late(flows)
    )
    low, high, widest = late["dimension"].min(), most(late, "dimension"), most(late, "separation")
    fixed = mixture[mixture["eta"] == 0]
    flow, theory = ([_at(t, widest, d) for d in (low, high)] for t in (late, fixed))
    both = early.merge(late, on=[*SETTING, *CAPACITY], suffixes=("_early", "_late"))
    both["healed"] = both["probability_early"] - both["probability_late"]
    healed = both.loc[[both["healed"].idxmax()]] if len(both) else both
    return (
        f"As in the mixture, small separations are safe and large ones are not. Unlike in the "
        f"mixture, collapse depends on d (at r = {shown(widest, 'g')} from "
        f"{shown(flow[0], '.2f')} at d = {shown(low)} to "
        f"{shown(flow[1], '.2f')} at d = {shown(high)}; mixture with fixed weights: "
        f"{shown(theory[0], '.2f')} and "
        f"{shown(theory[1], '.2f')}), and near its onset it heals with training (hollow marks; at "
        f"r = "
        f"{shown(first(healed, 'separation'), 'g')}, d = {shown(first(healed, 'dimension'))} from "
        f"{shown(first(healed, 'probability_early'), '.2f')} to "
        f"{shown(first(healed, 'probability_late'), '.2f')}), where a mixture "
        f"with fixed weights stays collapsed for ever above its fold."
    )


def _early_and_late(table: pd.DataFrame) -> tuple[int | None, int | None]:
    """The first logged step after the start, and the last; None where there is none."""
    steps = [int(step) for step in np.sort(table["step"].unique())]
    return (steps[1] if len(steps) > 1 else None), (steps[-1] if steps else None)


def _only(table: pd.DataFrame, column: str) -> str:
    """The values of a column that has one, or few."""
    return ", ".join(f"{value:g}" for value in np.sort(table[column].unique())) or UNKNOWN


def _at(table: pd.DataFrame, separation: float, dimension: int) -> float:
    """The probability at the separation nearest to that asked for."""
    rows = table[table["dimension"] == dimension]
    if rows.empty:
        return math.nan
    return float(rows.loc[(rows["separation"] - separation).abs().idxmin(), "probability"])
