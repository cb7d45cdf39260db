"""Imports point down the house only, as CONTRIBUTING.md lists it, and never in a circle."""

from __future__ import annotations

import ast
import re
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

from modecollapse.closure import PACKAGE

ROOT = Path(__file__).parents[1]

SHARED = {"trajectory", "dynamics", "outcomes", "overlaps", "schedules", "targets", "store"}
SHARED |= {"counting", "prediction", "quadrature", "compiled", "closure", "devices", "checks"}
SHARED |= {"versions", "geometries", "forecast", "memory", "metrics"}
ROADS = {"theory", "simulation", "flows"}

# What a room may import besides itself.
ALLOWED: dict[str, set[str]] = {
    "__main__": {"pipeline"},
    "pipeline": {"diagnosis", "experiments", "figures", "claims", "closure", "checks", "store"},
    "diagnosis": {"experiments", "flows", "figures", "theory"} | SHARED,
    "figures": SHARED,
    "claims": {"counting", "prediction", "forecast", "checks"},
    "experiments": ROADS | SHARED,
    **dict.fromkeys(ROADS, SHARED),
    **dict.fromkeys(SHARED, SHARED),
}


def modules(package: Path) -> dict[str, Path]:
    """Name within the package -> file, of every module; the package itself is ""."""
    found = {}
    for path in package.rglob("*.py"):
        parts = path.relative_to(package).with_suffix("").parts
        found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return found


def imported(name: str, found: dict[str, Path], top: str) -> set[str]:
    """The package's modules that import statements of the module `name` name."""
    path = found[name]
    here = name.split(".") if name else []
    folder = here if path.name == "__init__.py" else here[:-1]
    named = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            full = [alias.name.split(".") for alias in node.names]
            named |= {".".join(parts[1:]) for parts in full if parts[0] == top}
        elif isinstance(node, ast.ImportFrom):
            origin = node.module.split(".") if node.module else []
            if node.level == 0 and origin[:1] != [top]:
                continue
            base = [*folder[: len(folder) - node.level + 1], *origin] if node.level else origin[1:]
            inside = {".".join([*base, alias.name]) for alias in node.names}
            named |= {n for n in inside if n in found} | ({".".join(base)} - {""})
    return named & found.keys()


def faults(package: Path) -> list[str]:
    """Every import that points up, or across to a neighbour."""
    found = modules(package)
    wrong = []
    for name in found:
        room = name.split(".")[0]
        for other in imported(name, found, package.name):
            target = other.split(".")[0]
            if room and target and target != room and target not in ALLOWED[room]:
                wrong.append(f"{name} imports {other}")
    return sorted(wrong)


def test_imports_point_down():
    assert faults(PACKAGE) == []


def test_no_imports_go_in_a_circle():
    found = modules(PACKAGE)
    graph = {name: imported(name, found, PACKAGE.name) - {name} for name in found}
    assert len(graph) > 20
    TopologicalSorter(graph).prepare()  # raises CycleError


def test_the_houses_rooms_are_those_of_the_package_and_of_the_guide():
    there = {name.split(".")[0] for name in modules(PACKAGE)} - {"", "__main__"}
    assert there == ALLOWED.keys() - {"__main__"}
    guide = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    rows = [line.split("|")[1] for line in guide.splitlines() if line.startswith("| `")]
    told = {name.strip("/") for row in rows for name in re.findall(r"`([\w/]+)`", row)}
    assert told == there


@pytest.mark.parametrize(
    ("name", "line"),
    [
        ("theory/a.py", "from ..simulation import full"),
        ("theory/a.py", "from modecollapse.flows.training import train"),
        ("checks.py", "import modecollapse.pipeline"),
        ("figures/a.py", "def f():\n    from ..theory import rhs"),
        ("experiments/a.py", "from ..figures import style"),
        ("flows/a.py", "from .. import pipeline"),
    ],
)
def test_an_import_that_points_up_is_found(tmp_path, name, line):
    package = tmp_path / "modecollapse"
    for room in ("theory", "simulation", "flows", "figures", "experiments", "pipeline"):
        (package / room).mkdir(parents=True)
        (package / room / "__init__.py").touch()
    for file in ("__init__.py", "store.py", "simulation/full.py", "flows/training.py"):
        (package / file).touch()
    for file in ("theory/rhs.py", "figures/style.py"):
        (package / file).touch()
    assert faults(package) == []
    (package / name).write_text(f"{line}\n", encoding="utf-8")
    assert len(faults(package)) >= 1
