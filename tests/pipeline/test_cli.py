"""The command: without arguments, into a pipe, on an old terminal, in a tree of other code."""

from __future__ import annotations

import json
import os
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest

import modecollapse
from modecollapse.closure import PACKAGE
from modecollapse.pipeline import crate, profile
from modecollapse.pipeline.cli import EXAMPLES, HELP, _parser, main
from modecollapse.pipeline.provenance import record
from modecollapse.store import StoreError, write_recorded, write_table

ROOT = PACKAGE.parents[1]
TABLES = {"first": {"theory": {}, "flows": {}}, "second": {"theory": {}}}
CONFIG = {"name": "mine", "fig1_a": TABLES}


def run(*words: str, **options) -> subprocess.CompletedProcess[bytes]:
    environment = {**os.environ, "PYTHONPATH": str(PACKAGE.parent), **options.pop("env", {})}
    return subprocess.run(
        [sys.executable, "-m", "modecollapse", *words], env=environment, check=False, **options
    )


def test_without_arguments_it_says_what_it_can_do(capsys):
    assert main([]) == 0
    said = capsys.readouterr().out
    assert all(name in said for name in HELP)
    assert "checkout of the" in said


@pytest.mark.parametrize("name", HELP)
def test_a_command_has_examples_that_it_understands(name, capsys):
    with pytest.raises(SystemExit):
        main([name, "--help"])
    said = capsys.readouterr().out
    assert EXAMPLES[name]
    for words in EXAMPLES[name]:
        assert f"  modecollapse {name} {words}".rstrip() in said
        given = _parser().parse_args([name, *words.split()])
        if name in ("check", "verify", "profile") and "config/" in words:
            assert (ROOT / (getattr(given, "file", None) or given.configfile)).exists()


def test_it_says_its_version(capsys):
    with pytest.raises(SystemExit) as ended:
        main(["--version"])
    assert ended.value.code == 0
    assert capsys.readouterr().out == f"modecollapse {modecollapse.__version__}\n"


@pytest.mark.parametrize("words", [["{file}"], ["--configfile", "{file}"], []])
def test_a_configuration_is_checked_by_its_name(words, capsys):
    smoke = str(ROOT / "config" / "smoke.yaml")
    assert main(["check", "--root", str(ROOT), *(word.format(file=smoke) for word in words)]) == 0
    assert capsys.readouterr().out.startswith("smoke: " if words else "default: ")


@pytest.fixture
def made(tmp_path) -> Path:
    """A finished run of two tables and a figure."""
    results, figures = tmp_path / "results" / "mine", tmp_path / "figures" / "mine"
    figures.mkdir(parents=True)
    told = record(["modecollapse.checks"], {"Ω": 1.0}, [], 2.0)
    os.chdir(tmp_path)
    for table, sources in CONFIG["fig1_a"].items():
        (results / "parts" / table).mkdir(parents=True)
        parts = []
        for number, source in enumerate(sources):
            part = results / "parts" / table / f"{source}-0.csv"
            frame = pd.DataFrame({"source": [source], "x": [1.0]})
            took = {**told, "seconds": 10.0 + number}
            write_table(part, frame, {"source": "", "x": "Ω"}, took)
            parts.append(part.relative_to(tmp_path))
        joined = record(["modecollapse.checks"], {}, parts, 0.1)
        write_table(results / f"{table}.csv", frame, {"source": "", "x": "Ω"}, joined)
    write_table(results / "claims.csv", frame, {"source": "", "x": "Ω"}, told)
    for kind in ("pdf", "png"):
        write_recorded(figures / f"fig1_a.{kind}", b"picture", told)
    logs = tmp_path / "logs" / "mine" / "first"
    logs.mkdir(parents=True)
    (logs / "flows-0.tsv").write_text("s\tmax_rss\n9.0\t512.5\n")
    return tmp_path


@pytest.fixture(autouse=True)
def home():
    """Tests that change the current folder leave it as it was."""
    before = Path.cwd()
    yield
    os.chdir(before)


def test_a_terminal_without_greek_letters_is_no_fault(made):
    table = str(made / "results" / "mine" / "first.csv")
    done = run("show", table, env={"PYTHONIOENCODING": "latin-1"}, capture_output=True)
    assert done.returncode == 0, done.stderr
    assert b"column    x: \\u03a9" in done.stdout


def test_a_reader_who_has_read_enough_is_no_fault(made):
    table = made / "results" / "mine" / "first.csv"
    read, write = os.pipe()
    os.close(read)
    done = run("show", str(table), stdout=write, stderr=subprocess.PIPE)
    os.close(write)
    assert done.stderr == b""
    assert done.returncode == 141


def test_a_caption_is_shown_by_its_pictures_record(made, capsys):
    caption = made / "figures" / "mine" / "fig1_a.rst"
    caption.write_text("what it shows")
    assert main(["show", str(caption)]) == 0
    said = capsys.readouterr().out
    assert "made by   modecollapse.checks" in said
    assert "edited" in said.splitlines()[0]  # the record tells of no such caption


