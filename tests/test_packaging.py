"""The wheel and the source distribution, used where there is no repository."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import sysconfig
import tarfile
import tomllib
import zipfile
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[1]
DATA = {f"modecollapse/{name}" for name in ("py.typed", "commit.txt", "theory/remedies.csv")}
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
BASE = [Requirement(text) for text in PROJECT["dependencies"]]
EXTRAS = [
    Requirement(text) for texts in PROJECT["optional-dependencies"].values() for text in texts
]
BUILD = "from setuptools import build_meta as b; b.build_{kind}({folder!r})"
USE = """
import numpy as np
import modecollapse as mc
p = mc.target(separation=3.0, dimension=64, weight=0.8)
run = mc.integrate(p, mc.random_start(p, 20, np.random.default_rng(0)), times=[0.0, 100.0])
print(mc.__file__, 0 <= run.collapsed.mean() <= 1, round(mc.critical_separation(0.5), 2))
"""


def run(folder: Path, *words: str, check: bool = True) -> subprocess.CompletedProcess[str]:
    """Run a command as outside the repository; machine code is kept in a folder of its own."""
    plain = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    done = subprocess.run(
        words,
        cwd=folder,
        env={**plain, "XDG_CACHE_HOME": str(folder / "cache")},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0 or not check, done.stdout + done.stderr
    return done


@pytest.fixture(scope="module")
def built(tmp_path_factory) -> Path:
    """A folder with the wheel and the source distribution of this tree."""
    base = tmp_path_factory.mktemp("built")
    tree = base / "tree"
    tree.mkdir()
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy2(ROOT / name, tree)
    (tree / "docs").mkdir()
    shutil.copy2(ROOT / "docs" / "package.md", tree / "docs")
    ignored = shutil.ignore_patterns("__pycache__", "*.egg-info")
    shutil.copytree(ROOT / "src", tree / "src", ignore=ignored)
    for kind in ("wheel", "sdist"):
        run(tree, sys.executable, "-c", BUILD.format(kind=kind, folder=str(base)))
    return base


def venv(folder: Path, shared: bool) -> Path:
    """The Python of a new environment; `shared` lends it the packages that run this test."""
    run(folder, sys.executable, "-m", "venv", *(["--without-pip"] if shared else []), "venv")
    if shared:
        (site,) = folder.glob("venv/lib/python*/site-packages")
        (site / "shared.pth").write_text(sysconfig.get_path("purelib"), encoding="utf-8")
    return folder / "venv" / "bin" / "python"


def test_the_locks_versions_are_within_the_ranges():
    lines = (ROOT / "requirements" / "lock.txt").read_text(encoding="utf-8").split()
    lock = {canonicalize_name(name): pin for name, pin in (line.split("==") for line in lines)}
    for need in [*BASE, *EXTRAS]:
        if need.name != PROJECT["name"]:
            assert need.specifier.contains(lock[canonicalize_name(need.name)]), need


def test_nothing_is_pinned_and_little_is_needed():
    assert all(spec.operator in (">=", "<") for need in [*BASE, *EXTRAS] for spec in need.specifier)
    assert {need.name for need in BASE} == {"lazy-loader", "numba", "numpy", "pandas", "scipy"}


@pytest.mark.slow
def test_the_wheel_holds_the_package_and_nothing_else(built):
    (wheel,) = built.glob("*.whl")
    names = zipfile.ZipFile(wheel).namelist()
    there = {name for name in names if not re.match(r"modecollapse-[\d.]+\.dist-info/", name)}
    source = ROOT / "src"
    want = {str(p.relative_to(source)) for p in (source / "modecollapse").rglob("*.py*")}
    assert there == {name for name in want if "__pycache__" not in name} | DATA


@pytest.mark.slow
def test_the_description_needs_no_repository(built):
    (wheel,) = built.glob("*.whl")
    with zipfile.ZipFile(wheel) as opened:
        (name,) = (name for name in opened.namelist() if name.endswith("METADATA"))
        said = opened.read(name).decode()
    assert {"Author: The modecollapse developers", "License-Expression: MIT"} <= set(
        said.splitlines()
    )
    links = re.findall(r"\]\(([^)]*)\)", said)
    assert links
    assert all(link.startswith("https://") for link in links)


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["wheel", "sdist"])
def test_it_is_used_where_there_is_no_repository(built, kind, tmp_path):
    python = str(venv(tmp_path, shared=True))
    (file,) = built.glob("*.whl" if kind == "wheel" else "*.tar.gz")
    if kind == "sdist":
        with tarfile.open(file) as opened:
            assert any(name.endswith("modecollapse/py.typed") for name in opened.getnames())
    install = ("-m", "pip", "install", "--quiet", "--no-deps", "--no-build-isolation", str(file))
    run(tmp_path, python, *install)
    said = run(tmp_path, python, "-c", USE).stdout
    assert said.startswith(str(tmp_path / "venv"))
    assert said.split()[1:] == ["True", "2.26"]
    command = str(tmp_path / "venv" / "bin" / "modecollapse")
    assert run(tmp_path, command, "--version").stdout == f"modecollapse {PROJECT['version']}\n"
    assert "verify" in run(tmp_path, command).stdout
    missing = run(tmp_path, command, "verify", check=False)
    assert missing.returncode == 2
    assert "Traceback" not in missing.stderr


@pytest.mark.slow
@pytest.mark.parametrize("versions", ["lowest", "newest"])
def test_it_runs_on_both_ends_of_its_ranges(built, versions, tmp_path):
    """In an environment of its own, from the index; without PyTorch, of which it says so."""
    python = str(venv(tmp_path, shared=False))
    (wheel,) = built.glob("*.whl")
    words = ["-m", "pip", "install", "--quiet", str(wheel)]
    if versions == "lowest":
        if sys.version_info >= (3, 13):
            pytest.skip("the lowest versions have no wheels for this Python")
        pins = [f"{need.name}=={spec.version}.*" for need in BASE for spec in need.specifier]
        (tmp_path / "lowest.txt").write_text("\n".join(pins), encoding="utf-8")
        words += ["--constraint", "lowest.txt"]
    if run(
        tmp_path, python, "-m", "pip", "download", "--no-deps", "lazy-loader", check=False
    ).returncode:
        pytest.skip("no package index can be reached")
    run(tmp_path, python, *words)
    assert run(tmp_path, python, "-c", USE).stdout.split()[1:] == ["True", "2.26"]
    train = "import modecollapse as mc\nmc.train"
    said = run(tmp_path, python, "-c", train, check=False).stderr
    assert "pip install 'modecollapse[flows]'" in said
    assert said.count("Error") <= 2
