"""Tables that share a process are what they are alone: bytes, records, logs and errors."""

from __future__ import annotations

import json

import pytest

from modecollapse.pipeline import compute, configuration, gather, profile, together
from modecollapse.store import StoreError

BLOCKS = {
    "regret_line": {"lowest": 1.62, "highest": 3.0, "points": 3},
    "closed_equations": {
        **{"start_seed": 3, "separation": 2.0, "target_weight": 0.6, "eta": 1.0, "points": 5},
        **{"dimensions": [2, 4], "time": 1.0, "rtol": 1e-6},
    },
    "fold_lines": {"highest": 3.0, "points": 3},
}
WHOLE = ("regret_line", "fold_lines")


def work(tables):
    return {
        table: {"experiment": table, "settings": BLOCKS[table], "whole": table in WHOLE}
        for table in tables
    }


def called(folder, tables):
    words = ["theory", "--work", json.dumps(work(tables)), "--results", str(folder)]
    together.main(words)


def files(folder):
    """Every file, the records without the seconds and without the folder's own name."""
    found = {}
    for path in folder.rglob("*"):
        if path.is_file():
            text = path.read_text(encoding="utf-8").replace(str(folder), "")
            if path.suffix == ".json":
                record = json.loads(text)
                assert record.pop("seconds") >= 0
                text = json.dumps(record, sort_keys=True)
            found[str(path.relative_to(folder))] = text
    return found


@pytest.fixture
def alone(tmp_path):
    """What a process for each part, and one for each table, write."""
    folder = tmp_path / "alone"
    for table, block in BLOCKS.items():
        part = folder / "parts" / table / "theory-0.csv"
        words = [table, "theory", "--settings", json.dumps(block), "--output", str(part)]
        compute.main(words)
        if table in WHOLE:
            gather.main([str(part), "--output", str(folder / f"{table}.csv")])
    return folder


@pytest.mark.parametrize("turn", [1, -1])
def test_tables_that_share_a_process_are_what_they_are_alone(alone, tmp_path, turn):
    shared = tmp_path / "shared"
    called(shared, [*BLOCKS][::turn])
    assert files(shared) == files(alone)
    assert len(files(shared)) == 2 * (len(BLOCKS) + len(WHOLE))


def test_an_error_names_the_table_and_its_setting_and_keeps_what_is_done(tmp_path, monkeypatch):
    monkeypatch.setattr(together, "check", lambda *given: None)  # what only the road refuses
    monkeypatch.setitem(BLOCKS, "fold_delay", {"distances": [50.0], "horizon": 1e9})
    with pytest.raises(ValueError, match=r"fold_delay\.theory\.distances: got"):
        called(tmp_path, BLOCKS)
    assert (tmp_path / "regret_line.csv").exists()
    assert not (tmp_path / "parts" / "fold_delay").exists()


def test_an_error_of_any_block_is_told_before_the_first_is_computed(tmp_path, monkeypatch):
    monkeypatch.setitem(BLOCKS, "fold_lines", {"highest": 99.0, "points": 3})
    with pytest.raises(ValueError, match=r"fold_lines\.theory\.highest: got"):
        called(tmp_path, BLOCKS)
    assert not list(tmp_path.iterdir())


def test_a_block_that_is_shared_has_one_job():
    config = {
        "name": "x",
        "fig1_a": {
            "t": {"experiment": "e", "theory": {"jobs": "shared"}, "flows": {"jobs": 3}},
            "u": {"theory": {"jobs": "shared"}, "flows": {"jobs": "shared"}},
        },
        "fig2_b": {"v": {"theory": {"jobs": 1}}},
    }
    assert configuration.shared(config) == {
        ("fig1_a", "theory"): ["t", "u"],
        ("fig1_a", "flows"): ["u"],
    }
    jobs = {
        (table, source): block["jobs"]
        for tables in configuration.blocks(config).values()
        for table, sources in tables.items()
        for source, block in sources.items()
    }
    assert jobs == {
        **{("t", "theory"): 1, ("t", "flows"): 3, ("u", "theory"): 1, ("u", "flows"): 1},
        ("v", "theory"): 1,
    }


def test_a_profile_finds_the_memory_of_a_shared_process(tmp_path):
    config = {"name": "mine", "fig1_a": {"regret_line": {"theory": {"jobs": "shared"}}}}
    called(tmp_path / "results" / "mine", ["regret_line"])
    log = tmp_path / "logs" / "mine" / "fig1_a" / "theory.tsv"
    log.parent.mkdir(parents=True)
    log.write_text("s\tmax_rss\n1.5\t321.5\n", encoding="utf-8")
    (row,) = profile.profile(tmp_path, config).itertuples()
    assert (row.table, row.jobs, row.memory) == ("regret_line", 1, 321.5)
    (tmp_path / "results" / "mine" / "parts" / "regret_line" / "theory-0.csv").unlink()
    with pytest.raises(StoreError, match="regret_line: no theory"):
        profile.profile(tmp_path, config)
