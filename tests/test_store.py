"""Files are whole or absent, and what is read is what was written."""

from __future__ import annotations

import hashlib
import json
import os
import pickle
from pathlib import Path

import pandas as pd
import pytest

from modecollapse.store import (
    LARGEST_RECORD,
    StoreError,
    digest,
    read_sidecar,
    read_table,
    sidecar,
    write_bytes,
    write_recorded,
    write_table,
)

TABLE = pd.DataFrame({"source": ["theory", "flow"], "x": [0.1, 1e-300], "n": [1, 2]})
UNITS = {"source": "text", "x": "1", "n": "1"}


def test_a_table_comes_back_to_the_last_bit(tmp_path):
    path = tmp_path / "sub" / "t.csv"
    write_table(path, TABLE, UNITS, {"entry": "here"})
    pd.testing.assert_frame_equal(read_table(path), TABLE, check_exact=True)
    written = hashlib.sha256(path.read_bytes()).hexdigest()
    assert read_sidecar(path) == {"entry": "here", "units": UNITS, "sha256": written}


def test_the_same_table_gives_the_same_bytes(tmp_path):
    for name in "ab":
        write_table(tmp_path / name, TABLE, UNITS, {})
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


def test_nothing_but_the_file_and_its_record_is_left(tmp_path):
    write_table(tmp_path / "t.csv", TABLE, UNITS, {})
    assert sorted(p.name for p in tmp_path.iterdir()) == ["t.csv", "t.csv.json"]


def test_a_missing_value_or_unit_is_refused_and_the_old_file_stays(tmp_path):
    path = tmp_path / "t.csv"
    write_table(path, TABLE, UNITS, {})
    before = path.read_bytes()
    with pytest.raises(StoreError, match=r"missing values in the column.*x"):
        write_table(path, TABLE.assign(x=[1.0, float("nan")]), UNITS, {})
    with pytest.raises(StoreError, match=r"no unit is given .* n"):
        write_table(path, TABLE, {"source": "text", "x": "1"}, {})
    assert path.read_bytes() == before


def test_a_failed_write_leaves_the_old_file_and_no_debris(tmp_path, monkeypatch):
    path = tmp_path / "t.csv"
    write_bytes(path, b"old\n")

    def full(descriptor):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(StoreError, match=r"t\.csv: cannot be written \(No space left"):
        write_bytes(path, b"new\n")
    assert path.read_bytes() == b"old\n"
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize(
    "damage", [b"", b"source,x,n\ntheory,0.1", b"\xff\xfe\n", b"a,b\n1\n2,3,4\n"]
)
def test_a_damaged_table_is_refused_by_name(tmp_path, damage):
    path = tmp_path / "t.csv"
    write_table(path, TABLE, UNITS, {})
    path.write_bytes(damage)
    with pytest.raises(StoreError, match=r"t\.csv: "):
        read_table(path)


class Malicious:
    """Makes a folder where it is unpickled."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def __reduce__(self):
        return os.mkdir, (str(self.folder),)


@pytest.mark.parametrize("kind", ["pickle", "pickled table", "nothing", "other columns", "ragged"])
def test_what_is_no_table_is_refused_and_nothing_in_it_is_run(tmp_path, kind):
    path, trace = tmp_path / "t.csv", tmp_path / "trace"
    contents = {
        "pickle": pickle.dumps(Malicious(trace)),
        "pickled table": pickle.dumps(TABLE.assign(x=[Malicious(trace)] * len(TABLE))),
        "nothing": b"",
        "other columns": b"source,y,n\ntheory,1,2\n",
        "ragged": b"source,x,n\ntheory,1,2\ntheory,1,2,3,4\n",
    }
    content = contents[kind]
    # Whoever forges a table can forge the record beside it.
    write_recorded(path, content, {"units": UNITS})
    with pytest.raises(StoreError, match=r"t\.csv: (not a table|its columns are not those)"):
        read_table(path)
    assert not trace.exists()
    if kind.startswith("pickle"):
        pickle.loads(content)
        assert trace.exists()  # it does what it is refused for


def test_a_damaged_record_is_refused_by_name(tmp_path):
    path = tmp_path / "t.csv"
    write_table(path, TABLE, UNITS, {})
    sidecar(path).write_text("{")
    with pytest.raises(StoreError, match=r"t\.csv\.json: not JSON"):
        read_table(path)


ODD = {
    "empty": "",
    "half": '{"sha256": ',
    "null": "null",
    "a list": "[1]",
    "text": '"a"',
    "not a number": "{NaN",
    "deep": "[" * 100_000,
    "deep and closed": '{"a":' * 40 + "1" + "}" * 40,
    "deeper and closed": "[" * 3000 + "]" * 3000,
    "digits": '{"a": ' + "1" * 5000 + "}",
    "half of a pair": '{"a": "\\ud800"',
    "long": " " * (LARGEST_RECORD + 1),
}


@pytest.mark.parametrize("content", ODD.values(), ids=ODD.keys())
def test_a_record_of_odd_shape_is_refused_by_name(tmp_path, content):
    path = tmp_path / "t.csv"
    write_table(path, TABLE, UNITS, {})
    sidecar(path).write_text(content)
    for reader in (read_sidecar, read_table):
        with pytest.raises(StoreError, match=r"t\.csv\.json: "):
            reader(path)


@pytest.mark.parametrize("units", [None, [], "text", 3, {"source": "text"}])
def test_units_of_odd_shape_are_refused(tmp_path, units):
    path = tmp_path / "t.csv"
    write_table(path, TABLE, UNITS, {})
    sidecar(path).write_text(json.dumps({"sha256": digest(path), "units": units}))
    with pytest.raises(StoreError, match="its columns are not those of"):
        read_table(path)


@pytest.mark.parametrize("kind", ["pipe", "device", "folder", "circle", "nowhere", "null byte"])
def test_what_is_no_file_is_refused_and_nothing_waits(tmp_path, kind):
    path = tmp_path / "t.csv"
    if kind == "pipe":
        os.mkfifo(path)
    elif kind == "folder":
        path.mkdir()
    elif kind == "null byte":
        path = tmp_path / "a\0b"
    elif kind != "nowhere":
        path.symlink_to("/dev/zero" if kind == "device" else path)
    for reader in (digest, read_table):
        with pytest.raises(StoreError, match=r"not a regular file|cannot be read"):
            reader(path)
