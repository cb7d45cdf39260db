"""A target from a Python file of one's own."""

from __future__ import annotations

import importlib.util
import os
import sys
from pathlib import Path
from types import ModuleType

from ..checks import path_of, require
from .custom import CustomTarget, custom
from .protocol import Target

__all__ = ["from_file"]

KNOWN = ("modes", "weights", "log_z", "reach")


def from_file(path: str | os.PathLike[str]) -> Target:
    """The target that a Python file defines; the file is run.

    It defines `target`, a :class:`~.protocol.Target`; or `log_density(x)`, a function of a torch
    tensor (N, d) that returns (N,), and `dimension`, and, where they are known, `modes`, `weights`,
    `log_z` and `reach`, as for :func:`~.custom.custom`.

    Raises
    ------
    ValueError : naming the file, where it is none, does not run, or lacks a name; or the name in it
        that is wrong.
    """
    file = path_of("path", path)
    require(os.path.isfile(file), "path", str(path), "a Python file, such as targets/ring.py")
    module = _run(file)
    if hasattr(module, "target"):
        given = module.target
        require(isinstance(given, Target), f"{file}: target", given, "a target of modecollapse")
        return given
    for name in ("log_density", "dimension"):
        allowed = "a file that defines log_density(x) and dimension, or target"
        require(hasattr(module, name), f"{file}: {name}", "nothing", allowed)
    known = {name: getattr(module, name) for name in KNOWN if hasattr(module, name)}
    try:
        made: CustomTarget = custom(module.log_density, module.dimension, **known)
    except ValueError as error:
        raise ValueError(f"{file}: {error}") from error
    return made


def _run(file: Path) -> ModuleType:
    """The file as a module, which stays out of ``sys.modules``."""
    spec = importlib.util.spec_from_file_location(file.stem, file)
    allowed = "a Python file that runs without an error"
    require(spec is not None and spec.loader is not None, "file", str(file), "a .py file")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.path.insert(0, str(file.parent.resolve()))  # for modules beside it
    try:
        spec.loader.exec_module(module)
    except (Exception, SystemExit) as error:
        told = (str(error).strip().splitlines() or [""])[0]
        given = f"{type(error).__name__}: {told}"
        raise ValueError(f"{file}: got {given}; allowed: {allowed}") from error
    finally:
        sys.path.remove(str(file.parent.resolve()))
    return module
