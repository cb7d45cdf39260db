"""Files of tensors and plain values: written whole or not at all, with a digest inside.

A file is one line, ``modecollapse <kind> <format> <length> <SHA-256>``, and then what torch.save
writes.  Nothing in it is executed, and nothing is unpacked before its bytes are known to be those
that were written.
"""

from __future__ import annotations

import hashlib
import io
import os
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from ..memory import installed
from ..store import StoreError, opened, write_bytes

__all__ = ["read", "refusal", "write"]

FORMAT = 2
LONGEST_HEADER = 256  # bytes
KINDS = {
    "checkpoint": ("a checkpoint", "delete it to start anew"),
    "flows": ("flows of this version", "train and save them again"),
}


def write(path: Path, kind: str, content: Mapping[str, Any]) -> None:
    """Write tensors and plain values to `path`.

    Raises
    ------
    StoreError : naming the file, where it cannot be written; what stood there before stays.
    """
    buffer = io.BytesIO()
    torch.save(dict(content), buffer)
    payload = buffer.getbuffer()
    write_bytes(path, _header(kind, payload), payload)


def read(path: Path, kind: str) -> dict[str, Any]:
    """What :func:`write` wrote to `path`.

    Raises
    ------
    StoreError : naming the file, whatever else there is under its name.
    """
    try:
        return _content(path, kind)
    except StoreError:
        raise
    except Exception as error:  # a damaged file can fail in as many ways as pickle and zip have
        reason = str(error).strip().partition("\n")[0][:200] if type(error) is ValueError else ""
        reason = reason or "it is damaged, or holds more than tensors and plain values"
        raise refusal(path, kind, reason) from error


def refusal(path: Path, kind: str, reason: str) -> StoreError:
    """The error that says why a file is none of its kind, and what to do."""
    what, remedy = KINDS[kind]
    return StoreError(f"{path}: not {what} ({reason}); {remedy}")


def _content(path: Path, kind: str) -> dict[str, Any]:
    with opened(path, installed()) as stream:
        header = stream.readline(LONGEST_HEADER)
        words = header.decode("ascii", "replace").split()
        if words[:3] != ["modecollapse", kind, str(FORMAT)] or len(words) != 5:
            raise ValueError(f"its first line is not that of a {kind} of format {FORMAT}")
        if os.fstat(stream.fileno()).st_size != len(header) + int(words[3]):
            raise ValueError("it was cut off, or something was added to it")
        payload = stream.read()
    if header != _header(kind, payload):
        raise ValueError("its bytes are not those that were written")
    with zipfile.ZipFile(io.BytesIO(payload)) as archive:  # torch.save packs, and presses nothing
        if any(entry.compress_type != zipfile.ZIP_STORED for entry in archive.infolist()):
            raise ValueError("it is compressed")
    # weights_only: tensors and plain values; a pickle that would run code is refused.
    content = torch.load(io.BytesIO(payload), map_location="cpu", weights_only=True)
    if type(content) is not dict:
        raise ValueError("it holds something else")
    return content


def _header(kind: str, payload: bytes | memoryview) -> bytes:
    digest = hashlib.sha256(payload).hexdigest()
    return f"modecollapse {kind} {FORMAT} {len(payload)} {digest}\n".encode()
