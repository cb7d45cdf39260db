"""A full or read-only disk and damaged files: the run names the file, and what is good stays."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

GOOD, WANTED = "results/smoke/mixture_weight.csv", "results/smoke/basins.csv"
PART = "results/smoke/parts/basins/theory-0.csv"


@contextmanager
def mounted(folder: Path, *arguments: str) -> Iterator[None]:
    """Something mounted on a folder, where this process may do that."""
    folder.mkdir(exist_ok=True)
    done = subprocess.run(
        ["mount", *arguments, folder], capture_output=True, text=True, check=False
    )
    if done.returncode != 0:
        pytest.skip(f"NO DISK IS MADE FULL OR READ-ONLY: {done.stderr.strip()}")
    try:
        yield
    finally:
        subprocess.run(["umount", folder], check=True)


def put(finished, clean, *names: str) -> None:
    """Copy tables of the finished run with the records beside them, and what a run writes first."""
    records = [f"{name}.json" for name in names]
    for name in (*names, *records, "results/smoke/.configuration"):
        (clean.folder / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(finished.folder / name, clean.folder / name)


def files(folder: Path) -> dict[str, bytes]:
    return {str(p.relative_to(folder)): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


def fails(pipeline, target: str) -> str:
    """What is said on the terminal by a run that has to fail."""
    done = pipeline.snakemake("--cores", "1", target, check=False)
    said = done.stdout + done.stderr
    assert done.returncode == 1, said
    assert "Traceback" not in said
    return said


def test_a_full_disk_is_named_and_a_larger_one_gives_the_same_bytes(finished, clean):
    results = clean.folder / "results"
    with mounted(results, "-t", "tmpfs", "-o", "size=64k", "tmpfs"):
        put(finished, clean, GOOD)
        before = files(results)
        said = fails(clean, WANTED)
        assert f"error: {PART}: cannot be written (No space left on device)" in said
        assert files(results) == before  # nothing lost, nothing half-written, no debris
        subprocess.run(["mount", "-o", "remount,size=8m", results], check=True)
        clean.snakemake("--cores", "1", WANTED)
        assert (clean.folder / WANTED).read_bytes() == (finished.folder / WANTED).read_bytes()


def test_a_read_only_folder_is_named_and_keeps_what_it_holds(finished, clean):
    results = clean.folder / "results"
    with mounted(results, "-t", "tmpfs", "tmpfs"):
        put(finished, clean, GOOD)
        before = files(results)
        subprocess.run(["mount", "-o", "remount,ro", results], check=True)
        said = fails(clean, WANTED)
        assert "cannot be written (Read-only file system)" in said
        assert files(results) == before


@pytest.mark.parametrize(
    "damage",
    [
        pytest.param(lambda content: content[: len(content) // 2], id="truncated"),
        pytest.param(lambda content: os.urandom(5000), id="garbage", marks=pytest.mark.slow),
    ],
)
def test_a_damaged_intermediate_is_named_and_deleting_it_mends_all(finished, clean, damage):
    put(finished, clean, GOOD, PART, WANTED)
    good, part = (clean.folder / GOOD).read_bytes(), clean.folder / PART
    part.write_bytes(damage(part.read_bytes()))
    said = fails(clean, WANTED)
    assert f"error: {PART}: its bytes are not those recorded beside it" in said
    assert (clean.folder / GOOD).read_bytes() == good
    part.unlink()
    clean.snakemake("--cores", "1", WANTED)
    assert (clean.folder / WANTED).read_bytes() == (finished.folder / WANTED).read_bytes()


def test_a_damaged_table_is_named_by_its_figure(finished, clean):
    shutil.copytree(finished.folder / "results", clean.folder / "results")
    name = "results/smoke/phase_portrait.csv"
    table = clean.folder / name
    before = table.read_bytes()
    table.write_bytes(before[: len(before) // 2])
    said = fails(clean, "figures/smoke/fig3_mean_alignment.pdf")
    assert f"error: {name}: its bytes are not those" in said
    table.unlink()
    clean.snakemake("--cores", "1", name)
    assert table.read_bytes() == before
