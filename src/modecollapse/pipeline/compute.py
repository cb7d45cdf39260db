"""Compute a share of a table: ``python -m modecollapse.pipeline.compute EXPERIMENT SOURCE …``."""

from __future__ import annotations

import logging
import os
import shutil
import time
from collections.abc import Mapping
from importlib import import_module
from pathlib import Path
from typing import Any

from ..checks import choice, require
from ..closure import PACKAGE
from ..experiments import kinds
from ..experiments.share import Share
from ..store import write_table
from .entry import MOST_JOBS, MOST_THREADS, Parser, file_to_write, mapping, run, whole
from .provenance import record

__all__ = ["agree", "check", "compute", "main", "module_name", "part", "settings_of"]

SOURCES = ("theory", "simulation", "flows")


def module_name(experiment: str, source: str) -> str:
    """The module that computes what comes from `source`: the experiment, or its part for it.

    >>> module_name("basins", "theory"), module_name("finite_batch", "theory")
    ('modecollapse.experiments.basins', 'modecollapse.experiments.finite_batch.theory')
    """
    parted = (PACKAGE / "experiments" / experiment / "__init__.py").exists()
    return f"modecollapse.experiments.{experiment}{f'.{source}' if parted else ''}"


def compute(
    experiment: str, source: str, block: dict[str, Any], share: Share, output: Path, device: str
) -> None:
    """Compute a share on `device` and write it, with its provenance, to `output`."""
    start = time.monotonic()
    module = import_module(module_name(experiment, source))
    frame = module.compute(settings_of(experiment, source, block), share)
    seconds = time.monotonic() - start
    made_by = record([module.__name__, __spec__.name], block, [], seconds, device)
    if tolerances := getattr(module, "TOLERANCES", {}):
        made_by["tolerances"] = dict(tolerances)
    write_table(output, frame, module.UNITS, made_by)
    logging.info("%d rows in %.1f s", len(frame), seconds)


def part(
    experiment: str,
    source: str,
    block: dict[str, Any],
    output: Path,
    job: int = 0,
    jobs: int = 1,
    threads: int = 1,
) -> None:
    """Compute job number `job` of the `jobs` of a block; its scratch is gone once it has ended.

    Raises
    ------
    ValueError : naming the setting that passes the check and that a road refuses even so, or a GPU
        that is not there.
    """
    scratch = output.with_name(f".{output.name}.scratch")
    share = Share(job, jobs, threads, scratch)
    try:
        compute(experiment, source, block, share, output, device_used(block))
    except ValueError as error:
        raise ValueError(f"{experiment}.{source}.{error}") from error
    shutil.rmtree(scratch, ignore_errors=True)


def settings_of(experiment: str, source: str, block: dict[str, Any]) -> Any:
    """A block of the configuration as its module takes it.

    Raises
    ------
    ValueError : naming the setting that does not go together with the others.
    """
    given = {name: value for name, value in block.items() if name != "jobs"}
    return import_module(module_name(experiment, source)).Settings(**_frozen(given))


def check(experiment: str, source: str, block: Mapping[str, Any]) -> None:
    """Check what a job is to compute, which may not come from a configuration that was.

    Raises
    ------
    ValueError : naming the experiment, the source or the setting that is not one.
    """
    choice("source", source, SOURCES)
    module = module_name(experiment, source) if experiment.isidentifier() else ""
    path = PACKAGE.parent.joinpath(*module.split(".")).with_suffix(".py")
    there = bool(module) and path.is_file()
    found = import_module(module) if there else None
    known = hasattr(found, "Settings") and hasattr(found, "compute")
    require(known, "experiment", experiment, f"one that computes a table from {source}")
    given = {name: _frozen(value) for name, value in block.items() if name != "jobs"}
    try:
        kinds.check(found.Settings, given)  # type: ignore[union-attr]
    except ValueError as error:
        raise ValueError(f"{experiment}.{source}.{error}") from None


def agree(experiment: str, settings: Mapping[str, Any]) -> None:
    """Check the settings of all sources of a table against each other, where the experiment can.

    Raises
    ------
    ValueError : naming the source and the setting that does not go together with the others.
    """
    module = import_module(f"modecollapse.experiments.{experiment}")
    if hasattr(module, "agree"):
        module.agree(settings)


def _frozen(value: Any) -> Any:
    """The same value with tuples for lists, all the way down (mappings stay mappings)."""
    if isinstance(value, list):
        return tuple(_frozen(item) for item in value)
    if isinstance(value, dict):
        return {key: _frozen(item) for key, item in value.items()}
    return value


def device_used(block: dict[str, Any]) -> str:
    """What a block is computed on; one without the setting knows only the CPU, and no torch."""
    if "device" not in block:
        return "cpu"
    return str(import_module("modecollapse.devices").device_name(block["device"]))


def limit_threads(threads: int) -> None:
    """Let every numerical library use `threads` cores; before any of them is imported."""
    for name in ("OMP", "MKL", "OPENBLAS", "NUMBA"):
        os.environ[f"{name}_NUM_THREADS"] = str(threads)


def main(arguments: list[str] | None = None) -> None:
    parser = Parser(description="Compute one job's share of a table.")
    parser.add_argument("experiment")
    parser.add_argument("source")
    parser.add_argument(
        "--settings", type=mapping, required=True, help="the configuration's block, as JSON"
    )
    parser.add_argument("--job", type=whole(0, MOST_JOBS - 1), default=0)
    parser.add_argument("--jobs", type=whole(1, MOST_JOBS), default=1)
    parser.add_argument("--threads", type=whole(1, MOST_THREADS), default=1)
    parser.add_argument("--output", type=file_to_write, required=True)
    given = parser.parse_args(arguments)
    require(given.job < given.jobs, "--job", given.job, f"below --jobs, {given.jobs}")
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    limit_threads(given.threads)
    check(given.experiment, given.source, given.settings)
    job = (given.job, given.jobs, given.threads)
    part(given.experiment, given.source, given.settings, given.output, *job)


if __name__ == "__main__":
    run(main)
