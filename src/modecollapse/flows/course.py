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
from torch import Tensor

from ..checks import require
from ..targets import Target
from . import checkpoints
from .ensemble import NEVER, Ensemble, build, ended_at, endings, logged, projections
from .settings import FlowSettings, description
from .stored import chosen, statistic, tensor
from .streams import streams

__all__ = ["ensembles_of", "times", "trained"]

USUAL = 500  # steps between two checkpoints, at least
PART = 9  # times as long as writing one took are spent on training before the next

log = logging.getLogger(__name__)


def trained(
    target: Target, settings: FlowSettings, path: Path | None, every: int | None
) -> list[dict[str, Any]]:
    """The records of all ensembles, from the checkpoint at `path` on and with others written."""
    named = description(target, settings)
    ensembles = ensembles_of(settings)
    saved = checkpoints.load(path, named) if path is not None else None
    finished: list[dict[str, Any]] = []
    running = None
    if path is not None and saved is not None:
        finished, running = _checked(path, target, settings, saved)
    clock, writer = _Clock(len(ensembles), settings.steps), _Writer(path, named, every)
    for number, runs in list(enumerate(ensembles))[len(finished) :]:
        ensemble = Ensemble(target, settings, runs)
        if path is not None and running is not None:
            _restore(path, ensemble, running)
            running = None
        for measured in _advance(ensemble):
            if measured:
                clock.tell(number, ensemble)
            elif ensemble.time < settings.steps and writer.due(ensemble.time):
                writer.save({"finished": finished, "running": ensemble.state()})
        finished.append(_record(ensemble))
        writer.save({"finished": finished, "running": None})
    return finished


class _Writer:
    """Writes checkpoints every so many steps or, unless it is told how many, every `USUAL` or more.

    Of a large ensemble they have gigabytes; after the first, which tells how long one takes, the
    others take a tenth of the time.
    """

    def __init__(self, path: Path | None, named: Mapping[str, Any], every: int | None) -> None:
        self.path, self.named, self.every = path, named, every
        self.taken, self.last = 0.0, time.monotonic()

    def due(self, step: int) -> bool:
        if self.path is None or step % (self.every or USUAL):
            return False
        return self.every is not None or time.monotonic() - self.last >= PART * self.taken

    def save(self, state: Mapping[str, Any]) -> None:
        if self.path is not None:
            begin = time.monotonic()
            checkpoints.save(self.path, self.named, state)
            self.last = time.monotonic()
            self.taken = self.last - begin


def _checked(
    path: Path, target: Target, settings: FlowSettings, saved: Mapping[str, Any]
) -> tuple[list[dict[str, Any]], dict[str, Any] | None]:
    """The records of finished ensembles, and the state of a running one, that `saved` holds."""
    ensembles = ensembles_of(settings)

    def some(name: str, found: Any) -> None:
        fits = type(found) is list and len(found) <= len(ensembles)
        require(fits, name, found, f"records of at most {len(ensembles)} ensembles")

    def going(name: str, found: Any) -> None:
        started = type(found) is dict and len(saved["finished"]) < len(ensembles)
        require(started or found is None, name, found, f"the state of one of {len(ensembles)}")

    checkpoints.check(path, {"finished": some, "running": going}, saved, "state")
    finished = saved["finished"]
    for number, (runs, record) in enumerate(zip(ensembles, finished, strict=False)):
        name, known = f"finished[{number}]", {"diverged_at": endings(len(runs), settings.steps)}
        checkpoints.check(path, known, chosen(record, *known), name)
        pattern = _record_pattern(target, settings, runs, record["diverged_at"])
        checkpoints.check(path, pattern, record, name)
    return finished, saved["running"]


def _restore(path: Path, ensemble: Ensemble, state: Mapping[str, Any]) -> None:
    """Let an ensemble go on from `state`, once all of it is known to fit."""
    known = ensemble.begun()
    checkpoints.check(path, known, chosen(state, *known), "state")
    checkpoints.check(path, ensemble.pattern(state["time"], state["diverged_at"]), state, "state")
    ensemble.restore(state)


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


def _record_pattern(
    target: Target, settings: FlowSettings, runs: range, diverged_at: Tensor
) -> dict[str, Any]:
    """What the record of these runs consists of, as they have diverged."""
    n, at, kept = len(runs), torch.as_tensor(times(settings)), settings.projection_samples
    size = build(target, settings).initial(np.random.default_rng(0)).size
    ended = ended_at(diverged_at)
    starts = [streams(settings.seed, run, torch.device("cpu")).start for run in runs]
    axes = torch.as_tensor(np.stack([target.axes(settings.direction, one)[0] for one in starts]))
    dtype, alive = getattr(torch, settings.dtype), (diverged_at == NEVER)[:, None]
    where, last = ended[:, None, None, None], at[:, None, None]
    return {
        **{
            name: statistic(name, (n, len(at)), at, ended[:, None])
            for name in logged(target, settings)
        },
        "diverged_at": endings(n, settings.steps),
        "direction": tensor(
            tuple(axes.shape), torch.float64, lambda u: (u - axes).abs() < 1e-6, "that of the runs"
        ),
        "theta": tensor(
            (n, size), dtype, lambda theta: theta.isfinite() | ~alive, "finite numbers"
        ),
        "ensemble_size": tensor((n,), torch.int64, lambda own: own == n, f"{n}, that of the runs"),
        **({"projection": projections((n, len(at), kept, 2), last, where)} if kept else {}),
    }


def times(settings: FlowSettings) -> NDArray[np.float64]:
    """The steps at which all runs are measured."""
    return np.union1d(np.arange(0, settings.steps, settings.log_every), settings.steps) * 1.0
