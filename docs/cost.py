"""What a configuration costs on a cluster, in hours of cores and of GPUs, table by table.

    python docs/cost.py config/cluster.yaml     measures what has changed, writes docs/costs.csv
                                                and the sums in docs/cluster.md
    python docs/cost.py config/mine.yaml --output mine.csv         another one, likewise
    python docs/cost.py --units                 what a trajectory, a sample and a step cost

What runs on cores is timed: some points of each block, with its own settings but for CUTS, in
which the time is linear.  What runs on GPUs is counted: the operations of all matrix products, over
a rate that was measured on one (`python -m benchmarks gpu`).
"""

from __future__ import annotations

import argparse
import hashlib
import json
import math
import platform
import re
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import date
from functools import cache
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any
from unittest import mock

import numpy as np
import pandas as pd
import torch

from modecollapse.experiments.share import Share
from modecollapse.flows import training
from modecollapse.flows.ensemble import Ensemble
from modecollapse.flows.operations import operations as counted
from modecollapse.flows.settings import FlowSettings
from modecollapse.overlaps import random_start
from modecollapse.pipeline.compute import _frozen, module_name
from modecollapse.pipeline.configuration import ConfigurationError, blocks, experiments, read
from modecollapse.simulation.full import simulate
from modecollapse.simulation.reduced import simulate_reduced
from modecollapse.targets import BimodalTarget
from modecollapse.theory.integration import integrate

ROOT = Path(__file__).parents[1]
COSTS = ROOT / "docs" / "costs.csv"
COLUMNS = ["figure", "table", "source", "jobs", "points", "device", "hours", "error", "longest"]
COLUMNS += ["minutes", "settings", "date", "machine"]
PAGE = ROOT / "docs" / "cluster.md"
BUDGET = 10.0  # seconds of measuring for a block
FEWEST = 3  # points to measure, whatever they take

# Of RealNVPs on an NVIDIA H100 80GB, 24 to 128 at once, whose steps took 0.8 to 1.4 times as long
# as this says: docs/performance.md.
RATE = 2.8e13  # operations a second, in float32 and, to within a fifth, in float64
LAUNCH = 0.0045  # seconds of a step beyond its products
per_sample = cache(counted)  # thousands of trainings are of a few kinds


@dataclass(frozen=True)
class Cut:
    """Settings that are all divided by what brings the first of them down to `to`.

    The time goes with that divisor to the power of `power`.
    """

    names: tuple[str, ...]
    to: float
    power: int = 1


CUTS = {
    ("snapshots", "simulation"): [Cut(("runs",), 8), Cut(("steps",), 20)],
    ("closed_equations", "simulation"): [Cut(("runs",), 8), Cut(("time",), 0.4)],
    ("scaling", "simulation"): [Cut(("bias_runs", "spread_runs", "floor_runs"), 100)],
    ("validation", "simulation"): [Cut(("runs",), 8)],
    ("paired_outcomes", "simulation"): [Cut(("runs",), 8), Cut(("time",), 2.0)],
    ("basins", "theory"): [Cut(("points",), 40, power=2)],
    ("collapse_probability", "theory"): [Cut(("runs",), 200)],
    ("collapse_probability", "simulation"): [
        Cut(("most_runs", "first_runs"), 8),
        Cut(("steps",), 20),
    ],
    ("bifurcation", "simulation"): [Cut(("steps",), 40)],
    ("mixture_outcomes", "theory"): [Cut(("runs",), 200)],
    ("mixture_outcomes", "simulation"): [Cut(("most_runs", "first_runs"), 16)],
    ("finite_batch", "theory"): [Cut(("runs",), 500)],
    ("finite_batch", "simulation"): [Cut(("runs",), 500)],
    ("modes_found", "theory"): [Cut(("runs",), 2)],
    ("annealing_map", "theory"): [Cut(("runs",), 50)],
    ("annealing_map", "simulation"): [Cut(("most_runs", "first_runs"), 10)],
    ("annealing_forecast", "theory"): [Cut(("runs",), 50)],
    ("annealing_practice", "theory"): [Cut(("runs",), 50)],
    ("flow_tangent", "flows"): [Cut(("runs",), 4)],
    ("geometry_survival", "theory"): [Cut(("runs",), 20)],
    ("remedies", "simulation"): [Cut(("runs",), 40)],
    ("annealed_geometry", "theory"): [Cut(("runs",), 50)],
    ("annealed_geometry", "simulation"): [Cut(("runs",), 8)],
    ("natural_lifetimes", "theory"): [Cut(("runs",), 3)],
    ("components_paid", "simulation"): [Cut(("runs",), 8)],
    ("heated", "theory"): [Cut(("runs",), 50)],
    ("heated", "simulation"): [Cut(("runs",), 8)],
    ("healing", "theory"): [Cut(("runs",), 15)],
    ("escape_times", "simulation"): [Cut(("runs",), 60)],
}


