"""Figure 5: normalizing flows lose modes too, when, and beside which mixture."""

from __future__ import annotations

from collections.abc import Mapping

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from .style import (
    COLOURS,
    MARKERS,
    UNKNOWN,
    WIDTH,
    legend,
    limits,
    most,
    nothing,
    panel,
    panel_letter,
    shades,
    shown,
)

__all__ = ["CLAIM", "caption", "draw", "frequencies"]

CLAIM = "Normalizing flows trained by the reverse KL divergence lose modes likewise."
OPTIMIZERS = {"adam": "Adam", "sgd": "plain descent"}
ENDS = {"both modes": "both modes", "collapsed": "collapsed"}


def draw(tables: Mapping[str, pd.DataFrame]) -> Figure:
    """(a) mass over training, (b) projected density, (c) the part collapsed at each step,
    (d) frequencies at the end beside the mixture, (e) what the start foretells."""
    figure = plt.figure(figsize=(WIDTH, 6.3))
    top, middle, bottom = figure.subfigures(3, 1, squeeze=True)
    course, *densities = top.subplots(1, 3, width_ratios=[1.25, 1.0, 1.0])
    panel(course, draw_course, tables["flow_course"])
    panel_letter(course, "a")
    cases = tables["flow_density"].groupby("case")
    for axes in densities[len(cases) :]:
        nothing(axes)
    for axes, (case, rows) in zip(densities, cases, strict=False):
        draw_density(axes, rows)
        axes.set_title(f"{rows['outcome'].iloc[0]}", fontsize=7, loc="right", y=1.0)
        if case == "best":
            axes.set_ylabel(r"position $x\cdot\mu^\star/r$")
            panel_letter(axes, "b")
    draw_healing(middle, tables["flow_collapse"])
    draw_frequency_panels(bottom, tables)
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
    axes.set_ylim(-0.2, 1.03)  # room for the legend
    axes.set_yticks(np.linspace(0, 1, 6))
    axes.set_xlabel("optimisation step")
    axes.set_ylabel("mass of q on the + mode")
    handles = [Line2D([], [], color=COLOURS[end], label=name) for end, name in ENDS.items()]
    axes.legend(handles=handles, loc="lower center", ncols=2, handlelength=1.2)


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
    """The rows of a table of frequencies at a logged step, by default the last."""
    return table[table["step"] == (table["step"].max() if step is None else step)]


