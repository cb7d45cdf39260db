"""Speed of a step of the full-dimensional simulation, on one core, interleaved with its rivals.

d = 128, batch 1024, float64, the full pathwise gradient, plain descent, one run at a time.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import torch
from torch.distributions import Categorical, Independent, MixtureSameFamily, Normal

from modecollapse.devices import limited_threads
from modecollapse.overlaps import Overlaps, random_start
from modecollapse.simulation.full import simulate
from modecollapse.simulation.normals import NormalStream
from modecollapse.simulation.reduced import simulate_reduced
from modecollapse.targets import BimodalTarget

__all__ = ["rows"]

TARGET, BATCH, STEP_SIZE, STEPS, ROUNDS = BimodalTarget(3.0, 128), 1024, 0.05, 200, 9
LARGE, FEW = BimodalTarget(3.0, 10_000), 2
REDUCED = 3  # normals that the reduced simulation draws for a sample where variances are fixed
UNIT = "steps per second and run"


def rows() -> Iterator[dict[str, Any]]:
    """A row for each comparison; every ratio is the better the larger."""
    with limited_threads(1):
        step, autograd = medians(lambda: run(TARGET, STEPS), lambda: distributions(STEPS))
        yield {
            "name": "simulation_vs_distributions",
            "ratio": autograd / step,
            "ours": STEPS / step,
            "theirs": STEPS / autograd,
            "unit": UNIT,
            "note": f"MixtureSameFamily with autograd, d = 128, batch {BATCH}, one core",
        }
        step, drawn = medians(lambda: run(TARGET, STEPS), lambda: normals(STEPS))
        yield {
            "name": "simulation_vs_normals",
            "ratio": drawn / step,
            "ours": STEPS / step,
            "theirs": STEPS / drawn,
            "unit": UNIT,
            "note": f"drawing the normals alone, d = 128, batch {BATCH}; 1 is the limit",
        }
        reduced, drawn = medians(lambda: run_reduced(STEPS), lambda: normals(STEPS, REDUCED))
        yield {
            "name": "reduced_vs_normals",
            "ratio": drawn / reduced,
            "ours": STEPS / reduced,
            "theirs": STEPS / drawn,
            "unit": UNIT,
            "note": f"drawing its normals alone, {REDUCED} a sample, batch {BATCH}; 1 is the limit",
        }
        reduced, full = medians(lambda: run_reduced(FEW), lambda: run(LARGE, FEW))
        yield {
            "name": "reduced_vs_full",
            "ratio": full / reduced,
            "ours": FEW / reduced,
            "theirs": FEW / full,
            "unit": UNIT,
            "note": f"the reduced simulation against the full one, d = 10^4, batch {BATCH}",
        }


def medians(one: Callable[[], None], other: Callable[[], None]) -> tuple[float, float]:
    """Median CPU seconds of two calls, taken in turns after one of each to warm up."""
    spent: tuple[list[float], list[float]] = ([], [])
    for turn in range(ROUNDS + 1):
        for call, times in zip((one, other), spent, strict=True):
            begin = time.process_time()
            call()
            if turn:
                times.append(time.process_time() - begin)
    return statistics.median(spent[0]), statistics.median(spent[1])


def start(target: BimodalTarget) -> Overlaps:
    return random_start(target, 1, np.random.default_rng(0))


def settings(steps: int) -> dict[str, Any]:
    common = {"step_size": STEP_SIZE, "steps": steps, "batch": BATCH, "seed": 0}
    return {**common, "log_every": steps, "evaluation_samples": 4}


def run(target: BimodalTarget, steps: int) -> None:
    """A whole call of `simulate`, its evaluation at the two ends being next to nothing."""
    simulate(target, start(target), device="cpu", **settings(steps))


def run_reduced(steps: int) -> None:
    simulate_reduced(LARGE, start(LARGE), **settings(steps))


def normals(steps: int, each: int = TARGET.dimension) -> None:
    """The simulation's own normals, `each` for a sample, and nothing else."""
    stream = NormalStream(0, 0, torch.device("cpu"))
    out = torch.empty(BATCH, each, dtype=torch.float64)
    for _ in range(steps):
        stream.fill(out)


def distributions(steps: int) -> None:
    """The same gradient by the natural road: reparametrised samples, log-densities, autograd."""
    d = TARGET.dimension
    small = BimodalTarget(TARGET.separation, 3)
    means = torch.zeros(2, d, dtype=torch.float64)
    means[:, :3] = torch.from_numpy(start(TARGET).vectors(small)[0])
    means.requires_grad_()
    modes = torch.from_numpy(np.array(TARGET.mixture().means))
    weights, scale = torch.full((2,), 0.5, dtype=torch.float64), torch.ones_like(modes)
    p = MixtureSameFamily(Categorical(weights), Independent(Normal(modes, scale), 1))
    optimizer = torch.optim.SGD([means], lr=STEP_SIZE)
    for _ in range(steps):
        q = MixtureSameFamily(Categorical(weights), Independent(Normal(means, scale), 1))
        x = q.component_distribution.rsample((BATCH // 2,)).flatten(0, 1)
        loss = (q.log_prob(x) - p.log_prob(x)).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