def reduced(block: Mapping[str, Any], cut: Cut) -> tuple[dict[str, Any], float]:
    """A block with less to do, and how many times that is what the whole has to do.

    >>> reduced({"runs": 100, "steps": 60}, Cut(("runs",), 10))
    ({'runs': 10, 'steps': 60}, 10.0)
    """
    first, small = cut.names[0], dict(block)
    divisor = max(1.0, block[first] / cut.to)
    for name in cut.names:
        less = block[name] / divisor
        small[name] = max(1, round(less)) if isinstance(block[name], int) else less
    return small, (block[first] / small[first]) ** cut.power


class Caught(Exception):
    """Carries what a computation was about to do."""

    def __init__(self, what: Any) -> None:
        self.what = what


class _Counting(Share):
    """A share that tells how many points there are instead of handing them out."""

    def of(self, items: Any) -> list[Any]:
        raise Caught(len(items))

    progress = of


def points(module: ModuleType, block: Mapping[str, Any]) -> int:
    """The number of points that the work of a block is made of."""
    try:
        module.compute(_settings(module, block), _Counting())
    except Caught as caught:
        return caught.what
    raise AssertionError(f"{module.__name__} takes no share of its work")


def _settings(module: ModuleType, block: Mapping[str, Any]) -> Any:
    return module.Settings(**{name: _frozen(value) for name, value in block.items()})


def core_seconds(
    module: ModuleType,
    block: Mapping[str, Any],
    cuts: list[Cut],
    clock: Callable[[], float] = time.process_time,
) -> tuple[float, float, float]:
    """The time of a block on one core, its standard error, and the time of the longest point."""
    factor, small = 1.0, dict(block)
    for cut in cuts[:-1]:
        small, times = reduced(small, cut)
        factor *= times
    efforts = [(small, 1.0)]
    if cuts:  # what a start costs whatever comes after it shows in the difference of two efforts
        last = cuts[-1]
        efforts = [reduced(small, replace(last, to=last.to * more)) for more in (1, 2)]
    n = points(module, small)
    order = [int(i) for i in np.random.default_rng(0).permutation(n)]
    settings = [_settings(module, effort) for effort, _ in efforts]
    module.compute(settings[0], Share(order[0], n))  # whatever is compiled is compiled once
    begin, whole = clock(), []
    for i in order:
        taken = []
        for each in settings:
            start = clock()
            module.compute(each, Share(i, n))
            taken.append(clock() - start)
        whole.append(_extrapolated(taken, [times for _, times in efforts]) * factor)
        if clock() - begin > BUDGET and len(whole) >= FEWEST:
            break
    spread = np.std(whole, ddof=1) / np.sqrt(len(whole)) if 1 < len(whole) < n else 0.0
    return float(np.mean(whole)) * n, float(spread) * n, max(whole)


def _extrapolated(taken: list[float], times: list[float]) -> float:
    """The time of the whole, from those of one or two efforts that are 1/times of it.

    >>> _extrapolated([3.0, 4.0], [20.0, 10.0])  # 2 at the start, 1 for each twentieth
    22.0
    """
    if len(taken) == 1 or times[0] == times[1]:
        return taken[0] * times[0]
    slope = (taken[1] - taken[0]) / (1 / times[1] - 1 / times[0])
    return taken[0] + slope * (1 - 1 / times[0])


def trainings(
    module: ModuleType, block: Mapping[str, Any]
) -> Iterator[tuple[BimodalTarget, FlowSettings]]:
    """Every training that a block would start, none of which is."""

    def catch(target: BimodalTarget, settings: FlowSettings, *_: Any) -> None:
        raise Caught((target, settings))

    n, settings = points(module, block), _settings(module, block)
    for i in range(n):
        with (
            mock.patch.object(training, "resolve", lambda settings: settings),
            mock.patch.object(training, "trained", catch),
        ):
            try:
                module.compute(settings, Share(i, n))
            except Caught as caught:
                yield caught.what


