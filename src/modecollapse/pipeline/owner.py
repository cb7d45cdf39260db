"""Whose the results below a name are: those of one configuration are not overwritten by another."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from ..store import StoreError, read_bytes, write_bytes
from .faults import ConfigurationError, shown
from .strict_yaml import read_value

__all__ = ["check", "folder", "mark", "origin"]

MARK = ".configuration"  # in the folder of the results
LONGEST = 10**5  # bytes of it


def folder(root: Path, top: str, name: str) -> Path:
    """Where a configuration writes: results/ and figures/, a named one below its name."""
    return root / top if name == "default" else root / top / name


def origin(root: Path, files: Iterable[Path | str], given: Mapping[str, Any] | None = None) -> str:
    """What a configuration is laid together from: its files, a digest of what ``--config`` says.

    >>> origin(Path("/paper"), ["/paper/config/mine.yaml"], {"name": "mine"})
    'config/mine.yaml --config b377afc09726'
    """
    named = [_within(root.resolve(), Path(path).resolve()) for path in files]
    if given:
        said = json.dumps(read_value(dict(given)), sort_keys=True, default=str)
        named.append(f"--config {hashlib.sha256(said.encode()).hexdigest()[:12]}")
    return " ".join(named)


def _within(root: Path, path: Path) -> str:
    return path.relative_to(root).as_posix() if path.is_relative_to(root) else str(path)


def check(outputs: Path, name: str, made_from: str) -> None:
    """Refuse a configuration that would overwrite what another one of its name made in `outputs`.

    Raises
    ------
    ConfigurationError : naming the other one, and what to do.
    """
    marked = folder(outputs, "results", name) / MARK
    if not os.path.lexists(marked):
        return
    try:
        owner = os.fsdecode(read_bytes(marked, LONGEST)).removesuffix("\n")
    except StoreError:
        owner = "an unreadable note of its maker"
    if name != "default" and owner != made_from:
        where = _within(outputs, marked.parent)
        raise ConfigurationError(
            f"name: got {name!r}, but {where} holds what {shown(owner)} made; allowed: another "
            f"name, or delete {where}/{MARK} to have its results overwritten"
        )


def mark(outputs: Path, name: str, made_from: str) -> None:
    """Note whose the results below `name` are.

    Raises
    ------
    StoreError : where the note cannot be written.
    """
    if name != "default":
        write_bytes(folder(outputs, "results", name) / MARK, os.fsencode(f"{made_from}\n"))
