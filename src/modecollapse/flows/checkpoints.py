"""Checkpoints of a training: whose they are, and whether what they hold can be gone on from."""

from __future__ import annotations

import logging
import reprlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from ..store import StoreError
from . import sealed

__all__ = ["check", "load", "require", "save"]

KIND = "checkpoint"
log = logging.getLogger(__name__)


def save(path: Path, settings: Mapping[str, Any], state: Mapping[str, Any]) -> None:
    """Write the state of a training, and the settings that it belongs to, to `path`.

    Raises
    ------
    StoreError : naming the file, where it cannot be written; what stood there before stays.
    """
    sealed.write(path, KIND, {"settings": _with_versions(settings), "state": dict(state)})


def load(path: Path, settings: Mapping[str, Any]) -> dict[str, Any] | None:
    """The state that was saved at `path`; None where there is no such file.

    Raises
    ------
    StoreError : naming the file, where it is damaged or not a checkpoint.
    ValueError : naming the first setting that differs from those of the checkpoint.
    """
    try:
        path.stat()
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        raise StoreError(f"{path}: cannot be read ({error.strerror})") from error
    content = sealed.read(path, KIND)
    given, state = content.get("settings"), content.get("state")
    if type(given) is not dict or type(state) is not dict:
        raise StoreError(f"{path}: not a {KIND} (parts are missing); delete it to start anew")
    wanted = _with_versions(settings)
    for name in {**wanted, **given}:
        same = name in wanted and name in given and wanted[name] == given[name]
        if not same:  # of a damaged or foreign file: no longer than a line
            shown, asked = reprlib.repr(given.get(name)), wanted.get(name)
            allowed = f"{asked!r}, as asked for now; delete the file to start anew"
            raise ValueError(f"checkpoint {path}: {name}: got {shown}; allowed: {allowed}")
    log.info("%s: going on from this checkpoint", path)
    return state


def check(path: Path, pattern: Any, found: Any, where: str = "state") -> None:
    """Refuse what is `found` unless its parts, types, shapes and dtypes are those of `pattern`.

    Raises
    ------
    StoreError : naming the file and the part.
    """
    if isinstance(pattern, dict):
        same = type(found) is dict and found.keys() == pattern.keys()
        require(path, same, where, f"the parts {', '.join(map(str, pattern))}")
        for name, part in pattern.items():
            check(path, part, found[name], f"{where}.{name}")
    elif isinstance(pattern, list):
        same = type(found) is list and len(found) == len(pattern)
        require(path, same, where, f"{len(pattern)} entries")
        for number, (part, other) in enumerate(zip(pattern, found, strict=True)):
            check(path, part, other, f"{where}[{number}]")
    elif isinstance(pattern, Tensor):
        same = isinstance(found, Tensor) and found.layout == torch.strided
        same = same and not found.is_meta
        same = same and (found.shape, found.dtype) == (pattern.shape, pattern.dtype)
        require(path, same, where, f"a tensor {tuple(pattern.shape)} of {pattern.dtype}")
    else:
        require(path, type(found) is type(pattern), where, f"a {type(pattern).__name__}")


def require(path: Path, condition: bool, where: str, allowed: str) -> None:
    """One StoreError that says which part is not what it has to be, unless `condition` holds."""
    if not condition:
        reason = f"{where} is not {allowed}"
        raise StoreError(f"{path}: not a {KIND} ({reason}); delete it to start anew")


def _with_versions(settings: Mapping[str, Any]) -> dict[str, Any]:
    """The settings and the version of torch, without which bits are not promised."""
    return {**settings, "torch version": str(torch.__version__)}
