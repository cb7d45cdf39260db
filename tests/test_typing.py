"""What a type checker and an editor see of the front door."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest

import modecollapse
from modecollapse.closure import PACKAGE

ROOMS = ["modecollapse", *(f"modecollapse.{name}" for name in ("theory", "simulation", "flows"))]
REVEALED = """
import modecollapse as mc
p = mc.target(separation=3.0, dimension=64)
reveal_type(p)
reveal_type(mc.schedule("exponential", beta_initial=0.1, time=5.0))
reveal_type(mc.integrate)
reveal_type(mc.simulate)
reveal_type(mc.train)
reveal_type(mc.theory.integrate)
reveal_type(mc.__version__)
"""
WRONG = """
import modecollapse as mc
mc.target(separation="three")
mc.simulat
mc.theory.integrat
from modecollapse.flows import trian
"""


def mypy(folder: Path, text: str) -> str:
    (folder / "used.py").write_text(text, encoding="utf-8")
    words = ["--strict", "--follow-imports=silent", "--cache-dir", str(folder / "cache"), "used.py"]
    done = subprocess.run(
        [sys.executable, "-m", "mypy", "--ignore-missing-imports", *words],
        cwd=folder,
        env={"MYPYPATH": str(PACKAGE.parent), "PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
        check=False,
    )
    return done.stdout + done.stderr


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    return tmp_path_factory.mktemp("typed")


@pytest.mark.slow
def test_names_have_their_types(folder):
    said = mypy(folder, REVEALED)
    revealed = re.findall(r'Revealed type is "(.*)"', said)
    assert len(revealed) == 7, said
    assert revealed[0].endswith("targets.bimodal.BimodalTarget")
    assert revealed[2].endswith("trajectory.Trajectory")
    assert revealed[2] == revealed[5]
    assert revealed[6].endswith("str")
    assert "error" not in said
    assert [text for text in revealed if text == "Any"] == []


@pytest.mark.slow
def test_what_is_wrong_is_found(folder):
    said = mypy(folder, WRONG)
    assert re.search(r"used.py:3: error: .*str.*float", said), said
    for line, name in ((4, "simulat"), (5, "integrat"), (6, "trian")):
        assert re.search(rf'used.py:{line}: error: .*"{name}"', said), said


@pytest.mark.slow
def test_every_public_name_is_typed(folder):
    names = [name for name in modecollapse.__all__ if name[0] != "_"]
    said = mypy(
        folder, "\n".join(["import modecollapse as mc", *(f"reveal_type(mc.{n})" for n in names)])
    )
    revealed = dict(zip(names, re.findall(r'Revealed type is "(.*)"', said), strict=True))
    untyped = re.compile(r"^Any$|: Any\b|-> Any\b")
    named = {name: re.sub(r"\*\*\w+: Any", "", text) for name, text in revealed.items()}
    assert {name: text for name, text in named.items() if untyped.search(text)} == {}


@pytest.mark.parametrize("room", ROOMS)
def test_a_stub_names_what_there_is(room):
    module = import_module(room)
    for name in module.__all__:
        assert getattr(module, name) is not None
    assert set(module.__all__) <= set(dir(module))
    with pytest.raises(AttributeError):
        _ = module.absent


@pytest.mark.parametrize("room", ROOMS)
def test_a_stub_exports_each_name_in_the_way_that_type_checkers_ask_for(room):
    stub = Path(import_module(room).__file__).with_suffix(".pyi")
    for node in ast.parse(stub.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.ImportFrom):
            assert all(alias.asname == alias.name for alias in node.names)


def test_importing_the_package_loads_nothing_large():
    large = "('torch', 'numba', 'scipy', 'pandas')"
    code = f"import sys, modecollapse; print([m for m in {large} if m in sys.modules])"
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=True,
        env={"PYTHONPATH": str(PACKAGE.parent)},
    )
    assert done.stdout.strip() == "[]"


def test_one_message_tells_which_extra_is_missing():
    code = (
        "import sys; sys.modules['torch'] = None\n"
        "import modecollapse as mc\n"
        "try: mc.train\n"
        "except ModuleNotFoundError as error: print(error)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=False,
        env={"PYTHONPATH": str(PACKAGE.parent)},
    )
    assert "modecollapse.train needs torch: pip install 'modecollapse[flows]'" in done.stdout, done
