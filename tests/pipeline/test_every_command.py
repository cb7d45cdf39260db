"""Every ``python -m modecollapse…`` with odd words: a line that names them, exit code 2."""

from __future__ import annotations

import ast
import json
import os
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from modecollapse import closure
from modecollapse.closure import PACKAGE
from modecollapse.pipeline import cli, compute, configuration, entry, together
from modecollapse.pipeline.provenance import record
from modecollapse.store import sidecar, write_table

ROOT = Path(__file__).parents[2]
TABLE = pd.DataFrame({"source": ["theory"], "x": [1.0]})
BLOCK = {"highest": 3.0, "points": 3}
WORK = {"fold_lines": {"experiment": "fold_lines", "settings": BLOCK, "whole": True}}
CONFIG = configuration.load([ROOT / "config.yaml", ROOT / "config" / "smoke.yaml"])

# Of each command a call that works in a folder with table.csv.
CALLS: dict[str, list[str]] = {
    "compute": ["fold_lines", "theory", "--settings", json.dumps(BLOCK), "--job", "0", "--jobs",
                "1", "--threads", "1", "--output", "out/theory-0.csv"],
    "together": ["theory", "--work", json.dumps(WORK), "--results", "out", "--threads", "1"],
    "gather": ["table.csv", "--output", "out/table.csv"],
    "draw": ["multimodal", "table.csv", "--output", "out/figure"],
    "pictures": ["--figure", "out/figs_multimodal", "table.csv"],
    "judge": ["--figure", "fig1_collapse", "table.csv", "--output", "out/claims.csv"],
    "page": ["title", "--settings", json.dumps(CONFIG), "--verify", "--output", "out/page.html"],
    "quote": ["--root", ".", "--claims", "table.csv"],
}  # fmt: skip
ODD = {
    "nothing": "",
    "a space": " ",
    "a dash": "-",
    "two dashes": "--",
    "a line end": "a\nb",
    "escapes": "\x1b[31mred",
    "half a character": "\udcff",
    "a path upwards": "../../x",
    "a folder": ".",
    "a folder of another": "/proc/1",
    "a pipe": "pipe",
    "a circle of links": "circle",
    "long": "a" * 5000,
    "a number": "7",
    "a negative number": "-7",
    "a fraction": "0.5",
    "a huge number": "9" * 5000,
    "digits of another script": "٣",
    "digits with _": "1_0",
    "NaN": "NaN",
    "a dunder": "__init__",
    "a dotted name": "os.path",
    "another module": "share",
    "broken JSON": '{"points": 3',
    "a list": "[1]",
    "nothing in JSON": "null",
    "an empty mapping": "{}",
    "deep JSON": "[" * 10**5,
    "a key twice": '{"points": 3, "points": 4, "highest": 3.0}',
    "JSON's NaN": '{"points": 3, "highest": NaN}',
    "JSON's infinity": '{"points": 3, "highest": 1e999}',
    "text for a number": '{"points": "3", "highest": 3.0}',
    "a truth for a number": '{"points": true, "highest": 3.0}',
    "a mapping for a number": '{"points": {}, "highest": 3.0}',
    "none for a number": '{"points": null, "highest": 3.0}',
    "an unknown key": '{"points": 3, "highest": 3.0, "more": 1}',
    "a missing key": '{"points": 3}',
    "no key": '{"": 3}',
    "a wide key": json.dumps({"a\x1b[1m" * 1000: 3}),
}


def commands() -> Iterator[str]:
    """The modules that say what happens when they are run."""
    for path in sorted(PACKAGE.rglob("*.py")):
        for node in ast.parse(path.read_text(encoding="utf-8")).body:
            if isinstance(node, ast.If) and "__main__" in ast.dump(node.test):
                yield ".".join(path.relative_to(PACKAGE).with_suffix("").parts)


def test_every_command_has_a_call():
    others = {"closure", "pipeline.cli"}
    assert set(commands()) == others | {f"pipeline.{name}" for name in CALLS}


@pytest.fixture(scope="module")
def made_by() -> dict[str, Any]:
    return record(["modecollapse.pipeline.gather"], {"theory": {}}, [], 1.0)