def gpu_seconds(target: BimodalTarget, settings: FlowSettings) -> float:
    """The time that a training takes on a GPU by the rates above."""
    ensembles = math.ceil(settings.seeds / (settings.ensemble_size or settings.seeds))
    return operations(target, settings) / RATE + ensembles * settings.steps * LAUNCH


def operations(target: BimodalTarget, settings: FlowSettings) -> float:
    """Additions and multiplications in all matrix products of a training."""
    step, measurement = per_sample(target.dimension, settings.architecture)
    logs = settings.steps // settings.log_every + 1
    samples = settings.steps * settings.batch * step
    return settings.seeds * (samples + logs * settings.evaluation_samples * measurement)


def digest(block: Mapping[str, Any]) -> str:
    """What tells one block's settings from another's, as far as they may matter to its cost."""
    given = {name: block[name] for name in block.keys() - {"jobs", "seed", "start_seed"}}
    return hashlib.sha256(json.dumps(given, sort_keys=True).encode()).hexdigest()[:12]


def measured(experiment: str, source: str, block: Mapping[str, Any]) -> dict[str, Any]:
    """The cost of a block."""
    module = import_module(module_name(experiment, source))
    given = {name: value for name, value in block.items() if name != "jobs"}
    if block.get("device") == "cuda":
        # what is counted in one go is trained ensemble by ensemble
        trains = "flow_grid" if experiment == "flow_frequencies" else experiment
        trainer = import_module(module_name(trains, source))
        each = [gpu_seconds(*each) for each in trainings(trainer, given)]
        device, seconds, error, longest = "gpu", sum(each), 0.0, max(each)
    else:
        cuts = CUTS.get((experiment, source), [])
        device, (seconds, error, longest) = "core", core_seconds(module, given, cuts)
    return {
        "points": points(module, given),
        "device": device,
        "hours": seconds / 3600,
        "error": error / 3600,
        "longest": longest / 60,
    }


def costs(config: Mapping[str, Any], known: pd.DataFrame) -> Iterator[dict[str, Any]]:
    """A row for each block of a configuration; what is known of the same settings is kept."""
    old = {(row["table"], row["source"], row["settings"]): row for row in known.to_dict("records")}
    named = experiments(config)
    for figure, tables in blocks(config).items():
        for table, sources in tables.items():
            for source, block in sources.items():
                name = {"table": table, "source": source, "settings": digest(block)}
                row = old.get(tuple(name.values()))
                if row is None:
                    made = {"date": date.today().isoformat(), "machine": _machine()}
                    row = {**name, **measured(named[table], source, block), **made}
                row |= {"figure": figure, "jobs": block["jobs"]}
                row["minutes"] = 60 * row["hours"] / row["jobs"]
                print("{figure} {table} {source}: {hours:.3g} h, {minutes:.3g} min".format(**row))
                yield row


def _machine() -> str:
    found = re.search(r"model name\s*: (.*)", Path("/proc/cpuinfo").read_text())
    return found[1] if found else platform.machine()


HEAD = "| figure | jobs | core-hours | GPU-hours |\n|---|---|---|---|"
TABLE = re.compile(re.escape(HEAD) + r"(\n\|.*)*")  # in PAGE


def shown(table: pd.DataFrame) -> str:
    """Jobs and hours of each figure and of all, in Markdown."""

    def line(name: str, rows: pd.DataFrame) -> str:
        hours = rows.groupby("device")["hours"].sum()
        core, gpu = (_rounded(hours.get(device, 0.0)) for device in ("core", "gpu"))
        return f"| {name} | {rows['jobs'].sum():,} | {core} | {gpu} |"

    lines = [line(f"`{figure}`", rows) for figure, rows in table.groupby("figure", sort=False)]
    return "\n".join([HEAD, *lines, line("all", table)])


def _rounded(hours: float) -> str:
    """Two digits, which is more than is known.

    >>> _rounded(123.4), _rounded(1.26), _rounded(0.04), _rounded(0.0)
    ('120', '1.3', '0.04', '–')
    """
    if hours == 0:
        return "–"
    if hours < 0.1:
        return f"{max(hours, 0.01):.2f}"
    return f"{float(f'{hours:.2g}'):,.{0 if hours >= 9.95 else 1}f}"


