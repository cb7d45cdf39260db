"""The same configuration gives the same bytes: again, on one core, and after interruptions.

Tables, pictures and captions have to be the same to the last bit; the records beside them too, but
for the time used.
"""

from __future__ import annotations

import hashlib
import json
import os
import random
import signal
import subprocess
import threading
import time
from pathlib import Path

import pytest
from pipelines import environment

MOMENTS = 20
EARLIEST, LATEST = 1.0, 8.0  # seconds after its start that a run is interrupted
PATIENCE = 120  # seconds for what was interrupted to end


def content(path: Path) -> str:
    """What has to be the same of a file: its bytes, or a record without the time used."""
    given = path.read_bytes()
    if path.suffix == ".json":
        record = json.loads(given)
        assert record.pop("seconds") >= 0
        given = json.dumps(record, sort_keys=True).encode()
    return hashlib.sha256(given).hexdigest()


def visible(folder: Path) -> list[Path]:
    """The files under their final names; not the report's pages, which not all runs make."""
    found = [path for top in ("results", "figures") for path in (folder / top).rglob("*")]
    return [
        path
        for path in found
        if path.is_file()
        and not any(part == "report" or part[0] == "." for part in path.relative_to(folder).parts)
    ]


def outputs(folder: Path) -> dict[str, str]:
    return {str(path.relative_to(folder)): content(path) for path in visible(folder)}


@pytest.mark.slow
def test_one_core_gives_the_bytes_of_two(finished, clean):
    clean.snakemake("--cores", "1")
    expected = outputs(finished.folder)
    assert {Path(name).suffix for name in expected} == {".csv", ".json", ".pdf", ".png", ".rst"}
    assert outputs(clean.folder) == expected


class Watch(threading.Thread):
    """Reads every file under its final name, again and again, whenever it is a new one."""

    def __init__(self, folder: Path, expected: dict[str, str]) -> None:
        super().__init__(daemon=True)
        self.folder, self.expected = folder, expected
        self.seen: set[tuple] = set()
        self.faults: list[str] = []
        self.over = threading.Event()

    def run(self) -> None:
        while not self.over.wait(0.02):
            self.look()

    def look(self) -> None:
        for path in visible(self.folder):
            try:
                before = path.stat()
                key = (path, before.st_ino, before.st_mtime_ns, before.st_size)
                if key in self.seen:
                    continue
                self.seen.add(key)
                found = content(path)
            except FileNotFoundError:  # Snakemake removes what it will make anew
                continue
            except (ValueError, KeyError) as error:
                found = f"no record ({error})"
            name = str(path.relative_to(self.folder))
            if found != self.expected.get(name):
                self.faults.append(f"{name}: {before.st_size} bytes, {found}")


def group(pid: int, sent: signal.Signals) -> None:
    """As the terminal does on Ctrl-C: to Snakemake and all its jobs."""
    os.killpg(pid, sent)


def alone(pid: int, sent: signal.Signals) -> None:
    """To Snakemake only: on SIGKILL its jobs live on, and go on writing."""
    os.kill(pid, sent)


WAYS = [
    (group, signal.SIGINT),
    (alone, signal.SIGTERM),
    (group, signal.SIGTERM),
    (group, signal.SIGKILL),
    (alone, signal.SIGKILL),
]


def lives(pid: int) -> bool:
    """Whether any process of a group does."""
    try:
        os.killpg(pid, 0)
    except ProcessLookupError:
        return False
    return True


def unlock(pipeline) -> None:
    """What Snakemake tells its user to do where a run could not take its lock away."""
    locks = pipeline.folder / ".snakemake" / "locks"
    if locks.is_dir() and any(locks.iterdir()):
        pipeline.snakemake("--unlock")


@pytest.mark.slow
def test_interruptions_leave_nothing_half_written_and_do_not_show(finished, clean, tmp_path):
    expected = outputs(finished.folder)
    watch = Watch(clean.folder, expected)
    watch.start()
    moments, pids, met = random.Random(1), [], 0
    with (tmp_path / "said").open("wb") as said:
        for number in range(MOMENTS):
            way, sent = WAYS[number % len(WAYS)]
            run = subprocess.Popen(
                clean.command("--cores", "2"),
                cwd=clean.folder,
                env=environment(),
                stdout=said,
                stderr=said,
                start_new_session=True,
            )
            pids.append(run.pid)
            try:
                run.wait(moments.uniform(EARLIEST, LATEST))
            except subprocess.TimeoutExpired:
                met += 1
                way(run.pid, sent)
                run.wait(PATIENCE)
            finally:
                run.kill()
                run.wait()
            unlock(clean)
    end = time.monotonic() + PATIENCE
    while any(map(lives, pids)):
        assert time.monotonic() < end, "a job outlives its run for too long"
        time.sleep(0.2)
    clean.snakemake("--cores", "2")
    watch.over.set()
    watch.join()
    watch.look()
    assert watch.faults == []
    assert len(watch.seen) >= len(expected)
    assert met > MOMENTS / 2  # else most found a run that had ended by itself
    assert outputs(clean.folder) == expected
