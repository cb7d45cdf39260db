"""Checkpoints: written whole or not at all, read without executing anything in them."""

from __future__ import annotations

import io
import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from ..checks import require
from ..store import StoreError, write_bytes

__all__ = ["load", "save"]

FORMAT = 1
log = logging.getLogger(__name__)


def save(path: Path, settings: Mapping[str, Any], state: Mapping[str, Any]) -> None:
    """Write the state of a training, and the settings that it belongs to, to `path`.

    Raises
    ------
    StoreError : naming the file, where it cannot be written; what stood there before stays.
    """
    buffer = io.BytesIO()
    content = {"format": FORMAT, "settings": _with_versions(settings), "state": dict(state)}
    torch.save(content, buffer)
    write_bytes(path, buffer.getvalue())


def load(path: Path, settings: Mapping[str, Any]) -> dict[str, Any] | None:
    """The state that was saved at `path`; None where there is no such file.

    Raises
    ------
    StoreError : naming the file, where it is damaged or not a checkpoint.
    ValueError : naming the first setting that differs from those of the checkpoint.
    """
    if not path.exists():
        return None
    try:
        # weights_only: tensors and plain values; a pickle that would run code is refused.
        content = torch.load(path, map_location="cpu", weights_only=True)
        found = {key: content[key] for key in ("format", "settings", "state")}
    except Exception as error:  # a damaged file can fail in as many ways as pickle and zip have
        reason = "it is damaged, or holds more than tensors and plain values"
        raise StoreError(f"{path}: not a checkpoint ({reason}); delete it to start anew") from error
    require(found["format"] == FORMAT, f"{path}: format", found["format"], str(FORMAT))
    wanted, given = _with_versions(settings), dict(found["settings"])
    for name in {**wanted, **given}:
        same = name in wanted and name in given and wanted[name] == given[name]
        allowed = f"{wanted.get(name)!r}, as asked for now; delete the file to start anew"
        require(same, f"checkpoint {path}: {name}", given.get(name), allowed)
    log.info("%s: going on from this checkpoint", path)
    return dict(found["state"])


def _with_versions(settings: Mapping[str, Any]) -> dict[str, Any]:
    """The settings and the version of torch, without which bits are not promised."""
    return {**settings, "torch version": str(torch.__version__)}
