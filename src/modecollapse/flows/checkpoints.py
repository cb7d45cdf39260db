"""Checkpoints of a training: whose they are, and whether what they hold can be gone on from."""

from __future__ import annotations

import logging
import reprlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from ..checks import require
from ..store import StoreError
from . import sealed, stored

__all__ = ["check", "load", "save"]

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
    check(path, dict.fromkeys(("settings", "state"), _mapping), content, "")
    given, state = content["settings"], content["state"]
    wanted = _with_versions(settings)
    for name in {**wanted, **given}:
        same = name in wanted and name in given and wanted[name] == given[name]
        if not same:  # of a damaged or foreign file: no longer than a line
            shown, asked = reprlib.repr(given.get(name)), wanted.get(name)
            allowed = f"{asked!r}, as asked for now; delete the file to start anew"
            raise ValueError(f"checkpoint {path}: {name}: got {shown}; allowed: {allowed}")
    log.info("%s: going on from this checkpoint", path)
    return state


def check(path: Path, pattern: Any, found: Any, name: str) -> None:
    """Refuse what is `found` under a name in the checkpoint unless it fits (:mod:`.stored`).

    Raises
    ------
    StoreError : naming the file, the entry, what it is and what is allowed.
    """
    stored.check(path, KIND, pattern, found, name)


def _mapping(name: str, found: Any) -> None:
    require(type(found) is dict, name, found, "parts by name")


def _with_versions(settings: Mapping[str, Any]) -> dict[str, Any]:
    """The settings and the version of torch, without which bits are not promised."""
    return {**settings, "torch version": str(torch.__version__)}
