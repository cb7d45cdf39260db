"""Trained flows by the metrics of the field (:mod:`modecollapse.metrics`)."""

from __future__ import annotations

import numpy as np
import pandas as pd
import torch

from ..checks import made, require
from ..memory import fitting
from ..metrics import bound, forward_ess, log_partition, mode_entropy, mode_weight_error
from ..targets import Target
from ..targets.densities import density
from .training import Training

__all__ = ["judge"]


def judge(run: Training, target: Target, samples: int = 4096, seed: int = 0) -> pd.DataFrame:
    """A row for each run: its number, and what is known of q against p̃ = Z p.

    Parameters
    ----------
    run : what :func:`~modecollapse.train` returns.
    target : that it was trained on.  The bimodal target lies differently for each run, and takes
        the directions that the run recorded.
    samples : of q, and of p where it can be sampled.
    seed : of both.

    Returns
    -------
    run; mode_weight_error and mode_entropy, where modes and weights are known; lower_bound,
    lower_bound_se, log_z and log_z_se, by samples of q, all blind to what q has lost; and, where p
    can be sampled, upper_bound, upper_bound_se and forward_ess.  NaN for runs that diverged.

    >>> from modecollapse import mixture, train
    >>> p = mixture([[2.0, 0.0], [-2.0, 0.0]])
    >>> table = judge(train(p, seeds=2, couplings=2, hidden=8, steps=5, batch=16), p, samples=50)
    >>> bool((table["lower_bound"] < table["upper_bound"]).all())
    True
    """
    made("run", run, Training, "what modecollapse.train returns")
    require(isinstance(target, Target), "target", target, "the target of the run")
    n = fitting("samples", samples, 16.0 * target.dimension, 2)
    own = density(target, _axes(run, target))
    table = pd.DataFrame({"run": run.diagnostics["run"]})
    names = [f"mass_{name}" for name in target.mode_names]
    if target.weights is not None and len(names) > 1:
        masses = np.stack([run.final(name) for name in names], -1)
        table["mode_weight_error"] = mode_weight_error(masses, target.weights)
        table["mode_entropy"] = mode_entropy(masses)
    x = run.flows.sample(n, seed)
    with torch.no_grad():
        log_ratio = own.log_density(torch.as_tensor(x)).numpy() - run.flows.log_density(x)
    table["lower_bound"], table["lower_bound_se"] = bound(log_ratio)
    table["log_z"], table["log_z_se"] = log_partition(log_ratio)
    generators = [torch.Generator().manual_seed(seed + k) for k in range(len(run.flows))]
    try:
        y = own.sample(generators, torch.empty(x.shape, dtype=torch.float64))
    except ValueError:  # a target without exact samples
        return table
    with torch.no_grad():
        log_ratio = own.log_density(y).numpy() - run.flows.log_density(y.numpy())
    table["upper_bound"], table["upper_bound_se"] = bound(log_ratio)
    table["forward_ess"] = forward_ess(log_ratio)
    return table


def _axes(run: Training, target: Target) -> torch.Tensor:
    """The first axes of the runs, (S, 1, d), as they were trained."""
    if "direction" in run.diagnostics:
        return torch.as_tensor(np.asarray(run.diagnostics["direction"], dtype=float))[:, None]
    axes = target.axes("axis", np.random.default_rng(0))
    return torch.as_tensor(np.broadcast_to(axes, (len(run.flows), *axes.shape)).copy())
