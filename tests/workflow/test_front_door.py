"""Where the workflow is started from, what else uses it, and the order in which it works."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml
from pipelines import ROOT, copy_repository, snakemake

from modecollapse.pipeline.configuration import blocks, load

FIGURES = blocks(load([ROOT / "config.yaml"]))
TINY = "phase_portrait"  # a table of a second
MODULE = """
module paper:
    snakefile: {snakefile!r}
    config: {config}
    {prefix}

use rule * from paper{renamed}

rule all:
    default_target: True
    input: rules.{all}.input
"""


def planned(folder: Path, *arguments: str) -> str:
    done = snakemake(folder, "-n", "--cores", "1", *arguments)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def module(folder: Path, prefix: str = "", renamed: str = "") -> None:
    few = {"fig3_mean_alignment": {TINY: {"theory": {"points": 5}}}}
    text = MODULE.format(
        config={"name": "mine", **few},
        snakefile=str(ROOT / "Snakefile"),
        prefix=f"prefix: {prefix!r}" if prefix else "",
        renamed=f" as {renamed}_*" if renamed else " exclude all",
        all=f"{renamed}_all" if renamed else "fig1_collapse",
    )
    (folder / "Snakefile").write_text(text, encoding="utf-8")


def test_it_can_be_started_from_another_folder(tmp_path):
    said = planned(tmp_path, "-s", str(ROOT / "Snakefile"), "--", "figures/fig1_collapse.pdf")
    assert "figures/fig1_collapse.pdf" in said
    assert str(ROOT / "src") in said


def test_it_can_write_to_another_folder(tmp_path):
    target = "figures/fig1_collapse.pdf"
    said = planned(ROOT, "--directory", str(tmp_path / "there"), "--", target)
    assert "figures/fig1_collapse.pdf" in said
    assert not [*tmp_path.glob("there/*.csv")]


@pytest.mark.parametrize(
    ("prefix", "renamed"),
    [
        ("", ""),
        ("below", "paper"),
        pytest.param("below", "", marks=pytest.mark.slow),
        pytest.param("", "paper", marks=pytest.mark.slow),
    ],
)
def test_it_can_be_a_module_of_another_workflow(tmp_path, prefix, renamed):
    module(tmp_path, prefix, renamed)
    said = planned(tmp_path, "--printshellcmds")
    names = set(re.findall(r"^(?:local)?rule (\w+):", said, re.MULTILINE))
    assert {f"{renamed}_simulation" if renamed else "simulation", "all"} <= names
    below = f"{prefix}/" if prefix else ""
    assert f"{below}results/mine/snapshots.csv" in said
    where = set(re.findall(r"--(?:results|output|figure) (\S+?)/", said))
    assert where
    assert where <= ({prefix} if prefix else {"results", "figures"})


@pytest.mark.slow
@pytest.mark.parametrize("way", ["named", "directory", "module", "prefix"])
def test_a_table_is_made_from_elsewhere(way, tmp_path):
    one, smoke = ("--cores", "1"), ("--configfile", str(ROOT / "config" / "smoke.yaml"))
    table = f"results/smoke/{TINY}.csv"
    if way == "named":
        done = snakemake(tmp_path, *one, "-s", str(ROOT / "Snakefile"), *smoke, "--", table)
    elif way == "directory":
        done = snakemake(ROOT, *one, "--directory", str(tmp_path), *smoke, "--", table)
    else:
        module(tmp_path, "below" if way == "prefix" else "", "paper")
        table = f"{'below/' if way == 'prefix' else ''}results/mine/{TINY}.csv"
        done = snakemake(tmp_path, *one, "--", table)
    assert done.returncode == 0, done.stdout + done.stderr
    assert (tmp_path / table).stat().st_size > 0
    assert (tmp_path / f"{table}.json").stat().st_size > 0


def test_values_on_the_command_line_are_laid_over_the_configuration():
    said = planned(ROOT, "--config", "name=mine", "--", "figures/mine/fig1_collapse.pdf")
    assert "results/mine/snapshots.csv" in said


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ("threads=3", "threads: unknown key; allowed:"),
        ("name=../x", "name: got '../x'; allowed: a short name"),
        ("fig3_mean_alignment={basins: {theory: {rtol: 1.5}}}", "rtol: got 1.5; allowed:"),
    ],
)
def test_wrong_values_on_the_command_line_are_refused_aloud(given, says):
    done = snakemake(ROOT, "-n", "--config", given)
    assert done.returncode != 0
    said = done.stdout + done.stderr
    assert says in said
    assert "Traceback" not in said


@pytest.fixture(scope="module")
def everything() -> str:
    """What is planned by default, from where the catalogue of workflows looks."""
    return planned(ROOT, "-s", "workflow/Snakefile")


def test_jobs_of_earlier_figures_come_first(everything):
    priorities = {figure: set() for figure in FIGURES}
    owner = {table: figure for figure, tables in FIGURES.items() for table in tables}
    for block in re.split(r"\n(?=(?:local)?rule )", everything)[1:]:
        name = re.match(r"(?:local)?rule (\w+):", block)[1]
        table = re.search(r"wildcards:.*?table=(\w+)", block)
        priority = re.search(r"priority: (\d+)", block)
        if figure := owner.get(table[1]) if table else (name if name in FIGURES else None):
            priorities[figure].add(int(priority[1]) if priority else 0)
    lowest = {figure: min(found) for figure, found in priorities.items()}
    for earlier, later in zip(FIGURES, [*FIGURES][1:], strict=False):
        assert lowest[earlier] > max(priorities[later]), (earlier, later)


def test_no_timer_is_left_behind_by_finished_jobs(finished):
    """Snakemake's limit of job starts, which the workflow switches off (docs/performance.md)."""
    wrapper = finished.folder / "Wrapper"
    wrapper.write_text(
        'include: "Snakefile"\nimport threading\nonsuccess:\n'
        "    alive = [t for t in threading.enumerate() if isinstance(t, threading.Timer)]\n"
        '    print("timers", len(alive))\n',
        encoding="utf-8",
    )
    (finished.folder / "figures" / "smoke" / "fig1_collapse.png").unlink()
    wanted = "figures/smoke/fig1_collapse.png"
    done = finished.snakemake("-s", "Wrapper", "--cores", "1", "--", wanted)
    wrapper.unlink()
    assert "timers 0" in done.stdout


def test_it_is_where_the_catalogue_of_workflows_looks(everything):
    assert "figures/fig1_collapse.pdf" in everything
    flags = yaml.safe_load((ROOT / ".snakemake-workflow-catalog.yml").read_text(encoding="utf-8"))
    assert flags["usage"]["software-stack-deployment"]["conda"] is True


def test_containers_are_refused_aloud():
    done = snakemake(ROOT, "-n", "--sdm", "apptainer")
    assert done.returncode != 0
    assert "no image is published; build one from the Dockerfile" in done.stdout + done.stderr


def test_a_folder_with_braces_is_refused_aloud(tmp_path):
    """Snakemake fills in what stands in braces, and would look for files that are not there."""
    folder = tmp_path / "of {mine}"
    copy_repository(folder)
    done = snakemake(folder, "-n")
    assert done.returncode != 0
    said = done.stdout + done.stderr
    assert f"{folder}: Snakemake fills in what stands in braces; move it to another path" in said
    assert "Traceback" not in said
