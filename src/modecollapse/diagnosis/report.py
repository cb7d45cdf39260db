"""The one-page report of a diagnosis: HTML and PDF with a picture, numbers as CSV."""

from __future__ import annotations

import base64
import html
import os
import textwrap
from pathlib import Path
from typing import Any

import numpy as np
import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from ..figures.style import COLOURS, applied, nothing, save
from ..store import write_bytes
from ..targets.densities import density
from .found import Diagnosis, ratios

__all__ = ["draw", "page", "write_report"]

BEYOND = 0.6  # of the distance of two modes, how far the line goes on behind them
PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>Will a flow collapse?</title>
<style>
body {{ font: 15px/1.45 sans-serif; margin: 2em auto; max-width: 52em; color: #222; }}
img {{ width: 100%; }}
table {{ border-collapse: collapse; font-variant-numeric: tabular-nums; }}
th, td {{ padding: 0.15em 0.8em; text-align: right; border-bottom: 1px solid #ddd; }}
</style>
</head>
<body>
<h1>Will a flow collapse?</h1>
{sentences}
<img alt="Densities along the line through two modes, mass per mode over training, and forecast \
against frequency" src="data:image/png;base64,{picture}">
<h2>Modes</h2>
{modes}
<h2>Flows</h2>
<p>{settings}</p>
</body>
</html>
"""


def write_report(found: Diagnosis, folder: str | os.PathLike[str]) -> list[Path]:
    """Write the report and its numbers; returns the files."""
    place = Path(folder)
    place.mkdir(parents=True, exist_ok=True)
    about = " ".join(found.sentences())
    with applied():
        pdf = save(draw(found, text=True), about, ["pdf"])["pdf"]
        png = save(draw(found), about, ["png"])["png"]
    content = {
        "report.html": page(found, png).encode(),
        "report.pdf": pdf,
        "modes.csv": found.modes.table().to_csv(index=False).encode(),
        "runs.csv": found.table().to_csv(index=False).encode(),
        "remedies.csv": found.prices.to_csv(index=False).encode(),
    }
    for name, data in content.items():
        write_bytes(place / name, data)
    return [place / name for name in content]


def page(found: Diagnosis, png: bytes) -> str:
    """The report as HTML, its picture within."""
    modes = found.modes.table()
    shown = modes[[name for name in modes if not name.startswith("x_")]]
    settings = found.settings
    said = (
        f"{settings.seeds} runs of {settings.architecture!r}, {settings.steps} steps of "
        f"{settings.batch} samples, {settings.optimizer} at {settings.learning_rate:g}, "
        f"objective {settings.objective}, seed {settings.seed}."
    )
    return PAGE.format(
        sentences="\n".join(f"<p>{html.escape(each)}</p>" for each in found.sentences()),
        picture=base64.b64encode(png).decode(),
        modes=shown.to_html(index=False, border=0, float_format=lambda v: f"{v:.3g}"),
        settings=html.escape(said),
    )


def draw(found: Diagnosis, text: bool = False) -> Figure:
    """The picture; with `text` on a page, below the sentences."""
    figure = Figure(figsize=(7.0, 9.0 if text else 2.6), layout="constrained")
    if text:
        parts: Any = figure.subfigures(2, 1, height_ratios=(1.0, 0.6))
        words, below = parts
        lines = "\n\n".join(textwrap.fill(each, 92) for each in found.sentences())
        words.text(0.02, 0.97, "Will a flow collapse?", fontsize=14, weight="bold", va="top")
        words.text(0.02, 0.88, lines, fontsize=8, va="top")
        panels = below.subplots(1, 3)
    else:
        panels = figure.subplots(1, 3)
    _line(panels[0], found)
    _course(panels[1], found)
    _forecast(panels[2], found)
    return figure


def _line(axes: Axes, found: Diagnosis) -> None:
    """log p and the Gaussians at the modes, along the line through the two nearest modes."""
    modes = found.counted
    if len(modes) < 2:
        nothing(axes, "one mode")
        return
    apart = np.where(np.eye(len(modes), dtype=bool), np.inf, modes.barriers)
    i, j = np.unravel_index(apart.argmin(), apart.shape)
    t = np.linspace(-BEYOND, 1 + BEYOND, 200)[:, None]
    x = torch.as_tensor(modes.places[i] * (1 - t) + modes.places[j] * t)
    line = torch.as_tensor(found.target.axes("axis", np.random.default_rng(0)))[None]
    with torch.no_grad():
        own = density(found.target, line).log_density(x[None])[0].numpy() - modes.log_z
        like = modes.mixture().log_density(x).numpy()
    top = own.max()
    axes.plot(t[:, 0], own - top, color=COLOURS["theory"], label="target")
    axes.plot(t[:, 0], like - top, color=COLOURS["formula"], linestyle="--", label="Gaussians")
    axes.set_ylim(-1.6 * max(modes.barriers[i, j], 2.0), 1.0)
    axes.set_xlabel(f"from mode {i} (0) to mode {j} (1)")
    axes.set_ylabel("log density, nats")
    axes.legend(loc="lower center", fontsize=6)


def _course(axes: Axes, found: Diagnosis) -> None:
    """The least A_k/π_k of each run over training."""
    if found.run is None:
        nothing(axes, "no ensemble was asked for")
        return
    least = ratios(found.run, found.target).min(-1)
    for values, lost in zip(least, found.run.collapsed, strict=True):
        colour = COLOURS["collapsed" if lost else "both modes"]
        axes.plot(found.run.times, values, color=colour, linewidth=0.7)
    axes.axhline(0.25, color="0.6", linewidth=0.6, linestyle=":")
    axes.set_ylim(0, None)
    axes.set_xlabel("optimisation steps")
    axes.set_ylabel("least mass on a mode over its weight")


def _forecast(axes: Axes, found: Diagnosis) -> None:
    """The forecast of each run, lost runs marked, and frequency beside mean forecast."""
    if found.forecast is None:
        nothing(axes, "nothing to forecast")
        return
    order = np.argsort(found.forecast)
    lost = np.zeros(len(order), bool) if found.run is None else found.run.collapsed[order]
    place = np.arange(len(order))
    for chosen, name in ((~lost, "both modes"), (lost, "collapsed")):
        told = "all modes" if name == "both modes" else name
        label = told if found.run is not None and chosen.any() else None
        colour = "0.3" if found.run is None else COLOURS[name]
        axes.plot(place[chosen], found.forecast[order][chosen], "o", color=colour, label=label)
    count = found.frequency
    if count is not None:
        axes.axhspan(count["low"], count["high"], color="0.9", zorder=0)
        axes.axhline(count["probability"], color="0.5", linewidth=0.8, label="frequency")
        axes.legend(loc="best", fontsize=6)
    axes.set_ylim(-0.03, 1.03)
    axes.set_xlabel("runs, in order of their forecast")
    axes.set_ylabel("P(collapse)")
