"""Full disks, read-only folders and damaged files: a clear error, and what was good stays."""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest

from modecollapse import checks
from modecollapse.pipeline import compute
from modecollapse.pipeline.entry import run
from modecollapse.pipeline.provenance import record
from modecollapse.store import sidecar, write_table

UNITS = {"source": "text", "x": "1"}
TABLE = pd.DataFrame({"source": ["theory"] * 5000, "x": range(5000)})
RECORD = record(["modecollapse.checks"], {}, [], 0.0)


@pytest.fixture
def part(tmp_path) -> Path:
    path = tmp_path / "parts" / "theory-0.csv"
    write_table(path, TABLE, UNITS, RECORD)
    return path


def gather(part: Path, output: Path, **options) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "modecollapse.pipeline.gather", part, "--output", output]
    return subprocess.run(
        [str(c) for c in command], capture_output=True, text=True, check=False, **options
    )


def test_gathering_works_where_nothing_is_wrong(part, tmp_path):
    done = gather(part, tmp_path / "t.csv")
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "t.csv").read_bytes() == part.read_bytes()


def test_a_full_disk_is_reported_and_leaves_the_old_table(part, tmp_path):
    output = tmp_path / "t.csv"
    output.write_text("old\n")

    def small_files():
        resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, 10_000))

    environment = {**os.environ, "PYTHONDONTWRITEBYTECODE": "1"}
    done = gather(part, output, preexec_fn=small_files, env=environment)
    assert done.returncode == 2
    assert done.stderr == f"error: {output}: cannot be written (File too large)\n"
    assert output.read_text() == "old\n"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["parts", "t.csv"]


def test_a_folder_that_cannot_be_made_is_reported(part, tmp_path):
    (tmp_path / "results").write_text("a file where a folder should be")
    done = gather(part, tmp_path / "results" / "t.csv")
    assert done.returncode == 2
    assert f"--output: got '{tmp_path}/results/t.csv'; allowed: " in done.stderr


@pytest.mark.skipif(os.geteuid() == 0, reason="nothing is read-only for root")
def test_a_read_only_folder_is_reported(part, tmp_path):
    folder = tmp_path / "results"
    folder.mkdir(mode=0o555)
    done = gather(part, folder / "t.csv")
    assert f"--output: got '{folder}/t.csv'; allowed: " in done.stderr


@pytest.mark.parametrize(
    "damage",
    [
        lambda content: content[: len(content) // 2],
        lambda content: b"",
        lambda content: os.urandom(2000),
        lambda content: content.replace(b"source,x", b"source,y"),
        lambda content: content[: content.index(b"\n", 1000) + 1],
    ],
    ids=["truncated", "empty", "garbage", "other columns", "last lines gone"],
)
def test_a_damaged_part_is_named_and_the_old_table_stays(part, tmp_path, damage):
    part.write_bytes(damage(part.read_bytes()))
    output = tmp_path / "t.csv"
    output.write_text("old\n")
    done = gather(part, output)
    assert done.returncode == 2
    assert done.stderr.startswith(f"error: {part}")
    assert "Traceback" not in done.stderr
    assert output.read_text() == "old\n"


def test_a_part_without_its_record_is_named(part, tmp_path):
    sidecar(part).unlink()
    done = gather(part, tmp_path / "t.csv")
    assert done.returncode == 2
    assert str(sidecar(part)) in done.stderr


def test_parts_of_different_columns_do_not_mix(part, tmp_path):
    other = tmp_path / "parts" / "flows-0.csv"
    write_table(other, TABLE.rename(columns={"x": "y"}), {"source": "text", "y": "1"}, RECORD)
    command = [sys.executable, "-m", "modecollapse.pipeline.gather", str(part), str(other)]
    done = subprocess.run(
        [*command, "--output", str(tmp_path / "t.csv")], capture_output=True, text=True, check=False
    )
    assert done.returncode == 2
    assert f"{other}: its columns are not those of {part}" in done.stderr


def test_the_record_of_a_table_names_its_parts_and_their_settings(part, tmp_path):
    gather(part, tmp_path / "t.csv")
    record = json.loads(sidecar(tmp_path / "t.csv").read_text())
    assert list(record["inputs"]) == [str(part)]
    assert record["settings"] == {"theory": {}}
    assert record["units"] == UNITS


@pytest.mark.parametrize("name", ["modules", "settings", "device", "seconds", "sha256", "units"])
def test_a_part_whose_record_lacks_something_is_named(part, tmp_path, name):
    beside = sidecar(part)
    kept = {key: value for key, value in json.loads(beside.read_text()).items() if key != name}
    beside.write_text(json.dumps(kept))
    done = gather(part, tmp_path / "t.csv")
    assert done.returncode == 2
    assert "Traceback" not in done.stderr
    assert done.stderr.startswith(f"error: {part}")


def test_a_check_that_fails_within_a_job_ends_in_one_line(capsys):
    with pytest.raises(SystemExit) as caught:
        run(lambda: checks.require(False, "step_size", -1.0, "a number > 0"))
    assert caught.value.code == 2
    assert capsys.readouterr().err == "error: step_size: got -1.0; allowed: a number > 0\n"
    with pytest.raises(ValueError, match="a fault"):
        run(lambda: (_ for _ in ()).throw(ValueError("a fault")))


def test_settings_that_a_road_refuses_end_a_job_with_one_line(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(compute, "limit_threads", lambda threads: None)
    monkeypatch.setattr(compute, "check", lambda *given: None)  # what only the road refuses
    block = {"distances": [50.0], "horizon": 1e9}
    command = ["fold_delay", "theory", "--settings", json.dumps(block)]
    monkeypatch.setattr(sys, "argv", ["compute", *command, "--output", str(tmp_path / "a.csv")])
    with pytest.raises(SystemExit) as ended:
        run(compute.main)
    assert ended.value.code == 2
    line = capsys.readouterr().err.splitlines()[-1]
    assert line.startswith("error: fold_delay.theory.distances: got 50.0; allowed: ")
    assert list(tmp_path.glob("*.csv*")) == []
