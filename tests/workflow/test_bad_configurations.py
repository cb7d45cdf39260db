"""Wrong configurations: each is refused with one message that names key, value and remedy."""

from __future__ import annotations

import copy
import re
from pathlib import Path

import pytest
import yaml
from pipelines import snakemake

from modecollapse.pipeline.cli import main
from modecollapse.pipeline.configuration import ConfigurationError, check, load, schema

ROOT = Path(__file__).parents[2]
SCHEMA = schema(ROOT / "workflow" / "schema.json")
DEFAULT = load([ROOT / "config.yaml"])

BASINS = "fig3_mean_alignment.basins.theory"
COUNTED = "fig3_mean_alignment.collapse_probability.theory"
TRAINED = "fig3_mean_alignment.collapse_probability.simulation"
WEIGHTS = "fig4_vanishing_weight.weight_trajectories.theory"
FLOWS = "fig1_collapse.snapshots.flows"
MISSING = object()

# key, the wrong value, what the message must say of what is allowed
WRONG = [
    ("name", "a/b", "a short name"),
    ("name", "../outside", "a short name"),
    ("name", "", "a short name"),
    ("name", "Smoke", "a short name"),
    ("name", "/etc", "a short name"),
    ("name", "x" * 60, "a short name"),
    ("name", "parts", "a short name"),
    ("name", 3, "a short name"),
    ("name", None, "a short name"),
    ("name", "a\nb", "a short name"),
    ("name", "a;b", "a short name"),
    ("name", "$(touch ran)", "a short name"),
    ("name", MISSING, "a short name"),
    ("extra", 1, "unknown key"),
    ("fig3_mean_alignment", None, "a block of tables"),
    ("fig3_mean_alignment", [], "a block of tables"),
    ("fig3_mean_alignment", MISSING, "a block of tables"),
    ("fig3_mean_alignment.basin", {}, "unknown key"),
    ("fig3_mean_alignment.basins", "all", "a block of sources"),
    ("fig3_mean_alignment.basins.flows", {}, "unknown key"),
    (BASINS, 3, "a block of settings"),
    (f"{BASINS}.rtoll", 1e-7, "unknown key"),
    (f"{BASINS}.rtol", MISSING, "a number from 1e-11 to 1e-3"),
    (f"{BASINS}.rtol", "1e-7", "write 1e-07"),
    (f"{BASINS}.rtol", 0.0, "a number from 1e-11 to 1e-3"),
    (f"{BASINS}.rtol", -1e-7, "a number from 1e-11 to 1e-3"),
    (f"{BASINS}.rtol", 1.0, "a number from 1e-11 to 1e-3"),
    (f"{BASINS}.rtol", float("nan"), "a finite number"),
    (f"{BASINS}.time", float("inf"), "a finite number"),
    (f"{BASINS}.time", -float("inf"), "a finite number"),
    (f"{BASINS}.time", 0, "a number > 0"),
    (f"{BASINS}.time", "long", "a number > 0"),
    (f"{BASINS}.time", True, "a number > 0"),
    (f"{BASINS}.separation", -3.0, "a number from 0.05 to 19"),
    (f"{BASINS}.separation", 0, "a number from 0.05 to 19"),
    (f"{BASINS}.separation", 1e6, "a number from 0.05 to 19"),
    (f"{BASINS}.separation", [3.0], "a number from 0.05 to 19"),
    (f"{BASINS}.separation", None, "a number from 0.05 to 19"),
    (f"{BASINS}.separation", 19.5, "a number from 0.05 to 19"),
    ("fig3_mean_alignment.bifurcation.theory.highest", 0.4, "a number > lowest = 0.5"),
    ("fig2_theory_vs_simulation.validation.simulation.times", [2.0, 1.0], "increasing multiples"),
    ("figs_multimodal.modes_found.theory.n_modes", [2], "one entry for each of"),
    ("figs_multimodal.modes_found.theory.arrangements", ["simplex", "line"], "simplex or random"),
    ("fig5_normalizing_flows.flow_collapse.experiment", "scaling", "flow_frequencies"),
    ("fig5_normalizing_flows.flow_collapse.experiment", MISSING, "flow_frequencies"),
    (f"{BASINS}.points", 1, "a whole number from 2"),
    (f"{BASINS}.points", 10**9, "a whole number from 2 to 10000"),
    (f"{BASINS}.points", 20.5, "a whole number from 2"),
    (f"{BASINS}.points", 20.0, "a whole number from 2"),
    (f"{BASINS}.points", True, "a whole number from 2"),
    (f"{BASINS}.points", [20], "a whole number from 2"),
    (f"{BASINS}.points", {"from": 2}, "a whole number from 2"),
    (f"{BASINS}.time", 10**400, "a number > 0 (from 1e-9 to 1e12)"),
    (f"{BASINS}.points", "20", "a whole number from 2"),
    (f"{BASINS}.extent", 2.0, "at most 0.7"),
    (f"{BASINS}.jobs", 0, "a whole number from 1 to 20000"),
    (f"{BASINS}.jobs", 10**7, "a whole number from 1 to 20000"),
    (f"{BASINS}.jobs", 1.5, "a whole number from 1 to 20000"),
    (f"{BASINS}.jobs", MISSING, "a whole number from 1 to 20000"),
    (f"{BASINS}.target_weights", [], "a list of one or more"),
    (f"{BASINS}.target_weights", 0.5, "a list of one or more"),
    (f"{BASINS}.target_weights", [0.5, 0.5], "different numbers"),
    (f"{BASINS}.target_weights", [0.5, 1.0], "between 0 and 1"),
    (f"{BASINS}.target_weights", [0.0], "between 0 and 1"),
    (f"{BASINS}.target_weights", [0.5, 1.5], "between 0 and 1"),
    (f"{BASINS}.target_weights", ["half"], "between 0 and 1"),
    (f"{BASINS}.target_weights", [i / 2000 for i in range(1, 1500)], "at most 1000"),
    (f"{BASINS}.target_weights", {"a": 0.5}, "a list of one or more"),
    (f"{COUNTED}.seed", -1, "a whole number from 0"),
    (f"{COUNTED}.seed", 2**40, "a whole number from 0"),
    (f"{COUNTED}.seed", 1.0e-3, "a whole number from 0"),
    (f"{COUNTED}.runs", 0, "a whole number from 1"),
    (f"{COUNTED}.runs", 10**12, "a whole number from 1"),
    (f"{COUNTED}.dimensions", [1], "from 2 to 1e7"),
    (f"{COUNTED}.dimensions", [64, 2.5], "from 2 to 1e7"),
    (f"{COUNTED}.dimensions", [10**12], "from 2 to 1e7"),
    (f"{TRAINED}.batch", 1, "a whole number from 2"),
    (f"{TRAINED}.batch", -128, "a whole number from 2"),
    (f"{TRAINED}.step_size", 0.0, "a number > 0 and at most 10"),
    (f"{TRAINED}.step_size", "1e-3", "write 0.001"),
    (f"{TRAINED}.steps", 10**9, "a whole number from 1 to 1e7"),
    (f"{WEIGHTS}.cosines", [0.1], "a list of two numbers"),
    (f"{WEIGHTS}.cosines", [0.1, 0.9], "from -0.7 to 0.7"),
    (f"{WEIGHTS}.etas", [-1.0], "a number >= 0"),
    (f"{FLOWS}.learning_rate", -1.0e-3, "a number > 0"),
    (f"{FLOWS}.device", "gpu", "auto, cpu or cuda"),
    (f"{FLOWS}.device", "cpu; touch ran", "auto, cpu or cuda"),
    (f"{FLOWS}.fractions", [0.0, 2.0], "from 0 to 1"),
]


