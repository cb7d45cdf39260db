"""The two flows of one ensemble that cover the target worst and best."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..targets import BimodalTarget
from ..trajectory import Trajectory
from .share import Share, any_finished

__all__ = ["worst_and_best"]


def worst_and_best(
    settings: Any, share: Share, logs: int, **chosen: Any
) -> tuple[BimodalTarget, Trajectory, int, int] | None:
    """The target, the ensemble trained with these settings and logged about `logs` times, and which
    of its flows keeps least, and which most, of the weight of the mode that it loses more of.

    None where another job does it, or no run finished: the work of an ensemble is not shared.
    """
    from ..flows.training import train

    if not share.of(["ensemble"]):
        return None
    target = BimodalTarget(settings.separation, settings.dimension, settings.target_weight)
    run = train(
        target,
        checkpoint=share.checkpoint(settings),
        seed=settings.seed,
        seeds=settings.seeds,
        couplings=settings.couplings,
        hidden=settings.hidden,
        depth=settings.depth,
        steps=settings.steps,
        batch=settings.batch,
        learning_rate=settings.learning_rate,
        log_every=max(1, settings.steps // logs),
        evaluation_samples=settings.samples,
        projection_samples=settings.samples,
        device=settings.device,
        **chosen,
    )
    if not any_finished(run, target=target):
        return None
    masses = np.stack([run.final("mass_plus"), run.final("mass_minus")], axis=-1)
    kept = np.where(run.finished, (masses / target.weights).min(axis=-1), np.nan)
    return target, run, int(np.nanargmin(kept)), int(np.nanargmax(kept))
