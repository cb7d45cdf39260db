"""Import closures are exact, and a record says what made a file."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest

from modecollapse import closure as imports
from modecollapse.closure import closure
from modecollapse.pipeline.provenance import commit, record, short
from modecollapse.store import digest

ROOT = Path(__file__).parents[2]


def names(*modules):
    return {str(p.relative_to(imports.PACKAGE)) for p in closure(*modules)}


def test_a_theory_job_does_not_depend_on_training():
    files = names("modecollapse.experiments.basins")
    assert "quadrature/wide.py" in files
    assert "theory/integration.py" in files
    assert not {f for f in files if f.startswith(("simulation/", "flows/", "figures/"))}


def test_two_sources_of_a_table_depend_on_their_own_road_alone():
    theory, simulation = (
        names(f"modecollapse.experiments.closed_equations.{source}")
        for source in ("theory", "simulation")
    )
    shared = "experiments/closed_equations/__init__.py"
    assert shared in theory & simulation
    assert "experiments/closed_equations/simulation.py" not in theory
    assert not {f for f in theory if f.startswith(("simulation/", "flows/"))}
    assert not {f for f in simulation if f.startswith(("theory/", "flows/"))}


def test_the_folder_that_caches_leave_of_a_package_is_not_taken_for_one(tmp_path, monkeypatch):
    for name in ("modecollapse", "modecollapse/a", "modecollapse/a/__pycache__"):
        (tmp_path / name).mkdir()
    (tmp_path / "modecollapse" / "__init__.py").touch()
    (tmp_path / "modecollapse" / "a.py").touch()
    monkeypatch.setattr(imports, "PACKAGE", tmp_path / "modecollapse")
    imports._imports.cache_clear()
    try:
        assert [path.name for path in closure("modecollapse.a")] == ["__init__.py", "a.py"]
    finally:
        imports._imports.cache_clear()


def test_a_figure_depends_on_no_computation():
    files = names("modecollapse.pipeline.draw", "modecollapse.figures.mean_alignment")
    assert "figures/style.py" in files
    assert not {f for f in files if f.startswith(("theory/", "simulation/", "flows/"))}


def test_names_that_a_package_re_exports_are_followed(tmp_path, monkeypatch):
    package = tmp_path / "modecollapse"
    package.mkdir()
    (package / "__init__.py").touch()
    (package / "__init__.pyi").write_text("from .a import thing as thing\n")
    (package / "a.py").write_text("def f():\n    from . import b\n")
    (package / "b.py").write_text("import os\n")
    (package / "c.py").write_text("from . import thing\n")
    monkeypatch.setattr(imports, "PACKAGE", package)
    imports._imports.cache_clear()
    try:
        found = [path.name for path in closure("modecollapse.c")]
        assert found == ["__init__.py", "a.py", "b.py", "c.py"]
    finally:
        imports._imports.cache_clear()


def test_a_record_names_code_inputs_and_settings(tmp_path):
    path = tmp_path / "input.csv"
    path.write_text("1\n")
    made = record(["modecollapse.checks"], {"seed": 3}, [path], 1.23456)
    assert made["inputs"] == {str(path): digest(path)}
    assert set(made["code"]) == {"modecollapse/__init__.py", "modecollapse/checks.py"}
    assert made["settings"] == {"seed": 3}
    assert made["seconds"] == 1.235
    assert "input.csv=" + digest(path)[:12] in short(made)


def git(folder, *arguments):
    """Run git without the user's own settings."""
    kept = {name: value for name, value in os.environ.items() if name[:4] != "GIT_"}
    settings = {"GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1"}
    settings |= {f"GIT_{who}_NAME": "a" for who in ("AUTHOR", "COMMITTER")}
    settings |= {f"GIT_{who}_EMAIL": "a@b.c" for who in ("AUTHOR", "COMMITTER")}
    done = subprocess.run(
        ["git", *arguments], cwd=folder, env=kept | settings, capture_output=True, check=True
    )
    return done.stdout


@pytest.fixture
def tree(tmp_path):
    """A source tree that is no repository; its package."""
    package = tmp_path / "outer" / "tree" / "src" / "modecollapse"
    package.mkdir(parents=True)
    shutil.copy(ROOT / "src/modecollapse/commit.txt", package)
    shutil.copy(ROOT / ".gitattributes", package.parents[1])
    return package


def committed(folder):
    git(folder, "init", "-q")
    git(folder, "add", ".")
    git(folder, "commit", "-q", "-m", "all")
    return git(folder, "rev-parse", "HEAD").decode().strip()


def test_a_tree_without_git_has_no_commit_and_is_not_called_changed(tree):
    assert commit(tree) == {"commit": "unknown", "clean": None}


def test_a_repository_around_the_tree_is_not_its_own(tree):
    committed(tree.parents[2])
    assert commit(tree) == {"commit": "unknown", "clean": None}


def test_a_repository_of_its_own_is_clean_until_something_changes(tree):
    head = committed(tree.parents[1])
    assert commit(tree) == {"commit": head, "clean": True}
    (tree / "new.py").write_text("")
    assert commit(tree) == {"commit": head, "clean": False}


def test_a_repository_without_a_commit(tree):
    git(tree.parents[1], "init", "-q")
    assert commit(tree) == {"commit": "unknown", "clean": False}


def test_a_repository_by_way_of_a_link(tree, tmp_path):
    head = committed(tree.parents[1])
    (tmp_path / "link").symlink_to(tree.parents[1])
    assert commit(tmp_path / "link/src/modecollapse") == {"commit": head, "clean": True}


def test_variables_of_git_do_not_name_another_repository(tree, tmp_path, monkeypatch):
    head = committed(tree.parents[1])
    other = tmp_path / "other"
    other.mkdir()
    (other / "a").write_text("")
    committed(other)
    monkeypatch.setenv("GIT_DIR", str(other / ".git"))
    monkeypatch.setenv("GIT_WORK_TREE", str(other))
    assert commit(tree) == {"commit": head, "clean": True}


def test_no_program_of_that_name(tree, monkeypatch):
    committed(tree.parents[1])
    monkeypatch.setenv("PATH", "")
    assert commit(tree) == {"commit": "unknown", "clean": None}


def test_an_archive_carries_its_commit(tree, tmp_path):
    head = committed(tree.parents[1])
    (tmp_path / "a.tar").write_bytes(git(tree.parents[1], "archive", "HEAD"))
    shutil.unpack_archive(tmp_path / "a.tar", tmp_path / "archive")
    assert commit(tmp_path / "archive/src/modecollapse") == {"commit": head, "clean": None}


@pytest.mark.parametrize("content", [b"", b"$Format:%H$", b"master", b"\xff", b"0" * 39, None])
def test_what_is_no_commit_is_not_taken_for_one(tree, content):
    (tree / "commit.txt").unlink()
    if content is not None:
        (tree / "commit.txt").write_bytes(content)
    assert commit(tree) == {"commit": "unknown", "clean": None}


@pytest.mark.parametrize(
    ("clean", "says"), [(True, "clean"), (False, "changed"), (None, "unknown")]
)
def test_a_picture_says_whether_the_tree_was_clean(clean, says):
    made = json.loads(json.dumps(record(["modecollapse.checks"], {}, [], 0.0)))
    assert f"({says})" in short(made | {"clean": clean})