def test_what_the_workflow_needs_and_is_not_there_is_named():
    code = (
        "import sys; sys.modules['yaml'] = None\n"
        "from modecollapse.pipeline.cli import main; sys.exit(main(['check']))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "PYTHONPATH": str(PACKAGE.parent)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2
    assert done.stderr == "modecollapse check needs yaml: pip install 'modecollapse[workflow]'\n"


def test_a_tree_of_other_code_is_refused(tmp_path, capsys):
    ignored = shutil.ignore_patterns("__pycache__")
    shutil.copytree(PACKAGE, tmp_path / "src" / "modecollapse", ignore=ignored)
    shutil.copytree(ROOT / "workflow", tmp_path / "workflow")
    shutil.copy(ROOT / "config.yaml", tmp_path)
    assert main(["check", "--root", str(tmp_path)]) == 0
    (tmp_path / "src" / "modecollapse" / "checks.py").write_text("# another\n")
    assert main(["check", "--root", str(tmp_path)]) == 2
    assert "holds other code than this command's" in capsys.readouterr().err


def test_a_profile_sums_jobs_and_names_the_peak(made):
    table = profile.profile(made, CONFIG)
    assert [*table["source"]] == ["flows", "theory", "theory"]
    assert [*table["seconds"]] == [11.0, 10.0, 10.0]
    assert table["share"].sum() == pytest.approx(1.0)
    assert table["memory"].max() == 512.5
    said = profile.report(table).splitlines()
    assert said[-1] == "31 s in 3 jobs; peak 512 MB"
    assert any(line.split()[:5] == ["all", "of", "theory", "2", "20.0"] for line in said)


def test_a_profile_tells_what_frequencies_to_a_tenth_would_take(made):
    part = made / "results" / "mine" / "parts" / "first" / "flows-0.csv"
    names = ["probability", "low", "high"]
    units = {"source": "", **dict.fromkeys(names, "1")}
    frame = pd.DataFrame([["flows", 0.5, 0.3, 0.7], ["flows", 0.0, 0.0, 0.2]], columns=[*units])
    took = record(["modecollapse.checks"], {}, [], 2.0) | {"seconds": 11.0}
    write_table(part, frame, units, took)
    table = profile.profile(made, CONFIG)
    # half-widths of 0.2 and 0.1, mean square 0.025; as many times the runs for 0.1
    assert table["at_tenth"][0] == pytest.approx(11.0 * 0.025 / 0.01)
    assert table["at_tenth"][1:].isna().all()
    assert profile.report(table).splitlines()[1].endswith("27.5")


def test_a_profile_of_a_run_that_is_not_finished_names_what_is_missing(made):
    shutil.rmtree(made / "results" / "mine" / "parts" / "second")
    with pytest.raises(StoreError, match="second: no theory"):
        profile.profile(made, CONFIG)


def test_a_crate_names_every_file_with_its_digest_and_what_made_it(made):
    path = crate.crate(made, CONFIG)
    graph = {entity["@id"]: entity for entity in json.loads(path.read_text())["@graph"]}
    assert graph["ro-crate-metadata.json"]["about"] == {"@id": "./"}
    files = {name for name, entity in graph.items() if entity["@type"] == "File"}
    assert {"results/mine/first.csv", "figures/mine/fig1_a.pdf"} <= files
    assert "results/mine/parts/first/flows-0.csv" in files
    assert {part["@id"] for part in graph["./"]["hasPart"]} == files | {"Snakefile"}

    def references(value):
        if isinstance(value, dict):
            yield from [value["@id"]] if [*value] == ["@id"] else references([*value.values()])
        elif isinstance(value, list):
            for item in value:
                yield from references(item)

    outside = {name for name in references([*graph.values()]) if name not in graph}
    assert outside == {"https://w3id.org/ro/crate/1.1"}
    made_by = graph["#making/results/mine/first.csv"]
    assert {"@id": "results/mine/parts/first/theory-0.csv"} in made_by["object"]


def test_a_crate_of_a_run_that_is_not_finished_is_refused(made):
    (made / "figures" / "mine" / "fig1_a.png.json").unlink()
    with pytest.raises(StoreError, match=r"fig1_a\.png"):
        crate.crate(made, CONFIG)


GONE = 'mkdir "$0" && cd "$0" && rmdir "$0" && '
ODD = {
    "closed": (">&-", "", 0, ""),
    "full": ("> /dev/full", "", 2, "modecollapse: No space left on device\n"),
    "gone": ("", GONE, 2, "modecollapse: No such file or directory\n"),
}


@pytest.mark.parametrize(("output", "before", "code", "told"), ODD.values(), ids=ODD)
def test_where_nothing_can_be_written_or_nobody_is_it_ends_in_a_line(
    tmp_path, output, before, code, told
):
    command = f"{before}{shlex.quote(sys.executable)} -m modecollapse check {output}"
    done = subprocess.run(
        ["sh", "-c", command, str(tmp_path / "gone")],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(PACKAGE.parent)},
        stderr=subprocess.PIPE,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (code, told)


def test_a_date_of_builds_that_is_none_is_no_fault():
    code = "import modecollapse.pipeline, numpy.f2py; print('imported')"
    environment = {**os.environ, "PYTHONPATH": str(PACKAGE.parent), "SOURCE_DATE_EPOCH": "abc"}
    done = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, check=False
    )
    assert done.stdout == b"imported\n"
