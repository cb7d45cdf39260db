"""Train normalizing flows on a target: settings in, trajectory and flows out."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from .. import devices
from ..checks import count, made, path_of, require
from ..memory import check_memory
from ..schedules import NoAnnealing
from ..targets import Target
from ..trajectory import Status, Trajectory, finish
from .architectures.base import least_parameters
from .course import times, trained
from .ensemble import NEVER, logged
from .settings import FlowSettings
from .trained import TrainedFlows

__all__ = ["Training", "fit", "train"]

CACHE = 2**21  # bytes: the activations of one layer that stay near a CPU core
GPU_SHARE = 0.25  # of a GPU's memory, for the activations of an ensemble
DIAGNOSTICS = ("ensemble_size", "direction", "projection")


@dataclass(frozen=True, eq=False, kw_only=True)
class Training(Trajectory):
    """The record of a training, and its flows as they are at the end."""

    flows: TrainedFlows


def train(
    target: Target,
    settings: FlowSettings | None = None,
    *,
    checkpoint: str | os.PathLike[str] | None = None,
    checkpoint_every: int | None = None,
    threads: int = 1,
    **changes: Any,
) -> Training:
    """Train normalizing flows q on the target p, many seeds at once.

    By default by descent of KL(q‖p) (docs/theory.md, Eq. 12.3).

    Parameters
    ----------
    target : p, in d ≥ 2 dimensions: a bimodal target, a mixture, a log-density of your own (see
        :func:`modecollapse.targets.custom`), or whatever else has the methods of
        :class:`~modecollapse.targets.Target`.
    settings : the flows and their training; default ``FlowSettings()``.
    changes : fields of :class:`FlowSettings`, or of its architecture, to change, such as
        ``seeds=16, hidden=32``.
    checkpoint : a file to write the state to, and to go on from where it exists; the result is bit
        for bit that of an undisturbed training.  It is left for the caller to delete.
    checkpoint_every : steps between two checkpoints; by default 500, and after the first more where
        writing the others would take more than a tenth of the time.
    threads : how many cores torch uses within an operation.  The products of small networks gain
        little from a second one and lose much beside other work; another number has other bits.

    Returns
    -------
    Trajectory with source "flow", times in optimisation steps, and the statistics mass_plus,
    mass_minus (mass_0, mass_1, … for other targets, as far as their modes are known), kl, kl_se
    (negative_elbo, negative_elbo_se where log Z is not known), ess, projection_mean,
    projection_std, with forward_samples forward_kl and forward_kl_se, loss, and, where the target
    is annealed, beta: all of them with respect to p itself but for the loss, which is of p^β.  A
    run that diverged has the status DIVERGED and a message; no run has an outcome where the modes
    or their weights are not known.  Its `flows` are the trained :class:`TrainedFlows`, to sample
    from.  Diagnostics: `run` (n,), its number; `ensemble_size` (n,); `direction` (n, d), the unit
    vector of μ*; and with projection_samples = k `projection` (n, T, k, 2), samples of q projected
    on μ* and on an orthogonal direction.

    Warnings
    --------
    `ess`, the effective sample size, does not show a lost mode: it is computed from samples of q,
    which never meet it, and is near 1 for a flow that fits one mode of two perfectly.  Nor does the
    loss by itself.  Look at the masses, and at kl, which is log 1/π_k or more where only mode k is
    covered; for a target whose modes are not known, train several seeds and compare.

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
    >>> run.flows.sample(5).shape
    (3, 5, 2)
    """
    call = "target(...), mixture(...), or custom(log_density, dimension) around a log-density"
    require(isinstance(target, Target), "target", target, call)
    settings = resolve(_given(settings).changed(**changes))
    if settings.objective in ("maximum-likelihood", "mixed"):
        plain = isinstance(settings.schedule, NoAnnealing)
        require(plain, "schedule", settings.schedule, f"no annealing with {settings.objective}")
    check_size(target, settings)
    every = None if checkpoint_every is None else count("checkpoint_every", checkpoint_every)
    path = None if checkpoint is None else path_of("checkpoint", checkpoint)
    with devices.limited_threads(threads):
        return _training(target, settings, trained(target, settings, path, every))


def fit(
    target: Target,
    settings: FlowSettings | None = None,
    *,
    forward_samples: int = 16384,
    **arguments: Any,
) -> Training:
    """Fit flows to exact samples of p by maximum likelihood: what their family can do.

    It is :func:`train` with the objective KL(p‖q), a learning rate that falls to zero, and KL(p‖q)
    measured on samples that were not trained on, `forward_kl` ± `forward_kl_se`.  Its `kl` is the
    KL(q‖p) that descent of KL(q‖p) misses by its regret.

    >>> from modecollapse import target
    >>> run = fit(target(separation=1.0, dimension=2), seeds=2, couplings=2, hidden=8, steps=20,
    ...           batch=32, forward_samples=100)
    >>> run.final("forward_kl").shape
    (2,)
    """
    settings = _given(settings)
    chosen = {"objective": "maximum-likelihood", "learning_rate_schedule": "cosine", **arguments}
    return train(target, settings, forward_samples=forward_samples, **chosen)


def _given(settings: FlowSettings | None) -> FlowSettings:
    """The settings, the defaults where none are given."""
    if settings is None:
        return FlowSettings()
    return made(
        "settings", settings, FlowSettings, "FlowSettings, such as FlowSettings.of(seeds=4)"
    )


def check_size(target: Target, settings: FlowSettings) -> None:
    """Refuse what does not fit into the memory, by less than it takes rather than more.

    Raises
    ------
    ValueError : naming the first setting that is too large.
    """
    width, layers = settings.architecture.footprint()
    d = target.dimension
    flow = 4.0 * least_parameters(settings.architecture, d)
    remedy = "take fewer of them"
    check_memory("architecture", settings.architecture, flow, "take fewer or narrower layers")
    kept = settings.seeds * flow
    check_memory("seeds", settings.seeds, kept, remedy)
    activations = 4.0 * settings.batch * (layers * width + d)
    check_memory("batch", settings.batch, activations, remedy)
    for name in ("evaluation_samples", "forward_samples"):
        samples = getattr(settings, name)
        check_memory(name, samples, 8.0 * samples * (2 * d + width), remedy)
    times = -(-settings.steps // settings.log_every) + 1
    each = settings.seeds * (len(logged(target, settings)) + 2 * settings.projection_samples)
    needed = float(times) * (24 * each + 64)  # of numbers, while they are put together three times
    name = "log_every" if times > settings.seeds else "seeds"
    told = f"{times} measurements of {settings.seeds} runs; take a larger log_every"
    check_memory(name, getattr(settings, name), needed, told)


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
    width, layers = settings.architecture.footprint()
    layer = settings.batch * width * itemsize
    if device == "cpu":
        return max(1, CACHE // layer)
    memory = torch.cuda.get_device_properties(device).total_memory
    return max(1, int(GPU_SHARE * memory) // (layer * layers))


def _training(
    target: Target, settings: FlowSettings, finished: Sequence[Mapping[str, Any]]
) -> Training:
    joined = {name: torch.cat([r[name] for r in finished]).numpy() for name in finished[0]}
    annealed = not isinstance(settings.schedule, NoAnnealing)
    names = [name for name in logged(target, settings) if annealed or name != "beta"]
    ended = joined["diverged_at"] == NEVER
    diagnostics = {name: joined[name] for name in DIAGNOSTICS if name in joined}
    known = target.weights is not None and len(target.weights) > 1
    record = (finish if known else _without_outcomes)(
        "flow",
        times(settings),
        {name: joined[name] for name in names},
        target,
        [Status.FINISHED if one else Status.DIVERGED for one in ended],
        float(settings.steps),
        [_message(int(step)) for step in joined["diverged_at"]],
        {"run": settings.first_seed + np.arange(settings.seeds), **diagnostics},
    )
    base = (settings.base_scale, settings.base_components, settings.base_radius)
    flows = TrainedFlows(
        settings.architecture, target.dimension, target.reach, joined["theta"], base
    )
    return Training(**{f.name: getattr(record, f.name) for f in fields(record)}, flows=flows)


def _without_outcomes(
    source: str,
    times: NDArray[np.float64],
    statistics: Mapping[str, NDArray[np.float64]],
    target: Target,
    status: Sequence[Status],
    reached: float,
    why: Sequence[str],
    diagnostics: Mapping[str, NDArray],
) -> Trajectory:
    """The record of runs on a target whose modes, or their weights, are not known."""
    nothing = np.full(len(status), None, dtype=object)
    ends = np.array(status, dtype=object)
    return Trajectory(source, times, statistics, nothing, ends, tuple(why), diagnostics)


def _message(diverged_at: int) -> str:
    if diverged_at == NEVER:
        return ""
    return (
        f"loss or gradient not finite at step {diverged_at}; "
        "use a smaller learning_rate or clip, or a larger batch"
    )
