"""The course of a training: ensemble after ensemble, from a checkpoint on where there is one."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator, Mapping
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from ..store import StoreError
from ..targets import Target
from . import checkpoints
from .ensemble import NEVER, Ensemble, build, logged
from .settings import FlowSettings, description

__all__ = ["ensembles_of", "times", "trained"]

log = logging.getLogger(__name__)


def trained(
    target: Target, settings: FlowSettings, path: Path | None, every: int
) -> list[dict[str, Any]]:
    """The records of all ensembles, from the checkpoint at `path` on and with others written."""
    named = description(target, settings)
    ensembles = ensembles_of(settings)
    saved = checkpoints.load(path, named) if path is not None else None
    finished: list[dict[str, Any]] = []
    running = None
    if path is not None and saved is not None:
        finished, running = _checked(path, target, settings, saved)
    clock = _Clock(len(ensembles), settings.steps)
    for number, runs in list(enumerate(ensembles))[len(finished) :]:
        ensemble = Ensemble(target, settings, runs)
        if path is not None and running is not None:
            _restore(path, ensemble, running)
            running = None
        for measured in _advance(ensemble):
            if measured:
                clock.tell(number, ensemble)
            elif path is not None and ensemble.time % every == 0:
                checkpoints.save(path, named, {"finished": finished, "running": ensemble.state()})
        finished.append(_record(ensemble))
        if path is not None:
            checkpoints.save(path, named, {"finished": finished, "running": None})
    return finished


def _checked(
    path: Path, target: Target, settings: FlowSettings, saved: Mapping[str, Any]
) -> tuple[list[dict[str, Any]], dict[str, Any] | None]:
    """The records of finished ensembles, and the state of a running one, that `saved` holds."""
    parts = saved.keys() == {"finished", "running"} and type(saved["finished"]) is list
    checkpoints.require(path, parts, "state", "the parts finished, running")
    finished, running = saved["finished"], saved["running"]
    ensembles = ensembles_of(settings)
    left = len(ensembles) - len(finished)
    started = running is None or type(running) is dict
    fits = started and left >= (0 if running is None else 1)
    checkpoints.require(path, fits, "state", f"that of {len(ensembles)} ensembles")
    patterns = [_record_pattern(target, settings, len(runs)) for runs in ensembles[: len(finished)]]
    checkpoints.check(path, patterns, finished, "finished")
    return finished, running


def _restore(path: Path, ensemble: Ensemble, state: Mapping[str, Any]) -> None:
    """Let an ensemble go on from `state`, once all of it is known to fit."""
    time, steps = state.get("time"), ensemble.settings.steps
    whole = type(time) is int and 1 <= time <= steps
    checkpoints.require(path, whole, "state.time", f"a whole number from 1 to {steps}")
    checkpoints.check(path, ensemble.pattern(int(state["time"])), state)
    beta, diverged_at = state["beta"], state["diverged_at"]
    tempered = bool(((beta > 0) & (beta <= 1)).all())
    checkpoints.require(path, tempered, "state.beta", "numbers in (0, 1]")
    reached = bool(((diverged_at >= NEVER) & (diverged_at <= time)).all())
    checkpoints.require(path, reached, "state.diverged_at", f"steps up to {time}")
    checkpoints.require(path, _sound(state), "state", "that of runs whose numbers are finite")
    try:
        ensemble.restore(state)
    except RuntimeError as error:  # no state of a generator
        reason = "a generator's state is none"
        raise StoreError(f"{path}: not a checkpoint ({reason}); delete it to start anew") from error


def _sound(state: Mapping[str, Any]) -> bool:
    """Whether parameters and moments of the runs that have not diverged are finite, squares not
    negative, and steps counted."""
    alive, theta = state["diverged_at"] == NEVER, state["theta"]
    kept = state["optimizer"]
    rows = [theta, *(part for part in kept.values() if part.shape == theta.shape)]
    least = [kept[name] for name in ("exp_avg_sq", "step") if name in kept]
    finite = all(bool(part[alive].isfinite().all()) for part in rows)
    return finite and all(bool((part >= 0).all()) for part in least)


def ensembles_of(settings: FlowSettings) -> list[range]:
    """The runs of each ensemble, as even as can be."""
    size = settings.ensemble_size or settings.seeds
    count = -(-settings.seeds // size)
    ends = np.linspace(0, settings.seeds, count + 1).round().astype(int) + settings.first_seed
    return [range(a, b) for a, b in pairwise(ends.tolist())]


def _advance(ensemble: Ensemble) -> Iterator[bool]:
    """Train to the end; yields True after each measurement and False after each step."""
    steps, log_every = ensemble.settings.steps, ensemble.settings.log_every
    while True:
        loss = ensemble.loss()
        if ensemble.time % log_every == 0 or ensemble.time >= steps:
            ensemble.measure(loss)
            yield True
        if ensemble.time >= steps:
            return
        ensemble.step(loss)
        yield False


class _Clock:
    """Tells in the log how far a training is, and how long the rest will take."""

    def __init__(self, ensembles: int, steps: int) -> None:
        self.ensembles, self.steps = ensembles, steps
        self.start = time.monotonic()
        self.at_start: int | None = None

    def tell(self, number: int, ensemble: Ensemble) -> None:
        """Log the progress of ensemble `number` at the time of a measurement."""
        done = number * self.steps + ensemble.time
        if self.at_start is None:
            self.at_start = done
        trained = done - self.at_start
        spent = time.monotonic() - self.start
        left = (self.ensembles * self.steps - done) * spent / trained if trained else None
        alive = ensemble.logs["loss"][-1][~ensemble.diverged.cpu()]
        log.info(
            "ensemble %d of %d, step %d of %d: median loss %s, %d diverged%s",
            number + 1,
            self.ensembles,
            ensemble.time,
            self.steps,
            f"{alive.median():.3f}" if len(alive) else "none",
            len(ensemble.runs) - len(alive),
            f", about {left:.0f} s left" if left is not None else "",
        )


def _record(ensemble: Ensemble) -> dict[str, Any]:
    """What is kept of an ensemble that has been trained."""
    record = {name: torch.stack(values, dim=1) for name, values in ensemble.logs.items()}
    record["diverged_at"] = ensemble.diverged_at.cpu()
    record["direction"] = ensemble.axes[:, 0].cpu()
    record["theta"] = ensemble.theta.detach().cpu()
    record["ensemble_size"] = torch.full([len(ensemble.runs)], len(ensemble.runs))
    if ensemble.projections:
        record["projection"] = torch.stack(ensemble.projections, dim=1)
    return record


def _record_pattern(target: Target, settings: FlowSettings, n: int) -> dict[str, Any]:
    """What a record of n runs consists of, by its types and shapes."""
    count, kept = len(times(settings)), settings.projection_samples
    size = build(target, settings).initial(np.random.default_rng(0)).size
    series = torch.empty(n, count, dtype=torch.float64)
    whole = torch.empty(n, dtype=torch.int64)
    return {
        **dict.fromkeys(logged(target, settings), series),
        "diverged_at": whole,
        "direction": series.new_empty(n, target.dimension),
        "theta": torch.empty(n, size, dtype=getattr(torch, settings.dtype)),
        "ensemble_size": whole,
        **({"projection": torch.empty(n, count, kept, 2)} if kept else {}),
    }


def times(settings: FlowSettings) -> NDArray[np.float64]:
    """The steps at which all runs are measured."""
    return np.union1d(np.arange(0, settings.steps, settings.log_every), settings.steps) * 1.0
