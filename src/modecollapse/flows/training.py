"""Train normalizing flows by reverse KL on the bimodal target: settings in, trajectory out."""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from .. import devices
from ..checks import integer
from ..outcomes import outcome
from ..schedules import NoAnnealing
from ..store import StoreError
from ..targets import BimodalTarget
from ..trajectory import Status, Trajectory
from . import checkpoints
from .ensemble import NEVER, STATISTICS, Ensemble
from .settings import FlowSettings, description

__all__ = ["train"]

CACHE = 2**21  # bytes: the activations of one layer that stay near a CPU core
GPU_SHARE = 0.25  # of a GPU's memory, for the activations of an ensemble
DIAGNOSTICS = ("ensemble_size", "direction", "projection")
log = logging.getLogger(__name__)


def train(
    target: BimodalTarget,
    settings: FlowSettings | None = None,
    *,
    checkpoint: str | os.PathLike[str] | None = None,
    checkpoint_every: int = 500,
    threads: int = 1,
    **changes: Any,
) -> Trajectory:
    """Train flows q on the target p by descent of KL(q‖p) (docs/theory.md, Eq. 12.3).

    Parameters
    ----------
    target : p, in d ≥ 2 dimensions.
    settings : the flows and their training; default ``FlowSettings()``.
    changes : fields of :class:`FlowSettings` to change, such as ``seeds=16, steps=500``.
    checkpoint : a file to write the state to, and to go on from where it exists; the result is bit
        for bit that of an undisturbed training.  It is left for the caller to delete.
    checkpoint_every : steps between two checkpoints.
    threads : how many cores torch uses within an operation.  The products of small networks gain
        little from a second one and lose much beside other work; another number has other bits.

    Returns
    -------
    Trajectory with source "flow", times in optimisation steps, and the statistics mass_plus,
    mass_minus, kl, kl_se, ess, projection_mean, projection_std, loss, and, where the target is
    annealed, beta, all of them with respect to p itself but for the loss, which is of p^β.  A run
    that diverged has the status DIVERGED and a message.  Diagnostics: `run` (n,), its number;
    `ensemble_size` (n,); `direction` (n, d), the unit vector of μ*; and with projection_samples = k
    `projection` (n, T, k, 2), samples of q projected on μ* and on an orthogonal direction.

    Raises
    ------
    ValueError : naming a wrong argument, or the setting in which a checkpoint differs.
    modecollapse.store.StoreError : naming a checkpoint that cannot be read or written.

    Examples
    --------
    >>> from modecollapse import target, train
    >>> p = target(separation=1.0, dimension=2)
    >>> run = train(p, seeds=3, couplings=2, hidden=8, steps=20, log_every=10, batch=32)
    >>> run.statistics["mass_plus"].shape
    (3, 3)
    """
    settings = resolve(replace(settings or FlowSettings(), **changes))
    every = integer("checkpoint_every", checkpoint_every, 1)
    path = None if checkpoint is None else Path(checkpoint)
    with devices.limited_threads(threads):
        return _trajectory(target, settings, _trained(target, settings, path, every))


def _trained(
    target: BimodalTarget, settings: FlowSettings, path: Path | None, every: int
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
    path: Path, target: BimodalTarget, settings: FlowSettings, saved: Mapping[str, Any]
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
    try:
        ensemble.restore(state)
    except RuntimeError as error:  # no state of a generator
        reason = "a generator's state is none"
        raise StoreError(f"{path}: not a checkpoint ({reason}); delete it to start anew") from error


def resolve(settings: FlowSettings) -> FlowSettings:
    """The settings with the device and the ensemble's size decided."""
    device = devices.resolve(settings.device).type
    size = settings.ensemble_size or _fitting_size(settings, device)
    return replace(settings, device=device, ensemble_size=min(size, settings.seeds))


def _fitting_size(settings: FlowSettings, device: str) -> int:
    """How many flows to train at once, from the memory that their activations need.

    On a CPU, so many that a layer's activations stay in its cache, for time goes into memory
    traffic beyond that; on a GPU, so many that all layers' activations fit its memory.
    """
    itemsize = 4 if settings.dtype == "float32" else 8
    layer = settings.batch * settings.hidden * itemsize
    if device == "cpu":
        return max(1, CACHE // layer)
    memory = torch.cuda.get_device_properties(device).total_memory
    return max(1, int(GPU_SHARE * memory) // (layer * settings.couplings * (settings.depth + 2)))


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
    record["ensemble_size"] = torch.full([len(ensemble.runs)], len(ensemble.runs))
    if ensemble.projections:
        record["projection"] = torch.stack(ensemble.projections, dim=1)
    return record


def _record_pattern(target: BimodalTarget, settings: FlowSettings, n: int) -> dict[str, Any]:
    """What a record of n runs consists of, by its types and shapes."""
    times, kept = len(_times(settings)), settings.projection_samples
    series = torch.empty(n, times, dtype=torch.float64)
    whole = torch.empty(n, dtype=torch.int64)
    return {
        **dict.fromkeys((*STATISTICS, "beta"), series),
        "diverged_at": whole,
        "direction": series.new_empty(n, target.dimension),
        "ensemble_size": whole,
        **({"projection": torch.empty(n, times, kept, 2)} if kept else {}),
    }


def _trajectory(
    target: BimodalTarget, settings: FlowSettings, finished: Sequence[Mapping[str, Any]]
) -> Trajectory:
    joined = {name: torch.cat([r[name] for r in finished]).numpy() for name in finished[0]}
    annealed = () if isinstance(settings.schedule, NoAnnealing) else ("beta",)
    statistics = {name: joined[name] for name in (*STATISTICS, *annealed)}
    diverged_at = joined["diverged_at"]
    ended = diverged_at == NEVER
    outcomes = np.full(settings.seeds, None, dtype=object)
    masses = np.stack([statistics["mass_plus"], statistics["mass_minus"]], axis=-1)[:, -1]
    outcomes[ended] = outcome(masses[ended], target.weights)
    status = np.where(ended, Status.FINISHED, Status.DIVERGED).astype(object)
    diagnostics = {name: joined[name] for name in DIAGNOSTICS if name in joined}
    return Trajectory(
        source="flow",
        times=_times(settings),
        statistics=statistics,
        outcome=outcomes,
        status=status,
        message=tuple(_message(int(step)) for step in diverged_at),
        diagnostics={"run": settings.first_seed + np.arange(settings.seeds), **diagnostics},
    )


def _times(settings: FlowSettings) -> NDArray[np.float64]:
    """The steps at which all runs are measured."""
    return np.union1d(np.arange(0, settings.steps, settings.log_every), settings.steps) * 1.0


def _message(diverged_at: int) -> str:
    if diverged_at == NEVER:
        return ""
    return (
        f"loss or gradient not finite at step {diverged_at}; "
        "use a smaller learning_rate or clip, or a larger batch"
    )
