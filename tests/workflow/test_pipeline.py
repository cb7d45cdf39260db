"""The smoke configuration end to end, and what a change makes Snakemake run again."""

from __future__ import annotations

import json
import re
from pathlib import Path

import matplotlib.image
import pandas as pd
import PIL.Image
import pytest
import yaml

from modecollapse.pipeline.cli import main
from modecollapse.pipeline.configuration import blocks, drawn_together, load, shared

ROOT = Path(__file__).parents[2]
CONFIG = load([ROOT / "config.yaml", ROOT / "config" / "smoke.yaml"])
FIGURES = blocks(CONFIG)
SHARED = shared(CONFIG)
DRAWN_BY = {  # the rule that draws a figure, where it is not the figure's own
    figure: f"figures_{number}"
    for number, figures in enumerate(drawn_together(CONFIG), 1)
    for figure in figures
}


def jobs_of(figure, table, source):
    """The jobs that compute what a table has from a source, and join the table."""
    together = table in SHARED.get((figure, source), [])
    joined = together and len(FIGURES[figure][table]) == 1
    computed = f"{source}_{figure}" if together else f"{source} {table}"
    return {computed} if joined else {computed, f"gather {table}"}


@pytest.mark.parametrize("figure", FIGURES)
def test_every_figure_is_drawn(finished, figure):
    folder = finished.folder / "figures" / "smoke"
    assert (folder / f"{figure}.pdf").read_bytes().startswith(b"%PDF")
    picture = matplotlib.image.imread(folder / f"{figure}.png")
    assert picture.shape[1] == pytest.approx(7 * 300, abs=2)
    assert picture[..., :3].std() > 0.02  # not an empty page
    assert (folder / f"{figure}.rst").read_text(encoding="utf-8").count("\n\n") >= 1


@pytest.mark.parametrize("table", [t for tables in FIGURES.values() for t in tables])
def test_every_table_has_rows_and_units(finished, table):
    path = finished.folder / "results" / "smoke" / f"{table}.csv"
    frame = pd.read_csv(path, keep_default_na=False)
    beside = json.loads(Path(f"{path}.json").read_text(encoding="utf-8"))
    assert len(frame) > 0
    assert set(beside["units"]) == set(frame.columns)
    assert all(beside["units"].values())
    assert not frame.isna().any().any()


@pytest.mark.parametrize("figure", FIGURES)
def test_every_picture_says_where_it_came_from(finished, figure):
    picture = finished.folder / "figures" / "smoke" / f"{figure}.png"
    beside = json.loads(Path(f"{picture}.json").read_text(encoding="utf-8"))
    with PIL.Image.open(picture) as opened:
        said = opened.text["Description"]
    subject = re.search(
        rb"/Subject \((.*?)\)\n", picture.with_suffix(".pdf").read_bytes(), re.DOTALL
    )
    assert re.sub(rb"\\([()\\])", rb"\1", subject[1]).decode() == said
    assert beside["settings"] == {
        table: {
            source: {name: value for name, value in block.items() if name != "jobs"}
            for source, block in sources.items()
        }
        for table, sources in FIGURES[figure].items()
    }
    told = [f"{name}={seed}" for name, seed in beside["seeds"].items()]
    told += [f"{Path(path).name}={digest[:12]}" for path, digest in beside["inputs"].items()]
    told += [f"numpy={beside['packages']['numpy']}", f"commit {beside['commit'][:12]}", "on cpu"]
    assert [part for part in told if part not in said] == []
    assert len(beside["inputs"]) == len(FIGURES[figure])


def test_verify_finds_every_file_good_and_the_numbers_those_of_the_reference(finished, capsys):
    """New numbers need new reference values: `modecollapse verify -h` says how."""
    own = finished.folder / "config" / "smoke.yaml"
    smoke = ["--root", str(finished.folder), "--configfile", str(own)]
    code = main(["verify", *smoke])
    said = capsys.readouterr().out
    assert code == 0, "\n".join(line for line in said.splitlines() if line.startswith("!"))
    count = sum(len(tables) for tables in FIGURES.values())
    values = re.findall(r"values +(identical|within tolerance)", said)
    assert len(values) == count
    assert f"{count + 2 * len(FIGURES) + 1} ok" in said.splitlines()[-1]


def test_verify_ends_badly_where_a_figure_was_edited(finished, capsys):
    own = finished.folder / "config" / "smoke.yaml"
    smoke = ["--root", str(finished.folder), "--configfile", str(own)]
    picture = finished.folder / "figures" / "smoke" / "fig1_collapse.png"
    before = picture.read_bytes()
    try:
        picture.write_bytes(before[:-1])
        assert main(["verify", *smoke]) == 1
    finally:
        picture.write_bytes(before)
    said = capsys.readouterr().out
    assert re.search(r"^! figures/smoke/fig1_collapse.png +record +edited ", said, re.MULTILINE)
    assert "1 edited" in said.splitlines()[-1]


