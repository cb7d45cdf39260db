"""From a log-density to a forecast of collapse, and to the ensemble that checks it."""

from __future__ import annotations

import logging
import os
import time
from types import SimpleNamespace
from typing import Any

import numpy as np
import torch

from ..checks import count, flag, made, path_of, require, within
from ..experiments.size import seconds as estimated
from ..flows import FlowSettings, train
from ..flows.training import check_size
from ..forecast import REFERENCE, early_features
from ..targets import Modes, Target, custom, find_modes, from_file
from ..targets.densities import density
from .found import NEGLIGIBLE, Diagnosis, ratios
from .price import heavier

__all__ = ["diagnose"]

log = logging.getLogger(__name__)
EARLY = 0.02  # of the steps, after which the forecast is made
GRADIENT = 3  # times as long as a log-density takes one with its gradient


def diagnose(
    target: Target | str | os.PathLike[str],
    settings: FlowSettings | None = None,
    *,
    check: bool = False,
    starts: int = 128,
    seconds: float = 60.0,
    hours: float = 24.0,
    **changes: Any,
) -> Diagnosis:
    """Find a target's modes, forecast whether flows collapse on it, and check it if asked.

    Parameters
    ----------
    target : any target, or a file that defines one (:func:`modecollapse.targets.from_file`).
    settings, changes : of the flows, as for :func:`modecollapse.train`; by default 16 runs of the
        RealNVP of figure 8: 4 couplings of width 32, 400 steps of 128 samples.
    check : whether to train the whole ensemble, beside the forecast's 2 % of the steps.
    starts, seconds : of the search for modes (:func:`modecollapse.targets.find_modes`).
    hours : what the trainings may take, by an estimate that is good to a factor of a few; what
        seems to take longer is refused before anything is done.

    Raises
    ------
    ValueError : naming what is wrong with the target, its file, or an argument.

    >>> from modecollapse import mixture
    >>> found = diagnose(mixture([[2.0, 0.0], [-2.0, 0.0]]), starts=8, seeds=3, steps=50)
    >>> len(found.modes), found.forecast.shape
    (2, (3,))
    """
    check = flag("check", check)
    count("starts", starts)
    within("seconds", seconds, 0)
    known = _known(target)
    given = _usual() if settings is None else settings
    allowed = "FlowSettings, such as FlowSettings.of(seeds=4)"
    chosen = made("settings", given, FlowSettings, allowed).changed(**changes)
    first = max(1, round(EARLY * chosen.steps))
    check_size(known, chosen.changed(log_every=first))
    _check_time(known, chosen, chosen.steps if check else first, within("hours", hours, 0))
    log.info("looking for modes, at most %.0f s", seconds)
    modes = find_modes(known, starts=starts, seconds=seconds)
    log.info("%s", modes.unseen)
    counted = heavier(modes, NEGLIGIBLE)
    with_modes = _with(known, counted)
    if len(counted) < 2:
        return Diagnosis(with_modes, modes, chosen, None, None, None)
    start = train(with_modes, chosen.changed(steps=first, log_every=first))
    early = ratios(start, with_modes)[:, -1]
    lowest = np.where(np.isfinite(early), early, 1.0).min(-1)
    features = early_features(lowest, counted.barrier_separation, len(counted))
    forecast = REFERENCE.probability(features)
    run = train(with_modes, chosen.changed(log_every=first)) if check else None
    return Diagnosis(with_modes, modes, chosen, early, forecast, run)


def _known(target: Target | str | os.PathLike[str]) -> Target:
    """The target itself, or that of a file."""
    if isinstance(target, Target):
        return target
    allowed = "a target, or a Python file that defines one, such as targets/ring.py"
    require(isinstance(target, str | os.PathLike), "target", target, allowed)
    require(os.path.isfile(path_of("target", target)), "target", str(target), allowed)
    return from_file(target)


def _check_time(target: Target, settings: FlowSettings, steps: int, hours: float) -> None:
    """Refuse what `steps` steps of all runs would take too long for, the target's own share of it
    being that of one batch of one run."""
    width, layers = settings.architecture.footprint()
    depth = getattr(settings.architecture, "depth", 1)
    flows = SimpleNamespace(
        couplings=layers / (depth + 2), hidden=width, depth=depth, dimension=target.dimension,
        architectures=(settings.architecture.name,), seeds=settings.seeds, steps=steps,
        batch=settings.batch, samples=settings.evaluation_samples, logs=steps * EARLY,
    )  # fmt: skip
    own = GRADIENT * _once(target, settings.batch) * settings.seeds * steps
    needed = (estimated(flows) + own) / 3600
    done = f"{steps} steps" + ("" if steps == settings.steps else f", {EARLY:.0%} of them,")
    told = f"what takes at most hours = {hours:g}; {done} of {settings.seeds} runs take"
    remedy = "take fewer steps or runs, or raise hours"
    require(needed <= hours, "steps", settings.steps, f"{told} about {needed:.3g}: {remedy}")


def _once(target: Target, batch: int) -> float:
    """Seconds that the log-density of a batch takes; 0 where it fails, of which the search for
    modes tells more."""
    axes = torch.as_tensor(target.axes("axis", np.random.default_rng(0)))[None]
    points = axes.new_tensor(np.random.default_rng(0).standard_normal((1, batch, target.dimension)))
    begin = time.perf_counter()
    try:
        density(target, axes).log_density(points)
    except Exception:
        return 0.0
    return time.perf_counter() - begin


def _usual() -> FlowSettings:
    return FlowSettings.of(
        seeds=16, couplings=4, hidden=32, steps=400, batch=128, learning_rate=2e-3,
        evaluation_samples=1024, device="cpu",
    )  # fmt: skip


def _with(target: Target, modes: Modes) -> Any:
    """The target itself where it knows weights and modes, else with those that were found."""
    if target.weights is not None and len(target.weights) > 1:
        return target
    axes = torch.as_tensor(target.axes("axis", np.random.default_rng(0)))[None]

    def log_density(x: torch.Tensor) -> torch.Tensor:
        return density(target, axes.to(x)).log_density(x[None])[0]

    return custom(
        log_density,
        target.dimension,
        modes=modes.places,
        weights=modes.weights,
        log_z=target.log_z,
        reach=target.reach,
    )
