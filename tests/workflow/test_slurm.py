"""The pipeline on a real Slurm of one node: the same bytes, whatever happens on the way."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TypeVar

import pytest
import slurm_cluster
import yaml
from slurm_cluster import MORTAL

pytestmark = [
    pytest.mark.slurm,
    pytest.mark.skipif(bool(slurm_cluster.absent()), reason=slurm_cluster.absent()),
    pytest.mark.skipif(
        " " in sys.executable,
        reason="Snakemake quotes no path of Python (docs/cluster.md)",
    ),
]

PROFILE = ("--profile", "profiles/slurm", "--configfile", "config/smoke.yaml")
SITE = ("--default-resources", "slurm_account=physics", "slurm_partition=main")
PATIENCE = 300  # seconds for anything that is awaited, but
WHOLE = 1200  # for the whole smoke configuration: four minutes on two cores that do nothing else
SOURCES = ("theory", "simulation", "flows")


@pytest.fixture(scope="module")
def cluster():
    def stop(*_: object) -> None:
        raise KeyboardInterrupt  # so that whoever ends the tests has it all cleaned up

    before = signal.signal(signal.SIGTERM, stop)
    with slurm_cluster.slurm() as running:
        yield running
    signal.signal(signal.SIGTERM, before)


@contextmanager
def submitted(cluster, pipeline, *targets: str, options: tuple[str, ...] = ()):
    """`snakemake --profile profiles/slurm`, running; it and its jobs are ended in the end."""
    environment = cluster.environment
    path = f"{Path(sys.executable).parent}:{environment['PATH']}"
    with (pipeline.folder / "said").open("ab") as said:
        process = subprocess.Popen(
            [*MORTAL, sys.executable, "-m", "snakemake", *targets, *PROFILE, *SITE, *options],
            cwd=pipeline.folder,
            env={**environment, "PATH": path},
            stdout=said,
            stderr=said,
            start_new_session=True,
        )
        try:
            yield process
        finally:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait(PATIENCE)
            cluster.clear()


def succeeds(process: subprocess.Popen, pipeline, seconds: float = PATIENCE) -> None:
    """Wait for the end, which has to be a good one."""
    code = process.wait(seconds)
    assert code == 0, (pipeline.folder / "said").read_text(encoding="utf-8")[-20000:]


T = TypeVar("T")


def until(process: subprocess.Popen, happened: Callable[[], T], what: str) -> T:
    """What has happened, once it has happened while Snakemake runs."""
    end = time.monotonic() + PATIENCE
    while not (seen := happened()):
        assert process.poll() is None, f"Snakemake ended before {what}"
        assert time.monotonic() < end, f"waited {PATIENCE} s in vain until {what}"
        time.sleep(0.5)
    return seen


def running(cluster) -> dict[str, str]:
    """What the jobs that run are for, by id."""
    return {job: row.purpose for job, row in cluster.queued().items() if row.state == "RUNNING"}


def products(folder: Path) -> dict[str, bytes]:
    """Every table and picture of the smoke configuration; not the times beside them."""
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for top in ("results", "figures")
        for path in sorted((folder / top / "smoke").rglob("*"))
        if path.suffix in (".csv", ".pdf", ".png", ".rst")
    }


def test_killed_jobs_are_tried_again_with_more(cluster, clean):
    # A theory job that needs more than it asks for at first, and asks for the double thereafter.
    clean.edit("workflow/rules/tables.smk", "mem_mb=megabytes(2000)", "mem_mb=megabytes(900)")
    # Snakemake imports this module too, under arguments of its own that name the table.
    hungry = "import sys\nif 'compute' in sys.argv[0] and 'survival' in str(sys.argv):\n"
    hungry += "    _held = bytearray(700 << 20)\n"
    clean.edit("src/modecollapse/pipeline/compute.py", "import time\n", f"import time\n{hungry}")
    before = cluster.accounted().keys()

    def trained() -> list[str]:
        jobs = running(cluster).items()
        return [job for job, purpose in jobs if "outcome_map_simulation" in purpose]

    with submitted(cluster, clean, "figures/smoke/fig4_vanishing_weight.pdf") as process:
        cluster.run("scancel", *until(process, trained, "a simulation runs"))
        succeeds(process, clean)
    new = [row for job, row in cluster.accounted().items() if job not in before]
    assert [(row.state, row.memory) for row in new if "simulation" in row.purpose] == [
        ("CANCELLED", "4000M"),
        ("COMPLETED", "8000M"),
    ]
    killed, again = (row for row in new if "survival" in row.purpose)
    assert killed.state in slurm_cluster.ENDED - {"COMPLETED", "CANCELLED"}
    assert (killed.memory, again.memory, again.state) == ("900M", "1800M", "COMPLETED")
    assert (clean.folder / "figures" / "smoke" / "fig4_vanishing_weight.pdf").exists()


def test_a_job_asks_for_a_gpu_where_its_settings_do(cluster, clean):
    target = "results/smoke/snapshots.csv"
    path = clean.folder / "config" / "smoke.yaml"
    settings = yaml.safe_load(path.read_text(encoding="utf-8"))
    settings["fig1_collapse"]["snapshots"]["simulation"]["device"] = "cuda"
    path.write_text(yaml.safe_dump(settings), encoding="utf-8")
    before = cluster.accounted().keys()
    with submitted(cluster, clean, target, options=("--retries", "0")) as process:
        process.wait(PATIENCE)
    new = [row for job, row in cluster.accounted().items() if job not in before]
    asked = {("simulation" in row.purpose): row.asked for row in new}
    assert "gres/gpu=1" in asked[True]
    assert "gpu" not in asked[False]


def test_a_run_interrupted_and_drained_gives_the_bytes_of_a_local_one(cluster, clean, finished):
    def said() -> str:
        return (clean.folder / "said").read_text(encoding="utf-8")

    before = cluster.accounted().keys()
    with submitted(cluster, clean) as process:
        until(process, lambda: "Finished jobid" in said(), "a job is finished")
        os.killpg(process.pid, signal.SIGINT)  # as a terminal does
        with suppress(subprocess.TimeoutExpired):
            process.wait(60)
        if process.poll() is None:  # a local job had just begun: see docs/cluster.md
            os.killpg(process.pid, signal.SIGINT)
        assert process.wait(PATIENCE) != 0
        cluster.emptied()
    first = {job: row for job, row in cluster.accounted().items() if job not in before}
    assert {"COMPLETED", "CANCELLED"} <= {row.state for row in first.values()}
    completed = sum(row.state == "COMPLETED" for row in first.values())  # some before it was told

    with submitted(cluster, clean) as process:
        node = ("scontrol", "update", f"nodename={cluster.host}")
        until(process, lambda: running(cluster), "a job runs")
        cluster.run(*node, "state=drain", "reason=rehearsal")
        until(process, lambda: not running(cluster), "the node is empty")
        time.sleep(5)  # more than Slurm waits before it starts a job
        assert not running(cluster)
        assert cluster.queued()
        cluster.run(*node, "state=resume")
        succeeds(process, clean, WHOLE)
    seen = before | first.keys()
    second = [row for job, row in cluster.accounted().items() if job not in seen]
    assert {row.state for row in second} == {"COMPLETED"}
    everything = finished.planned("--forceall")
    computed = sum(n for job, n in everything.items() if job.startswith(SOURCES))
    assert computed - completed <= len(second) < computed

    there, here = products(clean.folder), products(finished.folder)
    assert len(here) > 10
    assert there.keys() == here.keys()
    assert [name for name in here if there[name] != here[name]] == []