def changed(*cases: tuple[str, object]) -> dict:
    """The default configuration with values changed, or taken away."""
    config = copy.deepcopy(DEFAULT)
    for key, value in cases:
        *path, last = key.split(".")
        block = config
        for name in path:
            block = block[name]
        if value is MISSING:
            del block[last]
        else:
            block[last] = value
    return config


def named(case) -> str:
    return f"{case[0]}={'(missing)' if case[1] is MISSING else case[1]!r}"[:70]


@pytest.mark.parametrize("case", WRONG, ids=named)
def test_a_wrong_value_is_named_with_what_is_allowed(case):
    key, value, allowed = case
    with pytest.raises(ConfigurationError) as refused:
        check(changed((key, value)), SCHEMA)
    (fault,) = str(refused.value).splitlines()
    assert fault.startswith(key)
    assert allowed in fault
    if "unknown" not in allowed:
        assert ("missing" if value is MISSING else "got") in fault


def test_the_command_names_every_wrong_value_of_a_file(tmp_path, capsys):
    """One wrong value of each setting, but where two do not go together, which is seen last."""
    wrong = {case[0]: case for case in reversed(WRONG) if case[0].count(".") == 3}
    for together in ("validation.simulation.times", "bifurcation.theory.highest", "theory.n_modes"):
        (key,) = [key for key in wrong if key.endswith(together)]
        del wrong[key]
    text = yaml.safe_dump(changed(*(case[:2] for case in wrong.values())), sort_keys=False)
    (tmp_path / "config.yaml").write_text(text, encoding="utf-8")
    (tmp_path / "workflow").symlink_to(ROOT / "workflow")
    assert main(["check", "--root", str(tmp_path)]) == 2
    said = capsys.readouterr()
    assert said.out == ""
    lines = dict(re.split(r"(?:\.\d)?: ", line, maxsplit=1) for line in said.err.splitlines())
    assert lines.keys() == wrong.keys()
    assert [key for key, _, allowed in wrong.values() if allowed not in lines[key]] == []


