"""A configuration is read strictly, and a wrong one is explained."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from modecollapse.closure import closure
from modecollapse.pipeline.compute import module_name
from modecollapse.pipeline.configuration import (
    ConfigurationError,
    blocks,
    check,
    experiments,
    load,
    merge,
    schema,
)

ROOT = Path(__file__).parents[2]
SCHEMA = schema(ROOT / "workflow" / "schemas")
NAMED = sorted((ROOT / "config").glob("*.yaml"))


@pytest.mark.parametrize("named", [None, *NAMED], ids=lambda p: p.stem if p else "default")
def test_the_configurations_of_the_repository_pass(named):
    config = load([ROOT / "config.yaml", *([named] if named else [])])
    check(config, SCHEMA)
    assert config["name"] == (named.stem if named else "default")


def test_every_figure_of_the_default_has_a_schema_and_a_module():
    config = load([ROOT / "config.yaml"])
    figures, named = blocks(config), experiments(config)
    schemas = {path.stem for path in (ROOT / "workflow" / "schemas").glob("fig*.yaml")}
    assert set(figures) == schemas
    source = ROOT / "src" / "modecollapse"
    for figure, tables in figures.items():
        assert (source / "figures" / f"{figure.split('_', 1)[1]}.py").exists()
        for table, sources in tables.items():
            for name in sources:
                assert closure(module_name(named[table], name))  # raises where there is no file


def test_a_table_belongs_to_one_figure():
    tables = [t for figure in blocks(load([ROOT / "config.yaml"])).values() for t in figure]
    assert len(tables) == len(set(tables))


def test_merge_replaces_lists_and_keeps_the_rest():
    base = {"a": {"b": [1, 2], "c": 3}, "d": 4}
    assert merge(base, {"a": {"b": [5]}}) == {"a": {"b": [5], "c": 3}, "d": 4}
    assert base == {"a": {"b": [1, 2], "c": 3}, "d": 4}


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (b"a: 1\na: 2\n", "a: given twice"),
        (b"a: {b: 1, b: 2}\n", "b: given twice"),
        (b"a: [1\n", "not YAML"),
        (b"\xff\xfe\x00", "not UTF-8"),
        (b"- 1\n", "a block of keys"),
        (b"", "a block of keys"),
        (b"a: !!python/object/apply:os.system ['true']\n", "not YAML"),
    ],
)
def test_a_file_that_is_no_configuration_is_refused(tmp_path, text, says):
    path = tmp_path / "wrong.yaml"
    path.write_bytes(text)
    with pytest.raises(ConfigurationError, match=says) as caught:
        load([path])
    assert str(path) in str(caught.value)


def test_the_text_that_yaml_makes_of_1e_minus_3_is_explained():
    kinds = {"step": {"type": "number", "description": "a number"}}
    wrong = yaml.safe_load("step: 1e-3")
    with pytest.raises(ConfigurationError, match=r"step: got '1e-3'; .* write 0.001"):
        check(wrong, {"type": "object", "properties": kinds})


def test_a_missing_key_is_explained_by_its_kind():
    config = load([ROOT / "config.yaml"])
    del config["fig3_mean_alignment"]["basins"]["theory"]["rtol"]
    with pytest.raises(ConfigurationError) as caught:
        check(config, SCHEMA)
    expected = "fig3_mean_alignment.basins.theory.rtol: missing; allowed: a number from 1e-11"
    assert str(caught.value).startswith(expected)


def test_not_a_number_is_refused():
    with pytest.raises(ConfigurationError, match=r"a\.b: got nan"):
        check(yaml.safe_load("a: {b: .nan}"), {})