STEPS = 50  # of the simulations that are timed


def units() -> Iterator[str]:
    """What the unit of each kind of work costs on one core, in Markdown."""
    yield "| work | at | one core |\n|---|---|---|"
    for dimension in (16, 1024):
        target = BimodalTarget(3.0, dimension, 0.5)
        start = random_start(target, 1000, np.random.default_rng(0))
        seconds = _seconds(lambda t=target, s=start: integrate(t, s, [1e5], rtol=1e-7, threads=1))
        yield f"| theory, a trajectory until 10⁵ | d = {dimension} | {seconds:.2f} ms |"
    options: dict[str, Any] = {"step_size": 0.1, "steps": STEPS, "log_every": STEPS, "seed": 1}
    options["evaluation_samples"] = 4
    for dimension in (8, 64, 512, 4096):
        target, runs, batch = BimodalTarget(3.0, dimension, 0.5), max(1, 1024 // dimension), 256
        start = random_start(target, runs, np.random.default_rng(0))
        seconds = _seconds(
            lambda t=target, s=start: simulate(t, s, batch=256, device="cpu", **options)
        )
        each = seconds / (STEPS * runs * batch) * 1e9
        yield f"| simulation, a sample of a step of a run | d = {dimension} | {each:,.0f} ns |"
    for batch in (64, 8192):
        target, runs = BimodalTarget(3.0, 512, 0.5), 16
        start = random_start(target, runs, np.random.default_rng(0))
        seconds = _seconds(
            lambda t=target, s=start, b=batch: simulate_reduced(t, s, batch=b, **options)
        )
        each = seconds / (STEPS * runs * batch) * 1e9
        yield f"| reduced simulation, likewise | any d, batch {batch} | {each:,.0f} ns |"
    for dimension, hidden in ((16, 32), (16, 64), (128, 64), (128, 256), (128, 512)):
        target = BimodalTarget(3.0, dimension, 0.5)
        settings = FlowSettings.of(seeds=2, couplings=8, hidden=hidden, batch=512, device="cpu")
        ensemble = Ensemble(target, settings, range(2))
        seconds = _seconds(lambda e=ensemble: e.step(e.loss()), repeat=8) / 2
        work = 512 * per_sample(dimension, settings.architecture)[0]
        yield (
            f"| flow of 8 couplings, a step of 512 | d = {dimension}, hidden {hidden} "
            f"| {1e3 * seconds:.0f} ms: {work / 1e9:.2g}·10⁹ operations, "
            f"{work / seconds / 1e9:.0f}·10⁹/s |"
        )


def _seconds(work: Callable[[], object], repeat: int = 3) -> float:
    """The median time on a core, once everything is compiled."""
    work()
    taken = []
    for _ in range(repeat):
        start = time.process_time()
        work()
        taken.append(time.process_time() - start)
    return float(np.median(taken))


def main() -> None:
    parser = argparse.ArgumentParser(description="What a configuration costs.")
    parser.add_argument("configfile", nargs="?", type=Path, help="laid over config.yaml")
    parser.add_argument("--output", type=Path, default=COSTS)
    parser.add_argument("--units", action="store_true", help="what the units of work cost")
    given = parser.parse_args()
    torch.set_num_threads(1)
    if given.units:
        for row in units():
            print(row, flush=True)
        return
    try:
        config = read(ROOT, [given.configfile] if given.configfile else [])
    except ConfigurationError as error:
        sys.exit(str(error))
    known = pd.read_csv(given.output) if given.output.exists() else pd.DataFrame(columns=COLUMNS)
    rows = []
    for row in costs(config, known):  # what is measured is kept, should it be interrupted
        rows.append(row)
        done = pd.DataFrame(rows, columns=COLUMNS)
        rest = known[~known["settings"].isin(done["settings"])]
        pd.concat([done, rest]).to_csv(given.output, index=False, float_format="%.6g")
    table = pd.DataFrame(rows, columns=COLUMNS)
    table.to_csv(given.output, index=False, float_format="%.6g")
    print(shown(table))
    if given.output == COSTS:
        text = PAGE.read_text(encoding="utf-8")
        PAGE.write_text(TABLE.sub(lambda _: shown(table), text, count=1), encoding="utf-8")


if __name__ == "__main__":
    main()
