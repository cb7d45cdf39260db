"""Tables, records, logs and notes that someone has made up: one line, and never a wait."""

from __future__ import annotations

import hashlib
import json
import os
from pathlib import Path

import pytest
from tiny import CONFIG, SETTINGS, write

from modecollapse.claims.claim import UNITS as OF_CLAIMS
from modecollapse.pipeline import commands, owner, verify
from modecollapse.pipeline.cli import main
from modecollapse.pipeline.configuration import ConfigurationError
from modecollapse.store import sidecar

ESCAPES = "\x1b]0;mine\x07\x1b[31m\n  commit    another\u2028\u202e"
TABLE = "results/tiny/t.csv"


@pytest.fixture
def root(tmp_path, monkeypatch) -> Path:
    write(tmp_path)
    verify.bless(tmp_path, CONFIG)
    monkeypatch.setattr(commands, "_configuration", lambda given: CONFIG)
    return tmp_path


def said(capsys, root: Path, *words: str) -> tuple[int, str]:
    """How a command ends, and what it says; no control character among it."""
    code = main([*words, "--root", str(root)])
    told = capsys.readouterr()
    text = told.out + told.err
    assert all(c.isprintable() or c == "\n" for c in text)
    return code, text


def forge(path: Path, text: str, units: dict[str, str] | None = None, **changes: object) -> None:
    """Write a table and a record that fits it."""
    like = json.loads(sidecar(path.with_name("t.csv")).read_text(encoding="utf-8"))
    path.write_text(text, encoding="utf-8")
    digest = hashlib.sha256(text.encode()).hexdigest()
    record = {**like, "sha256": digest, "units": units or like["units"], **changes}
    sidecar(path).write_text(json.dumps(record), encoding="utf-8")


NAMED = ("packages", "settings", "seeds", "inputs", "units")
RECORDS = {name: {name: {ESCAPES: "0" * 64}} for name in NAMED}
RECORDS |= {name: {name: ESCAPES} for name in ("commit", "python", "machine", "device")}
RECORDS |= {"deep": {"settings": {"a": {"b": [ESCAPES]}}}}


@pytest.mark.parametrize("changes", RECORDS.values(), ids=RECORDS)
def test_what_a_record_holds_moves_no_cursor_and_begins_no_line(root, capsys, changes):
    beside = sidecar(root / TABLE)
    beside.write_text(json.dumps({**json.loads(beside.read_text()), **changes}), encoding="utf-8")
    assert main(["show", str(root / TABLE)]) == 0
    text = capsys.readouterr().out
    assert all(c.isprintable() or c == "\n" for c in text)
    assert sum(line.startswith("  commit") for line in text.splitlines()) == 1
    said(capsys, root, "verify")


TABLES = {
    "no column source": ("x,n\n1.0,1\n", {"x": "1", "n": "1"}),
    "sources of numbers": ("source,x,n\n1,1.0,1\n", None),
    "no rows": ("source,x,n\n", None),
    "text for numbers": ("source,x,n\ntheory,a,b\n", None),
    "infinite": ("source,x,n\ntheory,inf,1\n", None),
    "huge": ("source,x,n\ntheory,1.0," + "9" * 400 + "\n", None),
    "truths": ("source,x,n\ntheory,True,False\n", None),
    "escapes": (f'source,x,n\n"{ESCAPES}",1.0,1\n', None),
    "a column twice": ("source,x,x\ntheory,1.0,1\n", {"source": "text", "x": "1"}),
    "empty sources": ("source,x,n\n,1.0,1\n", None),
}


@pytest.mark.parametrize(("text", "units"), TABLES.values(), ids=TABLES)
def test_a_table_that_was_made_up_ends_in_a_finding(root, capsys, text, units):
    forge(root / TABLE, text, units)
    code, told = said(capsys, root, "verify")
    assert code == 1
    assert f"! {TABLE}" in told


CLAIM = ",".join(OF_CLAIMS) + "\n"
ROW = f'claims,a,b,figure,w,s,0.0,0.0,0.0,1.0,2.0,fails,"{ESCAPES}",beforehand\n'
CLAIMS = {
    "without verdicts": ("a,b\n1,2\n", {"a": "1", "b": "1"}, 2),
    "of verdicts alone": ("verdict\n1\n", {"verdict": "text"}, 2),
    "with escapes": (CLAIM + ROW, dict(OF_CLAIMS), 0),
    "none": (CLAIM, dict(OF_CLAIMS), 0),
}


@pytest.mark.parametrize(("text", "units", "code"), CLAIMS.values(), ids=CLAIMS)
def test_claims_that_were_made_up_end_in_a_line(root, capsys, text, units, code):
    inputs = {TABLE: hashlib.sha256((root / TABLE).read_bytes()).hexdigest()}
    settings = {"t": {"theory": SETTINGS}}
    forge(root / "results/tiny/claims.csv", text, units, inputs=inputs, settings=settings)
    found, told = said(capsys, root, "verify")
    assert found == code
    assert "claims" in told


@pytest.mark.parametrize("change", ["pipe", "folder", "edited", "no record", "older"])
def test_claims_are_an_output_like_others(root, capsys, change):
    path = root / "results/tiny/claims.csv"
    if change == "pipe":
        os.mkfifo(path)
    elif change == "folder":
        path.mkdir()
    else:
        forge(path, CLAIM, dict(OF_CLAIMS))  # of other inputs and settings than its own
    if change == "edited":
        path.write_text(CLAIM + ROW, encoding="utf-8")
    if change == "no record":
        sidecar(path).unlink()
    code, told = said(capsys, root, "verify")
    assert code in (1, 2)
    assert "claims.csv" in told


LOGS = {
    "a pipe": None,
    "binary": b"\xff\xfe",
    "nothing": b"",
    "other columns": b"a\tb\n1\t2\n",
    "a dash": b"s\tmax_rss\n1\t-\n",
    "cut off": b"s\tmax_rss\n1\n",
    "a long field": b"s\tmax_rss\n1\t" + b"9" * 200_000 + b"\n",
    "a null byte": b"s\tmax_rss\n\0\t1\n",
}


@pytest.mark.parametrize("content", LOGS.values(), ids=LOGS)
def test_a_profile_takes_whatever_snakemake_left(root, capsys, content):
    log = root / "logs/tiny/t/theory-0.tsv"
    log.parent.mkdir(parents=True)
    if content is None:
        os.mkfifo(log)
    else:
        log.write_bytes(content)
    code, told = said(capsys, root, "profile")
    assert code == 0
    assert "1 s in 1 jobs" in told


NOTES = {
    "a pipe": os.mkfifo,
    "a device": lambda path: path.symlink_to("/dev/zero"),
    "a folder": Path.mkdir,
    "a circle of links": lambda path: path.symlink_to(path),
    "binary": lambda path: path.write_bytes(b"\xff\xfe\0"),
    "huge": lambda path: path.write_bytes(b"a" * 200_000),
    "empty": Path.touch,
}


@pytest.mark.parametrize("make", NOTES.values(), ids=NOTES)
def test_a_note_that_cannot_be_read_does_not_let_results_be_overwritten(tmp_path, make):
    note = tmp_path / "results" / "mine" / ".configuration"
    note.parent.mkdir(parents=True)
    make(note)
    with pytest.raises(ConfigurationError, match=r"^name: got 'mine', but results/mine holds what"):
        owner.check(tmp_path, "mine", "config/mine.yaml")


def test_results_without_a_note_may_be_overwritten(tmp_path):
    owner.check(tmp_path, "mine", "config/mine.yaml")
