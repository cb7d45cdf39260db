"""A configuration is read strictly, and a wrong one is explained."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest
import yaml

from modecollapse.closure import closure
from modecollapse.pipeline import owner
from modecollapse.pipeline.cli import main
from modecollapse.pipeline.compute import module_name
from modecollapse.pipeline.configuration import SCHEMA as SCHEMA_FILE
from modecollapse.pipeline.configuration import (
    ConfigurationError,
    blocks,
    check,
    check_words,
    experiments,
    load,
    merge,
    read,
    schema,
)
from modecollapse.pipeline.faults import faults
from modecollapse.pipeline.schema import text

ROOT = Path(__file__).parents[2]
SCHEMA = schema(ROOT / "workflow" / "schema.json")
NAMED = sorted((ROOT / "config").glob("*.yaml"))


@pytest.mark.parametrize("named", [None, *NAMED], ids=lambda p: p.stem if p else "default")
def test_the_configurations_of_the_repository_pass(named):
    config = load([ROOT / "config.yaml", *([named] if named else [])])
    check(config, SCHEMA)
    assert config["name"] == (named.stem if named else "default")


def test_every_figure_of_the_default_has_a_module():
    config = load([ROOT / "config.yaml"])
    figures, named = blocks(config), experiments(config)
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
        (b"a: !!python/object/apply:os.system ['true']\n", "got the tag"),
        (b'a: !!int ""\n', "got the tag 'tag:yaml.org,2002:int' in line 1; leave it out"),
        (b"a:\n  b: !!bool maybe\n", "got the tag 'tag:yaml.org,2002:bool' in line 2"),
        (b"a: !!float x\n", "got the tag"),
        (b"? !!timestamp 2026-01-01\n: 1\n", "got the tag"),
        (b"a: 2026-01-01\n", "^[^:]*: a: got '2026-01-01' in line 1, which YAML reads as a date"),
        (b"a: 2026-13-45\n", "which YAML reads as a date"),
        (b"a: 2026-01-01 12:00:00\n", "which YAML reads as a date"),
        (
            b"a: 0100\n",
            "a: got '0100' in line 1, which YAML reads as 64; write 64 or 100, or quote",
        ),
        (
            b"a: [1, -007]\n",
            "a.1: got '-007' in line 1, which YAML reads as -7; write -7, or quote",
        ),
        (b"a: 00.5\n", "which YAML reads as 0.5; write 0.5, or"),
        (b"a: 1:40\n", "got '1:40' in line 1, which YAML reads as 100; write 100, or quote it"),
        (b"a: 1:40.5\n", "which YAML reads as 100.5"),
        (b"a: 190:20:30\n", "which YAML reads as 685230"),
        (b"a: 1" + b":1" * 400, "which YAML reads as a number; quote it"),
        (b"a: " + b"[" * 3000, r"not YAML \(nested too deeply\)"),
        (b"a: 0x14\n", "which YAML reads as 20; write 20, or quote it"),
        (b"a: -0x1F\n", "which YAML reads as -31"),
        (b"a: 0x_\n", "which YAML reads as a number; quote it"),
        (b"a: {b: [1, {c: 0b101}]}\n", "a.b.1.c: got '0b101' in line 1, which YAML reads as 5; "),
        (b"a: 2_0\n", "which YAML reads as 20; write 20, or"),
        (b"a: 1_000\n", "which YAML reads as 1000; write 1000, or"),
        (b"a: 1_000.5\n", "which YAML reads as 1000.5"),
        (b"a: 1__0\n", "which YAML reads as 10"),
        (b"a: 1_\n", "which YAML reads as 1; write 1, or"),
        (b"a: .5_5\n", "which YAML reads as 0.55"),
        (b"a: 1_0.0e+300\n", r"which YAML reads as 1.0e\+301; write"),
        (b"a: yes\n", "which YAML reads as true; write true or false, or quote it"),
        (b"Off: 1\n", "got 'Off' in line 1, which YAML reads as false"),
        (b"a:\n- b\n- no\n", "a.1: got 'no' in line 3"),
        (b"0x10: 1\n", "got '0x10' in line 1, which YAML reads as 16"),
        (b"<<: {a: 1}\n", "a mapping to merge"),
        (b"a: =\n", "which YAML reads as a value without a key"),
        (b"a: 0x" + b"f" * 5000 + b"\n", r"in line 1; allowed: at most 1000 digits"),
        (b"a: 1" + b"0" * 5000 + b"\n", "allowed: at most 1000 digits"),
        (b"a: -0b1" + b"1" * 2000 + b"\n", "allowed: at most 1000 digits"),
        (b"a:\n\tb: 3\n", "not YAML in line 2, column 1: a tab, .*; indent by spaces"),
        (b"a: >\n\tx\n", "not YAML in line 2, column 1: a tab"),
        (
            b"a: |\n   x\n  y\n",
            "not YAML in line 3, column 3: no line of the block that begins in line 1",
        ),
        (
            b"a: |5\n x\n",
            "not YAML in line 2, column 2: no line of the block that begins in line 1",
        ),
        (
            b"a: 'x\n",
            "not YAML in line 2, column 1: the file ends within what begins in line 1; close",
        ),
        (b"a: {b: 1\n", "the file ends within what begins in line 1"),
        (b"a: 1\n b: 2\n", "not YAML in line 2, column 3: a second ': ' in one value"),
        (b"a: b: c\n", "not YAML in line 1, column 5: a second ': '"),
        (b"a: @x\n", "in line 1, column 4: a text that begins with @; quote it"),
        (b'a: "\\q"\n', "column 6: an escape that YAML does not know"),
        (b"a: 1\n---\nb: 2\n", "not YAML in line 2, column 1: a second document"),
        (b"- a\nb: 1\n", "not YAML in line 2, column 1: no line of the block"),
        (b"a: ]\n", "not YAML in line 1, column 4: expected the node content"),
        (b"a: 1\nb: \x07\n", r"not YAML in line 2: '.x07', which no text may have"),
        (b"{a: 1}: 2\n", "not YAML for a key"),
        (b"a: " + b"x" * 200_001, "200004 bytes; at most 200000 are read"),
    ],
)
def test_a_file_that_is_no_configuration_is_refused(tmp_path, text, says):
    path = tmp_path / "wrong.yaml"
    path.write_bytes(text)
    with pytest.raises(ConfigurationError, match=says) as caught:
        load([path])
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_the_text_that_yaml_makes_of_1e_minus_3_is_explained():
    kinds = {"step": {"type": "number", "description": "a number"}}
    (fault,) = faults(yaml.safe_load("step: 1e-3"), {"type": "object", "properties": kinds})
    assert str(fault) == (
        "step: got '1e-3'; allowed: a number (YAML reads this as text; write 0.001)"
    )


def test_a_missing_key_is_explained_by_its_kind():
    config = load([ROOT / "config.yaml"])
    del config["fig3_mean_alignment"]["basins"]["theory"]["rtol"]
    with pytest.raises(ConfigurationError) as caught:
        check(config, SCHEMA)
    expected = "fig3_mean_alignment.basins.theory.rtol: missing; allowed: a number from 1e-11"
    assert str(caught.value).startswith(expected)


def test_not_a_number_is_refused():
    (fault,) = faults(yaml.safe_load("a: {b: .nan}"), {})
    assert str(fault) == "a.b: got nan; allowed: a finite number"


@pytest.mark.parametrize(
    "text",
    [
        "'0100'",
        "'1_000'",
        ".5",
        "5.",
        "+1",
        "TRUE",
        "~",
        "08",
        ".5e1",
        "1_x",
        "0",
        "-0.5",
        "0.05",
        "1.0e-3",
        "0o17",
        "n",
    ],
)
def test_what_reads_as_a_person_reads_it_is_taken(tmp_path, text):
    path = tmp_path / "mine.yaml"
    path.write_text(f"a: {text}\n")
    assert load([path]) == yaml.safe_load(path.read_text())


def test_many_unknown_keys_are_told_in_few_lines():
    config = load([ROOT / "config.yaml"]) | {f"key{i}": i for i in range(30_000)}
    with pytest.raises(ConfigurationError) as caught:
        check(config, SCHEMA)
    lines = str(caught.value).splitlines()
    assert len(lines) == 21
    assert lines[-1] == "and 29980 more"


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("\x1b[2J", r"'\x1b[2J'"),
        ("a\nb", r"'a\nb'"),
        ("a: b", "'a: b'"),
        ("\u202eabc", r"'\u202eabc'"),
        ("x" * 500, "'" + "x" * 76 + "..."),
        ("größe", "'größe'"),
        ("", "''"),
    ],
)
def test_what_stands_in_a_key_is_quoted(name, told):
    config = load([ROOT / "config.yaml"]) | {name: 1}
    with pytest.raises(ConfigurationError) as caught:
        check(config, SCHEMA)
    (line,) = str(caught.value).splitlines()
    assert line.startswith(f"{told}: unknown key; allowed:")


@pytest.mark.parametrize("place", ["device", "pipe"])
def test_what_is_no_file_is_refused_and_not_waited_for(place, tmp_path):
    path = Path("/dev/zero") if place == "device" else tmp_path / "pipe"
    if place == "pipe":
        os.mkfifo(path)
    with pytest.raises(ConfigurationError, match="not a regular file"):
        load([path])


def test_the_schema_is_that_of_the_settings():
    assert (ROOT / SCHEMA_FILE).read_text(encoding="utf-8") == text(load([ROOT / "config.yaml"])), (
        "run `modecollapse schema`"
    )


@pytest.mark.parametrize("named", [None, *NAMED], ids=lambda p: p.stem if p else "default")
def test_editors_find_the_schema(named):
    path = named or ROOT / "config.yaml"
    first = path.read_text(encoding="utf-8").splitlines()[0]
    place = first.removeprefix("# yaml-language-server: $schema=")
    assert (path.parent / place).resolve() == ROOT / SCHEMA_FILE


def test_every_setting_has_bounds_or_a_list_of_values_and_says_what_is_allowed():
    def leaves(path, part):
        if "properties" in part:
            for name, below in part["properties"].items():
                yield from leaves((*path, name), below)
        elif "items" in part:
            assert part["maxItems"] <= 1000
            assert part["description"]
            yield from leaves((*path, 0), part["items"])
        elif "oneOf" in part:
            for kind in part["oneOf"]:
                yield from leaves(path, kind)
        elif "$ref" in part:
            yield path, SCHEMA["$defs"][part["$ref"].removeprefix("#/$defs/")]
        else:
            yield path, part

    def bounded(kind):
        if "anyOf" in kind:
            return all(map(bounded, kind["anyOf"]))
        low, high = ({f"{end}imum", f"exclusive{end.title()}imum"} for end in ("min", "max"))
        return {"enum", "const"} & kind.keys() or (low & kind.keys() and high & kind.keys())

    found = [leaf for name, block in SCHEMA["$defs"].items() for leaf in leaves((name,), block)]
    assert len(found) > 300
    for path, kind in found:
        assert kind["description"], path
        assert bounded(kind), path


def overlay(folder, text, name="mine.yaml"):
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("name: default\n", "name: got 'default' in "),
        ("fig3_mean_alignment: {basins: {theory: {points: 9}}}\n", "name: missing in "),
    ],
)
def test_an_overlay_has_a_name_of_its_own(tmp_path, text, told):
    path = overlay(tmp_path, text)
    with pytest.raises(ConfigurationError) as caught:
        read(ROOT, [path])
    (line,) = str(caught.value).splitlines()
    assert line.startswith(f"{told}{path}; allowed: a name other than default")


def test_what_is_given_on_the_command_line_is_checked_like_a_file():
    figure = {"fold_lines": {"theory": {"points": "9"}}}
    config = read(ROOT, [], {"name": "mine", "figs_bifurcations": figure})
    assert config["figs_bifurcations"]["fold_lines"]["theory"]["points"] == 9
    figure["fold_lines"]["theory"]["points"] = "1"
    with pytest.raises(ConfigurationError, match=r"fold_lines\.theory\.points: got 1; allowed"):
        read(ROOT, [], {"name": "mine", "figs_bifurcations": figure})
    with pytest.raises(ConfigurationError, match="name: missing in --config"):
        read(ROOT, [], {"points": 3})


@pytest.fixture
def repository(tmp_path):
    """The repository without results."""
    for name in ("config.yaml", "config", "workflow"):
        (tmp_path / name).symlink_to(ROOT / name)
    return tmp_path


def test_results_of_another_configuration_are_not_overwritten(repository, capsys):
    first, second = (overlay(repository, "name: mine\n", f"{n}.yaml") for n in ("one", "two"))
    command = ["check", "--root", str(repository), "--configfile"]
    assert main([*command, str(second)]) == 0  # nobody's results are there yet
    owner.mark(repository, "mine", owner.origin(repository, [first]))
    assert main([*command, str(first)]) == 0
    capsys.readouterr()
    assert main([*command, str(second)]) == 2
    assert capsys.readouterr().err == (
        "name: got 'mine', but results/mine holds what 'one.yaml' made; allowed: another name, or "
        "delete results/mine/.configuration to have its results overwritten\n"
    )
    with pytest.raises(ConfigurationError, match=r"results/mine holds what 'one\.yaml' made"):
        owner.check(repository, "mine", owner.origin(repository, [first], {"name": "mine"}))
    (repository / "results" / "mine" / ".configuration").unlink()
    assert main([*command, str(second)]) == 0


def test_other_words_of_the_command_line_are_another_configuration(repository):
    def made(points):
        block = {"phase_portrait": {"theory": {"points": points}}}
        return owner.origin(repository, [], {"name": "mine", "fig3_mean_alignment": block})

    assert made(9) == made("9")  # as Snakemake tells its own jobs
    owner.mark(repository, "mine", made(9))
    owner.check(repository, "mine", made(9))
    with pytest.raises(ConfigurationError, match="results/mine holds what"):
        owner.check(repository, "mine", made(5))


@pytest.mark.parametrize("file", ["a b.yaml", "ends in a space ", "caf\udce9.yaml", "line\n"])
def test_the_maker_of_results_is_known_again_whatever_its_name(repository, file):
    made = owner.origin(repository, [repository / file])
    owner.mark(repository, "mine", made)
    owner.check(repository, "mine", made)


@pytest.mark.parametrize("value", ["yes", "2026-01-01", "0100", "1:40"])
def test_a_word_of_the_command_line_is_refused_by_its_key(value):
    with pytest.raises(ConfigurationError, match=r"^--config 'name': "):
        read(ROOT, [], {"name": value})


def test_one_of_two_files_is_not_left_unread(repository, capsys):
    files = [str(overlay(repository, "name: mine\n", f"{n}.yaml")) for n in ("one", "two")]
    command = ["check", "--root", str(repository), files[0], "--configfile", files[1]]
    assert main(command) == 2
    assert capsys.readouterr().err.startswith("--configfile: got ")


def test_what_is_given_and_changes_nothing_needs_no_name():
    assert read(ROOT, [], {"name": "default"}) == read(ROOT)


@pytest.mark.parametrize(
    ("figure", "table", "source", "block"),
    [
        ("figs_finite_batch", "finite_batch", "simulation", {"time": 1e12}),
        ("fig5_normalizing_flows", "flow_collapse", "flows", {"hidden": [10**8]}),
        ("fig1_collapse", "snapshots", "flows", {"samples": 10**7}),
        ("fig3_mean_alignment", "basins", "theory", {"points": 10**4}),
    ],
)
def test_what_would_need_too_much_memory_is_refused(figure, table, source, block):
    change = {"name": "mine", figure: {table: {source: block}}}
    with pytest.raises(ConfigurationError) as caught:
        read(ROOT, [], change)
    (line,) = str(caught.value).splitlines()
    allowed = "GiB of memory; allowed: at most limits.memory = 16 GiB"
    assert re.match(rf"{figure}\.{table}\.{source}: needs about \S+ {allowed}", line)


@pytest.mark.parametrize(
    ("figure", "table", "source", "block"),
    [
        ("fig5_normalizing_flows", "flow_collapse", "flows", {"seeds": 10**5}),
        ("fig5_normalizing_flows", "flow_sgd", "flows", {"steps": 10**7}),
        ("fig1_collapse", "snapshots", "simulation", {"steps": 10**7, "runs": 1000}),
        ("fig2_theory_vs_simulation", "validation", "simulation", {"batch": 10**7}),
        ("figs_finite_batch", "finite_batch", "simulation", {"batches": [10**7]}),
        (
            "fig4_vanishing_weight",
            "survival",
            "theory",
            {"runs": 10**6, "dimensions": list(range(2, 40))},
        ),
        ("figs_multimodal", "modes_found", "theory", {"runs": 10**5}),
        ("figs_bifurcations", "region_map", "theory", {"points": 10**4}),
    ],
)
def test_what_would_take_too_long_is_refused(figure, table, source, block):
    with pytest.raises(ConfigurationError) as caught:
        read(ROOT, [], {"name": "mine", figure: {table: {source: block}}})
    (line,) = str(caught.value).splitlines()
    allowed = r"h a job; allowed: at most limits\.hours = 24 h; make less of it, or more jobs"
    assert re.match(rf"{figure}\.{table}\.{source}: needs about \S+ {allowed}", line)


def test_the_limit_of_time_is_a_setting_and_jobs_share_it():
    flows = {"fig5_normalizing_flows": {"flow_collapse": {"flows": {"batch": 10**4}}}}
    read(ROOT, [], {"name": "mine", **flows})
    with pytest.raises(ConfigurationError, match=r"limits\.hours = 1 h"):
        read(ROOT, [], {"name": "mine", "limits": {"hours": 1}, **flows})
    flows["fig5_normalizing_flows"]["flow_collapse"]["flows"]["jobs"] = 12
    read(ROOT, [], {"name": "mine", "limits": {"hours": 1}, **flows})


def test_more_jobs_than_points_are_refused():
    block = {"snapshots": {"simulation": {"jobs": 20000}}}
    with pytest.raises(ConfigurationError, match=r"simulation\.jobs: got 20000; allowed: at most"):
        read(ROOT, [], {"name": "mine", "fig1_collapse": block})


def test_the_limit_of_memory_is_a_setting():
    samples = {"fig1_collapse": {"snapshots": {"flows": {"samples": 10**6}}}}
    read(ROOT, [], {"name": "mine", "limits": {"memory": 64}, **samples})
    with pytest.raises(ConfigurationError, match=r"limits\.memory = 1 GiB"):
        read(ROOT, [], {"name": "mine", "limits": {"memory": 1}, **samples})


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (
            {"fig4_vanishing_weight": {"outcome_map": {"simulation": {"etas": [3.5]}}}},
            "fig4_vanishing_weight.outcome_map.simulation.etas: got [3.5]; allowed: some of theory",
        ),
        (
            {"fig1_collapse": {"snapshots": {"flows": {"fractions": [0.0, 1.0]}}}},
            "fig1_collapse.snapshots.flows.fractions: got 2; allowed: as many as",
        ),
        (
            {"fig2_theory_vs_simulation": {"scaling": {"simulation": {"step_sizes": [0.1]}}}},
            "fig2_theory_vs_simulation.scaling.simulation.step_sizes: got (0.1,); allowed: two or",
        ),
        (
            {"fig2_theory_vs_simulation": {"validation": {"simulation": {"runs": 1}}}},
            "fig2_theory_vs_simulation.validation.simulation.runs: got 1; allowed: a whole number",
        ),
        (
            {"fig3_mean_alignment": {"basins": {"theory": {"target_weights": [1e-13]}}}},
            "fig3_mean_alignment.basins.theory.target_weights.0: got 1e-13; allowed: a number bet",
        ),
        (
            {"figs_bifurcations": {"region_map": {"theory": {"heaviest": 0.4}}}},
            "figs_bifurcations.region_map.theory.heaviest: got 0.4; allowed: a number > 0.5",
        ),
    ],
)
def test_what_does_not_go_together_is_refused(change, told):
    with pytest.raises(ConfigurationError) as caught:
        read(ROOT, [], {"name": "mine", **change})
    (line,) = str(caught.value).splitlines()
    assert line.startswith(told)


def test_the_default_belongs_to_itself(repository):
    owner.mark(repository, "default", "")
    assert not (repository / "results").exists()
    assert read(repository)["name"] == "default"


@pytest.mark.parametrize(
    ("words", "says"),
    [
        ("--config name=a name=b", "--config 'name': given twice; allowed: once"),
        ("-C name=a x=1 name=a", "'name': given twice"),
        ("--config=name=a --cores 1 --config name=b", "'name': given twice"),
        ("-Cname=a -C name=b", "'name': given twice"),
        ("--config a={b: 1} a={c: 2}", "'a': given twice"),
        ("--config \x1b[31m=1 \x1b[31m=2", r"'\\x1b\[31m': given twice"),
        (
            "--cores 2 --config points=2_0",
            "--config 'points': got '2_0' in line 1, which YAML reads",
        ),
        ("-C points=0x14 -- all", "got '0x14'"),
        ("-C points=0100", "write 64 or 100"),
        ("--config a=[1,no]", "1: got 'no'"),
        ("--config a=*b", "got an alias"),
        ("--config -n name=a", None),
        ("--config name=a -- name=b", None),
        ("--config name=a --cores 2 name=b", None),
        ("--config name=a --configfile x=1 x=2", None),
        ("--set-threads theory=2 --set-threads theory=3", None),
        ("--config a= b=1e-3 c={'d': 42} e=f=g", None),
        ("-n -C", None),
    ],
)
def test_what_snakemake_would_drop_of_its_command_line_is_refused(words, says):
    split = words.split() if "{" not in words else re.findall(r"\S+=\{.*?\}|\S+", words)
    if says is None:
        check_words(split)
    else:
        with pytest.raises(ConfigurationError, match=says) as caught:
            check_words(split)
        assert "\x1b" not in str(caught.value)