def draw_healing(figure: Figure, flows: pd.DataFrame) -> None:
    """S(step), the part still collapsed, a line for each separation, a panel for each dimension."""
    dimensions, separations = (np.sort(flows[n].unique()) for n in ("dimension", "separation"))
    columns = max(len(dimensions), 1)
    panels = figure.subplots(1, columns, sharex=True, sharey=True, squeeze=False)[0]
    colours = shades(len(separations))
    if flows.empty:
        nothing(panels[0])
    for axes, dimension in zip(panels, dimensions, strict=False):
        part = flows[flows["dimension"] == dimension].sort_values("step")
        for separation, colour in zip(separations, colours, strict=True):
            rows = part[(part["separation"] == separation) & (part["step"] > 0)]
            label = f"$r = {separation:g}$"
            axes.plot(rows["step"], rows["probability"], color=colour, lw=1.0, label=label)
            axes.fill_between(
                rows["step"], rows["low"], rows["high"], color=colour, alpha=0.15, linewidth=0
            )
        axes.set_ylim(-0.04, 1.04)
        axes.set_title(rf"$d = {dimension}$")
    panels[len(panels) // 2].set_xlabel("optimisation step")
    panels[0].set_ylabel("part collapsed $S$")
    figure.legend(*panels[0].get_legend_handles_labels(), loc="outside upper right", ncols=4)
    panel_letter(panels[0], "c")


def draw_frequency_panels(figure: Figure, tables: Mapping[str, pd.DataFrame]) -> None:
    """P(collapse) against the separation, one panel for each dimension, and the forecast."""
    mixture, flows = tables["mixture_collapse"], tables["flow_collapse"]
    trained = pd.concat([flows, tables["flow_sgd"]], ignore_index=True)
    dimensions = np.sort(trained["dimension"].unique())
    panels = figure.subplots(1, max(len(dimensions), 1) + 1, squeeze=False)[0]
    if trained.empty:
        nothing(panels[0])
    for axes, dimension in zip(panels, dimensions, strict=False):
        here = trained[trained["dimension"] == dimension]
        draw_mixture(axes, mixture[mixture["dimension"] == dimension], "separation")
        for optimizer, rows in here.groupby("optimizer"):
            draw_frequencies(axes, frequencies(rows), "separation", hollow=optimizer != "adam")
        axes.set_title(rf"$d = {dimension}$")
        axes.set_xlabel("separation $r$")
    panels[0].set_ylabel("P(collapse)")
    draw_forecasts(panels[-1], first_look(flows))
    figure.legend(handles=keys(trained), loc="outside upper right", ncols=4)
    panel_letter(panels[0], "d")
    panel_letter(panels[-1], "e")


def first_look(flows: pd.DataFrame) -> pd.DataFrame:
    """The settings with enough runs of either end at the first step after the start."""
    later = flows[flows["step"] > 0]
    rows = later[later["step"] == later["step"].min()]
    return rows[rows["auc_high"] - rows["auc_low"] < 1]


def draw_forecasts(axes: Axes, rows: pd.DataFrame) -> None:
    """The area under the curve of |m(0)|, for each setting in which both ends happen."""
    if rows.empty:
        return nothing(axes, "too few runs of either end")
    dimensions = np.sort(rows["dimension"].unique())
    for number, (dimension, marker) in enumerate(zip(dimensions, "os^Dv<>p", strict=False)):
        here = rows[rows["dimension"] == dimension]
        x = here["separation"] + 0.06 * (number - (len(dimensions) - 1) / 2)
        y = here["auc"]
        axes.errorbar(
            x, y, np.abs([y - here["auc_low"], here["auc_high"] - y]), marker=marker, ls="",
            color=COLOURS["flow"], mfc="white", elinewidth=0.8, label=f"$d = {dimension}$",
        )  # fmt: skip
    axes.axhline(0.5, color="0.6", lw=0.6, ls=":")
    axes.set_ylim(0.0, 1.04)
    axes.set_xlabel("separation $r$")
    axes.set_ylabel(r"AUC of $|m(0)|$")
    return legend(axes, loc="lower left", handletextpad=0.2)


def draw_frequencies(
    axes: Axes,
    table: pd.DataFrame,
    against: str,
    *,
    hollow: bool = False,
    colour: str = COLOURS["flow"],
    marker: str = MARKERS["flow"],
    line: str = "",
    label: str | None = None,
) -> None:
    """Flows as marks with 95 % Wilson intervals."""
    rows = table.sort_values(against)
    x, p = rows[against].to_numpy(dtype=float), rows["probability"].to_numpy()
    axes.errorbar(
        x,
        p,
        np.abs([p - rows["low"], rows["high"] - p]),
        marker=marker,
        color=colour,
        mfc="white" if hollow else colour,
        ls=line,
        lw=0.7,
        mew=0.8,
        elinewidth=0.8,
        zorder=2 if hollow else 3,
        label=label,
    )
    axes.set_ylim(-0.04, 1.04)


def draw_mixture(axes: Axes, table: pd.DataFrame, against: str) -> None:
    """The mixture's theory as lines with 95 % bands: solid with fixed weights, dashed trained."""
    for eta, rows in table.sort_values(against).groupby("eta"):
        x, p, low, high = (rows[n].to_numpy() for n in (against, "probability", "low", "high"))
        axes.plot(x, p, color=COLOURS["theory"], ls="-" if eta == 0 else "--", lw=1.0)
        axes.fill_between(x, low, high, color=COLOURS["theory"], alpha=0.12, linewidth=0)


def keys(flows: pd.DataFrame) -> list[Line2D]:
    """The legend of the frequencies."""
    lines = []
    for optimizer in [name for name in OPTIMIZERS if name in set(flows["optimizer"])]:
        face = COLOURS["flow"] if optimizer == "adam" else "white"
        line = Line2D([], [], color=COLOURS["flow"], marker=MARKERS["flow"], mfc=face, ls="")
        line.set_label(f"flows, {OPTIMIZERS[optimizer]}")
        lines.append(line)
    for style, name in (("-", "fixed weights"), ("--", "trained")):
        line = Line2D([], [], color=COLOURS["theory"], lw=1.0, ls=style, label=f"mixture, {name}")
        lines.append(line)
    return lines


def caption(tables: Mapping[str, pd.DataFrame]) -> str:
    """What the panels show, from which start, after how many steps, with which bars."""
    course, flows = tables["flow_course"], tables["flow_collapse"]
    mixture, density = tables["mixture_collapse"], tables["flow_density"]
    first_steps = flows[flows["step"] == 0]
    return (
        f"RealNVP ({_only(flows, 'couplings')} couplings, {_only(flows, 'depth')} hidden layers of "
        f"{_only(flows, 'hidden')}), π = {_only(flows, 'target_weight')}, μ* in a direction drawn "
        f"for each run. Every flow begins untrained, which is nearly N(0, I), with its mean along "
        f"μ*, m(0), {shown(first_steps['start'].min(), '.2f')} to "
        f"{shown(first_steps['start'].max(), '.2f')} standard deviations of a mode from the middle "
        f"(medians of the settings). (a) Mass on the + mode of {course['run'].nunique()} runs "
        f"at r = {_only(course, 'separation')}, d = {_only(course, 'dimension')}: "
        f"{_course_in_numbers(course)} (b) Density of the projection on μ* under two runs at r = "
        f"{_only(density, 'separation')}, d = {_only(density, 'dimension')}; dotted: the modes. "
        f"(c) Part of the runs, {shown(most(frequencies(flows), 'n_runs'))} a setting, that is "
        f"collapsed at each step, trained by Adam; bands: 95 % Wilson intervals. (d) The same at "
        f"step {shown(most(flows, 'step'))} (bars likewise; plain descent: step "
        f"{shown(most(tables['flow_sgd'], 'step'))}), beside the gradient flow of two components "
        f"at time {shown(most(mixture, 'time'), 'g')} with fixed equal weights and with weights "
        f"trained at η = {shown(most(mixture, 'eta'), 'g')} ({shown(most(mixture, 'n_runs'))} "
        f"starts a point, bands likewise), from starts whose mean along μ* is spread as that of "
        f"the untrained flows. Fitted to samples of p by maximum likelihood, the same architecture "
        f"reaches a KL(q‖p) of at most {shown(most(tables['flow_fit'], 'kl'), '.2f')} nats, of "
        f"{shown(_worst(tables['flow_fit']), '.2f')} in the better fit of each target (flow_fit): "
        f"the rest of the log 2 = 0.69 that a lost mode costs is regret. (e) Whether "
        f"|m(0)| tells which runs of a setting are collapsed when one first looks, at step "
        f"{shown(most(first_look(flows), 'step'))}: area under the curve, "
        f"bars: 95 % intervals; 1/2 is chance; settings with fewer than four runs of either end "
        f"are left out. {first_steps['n_diverged'].sum()} runs diverged."
    )


def _worst(fits: pd.DataFrame) -> float:
    """The largest over the targets of the least KL of a target's fits."""
    return float(fits.groupby(["separation", "dimension"])["kl"].min().max())


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
        f"held both modes at step {quarter}: a slow loss of a mode that was found, as by vanishing "
        f"weight, is not seen."
    )


def _only(table: pd.DataFrame, column: str) -> str:
    """The values of a column that has one, or few."""
    return ", ".join(f"{value:g}" for value in np.sort(table[column].unique())) or UNKNOWN
