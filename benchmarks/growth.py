"""How time grows with runs, batch, dimension, modes and jobs: exponents over about two decades.

The exponent is the slope of log(time) on log(size), by least squares over all measurements, with
its 95 % interval; where small sizes pay a fixed cost, it is smaller than that of large ones.
"""

from __future__ import annotations

import math
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from scipy import stats

from modecollapse.devices import limited_threads
from modecollapse.flows.ensemble import Ensemble
from modecollapse.flows.settings import FlowSettings
from modecollapse.flows.training import resolve
from modecollapse.overlaps import random_start
from modecollapse.simulation.full import simulate
from modecollapse.simulation.reduced import simulate_reduced
from modecollapse.targets import BimodalTarget
from modecollapse.theory.integration import integrate
from modecollapse.theory.multimodal import MultimodalTarget, integrate_modes, random_modes_start

__all__ = ["rows"]

ROOT = Path(__file__).parents[1]
REPEATS = 3
SEPARATION = 3.0


def rows() -> Iterator[dict[str, Any]]:
    """A row for each law of growth: the ratio is the exponent, from `low` to `high`."""
    with limited_threads(1):
        for name, sizes, call, note in LAWS:
            yield _row(name, sizes, [measured(call, size) for size in sizes], note)
        yield _planning()


def measured(call: Callable[[int], object], size: int) -> list[float]:
    """CPU seconds of each of some calls, after one that warms up."""
    call(size)
    seconds = []
    for _ in range(REPEATS):
        begin = time.process_time()
        call(size)
        seconds.append(time.process_time() - begin)
    return seconds


def _row(
    name: str, sizes: Sequence[int], seconds: Sequence[Sequence[float]], note: str
) -> dict[str, Any]:
    exponent, low, high = slope(sizes, seconds)
    return {
        "name": f"growth_{name}",
        "ratio": exponent,
        "ours": float(np.median(seconds[0])),
        "theirs": float(np.median(seconds[-1])),
        "unit": "s of CPU, at the smallest and at the largest size",
        "note": f"exponent [{low:.2f}, {high:.2f}] of {note}, {sizes[0]} to {sizes[-1]}",
    }


def slope(sizes: Sequence[int], seconds: Sequence[Sequence[float]]) -> tuple[float, float, float]:
    """The slope of log(seconds) on log(size), and its 95 % interval."""
    x = np.log(np.repeat(sizes, [len(each) for each in seconds]))
    fitted = stats.linregress(x, np.log(np.concatenate(seconds)))
    reach = stats.t.ppf(0.975, len(x) - 2) * fitted.stderr
    return fitted.slope, fitted.slope - reach, fitted.slope + reach


def theory(runs: int) -> object:
    target = BimodalTarget(SEPARATION, 64)
    start = random_start(target, runs, np.random.default_rng(0))
    return integrate(target, start, [100.0], rtol=1e-6, threads=1)


def full(batch: int, dimension: int = 128) -> object:
    target = BimodalTarget(SEPARATION, dimension)
    start = random_start(target, 1, np.random.default_rng(0))
    given: dict[str, Any] = {
        "step_size": 0.05,
        "steps": 20,
        "seed": 0,
        "log_every": 20,
        "evaluation_samples": 4,
    }
    return simulate(target, start, batch=batch, device="cpu", **given)


def reduced(dimension: int) -> object:
    target = BimodalTarget(SEPARATION, dimension)
    start = random_start(target, 1, np.random.default_rng(0))
    given: dict[str, Any] = {"step_size": 0.05, "steps": 100, "seed": 0, "log_every": 100}
    return simulate_reduced(target, start, batch=1024, evaluation_samples=4, **given)


def modes(count: int) -> object:
    target = MultimodalTarget.simplex(count, SEPARATION, 256)
    start = random_modes_start(target, 1, count, np.random.default_rng(0))
    return integrate_modes(target, start, [1.0], rtol=1e-2)


def flows(batch: int, dimension: int = 16, seeds: int = 4) -> object:
    settings = FlowSettings.of(
        seeds=seeds, couplings=4, hidden=32, depth=2, batch=batch, device="cpu"
    )
    ensemble = Ensemble(BimodalTarget(SEPARATION, dimension), resolve(settings), range(seeds))
    for _ in range(5):
        ensemble.step(ensemble.loss())
    return ensemble


LAWS: list[tuple[str, Sequence[int], Callable[[int], object], str]] = [
    ("theory_runs", (30, 100, 300, 1000, 3000), theory, "the closed equations with the runs"),
    ("simulation_batch", (64, 256, 1024, 4096), full, "full steps with the batch, d = 128"),
    (
        "simulation_dimension",
        (16, 64, 256, 1024),
        lambda d: full(1024, d),
        "full steps with the dimension, batch 1024",
    ),
    (
        "reduced_dimension",
        (10, 1000, 100_000, 1_000_000),
        reduced,
        "reduced steps with the dimension, batch 1024",
    ),
    (
        "theory_modes",
        (2, 8, 32, 128),
        modes,
        "the closed equations with as many modes as components",
    ),
    ("flows_batch", (64, 256, 1024, 4096), flows, "five steps of four flows with the batch"),
    (
        "flows_dimension",
        (4, 16, 64, 256),
        lambda d: flows(256, d),
        "five steps of four flows with the dimension",
    ),
    (
        "flows_runs",
        (2, 8, 32, 128),
        lambda n: flows(256, 16, n),
        "five steps with the flows at once",
    ),
]
JOBS = (60, 250, 1200, 6000)  # fewer are lost in the noise
SEPARATIONS = [1 + n / 10 for n in range(60)]  # so that the table has as many points


def _planning() -> dict[str, Any]:
    """Snakemake's planning of a table of many jobs, beyond that of a table of one."""
    none = min(planned(1) for _ in range(REPEATS))
    seconds = [[max(planned(jobs) - none, 1e-3)] for jobs in JOBS]
    note = f"planning with the jobs, beyond the {none:.1f} s of one job"
    return _row("jobs", JOBS, seconds, note)


def planned(jobs: int) -> float:
    """CPU seconds of a dry run of one table by `jobs` jobs."""
    table = "outcome_map"
    with tempfile.TemporaryDirectory() as folder:
        own = Path(folder) / "own.yaml"
        block = f"{{jobs: {jobs}, separations: {SEPARATIONS}}}"
        path = f"fig4_vanishing_weight: {{{table}: {{theory: {block}}}}}"
        own.write_text(f"name: planned\n{path}\n", encoding="utf-8")
        words = ["--dry-run", "--quiet", "--cores", "1", "--configfile", str(own), "--"]
        command = [sys.executable, "-m", "snakemake", *words, f"results/planned/{table}.csv"]
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        subprocess.run(command, cwd=ROOT, capture_output=True, check=True)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return math.fsum(
        getattr(after, kind) - getattr(before, kind) for kind in ("ru_utime", "ru_stime")
    )


if __name__ == "__main__":
    for line in rows():
        print(line)