@pytest.mark.parametrize("log", ["fig5_normalizing_flows/flows", "outcome_map/simulation-0"])
def test_a_job_tells_in_its_log_how_far_it_is(finished, log):
    said = (finished.folder / "logs" / "smoke" / f"{log}.log").read_text(encoding="utf-8")
    assert re.search(r" 1 of \d+ done, about \d+ s left$", said, re.MULTILINE)


def test_the_terminal_tells_how_long_a_run_will_take(finished):
    for figure in ("fig1_collapse", "fig3_mean_alignment"):
        (finished.folder / "figures" / "smoke" / f"{figure}.png").unlink()
    done = finished.snakemake("--cores", "1")
    said = done.stdout + done.stderr
    assert re.search(r"^3 jobs, about \d+ s in all; next fig1_collapse\.$", said, re.MULTILINE)
    assert len(re.findall(r"^\d+ s so far, about \d+ s left\b", said, re.MULTILINE)) == 2


def test_nothing_is_written_outside_the_named_folders(finished):
    for top in ("results", "figures"):
        assert [path.name for path in (finished.folder / top).iterdir()] == ["smoke"]


def test_a_deleted_figure_is_drawn_again_and_nothing_else_and_a_quiet_run_tells_no_times(finished):
    picture = finished.folder / "figures" / "smoke" / "fig3_mean_alignment.pdf"
    before = picture.read_bytes()
    picture.unlink()
    assert finished.planned() == {"fig3_mean_alignment": 1}
    done = finished.snakemake("--cores", "1", "--quiet")
    assert picture.read_bytes() == before
    said = done.stdout + done.stderr
    assert " left" not in said
    assert " in all" not in said


# In the default suite figures whose tables are computed in different ways: each by its own process,
# some so, all of a source together.
PLANNED = ("fig1_collapse", "fig4_vanishing_weight", "figs_survival")


@pytest.mark.parametrize(
    "figure", [pytest.param(f, marks=[] if f in PLANNED else pytest.mark.slow) for f in FIGURES]
)
def test_a_changed_block_reruns_its_own_figure_and_no_other(changed, figure):
    path = changed.folder / "config" / "smoke.yaml"
    overlay = yaml.safe_load(path.read_text(encoding="utf-8"))
    table = next(iter(FIGURES[figure]))
    source, block = next(iter(FIGURES[figure][table].items()))
    name = next(key for key in ("seed", "points", "distances") if key in block)
    value = block[name][:-1] if isinstance(block[name], list) else block[name] + 1
    deep = overlay.setdefault(figure, {}).setdefault(table, {}).setdefault(source, {})
    deep[name] = value
    path.write_text(yaml.safe_dump(overlay), encoding="utf-8")
    planned = set(changed.planned())
    beside = SHARED.get((figure, source), [])
    if table in beside:  # the tables that share its process are joined again
        planned -= {f"gather {other}" for other in beside if other != table}
    drawn = DRAWN_BY.get(figure, figure)
    assert planned == {*jobs_of(figure, table, source), drawn, "claims"}


def test_changed_modules_rerun_their_importers_only(changed):
    """One whose figure has a process of its own, and one whose figure shares it."""
    figures = ("fig3_mean_alignment", "figs_multimodal")
    for figure in figures:
        changed.append(f"src/modecollapse/figures/{figure.split('_', 1)[1]}.py", "# changed\n")
    assert changed.planned() == {DRAWN_BY.get(figure, figure): 1 for figure in figures}


def test_small_figures_share_a_process():
    assert "fig3_mean_alignment" not in DRAWN_BY
    assert len({DRAWN_BY[figure] for figure in ("figs_multimodal", "figs_flow_factors")}) == 1


def test_changed_training_code_leaves_theory_alone(changed):
    changed.append("src/modecollapse/simulation/full.py", "# changed\n")
    sources = {re.split("[ _]", job)[0] for job in changed.planned()}
    assert "simulation" in sources
    assert "theory" not in sources
    assert "flows" not in sources


def test_a_finished_pipeline_has_nothing_to_do_and_touching_a_file_is_no_change(changed):
    (changed.folder / "src" / "modecollapse" / "quadrature" / "wide.py").touch()
    assert "Nothing to be done" in changed.snakemake("--dry-run", "--cores", "1").stdout


def test_one_figure_needs_only_its_own_tables(finished):
    target = "figures/smoke/fig3_mean_alignment.pdf"
    planned = finished.planned("--forceall", target)
    figure = "fig3_mean_alignment"
    expected = {
        job
        for table, sources in FIGURES[figure].items()
        for source in sources
        for job in jobs_of(figure, table, source)
    }
    assert set(planned) == {*expected, figure}


def test_a_wrong_configuration_stops_before_the_first_job(changed):
    changed.edit("config/smoke.yaml", "name: smoke", "name: smoke\nseeds: 3")
    done = changed.snakemake("--cores", "1", check=False)
    assert done.returncode != 0
    assert "seeds: unknown key; allowed:" in done.stderr
    assert "Traceback" not in done.stderr
