"""The conda environments: pinned to the lock, and enough for the code of the rules that use them.

Nothing is solved here.  What a rule imports is read from the import closure of its entry points;
and every entry point is imported in a process from which all other packages are hidden.
"""

from __future__ import annotations

import ast
import json
import re
import subprocess
import sys
from functools import cache
from importlib.metadata import distribution, packages_distributions
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from modecollapse.closure import PACKAGE, closure
from modecollapse.pipeline.compute import module_name
from modecollapse.pipeline.configuration import blocks, experiments, load

ROOT = Path(__file__).parents[1]
ENVIRONMENTS = sorted(path.stem for path in (ROOT / "envs").glob("*.yaml"))

# Where conda-forge's name is not that of the Python package index.
PYTHON_NAME = {
    "matplotlib-base": "matplotlib",
    "pytorch": "torch",
    "seaborn-base": "seaborn",
}


owners = cache(packages_distributions)  # module -> the distributions that hold it


def lock() -> dict[str, str]:
    """Package -> version, from the lock."""
    lines = (ROOT / "requirements" / "lock.txt").read_text(encoding="utf-8").splitlines()
    pins = (line.split("==") for line in lines if "==" in line)
    return {canonicalize_name(name): version for name, version in pins}


def pins(environment: str) -> dict[str, str]:
    """Package -> version, from an environment, by its name on the Python package index."""
    text = (ROOT / "envs" / f"{environment}.yaml").read_text(encoding="utf-8")
    given = (entry.split("=", 1) for entry in yaml.safe_load(text)["dependencies"])
    return {canonicalize_name(PYTHON_NAME.get(name, name)): version for name, version in given}


# Rules that a loop makes: one for each figure, and one for each figure's small tables.
UNNAMED = {"figures": "figure", "tables": "together"}


def rules() -> dict[str, str]:
    """Rule -> environment, for each rule of the workflow that names one."""
    head = re.compile(r"^\s*(?:use rule \w+ as (\w+) with|rule(?: (\w+))?):$", re.MULTILINE)
    found = {}
    for path in (ROOT / "workflow" / "rules").glob("*.smk"):
        _, *cut = head.split(path.read_text(encoding="utf-8"))
        for derived, name, body in zip(cut[::3], cut[1::3], cut[2::3], strict=True):
            environment = re.search(r'"\.\./\.\./envs/(\w+)\.yaml"', body)
            if environment:
                found[derived or name or UNNAMED[path.stem]] = environment[1]
    return found


def computed_by(source: str) -> list[str]:
    """The entry points of the tables' parts that come from `source`."""
    config = load([ROOT / "config.yaml"])
    named = experiments(config)
    modules = {
        module_name(named[table], source)
        for tables in blocks(config).values()
        for table, sources in tables.items()
        if source in sources
    }
    assert modules, f"no table has {source}"
    return ["modecollapse.pipeline.compute", *sorted(modules)]


def drawings() -> list[str]:
    names = sorted(path.stem for path in PACKAGE.glob("figures/*.py") if path.stem != "__init__")
    return ["modecollapse.pipeline.pictures", *(f"modecollapse.figures.{name}" for name in names)]


# What each rule runs; a rule that is new in the workflow has to be told here.
def judgements() -> list[str]:
    names = sorted(path.stem for path in PACKAGE.glob("claims/*.py") if path.stem != "__init__")
    return ["modecollapse.pipeline.judge", *(f"modecollapse.claims.{name}" for name in names)]


ENTRIES = {
    "theory": lambda: computed_by("theory"),
    "simulation": lambda: computed_by("simulation"),
    "flows": lambda: computed_by("flows"),
    "together": lambda: ["modecollapse.pipeline.together", *computed_by("theory")],
    "gather": lambda: ["modecollapse.pipeline.gather"],
    "figure": drawings,
    "claims": judgements,
    "page": lambda: ["modecollapse.pipeline.page"],
    "verification_page": lambda: ["modecollapse.pipeline.page"],
    "settings_page": lambda: ["modecollapse.pipeline.page"],
}


def third_party(entries: list[str]) -> set[str]:
    """The distributions behind all import statements in the closure of `entries`."""
    found = set()
    for path in closure(*entries):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            names: list[str] = []
            if isinstance(node, ast.Import):
                names = [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
                names = [node.module]
            for top in {name.split(".")[0] for name in names}:
                if top not in sys.stdlib_module_names and top != PACKAGE.name:
                    found.add(canonicalize_name(owners()[top][0]))
    return found


def with_requirements(names: set[str]) -> set[str]:
    """These distributions and all that they require, as a solver would add."""
    found: set[str] = set()
    todo = list(names)
    while todo:
        name = canonicalize_name(todo.pop())
        if name in found:
            continue
        found.add(name)
        for text in distribution(name).requires or []:
            need = Requirement(text)
            if need.marker is None or need.marker.evaluate({"extra": ""}):
                todo.append(need.name)
    return found


def test_each_rule_has_an_environment_and_its_entry_points_are_known():
    assert set(rules()) == set(ENTRIES)
    assert set(rules().values()) == set(ENVIRONMENTS)


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_every_pin_is_the_locks(environment):
    given = pins(environment)
    python = given.pop("python")
    assert re.fullmatch(r"3\.\d+", python)
    locked = lock()
    assert given == {name: locked[name] for name in given}


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_environments_come_from_one_channel_alone(environment):
    text = (ROOT / "envs" / f"{environment}.yaml").read_text(encoding="utf-8")
    assert yaml.safe_load(text)["channels"] == ["conda-forge", "nodefaults"]


@pytest.mark.parametrize("rule", ENTRIES)
def test_an_environment_names_all_that_its_rules_import(rule):
    needed = third_party(ENTRIES[rule]())
    assert needed, "the walk over imports found nothing"
    assert needed <= set(pins(rules()[rule]))


HIDING = """
import importlib.metadata as metadata, json, sys
from importlib import import_module

hidden, modules, entries = (json.loads(argument) for argument in sys.argv[1:])

class Absent:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in modules:
            raise ModuleNotFoundError(f"No module named {name!r} in this environment", name=name)

found = metadata.Distribution.from_name.__func__
def from_name(cls, name):
    if name.lower().replace("_", "-") in hidden:
        raise metadata.PackageNotFoundError(name)
    return found(cls, name)

sys.meta_path.insert(0, Absent())
metadata.Distribution.from_name = classmethod(from_name)
for entry in entries:
    import_module(entry)
from modecollapse.pipeline.provenance import record
record(entries, {}, [], 0.0)
"""


@pytest.mark.parametrize("rule", ENTRIES)
def test_a_rule_runs_where_its_environment_is_all_there_is(rule):
    present = with_requirements(set(pins(rules()[rule])) - {"python"}) | {PACKAGE.name}
    hidden = sorted(set(lock()) - present)
    modules = sorted(
        module
        for module, names in owners().items()
        if {canonicalize_name(name) for name in names}.isdisjoint(present)
        and module not in sys.stdlib_module_names
        and not module.startswith(("_", "__"))
    )
    assert "snakemake" in modules
    arguments = [json.dumps(value) for value in (hidden, modules, ENTRIES[rule]())]
    done = subprocess.run(
        [sys.executable, "-c", HIDING, *arguments],
        env={"PYTHONPATH": str(PACKAGE.parent), "PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