@pytest.fixture
def folder(made_by, tmp_path, monkeypatch) -> Path:
    """A folder with what the calls read; far enough down for what they write above it."""
    here = tmp_path / "a" / "b"
    here.mkdir(parents=True)
    write_table(here / "table.csv", TABLE, {"source": "text", "x": "1"}, made_by)
    os.mkfifo(here / "pipe")
    (here / "circle").symlink_to("circle")
    (here / "workflow").symlink_to(ROOT / "workflow")
    monkeypatch.chdir(here)
    monkeypatch.setattr(compute, "limit_threads", lambda threads: None)
    monkeypatch.setattr(together, "limit_threads", lambda threads: None)
    return here


def ended(name: str, words: list[str], capsys: Any) -> tuple[int, str]:
    """The exit code of a command, and what it says on its error stream."""
    module = import_module(f"modecollapse.pipeline.{name}")
    code = 0
    try:
        entry.run(lambda: module.main(words))
    except SystemExit as error:
        code = error.code
    return code, capsys.readouterr().err


def places(name: str) -> list[int]:
    """Where in a command's call a value stands."""
    return [i for i, word in enumerate(CALLS[name]) if not word.startswith("--")]


@pytest.mark.parametrize("kind", ODD)
@pytest.mark.parametrize("name", CALLS)
def test_an_odd_word_is_refused_with_a_line(name, kind, folder, capsys):
    refused = 0
    for place in places(name):
        words = [*CALLS[name]]
        words[place] = ODD[kind]
        code, told = ended(name, words, capsys)
        assert code in (0, 2), (words, told)
        if code == 2:
            (line,) = told.splitlines()
            assert line.startswith("error: ")
            assert len(line) < 2100
            assert line.isprintable()
            refused += 1
    assert refused >= 1


@pytest.mark.parametrize("name", CALLS)
def test_a_word_too_few_or_too_many_is_refused_with_a_line(name, folder, capsys):
    for words in ([], CALLS[name][:1], CALLS[name][:-1], [*CALLS[name], "--more"], ["--output"]):
        code, told = ended(name, words, capsys)
        (line,) = told.splitlines()
        assert (code, line[:7]) == (2, "error: ")


RECORDS = {"nothing": "", "a list": "[]", "deep": "[" * 10**6, "NaN": '{"sha256": NaN}'}


@pytest.mark.parametrize("text", RECORDS.values(), ids=RECORDS)
@pytest.mark.parametrize("name", ["gather", "draw", "pictures", "judge", "quote"])
def test_a_record_of_odd_shape_is_refused_with_a_line(name, text, folder, capsys):
    sidecar("table.csv").write_text(text)
    code, told = ended(name, CALLS[name], capsys)
    (line,) = told.splitlines()
    assert code == 2
    assert line.startswith("error: table.csv")


REFUSED = {
    "experiment": (["fold", "theory"], "experiment: got 'fold'; allowed: one that computes a"),
    "source": (["fold_lines", "flow"], "source: got 'flow'; allowed: one of theory, sim"),
    "no part": (["closed_equations", "flows"], "experiment: got 'closed_equations'; allowed: one"),
}


@pytest.mark.parametrize(("words", "says"), REFUSED.values(), ids=REFUSED)
def test_what_cannot_be_computed_is_named(words, says, folder, capsys):
    code, told = ended("compute", [*words, *CALLS["compute"][2:]], capsys)
    assert (code, told[: 7 + len(says)]) == (2, f"error: {says}")


@pytest.mark.parametrize("kind", ["a missing key", "an unknown key", "text for a number"])
def test_a_setting_is_named_with_its_block(kind, folder, capsys):
    told = []
    for name, given in (("compute", ODD[kind]), ("together", None)):
        work = {"fold_lines": WORK["fold_lines"] | {"settings": json.loads(ODD[kind])}}
        words = [w if w[:1] != "{" else given or json.dumps(work) for w in CALLS[name]]
        told.append(ended(name, words, capsys))
    assert told[0] == told[1]
    assert told[0][1].startswith("error: fold_lines.theory.")


def test_every_block_of_the_configurations_fits():
    named = configuration.experiments(CONFIG)
    for tables in configuration.blocks(CONFIG).values():
        for table, sources in tables.items():
            for source, block in sources.items():
                compute.check(named[table], source, block)


def test_nothing_is_computed_before_all_work_is_known_to_fit(folder, capsys):
    work = {**WORK, "regret_line": {**WORK["fold_lines"], "experiment": "regret"}}
    words = ["theory", "--work", json.dumps(work), "--results", "none"]
    assert ended("together", words, capsys)[0] == 2
    assert not Path("none").exists()


