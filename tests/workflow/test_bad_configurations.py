"""Wrong configurations: each is refused with one message that names key, value and remedy."""

from __future__ import annotations

import copy
import os
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from modecollapse.cli import main
from modecollapse.configuration import ConfigurationError, check, load, schema

ROOT = Path(__file__).parents[2]
SCHEMA = schema(ROOT / "workflow" / "schemas")
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
    (f"{BASINS}.separation", -3.0, "a number > 0 and at most 20"),
    (f"{BASINS}.separation", 0, "a number > 0 and at most 20"),
    (f"{BASINS}.separation", 1e6, "a number > 0 and at most 20"),
    (f"{BASINS}.separation", [3.0], "a number > 0 and at most 20"),
    (f"{BASINS}.separation", None, "a number > 0 and at most 20"),
    (f"{BASINS}.points", 1, "a whole number from 2"),
    (f"{BASINS}.points", 10**9, "a whole number from 2 to 10000"),
    (f"{BASINS}.points", 20.5, "a whole number from 2"),
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
    (f"{FLOWS}.fractions", [0.0, 2.0], "from 0 to 1"),
]


def changed(key: str, value: object) -> dict:
    """The default configuration with one value changed, or taken away."""
    config = copy.deepcopy(DEFAULT)
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
    with pytest.raises(ConfigurationError) as caught:
        check(changed(key, value), SCHEMA)
    faults = [line for line in str(caught.value).splitlines() if line.startswith(key)]
    assert len(faults) == 1
    assert allowed in faults[0]
    if "unknown" not in allowed and value is not MISSING:
        assert "got" in faults[0]


FILES = {
    "a list": (b"- 1\n- 2\n", "keys at top level"),
    "twice": (b"name: wrong\nname: wrong\n", "given twice"),
    "no yaml": (b"name: [wrong\n", ""),
    "code": (b"name: !!python/object/apply:os.system ['touch ran']\n", ""),
    "path": (b"name: ../../outside\n", "a short name"),
    "number as text": (b"fig3_mean_alignment: {basins: {theory: {rtol: 1e-7}}}\n", "write 1e-07"),
    "unknown": (b"fig3_mean_alignment: {basins: {theory: {tolerance: 1.0e-7}}}\n", "unknown key"),
}


@pytest.mark.parametrize("case", FILES)
def test_a_wrong_file_stops_the_workflow_before_its_first_job(case, tmp_path):
    content, says = FILES[case]
    wrong = tmp_path / "wrong.yaml"
    wrong.write_bytes(content)
    for name in ("Snakefile", "config.yaml", "workflow", "src", "profiles"):
        (tmp_path / name).symlink_to(ROOT / name)
    done = subprocess.run(
        [sys.executable, "-m", "snakemake", "--cores", "1", "--configfile", str(wrong)],
        cwd=tmp_path,
        env={**os.environ, "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode != 0
    assert "Traceback" not in done.stderr
    assert says in done.stderr
    assert not (tmp_path / "ran").exists()
    assert not (tmp_path / "results").exists()
    assert not (tmp_path.parent / "outside").exists()


@pytest.mark.parametrize("content", [b"name: \xff\xfe\n", b"- 1\n", b"name: 3\n", b"a: [\n"])
def test_the_check_command_refuses_what_is_no_configuration(content, tmp_path, capsys):
    wrong = tmp_path / "wrong.yaml"
    wrong.write_bytes(content)
    assert main(["check", "--root", str(ROOT), "--configfile", str(wrong)]) == 2
    said = capsys.readouterr().err
    assert said.startswith((f"{wrong}: ", "name: got 3; allowed: a short name"))
    assert main(["check", "--root", str(ROOT)]) == 0


def test_the_default_passes_so_that_each_wrong_value_is_what_fails():
    check(DEFAULT, SCHEMA)
    assert yaml.safe_load((ROOT / "config.yaml").read_text(encoding="utf-8")) == DEFAULT