FILES = {
    "a list": (b"- 1\n- 2\n", "keys at top level"),
    "twice": (b"name: wrong\nname: wrong\n", "given twice"),
    "no yaml": (b"name: [wrong\n", ""),
    "code": (b"name: !!python/object/apply:os.system ['touch ran']\n", ""),
    "alias": (b"name: &a wrong\nextra: *a\n", "got an alias in line 2"),
    "path": (b"name: ../../outside\n", "a short name"),
    "number as text": (
        b"name: wrong\nfig3_mean_alignment: {basins: {theory: {rtol: 1e-7}}}\n",
        "write 1e-07",
    ),
    "not together": (
        b"name: wrong\nfig3_mean_alignment: {bifurcation: {theory: {highest: 0.4}}}\n",
        "highest: got 0.4; allowed: a number > lowest = 0.5",
    ),
    "no name": (b"fig3_mean_alignment: {basins: {theory: {points: 9}}}\n", "name: missing in"),
    "unknown": (
        b"name: wrong\nfig3_mean_alignment: {basins: {theory: {tolerance: 1.0e-7}}}\n",
        "unknown key",
    ),
}


# The others are read by the same code; what the check command makes of each is tested below.
STARTED = ("a list", "code", "alias", "not together")


@pytest.mark.parametrize(
    "case", [pytest.param(c, marks=[] if c in STARTED else pytest.mark.slow) for c in FILES]
)
def test_a_wrong_file_stops_the_workflow_before_its_first_job(case, tmp_path):
    content, says = FILES[case]
    wrong = tmp_path / "wrong.yaml"
    wrong.write_bytes(content)
    for name in ("Snakefile", "config.yaml", "workflow", "src", "profiles"):
        (tmp_path / name).symlink_to(ROOT / name)
    done = snakemake(tmp_path, "--cores", "1", "--configfile", str(wrong))
    assert done.returncode != 0
    assert "Traceback" not in done.stderr
    assert says in done.stderr
    assert not (tmp_path / "ran").exists()
    assert not (tmp_path / "results").exists()
    assert not (tmp_path.parent / "outside").exists()