@pytest.mark.parametrize("name", CALLS)
def test_the_calls_are_those_of_the_commands(name, folder, capsys):
    """What works, works; what only lacks the tables of its figure says so."""
    lacks = {
        "draw": "modes_found",
        "pictures": "modes_found",
        "judge": "snapshots",
        "quote": "--claims: got 'table.csv'",
    }
    code, told = ended(name, CALLS[name], capsys)
    assert code == (2 if name in lacks else 0), told
    assert lacks.get(name, "") in told


@pytest.mark.parametrize("word", ["", "os", "modecollapse.x", "modecollapse.checks.py", "../x"])
def test_a_closure_of_what_is_no_module_is_refused_with_a_line(word, capsys):
    assert closure.main([word]) == 2
    assert len(capsys.readouterr().err.splitlines()) == 1


SHOWN = ("show", "check", "verify", "profile", "crate", "diagnose", "schema")


@pytest.mark.parametrize("kind", [k for k in ODD if k not in ("a dash", "two dashes", "a pipe")])
@pytest.mark.parametrize("command", SHOWN)
def test_the_command_refuses_an_odd_word(command, kind, folder, capsys):
    """In each place that takes one; argparse tells its usage before the line."""
    places = [[ODD[kind]]] if command in ("show", "check", "diagnose") else []
    places += [["--configfile", ODD[kind]]] if command in ("verify", "profile", "crate") else []
    places += [["--root", ODD[kind]]] if command not in ("show", "diagnose") else []
    for words in places:
        try:
            code = cli.main([command, *words])
        except SystemExit as error:
            code = error.code
        told = capsys.readouterr().err
        assert code == 2, words
        assert "Traceback" not in told
        assert all(c.isprintable() or c == "\n" for c in told)


HUGE = {
    "seeds": (["--seeds", "1000000000000"], "seeds: got 1000000000000; allowed: a whole number"),
    "steps": (["--steps", "1000000000000", "--check"], "steps: got 1000000000000; allowed: a w"),
    "steps that take years": (["--steps", "1000000000"], "steps: got 1000000000; allowed: what ta"),
    "steps of all runs": (
        ["--steps", "9999999", "--check"],
        "steps: got 9999999; allowed: what ta",
    ),
    "runs that take days": (["--seeds", "99999", "--steps", "99999"], "steps: got 99999; all"),
    "less than an hour": (
        ["--hours", "0.001", "--check", "--steps", "4000"],
        "steps: got 4000; all",
    ),
    "no hours": (["--hours", "0"], "hours: got 0.0; allowed: a finite number in (0, inf)"),
    "hours before": (["--hours", "-1"], "hours: got -1.0"),
    "hours for ever": (["--hours", "inf"], "hours: got inf"),
    "hours too many": (["--hours", "1e99"], "hours: got 1e+99"),
    "hours that are none": (["--hours", "nan"], "hours: got nan"),
    "seconds": (["--seconds", "nan"], "seconds: got nan; allowed: a finite number"),
    "output": (["--output", "pipe"], "output: got 'pipe'; allowed: a folder"),
}


@pytest.mark.parametrize(("words", "says"), HUGE.values(), ids=HUGE)
def test_a_diagnosis_that_would_not_end_is_refused_before_it_begins(words, says, folder, capsys):
    assert cli.main(["diagnose", str(ROOT / "targets" / "ring.py"), *words]) == 2
    assert capsys.readouterr().err.splitlines()[-1].startswith(says)


def test_an_interruption_ends_without_a_word(capsys):
    def interrupted() -> None:
        raise KeyboardInterrupt

    with pytest.raises(SystemExit) as caught:
        entry.run(interrupted)
    assert caught.value.code == 130
    assert capsys.readouterr().err == ""


FAILURES = {
    "full": (OSError(28, "No space left on device"), "error: [Errno 28] No space left"),
    "gone": (FileNotFoundError(2, "No such file", "a.csv"), "error: a.csv: No such file"),
    "memory": (MemoryError("1 TiB"), "error: more memory is needed than there is (1 TiB)"),
}


@pytest.mark.parametrize(("failure", "says"), FAILURES.values(), ids=FAILURES)
def test_what_the_system_refuses_ends_a_job_with_a_line(failure, says, capsys):
    def fails() -> None:
        raise failure

    with pytest.raises(SystemExit) as caught:
        entry.run(fails)
    (line,) = capsys.readouterr().err.splitlines()
    assert caught.value.code == 2
    assert line.startswith(says)
