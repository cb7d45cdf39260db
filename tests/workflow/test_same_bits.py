"""The same configuration gives the same bytes: again, on one core, and after interruptions."""

from __future__ import annotations

import hashlib
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pandas as pd
import pytest

pytestmark = pytest.mark.slow

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGKILL)
MOMENTS = 20


def outputs(pipeline) -> dict[str, str]:
    """The digest of every table, picture and caption; records hold times, and are left out."""
    return {
        str(path.relative_to(pipeline.folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for top in ("results", "figures")
        for path in sorted((pipeline.folder / top).rglob("*"))
        if path.suffix in (".csv", ".pdf", ".png", ".rst")
    }


def test_one_core_gives_the_bytes_of_two(finished, fresh):
    fresh.snakemake("--cores", "1")
    assert outputs(fresh) == outputs(finished)


def whole(path: Path) -> bool:
    """Whether a file under its final name is what it claims to be."""
    content = path.read_bytes()
    if path.suffix == ".csv":
        return content.endswith(b"\n") and len(pd.read_csv(path, keep_default_na=False)) > 0
    if path.suffix == ".pdf":
        return content.startswith(b"%PDF") and content.rstrip().endswith(b"%%EOF")
    if path.suffix == ".png":
        return content.startswith(b"\x89PNG") and b"IEND" in content[-12:]
    return True


def interrupt(pipeline, after: float, by: signal.Signals) -> None:
    """Start the smoke run, and send its whole process group a signal after some seconds."""
    command = [sys.executable, "-m", "snakemake", "--configfile", "config/smoke.yaml"]
    run = subprocess.Popen(
        [*command, "--cores", "2", "--nolock"],
        cwd=pipeline.folder,
        env={**os.environ, "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        run.wait(after)
    except subprocess.TimeoutExpired:
        os.killpg(run.pid, by)
        run.wait(120)
    finally:
        if run.poll() is None:
            os.killpg(run.pid, signal.SIGKILL)


def test_interruptions_leave_nothing_half_written_and_do_not_show(finished, fresh):
    moments = random.Random(1)
    for number in range(MOMENTS):
        interrupt(fresh, moments.uniform(2.0, 14.0), SIGNALS[number % len(SIGNALS)])
        for top in ("results", "figures"):
            for path in (fresh.folder / top).rglob("*"):
                hidden = path.name.startswith(".")
                assert hidden or path.is_dir() or whole(path), f"{path} is half-written"
    time.sleep(1)
    fresh.snakemake("--cores", "2", "--nolock")
    assert outputs(fresh) == outputs(finished)
