"""Finished outputs against their records, the configuration and the reference values."""

from __future__ import annotations

import itertools
import json
import os
import shutil
from pathlib import Path

import pytest
from tiny import CONFIG, PART, SETTINGS, TABLE, write

from modecollapse import store
from modecollapse.pipeline import verify
from modecollapse.pipeline.cli import main
from modecollapse.pipeline.provenance import record
from modecollapse.pipeline.verify import bless, reference_path
from modecollapse.store import (
    StoreError,
    sidecar,
)


def bad(root: Path, config: dict = CONFIG) -> dict[str, str]:
    """Each file that is not as it should be, and why."""
    found = verify.verify(root, config)
    assert found
    return {Path(f.file).name: f.verdict for f in found if not f.good}


def rewrite(path: Path, **changes: object) -> None:
    path.write_text(json.dumps({**json.loads(path.read_text()), **changes}))


@pytest.fixture(scope="module")
def whole(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("whole")
    write(folder)
    bless(folder, CONFIG)
    assert bad(folder) == {}
    return folder


@pytest.fixture
def root(whole, tmp_path) -> Path:
    """A blessed run of its own: a copy, for making one asks git and every package."""
    return Path(shutil.copytree(whole, tmp_path, dirs_exist_ok=True))


def test_everything_is_identical_where_nothing_has_happened(root):
    verdicts = [(f.file, f.check, f.verdict) for f in verify.verify(root, CONFIG)]
    assert verdicts == [
        ("results/tiny/t.csv", "record", "ok"),
        ("results/tiny/t.csv", "values", "identical"),
        ("figures/tiny/fig1_tiny.pdf", "record", "ok"),
        ("figures/tiny/fig1_tiny.png", "record", "ok"),
    ]


@pytest.mark.parametrize("name", ["figures/tiny/fig1_tiny.pdf", "figures/tiny/fig1_tiny.png"])
def test_a_figure_edited_by_hand(root, name):
    (root / name).write_bytes((root / name).read_bytes() + b" ")
    assert bad(root) == {Path(name).name: "edited"}


def test_an_edited_caption(root):
    caption = root / "figures/tiny/fig1_tiny.rst"
    caption.write_text("p = 0.6")
    assert bad(root) == {"fig1_tiny.pdf": "edited", "fig1_tiny.png": "edited"}


def test_a_table_edited_by_hand(root):
    path = root / "results/tiny/t.csv"
    path.write_text(path.read_text().replace("3.0", "3.1"))
    found = verify.verify(root, CONFIG)
    verdicts = [(f.check, f.verdict) for f in found if f.file.endswith("t.csv")]
    assert verdicts == [("record", "edited"), ("values", "unreadable")]
    assert bad(root)["fig1_tiny.pdf"] == "out of date"  # its input is no longer what it was


@pytest.mark.parametrize("content", [None, "", "[]", "{}", '{"sha256": "0"}', "\udcff"])
@pytest.mark.parametrize("name", ["results/tiny/t.csv", "figures/tiny/fig1_tiny.png"])
def test_missing_or_damaged_metadata(root, name, content):
    beside = sidecar(root / name)
    if content is None:
        beside.unlink()
    else:
        beside.write_text(content, errors="surrogateescape")
    assert bad(root)[Path(name).name] in ("no record", "unreadable")
    assert any(f.file == name and f.verdict == "no record" for f in verify.verify(root, CONFIG))


def test_an_output_that_was_not_made(root):
    (root / "figures/tiny/fig1_tiny.pdf").unlink()
    assert bad(root) == {"fig1_tiny.pdf": "missing"}


def test_outputs_older_than_their_configuration(root):
    newer = {"name": "tiny", "fig1_tiny": {"t": {"theory": {"jobs": 2, "points": 5, "seed": 1}}}}
    assert bad(root, newer) == {
        "theory-0.csv": "out of date",
        "t.csv": "other reference",  # and out of date, too
        "fig1_tiny.pdf": "out of date",
        "fig1_tiny.png": "out of date",
    }
    record_of_table = next(f for f in verify.verify(root, newer) if f.check == "record")
    assert record_of_table.verdict == "out of date"


def test_the_number_of_jobs_changes_nothing(root):
    other = {"name": "tiny", "fig1_tiny": {"t": {"theory": {"jobs": 9, **SETTINGS}}}}
    assert bad(root, other) == {}


@pytest.mark.parametrize("modules", [[PART], ["modecollapse.figures.gone"]])
def test_outputs_of_other_code(root, modules):
    rewrite(sidecar(root / "figures/tiny/fig1_tiny.pdf"), modules=modules)
    assert bad(root) == {"fig1_tiny.pdf": "out of date"}


def test_a_part_of_other_code_or_settings(root):
    beside = sidecar(root / "results/tiny/parts/t/theory-0.csv")
    rewrite(beside, modules=["modecollapse.experiments.bifurcation.theory"])
    assert bad(root) == {"theory-0.csv": "out of date"}
    rewrite(beside, modules=[PART], settings={**SETTINGS, "points": 3})
    assert bad(root) == {"theory-0.csv": "out of date"}


def elsewhere(root: Path, change: float) -> list:
    """What is found where another kind of machine made the table, one value changed."""
    values = TABLE["x"].tolist()
    write(root, TABLE.assign(x=[*values[:-1], values[-1] + change]))
    for name in ("parts/t/theory-0.csv", "t.csv"):
        rewrite(sidecar(root / "results/tiny" / name), machine="another")
    return [f for f in verify.verify(root, CONFIG) if f.check == "values"]


def test_a_value_within_the_tolerance_elsewhere(root):
    (found,) = elsewhere(root, 1e-6)
    assert found.verdict == "within tolerance"


def test_a_value_beyond_the_tolerance_elsewhere(root):
    mean, spread = elsewhere(root, 4e-4)
    assert {mean.verdict, spread.verdict} == {"differs"}
    assert mean.detail == "theory: mean of x is 1.5001, not 1.5 ± 1.1e-06"
    assert spread.detail.startswith("theory: std of x is ")


def test_the_same_maker_has_to_give_the_same_bytes(root):
    write(root, TABLE.assign(x=TABLE["x"] + 1e-12))
    found = [f for f in verify.verify(root, CONFIG) if f.check == "values"]
    assert [f.verdict for f in found] == ["differs"]
    assert "not the same bytes" in found[0].detail


def test_the_time_used_does_not_matter(root):
    write(root, seconds=7.0)
    assert bad(root) == {}


@pytest.mark.parametrize(
    ("table", "says"),
    [
        (TABLE.iloc[:3], "3 rows, not 4"),
        (TABLE.assign(source="flow"), "sources ['flow'], not ['theory']"),
        (TABLE.drop(columns="n"), "columns ['x'], not ['n', 'x']"),
    ],
)
def test_another_shape_differs(root, table, says):
    write(root, table)
    details = [f.detail for f in verify.verify(root, CONFIG) if f.verdict == "differs"]
    assert any(says in detail for detail in details)


def test_a_missing_reference(root):
    reference_path(root, "tiny").unlink()
    assert bad(root) == {}
    found = [f.verdict for f in verify.verify(root, CONFIG) if f.check == "values"]
    assert found == ["no reference"]


@pytest.mark.parametrize("content", ["", "{}", "[1]", "{"])
def test_a_damaged_reference_is_named(root, content):
    reference_path(root, "tiny").write_text(content)
    with pytest.raises(StoreError, match=r"tiny\.json: no reference values"):
        verify.verify(root, CONFIG)


def test_a_reference_says_where_it_came_from(root):
    kept = json.loads(reference_path(root, "tiny").read_text())
    origin = kept["origin"]
    assert origin.keys() == {"commit", "clean", "date", "python", "packages", "machine"}
    assert len(origin["date"]) == len("2026-01-01")
    assert kept["tables"]["t"]["seconds"] == {"theory": 1.0}


def test_what_was_edited_or_is_missing_becomes_no_reference(root):
    before = reference_path(root, "tiny").read_bytes()
    (root / "figures/tiny/fig1_tiny.png").write_bytes(b"edited")
    with pytest.raises(StoreError, match=r"fig1_tiny\.png: edited"):
        bless(root, CONFIG)
    assert reference_path(root, "tiny").read_bytes() == before


def test_show_says_where_a_file_came_from(root, capsys):
    figure = root / "figures/tiny/fig1_tiny.pdf"
    assert main(["show", str(figure)]) == 0
    said = capsys.readouterr().out
    for part in ("mean_alignment", "commit", "seed      t.theory.seed = 1", "points = 4", "numpy"):
        assert part in said
    assert "edited" not in said
    figure.write_bytes(b"other")
    main(["show", str(figure)])
    assert "edited" in capsys.readouterr().out


@pytest.mark.parametrize("content", [None, "{", "{}", '{"modules": []}'])
def test_show_names_a_record_that_is_not_there_or_damaged(root, capsys, content):
    beside = sidecar(root / "figures/tiny/fig1_tiny.pdf")
    beside.unlink()
    if content is not None:
        beside.write_text(content)
    assert main(["show", str(root / "figures/tiny/fig1_tiny.pdf")]) == 2
    assert f"{beside}: " in capsys.readouterr().err


def test_no_record_of_a_picture_is_without_its_caption(root):
    beside = sidecar(root / "figures/tiny/fig1_tiny.pdf")
    kept = {k: v for k, v in json.loads(beside.read_text()).items() if k != "caption"}
    beside.write_text(json.dumps(kept))
    assert bad(root) == {"fig1_tiny.pdf": "no record"}


NEEDED = [*record(["modecollapse.checks"], {}, [], 0.0), "sha256"]


@pytest.mark.parametrize("value", ["absent", None, [], {}, "a", 3, [None], {"a": None}, -1.5])
@pytest.mark.parametrize("file", ["results/tiny/t.csv", "results/tiny/parts/t/theory-0.csv"])
def test_a_record_of_odd_shape_ends_in_a_finding(root, file, value):
    beside = sidecar(root / file)
    whole = json.loads(beside.read_text())
    for name in NEEDED:
        odd = {k: v for k, v in whole.items() if k != name}
        beside.write_text(json.dumps(odd if value == "absent" else {**whole, name: value}))
        found = bad(root)
        fits = value == [] and name == "modules"  # what has the right shape says something else
        if value == "absent" or fits:
            assert found[Path(file).name] in ("no record", "unreadable"), name


INPUTS = {
    "a device": "/dev/zero",
    "a pipe": "pipe",
    "a folder": "results",
    "a file elsewhere": "/etc/hostname",
    "a way out": "../../../../etc/hostname",
    "a link out": "out",
    "a circle of links": "circle",
    "nothing": "",
    "a null byte": "a\0b",
    "a long name": "a" * 10_000,
    "half of a pair": "\ud800",
    "a home": "~root",
}


@pytest.mark.parametrize("name", INPUTS.values(), ids=INPUTS.keys())
def test_only_regular_files_of_the_repository_are_read(root, name):
    os.mkfifo(root / "pipe")
    (root / "out").symlink_to("/etc/hostname")
    (root / "circle").symlink_to("circle")
    for file in ("results/tiny/t.csv", "figures/tiny/fig1_tiny.pdf"):
        rewrite(sidecar(root / file), inputs={name: "0" * 64})
    assert bad(root)["t.csv"] == "out of date" or bad(root)["t.csv"] == "unreadable"
    assert bad(root)["fig1_tiny.pdf"] == "out of date"


@pytest.mark.parametrize("file", ["results/tiny/t.csv", "figures/tiny/fig1_tiny.png"])
def test_an_output_that_is_no_file_of_the_repository(root, tmp_path_factory, file):
    other = tmp_path_factory.mktemp("other") / "file"
    path = root / file
    path.rename(other)
    path.symlink_to(other)
    assert bad(root)[path.name] == "unreadable"
    path.unlink()
    os.mkfifo(path)
    assert bad(root)[path.name] == "unreadable"


def test_results_that_are_a_link(root, tmp_path_factory):
    elsewhere = tmp_path_factory.mktemp("scratch") / "results"
    (root / "results").rename(elsewhere)
    (root / "results").symlink_to(elsewhere)
    assert bad(root) == {}


def test_a_file_that_goes_while_it_is_looked_at(root, monkeypatch):
    """As where a run goes on."""
    names = ["t.csv", "t.csv.json", "theory-0.csv", "theory-0.csv.json", "fig1_tiny.rst"]
    seen = store.os.stat
    for name in names:
        calls = itertools.count()

        def gone(path, *given, name=name, calls=calls, **named):
            if Path(str(path)).name == name and next(calls) % 2:
                raise FileNotFoundError(2, "No such file or directory", str(path))
            return seen(path, *given, **named)

        with monkeypatch.context() as patch:
            patch.setattr(store.os, "stat", gone)
            found = [f for f in verify.verify(root, CONFIG) if not f.good]
        assert all(f.verdict for f in found)
    assert bad(root) == {}


@pytest.mark.parametrize(
    ("source", "tolerance"), [("theory", 1e-6), ("simulation", 0.02), ("flow", 0.1)]
)
@pytest.mark.parametrize(("part", "verdict"), [(0.8, "within tolerance"), (1.25, "differs")])
def test_the_tolerance_of_each_source(tmp_path, source, tolerance, part, verdict):
    spread = 1000.0
    values = [-spread, spread] * 2
    table = TABLE.assign(source=source, x=values)
    write(tmp_path, table)
    bless(tmp_path, CONFIG)
    shift = part * tolerance * spread
    write(tmp_path, table.assign(x=[value + shift for value in values]))
    for name in ("parts/t/theory-0.csv", "t.csv"):
        rewrite(sidecar(tmp_path / "results/tiny" / name), machine="another")
    found = [f.verdict for f in verify.verify(tmp_path, CONFIG) if f.check == "values"]
    assert found == [verdict]


@pytest.mark.parametrize(("own", "verdict"), [(0.1, "within tolerance"), (1e-9, "differs")])
def test_a_tolerance_of_a_column_of_its_own(tmp_path, own, verdict):
    write(tmp_path)
    rewrite(sidecar(tmp_path / "results/tiny/t.csv"), tolerances={"x": own})
    bless(tmp_path, CONFIG)
    assert elsewhere(tmp_path, 0.05 if own == 0.1 else 4e-6)[0].verdict == verdict


TEXTS = {
    "another text": ({"kind": ["a", "b", "b", "c"]}, "theory: kind has other text"),
    "other rows": ({"kind": ["b", "a", "b", "b"]}, "theory: kind has other text"),
    "no such column": ({"kind": None}, "theory: kind has other text"),
    "another outcome": (
        {"outcome": ["x", "x", "x", "y"]},
        "theory: outcome is 'x' 3 times, not 2, of 4",
    ),
    "a new outcome": ({"outcome": ["x", "x", "z", "y"]}, "theory: outcome is 'z' 1 times, not 0"),
    "another truth": ({"stable": [True] * 4}, "theory: stable is 'True' 4 times, not 3"),
    "as it was": ({}, ""),
    "the same outcomes of other runs": ({"outcome": ["x", "y", "x", "y"]}, ""),
}


@pytest.mark.parametrize(("changes", "says"), TEXTS.values(), ids=TEXTS)
def test_text_is_compared_row_by_row_and_outcomes_by_their_counts(tmp_path, changes, says):
    texts = {"kind": [*"abbb"], "outcome": [*"xxyy"], "stable": [True, True, True, False]}
    write(tmp_path, TABLE.assign(**texts))
    bless(tmp_path, CONFIG)
    changed = TABLE.assign(**{k: v for k, v in (texts | changes).items() if v is not None})
    write(tmp_path, changed.assign(x=changed["x"] + 1e-9))  # other bytes at least
    for name in ("parts/t/theory-0.csv", "t.csv"):
        rewrite(sidecar(tmp_path / "results/tiny" / name), machine="another")
    found = [f for f in verify.verify(tmp_path, CONFIG) if f.check == "values"]
    assert {f.verdict for f in found} == {"differs" if says else "within tolerance"}
    assert any(f.detail.startswith(says) for f in found)


def test_a_reference_of_before_text_was_kept_is_one_still(root):
    path = reference_path(root, "tiny")
    kept = json.loads(path.read_text())
    for name in ("labels", "counts"):
        del kept["tables"]["t"]["sources"]["theory"][name]
    path.write_text(json.dumps(kept))
    assert elsewhere(root, 1e-6)[0].verdict == "within tolerance"


REFERENCES = {
    "null": None,
    "a list of tables": {"tables": [1]},
    "a table that is null": {"tables": {"t": None}},
    "no sources": {"tables": {"t": {"sha256": "0" * 64}}},
    "numbers as text": {"rows": "4"},
    "columns that are a list": {"columns": []},
    "a mean that is null": {"columns": {"x": {"mean": None, "std": 1.0}}},
    "a mean without a spread": {"columns": {"x": {"mean": 1.0}}},
    "negative rows": {"rows": -1},
    "a spread that is infinite": {"columns": {"x": {"mean": 1.0, "std": float("inf")}}},
}


@pytest.mark.parametrize("odd", REFERENCES.values(), ids=REFERENCES.keys())
def test_a_reference_of_odd_shape_is_named(root, odd):
    path = reference_path(root, "tiny")
    whole = json.loads(path.read_text())
    if odd is None or "tables" in odd:
        whole = odd
    else:
        whole["tables"]["t"]["sources"]["theory"] |= odd
    path.write_text(json.dumps(whole))
    with pytest.raises(StoreError, match=r"tiny\.json: no reference values"):
        verify.verify(root, CONFIG)
