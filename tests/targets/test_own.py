"""A target from a file of one's own: what it may define, and what is said where it is wrong."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest

from modecollapse.targets import ManyWell, from_file

ROOT = Path(__file__).parents[2]
DENSITY = "def log_density(x):\n    return -0.5 * x.square().sum(-1)\n"


def written(folder, text):
    path = folder / "mine with a space.py"
    path.write_text(text, encoding="utf-8")
    return path


def test_the_example_of_the_repository_is_a_target():
    p = from_file(ROOT / "targets" / "ring.py")
    assert p.dimension == 2
    assert p.modes is None


def test_what_a_file_knows_of_its_modes_is_taken(tmp_path):
    text = (
        f"dimension = 2\nmodes = [[1.0, 0], [0, 1]]\nweights = [0.5, 0.5]\nlog_z = 0.25\n{DENSITY}"
    )
    p = from_file(written(tmp_path, text))
    assert p.log_z == 0.25
    np.testing.assert_array_equal(p.modes, np.eye(2))
    whole = "from modecollapse.targets import ManyWell\ntarget = ManyWell(2)\n"
    assert from_file(written(tmp_path, whole)) == ManyWell(2)


def test_a_file_may_import_what_lies_beside_it(tmp_path):
    (tmp_path / "beside_this_target.py").write_text("dimension = 3\n", encoding="utf-8")
    before = list(sys.path)
    p = from_file(written(tmp_path, f"from beside_this_target import dimension\n{DENSITY}"))
    assert p.dimension == 3
    assert sys.path == before


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("import no_such_module\n", "got ModuleNotFoundError: No module named 'no_such_module'"),
        ("raise SystemExit(3)\n", "got SystemExit: 3; allowed: a Python file that runs"),
        ("def (\n", "got SyntaxError"),
        (DENSITY, "dimension: got 'nothing'; allowed: a file that defines"),
        ("dimension = 2\n", "log_density: got 'nothing'"),
        (f"dimension = 1\n{DENSITY}", "dimension: got 1"),
        (f"dimension = 2\nweights = [1.0]\n{DENSITY}", "weights: got"),
        ("dimension = 2\ndef log_density(x):\n    return x\n", r"log_density: got \(8, 2\)"),
        ("target = 3\n", "target: got 3; allowed: a target"),
    ],
)
def test_a_file_that_is_wrong_is_told_by_its_name(tmp_path, text, told):
    with pytest.raises(ValueError, match=rf"(?s)mine with a space\.py: {told}"):
        from_file(written(tmp_path, text))


def test_a_file_that_is_not_there_is_named(tmp_path):
    with pytest.raises(ValueError, match=r"^path: got .*nothing\.py"):
        from_file(tmp_path / "nothing.py")