def bomb(depth: int = 12) -> bytes:
    """A few lines whose aliases stand for 10^depth items."""
    lines = [f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 10)}]" for i in range(1, depth)]
    return "\n".join(["name: wrong", "a0: &a0 [0, 0, 0, 0, 0, 0, 0, 0, 0, 0]", *lines]).encode()


# Snakemake itself would stumble over some of these, or obey them: only the check reads them here.
REFUSED = {
    "not UTF-8": (b"name: \xff\xfe\n", "not UTF-8 text"),
    "UTF-16": ("name: wrong\n".encode("utf-16"), "not UTF-8 text"),
    "a list": (b"- 1\n", "got [1]; allowed: a block of keys and values"),
    "nothing": (b"", "got None; allowed: a block of keys and values"),
    "a number": (b"3\n", "got 3; allowed: a block of keys and values"),
    "no end": (b"a: [\n", "not YAML"),
    "tabs": (b"fig3_mean_alignment:\n\tbasins: 3\n", "not YAML"),
    "two documents": (b"name: a\n---\nname: b\n", "not YAML"),
    "a list as key": (b"[1, 2]: 3\n", "not YAML"),
    "a zero byte": (b"name: a\x00b\n", "not YAML"),
    "deep": (b"name: " + b"[" * 5000 + b"]" * 5000, "not YAML"),
    "5000 digits": (b"name: 1" + b"0" * 5000, "at most 1000 digits"),
    "twice, inside": (b"fig3_mean_alignment: {basins: {}, basins: {}}\n", "basins: given twice"),
    "aliases": (bomb(), "got an alias in line 3"),
    "an object": (b"name: !!python/object/apply:os.mkdir [ran]\n", "got the tag"),
    "a date": (b"name: 2026-01-01\n", "which YAML reads as a date"),
    "a template": (b"name: a\n__use_yte__: true\n?open('ran', 'w'): 1\n", "__use_yte__: unknown"),
}


@pytest.mark.parametrize("case", sorted(FILES.keys() - {"a list"}))  # which is REFUSED, below
def test_the_check_command_says_so_too(case, tmp_path, capsys):
    content, says = FILES[case]
    wrong = tmp_path / "wrong.yaml"
    wrong.write_bytes(content)
    assert main(["check", "--root", str(ROOT), "--configfile", str(wrong)]) == 2
    assert says in capsys.readouterr().err


@pytest.mark.parametrize("case", REFUSED)
def test_the_check_command_refuses_what_is_no_configuration(case, tmp_path, capsys, monkeypatch):
    content, says = REFUSED[case]
    wrong = tmp_path / "wrong.yaml"
    wrong.write_bytes(content)
    monkeypatch.chdir(tmp_path)
    assert main(["check", "--root", str(ROOT), "--configfile", str(wrong)]) == 2
    said = capsys.readouterr().err
    assert says in said
    assert len(said.splitlines()) <= 2  # a template is two unknown keys
    assert [path.name for path in tmp_path.iterdir()] == ["wrong.yaml"]


@pytest.mark.parametrize("name", ["absent.yaml", "."])
def test_a_configuration_that_cannot_be_read_is_named(name, tmp_path, capsys):
    wrong = tmp_path / name
    assert main(["check", "--root", str(ROOT), "--configfile", str(wrong)]) == 2
    said = capsys.readouterr().err
    assert said.startswith((f"{wrong}: cannot be read", f"{wrong}: not a regular file"))


def test_the_configurations_of_the_repository_pass_the_check(capsys):
    assert main(["check", "--root", str(ROOT)]) == 0
    assert capsys.readouterr().err == ""


def test_the_default_passes_so_that_each_wrong_value_is_what_fails():
    check(DEFAULT, SCHEMA)
    assert yaml.safe_load((ROOT / "config.yaml").read_text(encoding="utf-8")) == DEFAULT
