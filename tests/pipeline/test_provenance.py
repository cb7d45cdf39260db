"""Import closures are exact, and a record says what made a file."""

from __future__ import annotations

from modecollapse import closure as imports
from modecollapse.closure import closure
from modecollapse.pipeline.provenance import digest, record, short


def names(*modules):
    return {str(p.relative_to(imports.PACKAGE)) for p in closure(*modules)}


def test_a_theory_job_does_not_depend_on_training():
    files = names("modecollapse.experiments.basins")
    assert "quadrature/wide.py" in files
    assert "theory/integration.py" in files
    assert not {f for f in files if f.startswith(("simulation/", "flows/", "figures/"))}


def test_two_sources_of_a_table_depend_on_their_own_road_alone():
    theory, simulation = (
        names(f"modecollapse.experiments.outcome_map.{source}")
        for source in ("theory", "simulation")
    )
    shared = "experiments/outcome_map/__init__.py"
    assert shared in theory & simulation
    assert "experiments/outcome_map/simulation.py" not in theory
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
    (package / "__init__.py").write_text('_HOME = {"thing": "a"}\n')
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
