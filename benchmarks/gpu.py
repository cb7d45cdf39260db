"""Time of an optimisation step and of a measurement on a GPU, for ensembles of config/cluster.yaml.

Rates are additions and multiplications of the matrix products, two operations each, over the whole
time on the clock, beside the rate of one large product in the same precision (float32 without
TF32, float64).
"""

from __future__ import annotations

import resource
import statistics
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch

from modecollapse.flows.ensemble import Ensemble
from modecollapse.flows.operations import operations
from modecollapse.flows.settings import FlowSettings
from modecollapse.targets import BimodalTarget

__all__ = ["rows"]

LARGE = 8192
SAMPLES = 8192  # of a measurement
SECONDS = 1.0  # of steps that are timed, at least


@dataclass(frozen=True)
class Case:
    """An ensemble of `flows` flows in R^d, its networks `width` wide."""

    dimension: int
    layers: int
    width: int
    flows: int = 96
    batch: int = 512
    architecture: str = "realnvp"


CASES = (
    *(Case(dimension, 8, 512) for dimension in (2, 8, 32, 64, 128)),
    Case(16, 8, 128, flows=128),
    *(Case(64, 2, width) for width in (32, 128, 512)),
    *(Case(16, 3, 128, 32, 256, architecture) for architecture in ("realnvp", "maf", "nsf")),
    Case(64, 16, 1024, flows=24),
)


def rows() -> Iterator[dict[str, Any]]:
    """A row for the steps and one for the measurement of each ensemble."""
    if not torch.cuda.is_available():
        print("gpu: skipped, torch finds none", file=sys.stderr)
        return
    torch.set_num_threads(1)
    peaks = {dtype: _peak(dtype) for dtype in (torch.float32, torch.float64)}
    for case in CASES:
        torch.cuda.empty_cache()
        torch.cuda.reset_peak_memory_stats()
        chosen = settings(case)
        ensemble = Ensemble(BimodalTarget(3.0, case.dimension), chosen, range(case.flows))
        step = _elapsed(partial(_step, ensemble))
        loss = ensemble.loss()
        measurement = _elapsed(partial(ensemble.measure, loss))
        each, measured = operations(case.dimension, chosen.architecture)
        trained, told = case.flows * case.batch * each, case.flows * SAMPLES * measured
        yield _row(case, "step", step, trained, peaks[torch.float32])
        yield _row(case, "measurement", measurement, told, peaks[torch.float64])


def _row(case: Case, what: str, seconds: float, work: float, peak: float) -> dict[str, Any]:
    kind = f"{case.architecture}_{case.layers}x{case.width}_d{case.dimension}_n{case.flows}"
    device = torch.cuda.max_memory_allocated() / 1e9
    host = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
    return {
        "name": f"gpu_{what}_{kind}",
        "ratio": work / seconds / peak,
        "ours": work / seconds / 1e12,
        "theirs": peak / 1e12,
        "unit": "10^12 operations a second",
        "note": f"{torch.cuda.get_device_name()}: {1e3 * seconds:.3g} ms,"
        f" {case.flows / seconds:.3g} flows' {what}s a second; until then at most {device:.3g} GB"
        f" there, {host:.3g} GB on the host",
    }


def settings(case: Case, device: str = "cuda") -> FlowSettings:
    """The settings that train an ensemble of that kind."""
    return FlowSettings.of(
        architecture=case.architecture,
        couplings=case.layers,
        hidden=case.width,
        seeds=case.flows,
        batch=case.batch,
        evaluation_samples=SAMPLES,
        learning_rate=1e-3,
        device=device,
    )


def _step(ensemble: Ensemble) -> None:
    ensemble.step(ensemble.loss())


def _peak(dtype: torch.dtype) -> float:
    """Operations a second in a large product."""
    a, b = (torch.randn(LARGE, LARGE, dtype=dtype, device="cuda") for _ in range(2))
    return 2 * LARGE**3 / _elapsed(lambda: torch.mm(a, b))


def _elapsed(work: Callable[[], object]) -> float:
    """The median time of a call on the clock."""
    taken: list[float] = []
    while len(taken) < 5 or sum(taken) < SECONDS:
        torch.cuda.synchronize()
        start = time.perf_counter()
        work()
        torch.cuda.synchronize()
        taken.append(time.perf_counter() - start)
    return statistics.median(taken[2:])  # the first ones warm up
